"""Commands over what ships with netspec: networks, layers, errors, the form of graphs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from netspec.commands.command import command
from netspec.commands.options.shared import Inputs, Net, Settings, graph_of
from netspec.commands.printing import display_path, in_colour, unknown

if TYPE_CHECKING:
    from netspec.graph.graph import Graph


@command
def zoo(
    filter: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILTER]", help="Words of the name, net or paper: resnet, He 2016.", show_default=False
        ),
    ] = None,
    format: Annotated[Literal["text", "json"], typer.Option(help="The form of the list.")] = "text",
) -> None:
    """List the published networks that ship with netspec: name, net, parameters, paper."""
    from netspec import zoo

    chosen = zoo.matching(filter or "")
    if not chosen:
        names = [one.name for one in zoo.networks()]
        unknown(f"no network of the zoo is about {filter}", filter or "", names, "netspec zoo")
    print(zoo.json_text(chosen) if format == "json" else zoo.listing(chosen))


def _networks(incomplete: str) -> list[str]:
    """The networks that a word may become, for the shell."""
    from netspec import zoo

    return [network.name for network in zoo.networks() if network.name.startswith(incomplete)]


@command
def new(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="The new file: NAME.net; - for the standard output.", show_default=False),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NETWORK",
            help="A network of the zoo: resnet50; a small one if not given.",
            show_default=False,
            autocompletion=_networks,
        ),
    ] = None,
) -> None:
    """Start a spec as a copy of a network of the zoo, or as a small one with comments. Nothing is overwritten."""
    from netspec import zoo
    from netspec.files import write_text

    if name == "-":
        print(zoo.small("net") if source is None else zoo.find(source).text(), end="")
        return
    path = Path(name if name.endswith(".net") else f"{name}.net")
    if source is None:
        write_text(path, zoo.small(path.stem), replace=False)
        print(f"{display_path(path)}: a small net; netspec zoo lists others to start from")
        return
    network = zoo.find(source)
    write_text(path, network.text(), replace=False)
    print(f"{display_path(path)}: {network.graph().name} as in {network.name}")


@command
def layers(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A layer, or a block of the library.", show_default=False)
    ] = None,
    format: Annotated[Literal["text", "markdown", "json"], typer.Option(help="The form of the reference.")] = "text",
    std: Annotated[bool, typer.Option("--std", help="The blocks of the library instead of the layers.")] = False,
) -> None:
    """Print the reference: all layers, the blocks of the library with --std, or one of either."""
    from netspec.elaborate.mistakes.slips import layer_meant
    from netspec.layers import REGISTRY
    from netspec.reference import layers as reference
    from netspec.reference import std as standard

    block = standard.find(name) if name is not None and name not in REGISTRY else None
    if block is not None:
        print(standard.text(block) if format == "text" else standard.markdown_page(block))
        return
    if std:
        blocks = standard.pages()
        print(standard.markdown(blocks) if format == "markdown" else standard.overview(blocks).lstrip(), end="")
        return
    if name is not None and name not in REGISTRY:
        names = [*REGISTRY, *(page.name for page in standard.pages())]
        unknown(f"there is no layer or block {name}", layer_meant(name) or name, names, "netspec layers")
    pages = [reference.page(REGISTRY[name])] if name is not None else reference.pages()
    match format:
        case "json":
            print(reference.json_text(pages))
        case "markdown":
            print(reference.markdown(pages) if name is None else reference.markdown_page(pages[0]), end="")
        case "text":
            everything = f"{reference.overview(pages)}\n{standard.overview(standard.pages())}"
            print(everything if name is None else reference.text(pages[0]))


@command
def explain(
    subject: Annotated[
        str | None,
        typer.Argument(metavar="[CODE|FILE]", help="An error code, E0301, or a .net file.", show_default=False),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Argument(metavar="[STAGE]", help="A stage or an input; all sizes if not given.", show_default=False),
    ] = None,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    kernel: Annotated[
        str | None, typer.Option(metavar="[W,...]", help="Numbers of a kernel, for the matrix of a small convolution.")
    ] = None,
    values: Annotated[
        str | None, typer.Option(metavar="[X,...]", help="Numbers of its input, to see what the matrix makes of them.")
    ] = None,
    format: Annotated[Literal["text", "markdown"], typer.Option(help="The form of the pages of errors.")] = "text",
) -> None:
    """Say what an error code means, with an example and its mend; or where the numbers of a stage come from."""
    if subject is not None and (stage is not None or subject == "-" or subject.endswith(".net")):
        _explain_stage(graph_of(Path(subject), net, set, input), stage, _numbers(kernel), _numbers(values))
    else:
        _explain_code(subject, format)


def _explain_stage(
    graph: Graph, stage: str | None, kernel: Sequence[float] | None, values: Sequence[float] | None
) -> None:
    from netspec.analysis.explanation import explanation, sizes

    names = [*(scope.name for scope in graph.scopes if scope.is_module and scope.name), *(n.name for n in graph.nodes)]
    names += [value.name for value in graph.inputs]
    if stage is None:
        print(sizes(graph))
        return
    if stage not in graph and stage not in {value.name for value in graph.inputs}:
        unknown(f"{graph.name} has no stage {stage}", stage, names, "netspec summary")
    print(explanation(graph, stage, kernel, values))


def _numbers(text: str | None) -> Sequence[float] | None:
    """The numbers of an option such as `[-1, 0, 1]`; raises typer.BadParameter where it is no list of numbers."""
    from netspec.spec import parse_argument

    if text is None:
        return None
    numbers = parse_argument(text)
    if not isinstance(numbers, list) or not all(type(number) in (int, float) for number in numbers):
        raise typer.BadParameter("a kernel and its input are lists of numbers: [-1, 0, 1]")
    return numbers


def _explain_code(code: str | None, format: str) -> None:
    from netspec import explain as pages

    if code is None:
        listed = (f"{page_code}  {pages.title(page_code)}" for page_code in pages.codes())
        print(pages.markdown() if format == "markdown" else "\n".join(listed), end="" if format == "markdown" else "\n")
        return
    page = pages.page(code)
    if page is None:
        unknown(f"there is no error code {code}", code.upper(), pages.codes(), "netspec explain")
    elif format == "text" and in_colour(sys.stdout):
        from rich.console import Console
        from rich.markdown import Markdown

        Console(force_terminal=True).print(Markdown(page))
    else:
        print(page, end="")


@command
def schema() -> None:
    """Print the JSON Schema of a graph on disk."""
    import json

    from netspec.graph.json_form import SCHEMA

    print(json.dumps(SCHEMA, indent=2))
