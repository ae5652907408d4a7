"""Commands over a net: check it, read it, draw it, compile it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from netspec.commands.command import command
from netspec.commands.options.assignments import read_inputs, read_settings, read_variants
from netspec.commands.options.refusals import bad_option
from netspec.commands.options.shared import File, Force, Inputs, Net, Output, Settings, followed, graph_of, spec_of
from netspec.commands.printing import display_path, in_colour, print_diagnostics, print_table, write

if TYPE_CHECKING:
    from netspec.diagnostics import Diagnostic
    from netspec.graph.graph import Graph
    from netspec.spec import Spec


@command
def check(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Files, folders, patterns; - for the standard input.", show_default=False
        ),
    ],
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings for errors.")] = False,
    object: Annotated[
        int | None, typer.Option(metavar="SIZE", min=1, help="Warn where a net sees less of its input at once.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print what is wrong and nothing else.")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Check again whenever a spec changes.")] = False,
    format: Annotated[
        Literal["text", "json", "github", "sarif"], typer.Option(help="How to print what is found.")
    ] = "text",
) -> None:
    """Check that every net in the files fits, and its train section with it; the exit status is 1 where one does not.

    With --net, --set of a parameter or --input, the net that these describe is checked, alone. Warnings do not change
    the exit status, but for --strict.
    """
    options = _Check(files, net, set, input, strict, object, quiet, format)
    if watch:
        _watch(options)
    if not _check(options):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Check:
    """What `netspec check` was asked for."""

    files: list[Path]
    net: str | None
    set: list[str] | None
    input: list[str] | None
    strict: bool
    object: int | None
    quiet: bool
    format: str


def _watch(request: _Check) -> None:
    """Checks again each time that a spec changes, until it is interrupted."""
    from netspec.diagnostics import NetspecError
    from netspec.live.follow import changes

    for file in request.files:
        followed(file)
    following = changes(request.files)
    while True:
        if in_colour(sys.stdout):
            print("\x1b[2J\x1b[H", end="")
        try:
            _check(request)
        except NetspecError as error:
            print_diagnostics(error.diagnostics, sys.stdout)
        print(f"watching {', '.join(map(display_path, request.files))}; Ctrl-C ends it", flush=True)
        next(following)


def _check(request: _Check) -> bool:
    """Checks and prints; whether all is well."""
    from netspec import discovery

    files, net, changes, shapes, strict, least, quiet, form = astuple(request)
    project = discovery.project_of(Path())
    strict, least = strict or project.strict, least or project.object
    options = net, read_settings(changes, train=True), read_inputs(shapes)
    diagnostics: list[Diagnostic] = []
    paths = discovery.specs(files)
    for path in paths:
        nets, graphs, here = _checked(path, *options, least)
        here = [replace(diagnostic, severity="error") for diagnostic in here] if strict else here
        diagnostics.extend(here)
        if form == "text":
            print_diagnostics(here, sys.stdout)
            if not quiet and not any(diagnostic.severity == "error" for diagnostic in here):
                doubts = f", {len(here)} warning{'s'[: len(here) != 1]}" if here else ""
                print(f"{display_path(path)}: ok ({', '.join(nets) or 'no nets'}){doubts}")
                for name in (name for name in nets if name not in {graph.name for graph in graphs}):
                    print(f"  {name}: only its names are checked, for its parameters need values: --set NAME=VALUE")
                for graph in graphs:
                    for requirement in graph.requirements:
                        print(f"  {graph.name}: {requirement}")
    if form != "text":
        from netspec import report

        forms = {"json": report.json_text, "github": report.github_text, "sarif": report.sarif_text}
        print(forms[form](diagnostics, list(map(str, paths))))
    return not any(diagnostic.severity == "error" for diagnostic in diagnostics)


def _checked(
    path: Path,
    net: str | None,
    settings: dict[str, Any],
    shapes: dict[str, list[int | str]] | None,
    object: int | None,
) -> tuple[Sequence[str], list[Graph], list[Diagnostic]]:
    """The names of a file's nets, the graphs of those that fit, what is wrong, and what is worth a second look."""
    from netspec.analysis import budgets
    from netspec.diagnostics import NetspecError
    from netspec.warnings import warnings

    try:
        spec = spec_of(path)
        of_training = {name.removeprefix("train."): v for name, v in settings.items() if name.startswith("train.")}
        of_net = {name: value for name, value in settings.items() if not name.startswith("train.")}
        if net or of_net or shapes:
            graph = spec.graph(net, inputs=shapes, **of_net)
            wrong = [*budgets.check(graph), *(_of_training(spec, [graph], of_training) if of_training else [])]
            return [graph.name], [graph], [*wrong, *spec.warnings([graph], object=object)]
        graphs, wrong = spec.graphs()
        wrong = [*wrong, *_of_training(spec, graphs, of_training)]
        doubts = warnings(spec.source, spec.tree, graphs, sound=not wrong, least=object)
        breaches = [diagnostic for graph in graphs for diagnostic in budgets.check(graph)]
        return spec.nets, graphs, [*wrong, *breaches, *doubts]
    except NetspecError as error:
        return [], [], list(error.diagnostics)


