"""Commands over two nets: what has changed, and what becomes of the weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from netspec.commands.command import command
from netspec.commands.options.assignments import read_inputs, read_settings
from netspec.commands.options.refusals import bad_option
from netspec.commands.options.shared import File, Force, Inputs, Net, Settings, graph_of, spec_of
from netspec.commands.printing import display_path, write
from netspec.commands.spared import spare

if TYPE_CHECKING:
    from netspec.compare.differences import Difference

_PLACE = "A .net file, or REVISION:FILE for one that git keeps: HEAD~1:net.net."
OldSettings = Annotated[
    list[str] | None, typer.Option("--old-set", metavar="NAME=VALUE", help="A parameter of the first net alone.")
]
NewSettings = Annotated[
    list[str] | None, typer.Option("--new-set", metavar="NAME=VALUE", help="A parameter of the second net alone.")
]


@command
def diff(
    old: Annotated[str, typer.Argument(metavar="A", help=_PLACE, show_default=False)],
    new: Annotated[
        str | None, typer.Argument(metavar="[B]", help="Another one; A again if not given.", show_default=False)
    ] = None,
    net: Net = None,
    set: Settings = None,
    old_set: OldSettings = None,
    new_set: NewSettings = None,
    input: Inputs = None,
    format: Annotated[Literal["text", "json"], typer.Option(help="The form of the difference.")] = "text",
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE.html", help="A page with both nets drawn.")
    ] = None,
    force: Force = False,
) -> None:
    """Say how two nets differ, stage by stage, and which weights carry over.

    Two files, two revisions of one, or one file with two sets of arguments: --new-set depth=101.
    """
    from netspec.compare import differences
    from netspec.revisions import open_spec

    titles = old, new or old
    if titles == ("-", "-"):
        raise bad_option(
            "-", "-", "", "the standard input is one net, and two are compared", "give one of them as a file"
        )
    overrides = [[*(set or ()), *(more or ())] for more in (old_set, new_set)]
    graphs = [
        (spec_of(Path(place)) if place == "-" else open_spec(place)).graph(
            net, inputs=read_inputs(input), **read_settings(settings)
        )
        for place, settings in zip(titles, overrides, strict=True)
    ]
    difference = differences.difference(*graphs)
    if output is not None:
        write(_page(difference, titles), output)
    elif format == "json":
        print(json.dumps(differences.document(difference), indent=1, ensure_ascii=False))
    else:
        print("\n".join(differences.lines(difference)))


def _page(difference: Difference, titles: tuple[str, str]) -> str:
    from netspec.compare.page import page

    pictures = [str(side.graph.render(format="svg")) for side in (difference.old, difference.new)]
    return page(difference, titles, (pictures[0], pictures[1]))


@command
def migrate(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run, or a safetensors file.", show_default=False)
    ],
    file: File,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The new weights; FILE.safetensors if not given."),
    ] = None,
    old: Annotated[
        Path | None, typer.Option("--from", metavar="A", help="The spec that a safetensors file's weights are of.")
    ] = None,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    force: Force = False,
) -> None:
    """Write the weights of a trained net for another one: what fits is taken over, under its new name."""
    from netspec.compare.differences import weights_lines
    from netspec.train.after.migrate import migrate as moved

    if output is None and str(file) == "-":
        raise bad_option("--output", "-", "new.safetensors", "the spec has no name to call the weights after")
    target = output or file.with_suffix(".safetensors")
    spare({"run": run, "force": force}, target)
    graph = graph_of(file, net, set, input)
    before = graph_of(old, None, None, None) if old is not None else None
    migration = moved(run, graph, target, before)
    print("\n".join(weights_lines(migration.plan)))
    print(
        f"{display_path(target)}: {migration.numbers:,} numbers of {display_path(migration.source)}; "
        "training starts from it with"
    )
    print(f"  netspec train {display_path(file)} --set 'train.init=\"{display_path(target)}\"'")
