"""Commands over what ships with netspec: networks, layers, errors, the form of graphs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from netspec.commands.command import command
from netspec.commands.printing import shown, unknown


@command
def zoo(
    format: Annotated[Literal["text", "json"], typer.Option(help="The form of the list.")] = "text",
) -> None:
    """List the published networks that ship with netspec: name, net, parameters, paper."""
    from netspec import zoo

    print(zoo.json_text() if format == "json" else zoo.listing())


@command
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new file: NAME.net.", show_default=False)],
    source: Annotated[
        str, typer.Option("--from", metavar="NETWORK", help="A network of the zoo: resnet50.", show_default=False)
    ],
) -> None:
    """Start a spec as a copy of a network of the zoo. Nothing is overwritten."""
    from netspec import zoo
    from netspec.files import write_text

    network = zoo.find(source)
    path = Path(name if name.endswith(".net") else f"{name}.net")
    write_text(path, network.text(), replace=False)
    print(f"{shown(path)}: {network.graph().name} as in {network.name}")


@command
def layers(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A layer.", show_default=False)] = None,
    format: Annotated[Literal["text", "markdown", "json"], typer.Option(help="The form of the reference.")] = "text",
) -> None:
    """Print the layer reference: all layers, or one of them."""
    from netspec import reference
    from netspec.elaborate.slips import layer_meant
    from netspec.layers import REGISTRY

    if name is not None and name not in REGISTRY:
        unknown(f"there is no layer {name}", layer_meant(name) or name, list(REGISTRY))
    pages = [reference.page(REGISTRY[name])] if name is not None else reference.pages()
    match format:
        case "json":
            print(reference.json_text(pages))
        case "markdown":
            print(reference.markdown(pages) if name is None else reference.markdown_page(pages[0]), end="")
        case "text":
            print(reference.overview(pages) if name is None else reference.text(pages[0]))


@command
def explain(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="An error code: E0301.", show_default=False)
    ] = None,
    format: Annotated[Literal["text", "markdown"], typer.Option(help="The form of the pages.")] = "text",
) -> None:
    """Say what an error code means, with an example and its mend."""
    from netspec import explain as pages

    if code is None:
        listed = (f"{known}  {pages.title(known)}" for known in pages.codes())
        print(pages.markdown() if format == "markdown" else "\n".join(listed), end="" if format == "markdown" else "\n")
        return
    page = pages.page(code)
    if page is None:
        unknown(f"there is no error code {code}", code.upper(), pages.codes())
    elif format == "text" and sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(page))
    else:
        print(page, end="")


@command
def schema() -> None:
    """Print the JSON Schema of a graph on disk."""
    import json

    from netspec.graph.json_form import SCHEMA

    print(json.dumps(SCHEMA, indent=2))
