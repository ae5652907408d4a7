"""The command line: each command a few lines over the public interface.

Whatever is only needed by one command is imported in it, so that `netspec check` starts quickly.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec, TextIO

import typer

if TYPE_CHECKING:
    from netspec.diagnostics import Diagnostic
    from netspec.graph.graph import Graph

P = ParamSpec("P")

COMMANDS: dict[str, Callable[..., None]] = {}

File = Annotated[Path, typer.Argument(metavar="FILE", help="A .net file.", show_default=False)]
Net = Annotated[
    str | None, typer.Option("--net", metavar="NAME", help="The net in the file; the last one if not given.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the net: --set depths=[3,8,36,3]."),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="NAME=SHAPE", help="The shape of an input: --input image=[3,512,512]."),
]


Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="Where to write; - for the standard output.")
]


def main() -> None:
    """The `netspec` program."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them takes longer than checking a net
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            application(sys.argv[1:2])()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:  # who reads our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def application(wanted: Sequence[str] = ()) -> typer.Typer:
    """The commands as one application; where the first argument names one, that one alone, which is faster."""
    app = typer.Typer(
        name="netspec",
        help="Neural networks as tables: check them, read them, compile them to PyTorch, train them.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    chosen = [name for name in wanted if name in COMMANDS] or COMMANDS
    for name in chosen:
        app.command(name)(COMMANDS[name])
    return app


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Registers a command; what is wrong with its input is printed and makes the exit status 1."""

    @functools.wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        from netspec.diagnostics import NetspecError

        try:
            function(*arguments, **options)
        except NetspecError as error:
            _print_diagnostics(error.diagnostics, sys.stderr)
            raise typer.Exit(1) from None
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            print(f"error: this needs {error.name}: pip install 'netspec[{extra}]'", file=sys.stderr)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(130) from None

    COMMANDS[function.__name__] = run
    return run


_EXTRAS = {
    "torch": "torch",
    "accelerate": "train",
    "matplotlib": "train",
    "mnist1d": "train",
    "safetensors": "train",
    "sklearn": "train",
    "torchmetrics": "train",
}


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"netspec {version('netspec')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """What can stand before a command."""


@command
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The .net files.", show_default=False)],
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    format: Annotated[Literal["text", "json", "github"], typer.Option(help="How to print what is found.")] = "text",
) -> None:
    """Check that every net in the files fits; the exit status is 1 where one does not.

    With --net, --set or --input, the net that these describe is checked.
    """
    import netspec
    from netspec.diagnostics import NetspecError

    settings, shapes = _settings(set), _inputs(input)
    found: list[Diagnostic] = []
    for path in files:
        nets: Sequence[str] = ()
        try:
            spec = netspec.load(path)
            if net or settings or shapes:
                here, nets = [], [spec.graph(net, inputs=shapes, **settings).name]
            else:
                here, nets = spec.check(), spec.nets
        except NetspecError as error:
            here = list(error.diagnostics)
        found.extend(here)
        if format == "text":
            _print_diagnostics(here, sys.stdout)
            if not any(diagnostic.severity == "error" for diagnostic in here):
                print(f"{_shown(path)}: ok ({', '.join(nets) or 'no nets'})")
    if format != "text":
        from netspec import report

        print(report.json_text(found, list(map(str, files))) if format == "json" else report.github_text(found))
    if any(diagnostic.severity == "error" for diagnostic in found):
        raise typer.Exit(1)


@command
def summary(
    file: File,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    depth: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="How deep to go; what fits a screen if not given.")
    ] = None,
    format: Annotated[Literal["text", "json", "csv", "markdown"], typer.Option(help="The form of the table.")] = "text",
) -> None:
    """Print a net as a table: names, layers, output shapes, parameters, multiply-accumulates."""
    from netspec.analysis import summary as table

    graph = _graph(file, net, set, input)
    match format:
        case "json":
            print(table.json_text(graph, depth), end="")
        case "csv":
            print(table.csv_text(graph, depth), end="")
        case "markdown":
            print(table.markdown(graph, depth))
        case "text":
            _print_table(graph, depth)


@command
def emit(
    file: File,
    output: Output = "-",
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
) -> None:
    """Write a net as PyTorch source that needs only torch."""
    _write(_graph(file, net, set, input).emit(), output)


@command
def graph(
    file: File,
    output: Output = "-",
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
) -> None:
    """Write a net's graph, every block unrolled and every shape known, as JSON."""
    _write(_graph(file, net, set, input).json(), output)


@command
def train(
    file: File,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", min=0, help="In place of the file's epochs.")] = None,
    device: Annotated[
        str | None, typer.Option(metavar="DEVICE", help="cpu, cuda, mps; the best there is if not given.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="What the run's randomness comes from.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the run is kept; runs/NAME if not given.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Train a net as the train section of its file says."""
    from netspec.train import train as train_file

    run = train_file(
        file,
        net=net,
        set=_settings(set, train=True),
        epochs=epochs,
        device=device,
        seed=seed,
        out=out,
        input=_inputs(input),
        quiet=quiet,
    )
    if run.status != "finished":
        raise typer.Exit(130 if run.status == "stopped" else 1)


@command
def curves(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The picture.")] = Path("curves.png"),
) -> None:
    """Draw the curves of several runs into one picture, and print where they end."""
    from netspec.train import curves

    curves.compare(runs, output)
    ends = [curves.read(folder) for folder in runs]
    width = max(len(run.title) for run in ends)
    for run in ends:
        form = "error {:.1f} %" if run.judged.startswith("error") else "loss {:.3g}"
        train, test = (form.format(run.figure(split)[-1]) for split in ("train", "test"))
        print(f"{run.title:<{width}}  test {test}  training {train}")
    print(f"drawn to {_shown(output)}")


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
    print(f"{_shown(path)}: {network.graph().name} as in {network.name}")


@command
def layers(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A layer.", show_default=False)] = None,
    format: Annotated[Literal["text", "markdown", "json"], typer.Option(help="The form of the reference.")] = "text",
) -> None:
    """Print the layer reference: all layers, or one of them."""
    from netspec import reference
    from netspec.layers import REGISTRY

    if name is not None and name not in REGISTRY:
        _unknown(f"there is no layer {name}", name, list(REGISTRY))
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
        _unknown(f"there is no error code {code}", code.upper(), pages.codes())
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


def _graph(file: Path, net: str | None, set: Sequence[str] | None, input: Sequence[str] | None) -> Graph:
    import netspec

    return netspec.load(file).graph(net, inputs=_inputs(input), **_settings(set))


def _write(text: str, output: str) -> None:
    """To the file, whole or not at all, or to the standard output."""
    if output == "-":
        print(text, end="")
        return
    from netspec.files import write_text

    write_text(output, text)


def _settings(options: Sequence[str] | None, *, train: bool = False) -> dict[str, Any]:
    """The values of `--set NAME=VALUE`, read as a spec reads them; with `train`, those of `train.KEY` as text."""
    from netspec.spec import parse_argument

    settings: dict[str, Any] = {}
    example = "depths=[3,8,36,3]"
    for option in options or ():
        if train and re.match(r"\s*train\.\w+\s*=", option):
            name, _, value = option.partition("=")
            settings[name.strip()] = value.strip()
            continue
        name, value = _pair("--set", option, example)
        if name in ("self", "net", "inputs"):
            raise _bad_option("--set", option, example, f"a parameter named {name} cannot be set from outside")
        settings[name] = parse_argument(value)
    return settings


def _inputs(options: Sequence[str] | None) -> dict[str, list[int | str]] | None:
    """The shapes of `--input NAME=[SIZE, ...]`; a size is a number, or a name where it stays open."""
    inputs: dict[str, list[int | str]] = {}
    for option in options or ():
        name, value = _pair("--input", option, "image=[3,512,512]")
        sizes = [size.strip() for size in value.strip()[1:-1].split(",")]
        bracketed = value.strip().startswith("[") and value.strip().endswith("]")
        if not bracketed or not all(re.fullmatch(r"[0-9]{1,20}|[^\W\d]\w*", size) for size in sizes):
            raise _bad_option("--input", option, "image=[3,512,512]")
        inputs[name] = [int(size) if size.isdecimal() else size for size in sizes]
    return inputs or None


def _pair(flag: str, option: str, example: str) -> tuple[str, str]:
    name, equals, value = option.partition("=")
    if not equals or not name.strip().isidentifier():
        raise _bad_option(flag, option, example)
    return name.strip(), value


def _bad_option(flag: str, option: str, example: str, message: str = "") -> Exception:
    from netspec.diagnostics import Diagnostic, NetspecError
    from netspec.syntax.source import Source, Span

    span = Span(Source(flag, option), 0, len(option))
    message = message or f"{flag} takes a name and a value"
    return NetspecError((Diagnostic("E0005", message, span, help=f"{flag} '{example}'"),))


def _unknown(message: str, name: str, known: list[str]) -> None:
    """Says that there is nothing of that name, and which there is."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    print(f"error: {message}{hint}", file=sys.stderr)
    raise typer.Exit(1)


def _print_diagnostics(diagnostics: Sequence[Diagnostic], stream: TextIO) -> None:
    """As text, a blank line after each; in colour on a terminal."""
    from netspec.diagnostics import render

    for diagnostic in diagnostics:
        text = render(diagnostic)
        if stream.isatty():
            _paint(text, diagnostic.severity, stream)
        else:
            print(text, file=stream)
        print(file=stream)


def _paint(text: str, severity: str, stream: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    header, *rest = text.split("\n")
    painted = Text(header, style="bold")
    painted.stylize("red" if severity == "error" else "yellow", 0, header.find(":"))
    for line in rest:
        shown = Text("\n" + line)
        shown.highlight_regex(r"^\n *\d* *(-->|\||=|\.\.\.)", "blue")
        shown.highlight_regex(r"(?<=\| )[ \t]*\^+.*", "red" if severity == "error" else "yellow")
        shown.highlight_regex(r"(?<=\| )[ \t]*-+.*", "blue")
        shown.highlight_regex(r"(?<== )help:", "bold green")
        painted.append_text(shown)
    Console(file=stream).print(painted, soft_wrap=True)


def _print_table(graph: Graph, depth: int | None) -> None:
    from netspec.analysis.summary import SCREEN, lines

    if not sys.stdout.isatty():
        for line, _ in lines(graph, depth):
            print(line)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    styles = {"head": "dim", "net": "bold", "scope": "bold", "row": "", "total": "green"}
    for line, kind in lines(graph, depth, max(SCREEN, console.size.height - 8)):
        console.print(Text(line, style=styles[kind]), soft_wrap=True)


def _shown(path: Path) -> str:
    from netspec.diagnostics import printable

    return printable(str(path))