def _of_training(spec: Spec, graphs: Sequence[Graph], settings: dict[str, Any]) -> list[Diagnostic]:
    """What is wrong with a file's train section and the net that it trains, as far as can be said without the data.

    `settings` are those that replace the section's. What is missing on this machine is not wrong with the file.
    """
    trained = [graph for graph in graphs if graph.name == spec.nets[-1]]
    if spec.train is None and settings:
        return [_no_section(spec, settings)]
    if spec.train is None or not trained:
        return []
    try:
        from netspec.train import check

        return [
            diagnostic
            for diagnostic in check(spec.train, trained[0], settings, spec.path)
            if diagnostic.code != "E0613"
        ]
    except ModuleNotFoundError:
        return []


def _no_section(spec: Spec, settings: dict[str, Any]) -> Diagnostic:
    """That settings of training are given for a file that says nothing of training."""
    from netspec.diagnostics import Diagnostic
    from netspec.syntax.source import Span

    key, value = next(iter(settings.items()))
    message = f"{spec.source.name} has no train section, and so no setting {key}"
    help = f"leave out --set train.{key}={value}, or write a section: netspec train {spec.source.name} proposes one"
    return Diagnostic("E0605", message, Span(spec.source, 0, 0), help=help)


_COLUMNS = ("name", "layer", "output", "kernel", "field", "params", "percent", "trainable", "macs", "memory")


@command
def summary(
    file: File,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    depth: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="How deep to go; what fits a screen if not given.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="NAME,...", help=f"What stands in the table: {', '.join(_COLUMNS)}.")
    ] = None,
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="The batch that the memory is of.")] = 1,
    kinds: Annotated[bool, typer.Option("--kinds", help="Add the totals of each kind of layer.")] = False,
    keys: Annotated[bool, typer.Option("--keys", help="Print the keys of the state dict, with shapes.")] = False,
    format: Annotated[Literal["text", "json", "csv", "markdown"], typer.Option(help="The form of the table.")] = "text",
) -> None:
    """Print a net as a table: names, layers, output shapes, parameters, multiply-accumulates."""
    from netspec.analysis import keys as state
    from netspec.analysis import summary
    from netspec.analysis.columns import USUAL, chosen

    if format in ("csv", "json") and (columns is not None or kinds):
        raise typer.BadParameter(f"--columns and --kinds are for text and markdown; {format} has every figure")
    names = chosen([name.strip() for name in columns.split(",")]) if columns is not None else None
    graph = graph_of(file, net, set, input)
    table = summary.Table(depth, names or USUAL, batch, kinds)
    if keys:
        print(state.text(graph))
        return
    match format:
        case "json":
            print(summary.json_text(graph, depth), end="")
        case "csv":
            print(summary.csv_text(graph, depth), end="")
        case "markdown":
            print(summary.markdown(graph, table))
        case "text":
            print_table(graph, table)


@command
def emit(
    file: File,
    output: Output = "-",
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    force: Force = False,
) -> None:
    """Write a net as PyTorch source that needs only torch."""
    write(graph_of(file, net, set, input).emit(), output)


@command
def graph(
    file: File,
    output: Output = "-",
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    force: Force = False,
) -> None:
    """Write a net's graph, every block unrolled and every shape known, as JSON."""
    write(graph_of(file, net, set, input).json(), output)


@command
def render(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="A .net file, - for the standard input; several side by side.", show_default=False
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="OUT", help="The picture; its ending says what is written. - for standard output."
        ),
    ],
    format: Annotated[
        str, typer.Option(metavar="FORM", help="In place of what the ending says; svg for the standard output.")
    ] = "",
    style: Annotated[str, typer.Option(metavar="STYLE", help="graph, table or volumes.")] = "graph",
    depth: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Fold blocks deeper than this; what fits a page if not given."),
    ] = None,
    unfold: Annotated[bool, typer.Option("--unfold", help="Draw repeated blocks one by one.")] = False,
    focus: Annotated[str, typer.Option(metavar="BLOCK", help="Draw the inside of one block: layer3.0.")] = "",
    theme: Annotated[
        str, typer.Option(metavar="THEME", help="light, dark or a .toml of your own; auto for a page.")
    ] = "",
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long a layout may take before more is folded.")
    ] = 20,
    width: Annotated[
        str, typer.Option(metavar="LENGTH", help="Made for this width: 8.4cm, 3.25in, 240pt, column, page or slide.")
    ] = "",
    max_height: Annotated[str, typer.Option(metavar="LENGTH", help="No higher than that: 12cm.")] = "",
    font_size: Annotated[
        float | None, typer.Option(metavar="POINTS", help="No letters smaller than that; 7 if not given.")
    ] = None,
    columns: Annotated[int, typer.Option(metavar="N", min=0, help="Set a long net in so many columns.")] = 0,
    direction: Annotated[
        str, typer.Option(metavar="down|right", help="Where the flow of the graph style goes.")
    ] = "down",
    dpi: Annotated[float | None, typer.Option(metavar="N", help="Dots an inch of a png; 200 if not given.")] = None,
    standalone: Annotated[
        bool, typer.Option("--standalone", help="A tex that is a document; else it is for \\input in one.")
    ] = False,
    legend: Annotated[
        str, typer.Option(metavar="on|off", help="What colours and lines mean, below; off for none.")
    ] = "on",
    vary: Annotated[
        str, typer.Option(metavar="NAME=A,B", help="One figure of the net with each of these: --vary depth=18,34,50.")
    ] = "",
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    force: Force = False,
) -> None:
    """Draw a net as svg, pdf, eps, png, html, dot, mmd (Mermaid), tex (TikZ, booktabs) or json."""
    from netspec.diagram.drawing.paper import paper_of
    from netspec.diagram.render import Request, form_of, is_on
    from netspec.diagram.render import render as draw
    from netspec.diagram.several import render_several

    form = format or ("svg" if output == "-" else form_of(output))
    paper = paper_of(width, max_height, font_size, columns)
    variants = read_variants(vary)
    if variants and len(files) > 1:
        raise bad_option("--vary", vary, "", "--vary is for one file", "leave --vary out, or name one file")
    settings = [[*(set or ()), *varied] for varied in ([[one] for one in variants] or [[]])]
    graphs = [graph_of(file, net, one, input) for file in files for one in settings]
    names = variants or [file.stem for file in files]
    with_legend = is_on("--legend", legend)
    request = Request(
        graphs[0], style, depth, unfold, focus, theme, timeout, paper, dpi, standalone, with_legend, direction=direction
    )
    several = bool(variants) or len(files) > 1
    option = "--vary" if variants else "FILE..."
    picture = render_several(request, graphs, names, form, option) if several else draw(request, form)
    write(picture.content, output)
    for note in picture.notes:
        print(f"note: {note}", file=sys.stderr)
