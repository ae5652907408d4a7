"""The command line: each command a few lines over the public interface.

Whatever is only needed by one command is imported in it, so that `netspec check` starts quickly.
"""

from __future__ import annotations

import functools
import gc
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


Folder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)]
Device = Annotated[
    str | None, typer.Option("--device", metavar="DEVICE", help="cpu, cuda, mps; the best there is if not given.")
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data", metavar="DATA", help="A folder that paths of data begin at, or other data: 'npz(\"new.npz\")'."
    ),
]
Weights = Annotated[
    Path | None, typer.Option("--weights", metavar="FILE", help="Other weights than the run's: a safetensors file.")
]


def main() -> None:
    """The `netspec` program."""
    gc.set_threshold(100_000)  # modules and graphs live until the end: looking through them for garbage finds none
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

    COMMANDS[function.__name__.strip("_").replace("_", "-")] = run
    return run


_EXTRAS = {
    "torch": "torch",
    "PIL": "train",
    "accelerate": "train",
    "datasets": "data",
    "jinja2": "train",
    "kornia": "train",
    "matplotlib": "train",
    "mnist1d": "train",
    "onnx": "onnx",
    "onnxscript": "onnx",
    "safetensors": "train",
    "scipy": "train",
    "sklearn": "train",
    "tensorboard": "tensorboard",
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
        graphs: list[Graph] = []
        here: list[Diagnostic] = []
        try:
            spec = netspec.load(path)
            if net or settings or shapes:
                graphs = [spec.graph(net, inputs=shapes, **settings)]
                nets = [graphs[0].name]
            else:
                (graphs, here), nets = spec.graphs(), spec.nets
        except NetspecError as error:
            here = list(error.diagnostics)
        found.extend(here)
        if format == "text":
            _print_diagnostics(here, sys.stdout)
            if not any(diagnostic.severity == "error" for diagnostic in here):
                print(f"{_shown(path)}: ok ({', '.join(nets) or 'no nets'})")
                for graph in graphs:
                    for requirement in graph.requirements:
                        print(f"  {graph.name}: {requirement}")
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
def render(
    file: File,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="OUT", help="The picture; its ending says what is written.")
    ],
    style: Annotated[str, typer.Option(metavar="STYLE", help="graph, table or volumes.")] = "graph",
    depth: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Fold blocks deeper than this; what fits a page if not given."),
    ] = None,
    unfold: Annotated[bool, typer.Option("--unfold", help="Draw repeated blocks one by one.")] = False,
    focus: Annotated[str, typer.Option(metavar="BLOCK", help="Draw the inside of one block: layer3.0.")] = "",
    theme: Annotated[str, typer.Option(metavar="THEME", help="light or dark; auto for a page.")] = "",
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long a layout may take before more is folded.")
    ] = 20,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
) -> None:
    """Draw a net as svg, pdf, png, html, dot, mmd (Mermaid), tex (TikZ) or json."""
    from netspec.diagram.render import Request, form_of
    from netspec.diagram.render import render as draw
    from netspec.files import write_bytes

    form = form_of(output)
    drawn = _graph(file, net, set, input)
    picture = draw(Request(drawn, style, depth, unfold, focus, theme, timeout), form)
    write_bytes(output, picture.data)
    for note in picture.notes:
        print(f"note: {note}", file=sys.stderr)


@command
def train(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A .net file with a train section.", show_default=False)
    ] = None,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", min=0, help="In place of the file's epochs.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="What the run's randomness comes from.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the run is kept; runs/NAME if not given.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Take up the run in this folder where it was left.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where paths of data begin; the file's folder if not given.")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out damaged samples, and count them.")] = False,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Processes that read samples ahead; chosen if not given.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="DEVICE", help="cpu, cuda, mps; the best there is if not given.")
    ] = None,
    devices: Annotated[int, typer.Option(metavar="N", min=1, help="So many devices of this machine together.")] = 1,
    nodes: Annotated[int, typer.Option(metavar="N", min=1, help="So many machines together.")] = 1,
    node: Annotated[int, typer.Option(metavar="I", min=0, help="Which of the machines this is, from 0.")] = 0,
    address: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the first machine is found.")] = "",
    shard: Annotated[bool, typer.Option("--shard", help="Share out the weights over the devices (FSDP).")] = False,
    sync_batchnorm: Annotated[
        bool, typer.Option("--sync-batchnorm", help="Batch statistics over all devices together.")
    ] = False,
    precision: Annotated[Literal["fp32", "bf16", "fp16"], typer.Option(help="Of the passes through the net.")] = "fp32",
    compile: Annotated[bool, typer.Option("--compile", help="Through torch.compile.")] = False,
    channels_last: Annotated[bool, typer.Option(help="Images with their channels last in memory.")] = True,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Compute what is in layer3, or in dense blocks, again: for less memory."),
    ] = None,
    deterministic: Annotated[bool, typer.Option(help="Kernels that give the same bits every time.")] = True,
    save_every: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="Between two checkpoints.")] = 30,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="Stop after so many steps.")] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write event files for TensorBoard.")] = False,
    report: Annotated[bool, typer.Option(help="Write report.html at the end.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
    context: typer.Context = None,  # type: ignore[assignment]
) -> None:
    """Train a net as the train section of its file says, or take up a run where it was left: --resume RUN."""
    from netspec import train as training
    from netspec.train.setup import Setup

    chosen = [name for name in Setup.model_fields if _said(context, name)]
    given: Any = {name: context.params[name] for name in chosen}
    if checkpoint:
        given["checkpoint"] = tuple(checkpoint)
    said = _settings(set, train=True)
    if resume is not None:
        run = training.resume(resume, file, epochs=epochs, set=said, quiet=quiet, **given)
    elif file is None:
        raise typer.BadParameter("name a FILE to train, or take up a run with --resume RUN")
    else:
        run = training.train(
            file,
            net=net,
            set=said,
            epochs=epochs,
            seed=seed,
            out=out,
            input=_inputs(input),
            data=data,
            skip_bad=skip_bad,
            quiet=quiet,
            **given,
        )
    if report and run.lead and not run.signal:
        training.write_report(run)
    if run.status != "finished":
        raise typer.Exit(128 + run.signal if run.signal else 0)


def _said(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


@command
def lr_find(
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The picture.")] = Path("lr.png"),
    low: Annotated[float, typer.Option("--from", metavar="LR", min=0, help="The first learning rate.")] = 1e-6,
    high: Annotated[float, typer.Option("--to", metavar="LR", min=0, help="The last learning rate.")] = 10.0,
    steps: Annotated[int, typer.Option(metavar="N", min=20, help="So many steps between them.")] = 150,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where paths of data begin; the file's folder if not given.")
    ] = None,
    device: Device = None,
) -> None:
    """Find a learning rate: a short training whose rate grows, as a curve and a suggestion."""
    import netspec
    from netspec.train import range_test
    from netspec.train.setup import Setup

    if not 0 < low < high:
        raise typer.BadParameter("the learning rates go from one above 0 to a higher one: --from 1e-6 --to 10")
    found = range_test.find(
        netspec.load(file),
        net=net,
        set=_settings(set, train=True),
        input=_inputs(input),
        data=data,
        low=low,
        high=high,
        steps=steps,
        setup=Setup(device=device),
    )
    range_test.draw(found, output)
    print(f"{range_test.text(found)}\ndrawn to {_shown(output)}")


@command
def report(
    run: Folder,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The page; report.html in RUN if not given.")
    ] = None,
    data: Data = None,
    device: Device = None,
    weights: Weights = None,
) -> None:
    """Write a run as one page: figures, curves, mistakes, samples, the diagram, what it was made with."""
    from netspec.train import report as page
    from netspec.train import restore

    print(f"written to {_shown(page.write(restore(run, device=device, weights=weights), output, data=data))}")


@command
def eval_(
    run: Folder,
    data: Data = None,
    part: Annotated[Literal["test", "train", "all"], typer.Option(help="The samples to look at.")] = "test",
    set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting: --set train.metrics=[accuracy,f1]."),
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out damaged samples.")] = False,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Processes that read samples ahead; chosen if not given.")
    ] = None,
    device: Device = None,
    weights: Weights = None,
    format: Annotated[Literal["text", "json"], typer.Option(help="The form of the figures.")] = "text",
) -> None:
    """Print how good a trained net is: loss, metrics, and which class was taken for which."""
    from netspec.train import evaluate, restore

    net, said = restore(run, device=device, weights=weights), _settings(set, train=True)
    found = evaluate.evaluate(net, part=part, data=data, set=said, skip_bad=skip_bad, workers=workers)
    print(evaluate.json_text(found) if format == "json" else evaluate.text(found))


@command
def predict(
    run: Folder,
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...", help="Pictures or folders of them, .npy, .npz, .csv, .txt.", show_default=False
        ),
    ],
    output: Output = "-",
    top: Annotated[int, typer.Option(metavar="N", min=1, help="So many classes of each, the likeliest first.")] = 3,
    masks: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the class of each pixel as a picture into this folder.")
    ] = None,
    device: Device = None,
    weights: Weights = None,
    format: Annotated[Literal["text", "json", "csv"], typer.Option(help="The form of what is said.")] = "text",
) -> None:
    """Print what a trained net says about files."""
    from netspec.train import inputs as files
    from netspec.train import predict as said
    from netspec.train import restore

    net = restore(run, device=device, weights=weights)
    found = list(said.predict(net, files.read(inputs, net)))
    for note in dict.fromkeys(prediction.changed for prediction in found if prediction.changed):
        print(f"note: {note}", file=sys.stderr)
    if masks is not None:
        said.save_masks(found, masks)
    match format:
        case "json":
            _write(said.json_text(found) + "\n", output)
        case "csv":
            _write(said.csv_text(found), output)
        case "text":
            _write(said.text(found, top) + "\n", output)


@command
def cam(
    run: Folder,
    image: Annotated[
        Path, typer.Argument(metavar="IMAGE", help="A picture; or a signal: .npy, .npz, .csv.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The picture; .npy for the numbers of the map.")
    ] = Path("cam.png"),
    target: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="By name or number; the likeliest if not given.")
    ] = None,
    layer: Annotated[
        str | None, typer.Option(metavar="NAME", help="The stage whose maps Grad-CAM looks at; the last if not given.")
    ] = None,
    method: Annotated[
        Literal["cam", "grad-cam"] | None,
        typer.Option(help="cam if not given where the net ends in global average pooling and linear, else grad-cam."),
    ] = None,
    device: Device = None,
    weights: Weights = None,
) -> None:
    """Draw where in a picture or signal a trained net sees a class."""
    from netspec.train import activation_maps, activation_picture, inputs, predict, restore

    net = restore(run, device=device, weights=weights)
    sample = next(inputs.read([image], net))
    x = predict.entered(net, [sample])
    found = activation_maps.activation_map(net, x, target=target, method=method, layer=layer)
    activation_picture.draw(found, activation_picture.seen(net, sample), net.meaning, output)
    print(f"{activation_picture.title(found, net.meaning)}: {found.method} of {found.layer}, drawn to {_shown(output)}")


@command
def export(
    run: Folder,
    format: Annotated[
        Literal["onnx", "pt2", "safetensors"] | None,
        typer.Option(help="As the end of --output names it, or onnx, if not given."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The file; RUN's name if not given.")
    ] = None,
    device: Device = None,
    weights: Weights = None,
) -> None:
    """Write a trained net for other programs: ONNX, torch.export's pt2, or its weights alone."""
    from netspec.train import restore

    net = restore(run, device=device or "cpu", weights=weights)
    path = output or Path(f"{run.resolve().name}.{format or 'onnx'}")
    made = net.export(path, format)
    checked = "" if made.difference is None else f", within {made.difference:.1g} of the net where it was run again"
    names = f"{', '.join(made.inputs)} -> {', '.join(made.outputs)}"
    print(f"{_shown(path)}: {names}{checked}")


@command
def fit(
    file: File,
    memory: Annotated[str, typer.Option(metavar="SIZE", help="What there is on a device: 24GB, 16GiB, 800MB.")],
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where paths of data begin; the file's folder if not given.")
    ] = None,
    devices: Annotated[int, typer.Option(metavar="N", min=1, help="So many devices together.")] = 1,
    precision: Annotated[Literal["fp32", "bf16", "fp16"], typer.Option(help="Of the passes through the net.")] = "fp32",
    checkpoint: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="What is computed again instead of being kept.")
    ] = None,
) -> None:
    """Find the largest batch that a device's memory holds, before any training."""
    import netspec
    from netspec.train.job import job_of
    from netspec.train.memory import largest, needs, step_of, table
    from netspec.train.setup import Setup

    limit = _bytes(memory)
    spec = netspec.load(file)
    setup = Setup(devices=devices, precision=precision, checkpoint=tuple(checkpoint or ()))
    job = job_of(spec, net=net, set=_settings(set, train=True), input=_inputs(input), data=data, setup=setup)
    step = step_of(job, spec)
    print(table([needs(step, step.settings.batch), largest(step, limit)], limit))


def _bytes(text: str) -> int:
    """An amount of memory in bytes."""
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([kMGT]?)(i?)B?\s*", text)
    if match is None:
        raise _bad_option("--memory", text, "24GB", "--memory takes an amount of memory")
    number, unit, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kMGT".index(unit or " "))


@command
def verify_resume(
    file: File,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where paths of data begin; the file's folder if not given.")
    ] = None,
    steps: Annotated[int, typer.Option(metavar="N", min=2, help="So many steps; it is killed after one of them.")] = 30,
    device: Annotated[str | None, typer.Option(metavar="DEVICE", help="cpu, cuda, mps.")] = None,
    devices: Annotated[int, typer.Option(metavar="N", min=1, help="So many devices together.")] = 1,
    precision: Annotated[Literal["fp32", "bf16", "fp16"], typer.Option(help="Of the passes through the net.")] = "fp32",
) -> None:
    """Prove that a run of a file can be taken up: train, kill, take up, and compare every bit."""
    import netspec
    from netspec.train.job import job_of
    from netspec.train.setup import Setup
    from netspec.train.verify import verify

    spec = netspec.load(file)
    setup = Setup(device=device, devices=devices, precision=precision)
    said = _settings(set, train=True)
    verdict = verify(job_of(spec, net=net, set=said, input=_inputs(input), data=data, setup=setup), spec, steps=steps)
    print(f"{verdict.steps} steps at one go, and killed with SIGKILL after step {verdict.killed_after} and taken up:")
    if not verdict.differing:
        print(f"all {verdict.tensors} tensors of weights and optimizer ({verdict.numbers:,} numbers) are the same")
        return
    print(f"{len(verdict.differing)} of {verdict.tensors} tensors differ: {', '.join(verdict.differing[:8])}")
    raise typer.Exit(1)


@command
def preview(
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The picture.")] = Path("preview.png"),
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where paths of data begin; the file's folder if not given.")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out damaged samples.")] = False,
    samples: Annotated[int, typer.Option(metavar="N", min=1, max=50, help="Training samples, a row each.")] = 6,
    variants: Annotated[int, typer.Option(metavar="N", min=1, max=50, help="What becomes of each, a column each.")] = 5,
) -> None:
    """Draw training samples and what augmentation makes of them, as the file's train section says."""
    import netspec
    from netspec.train.job import job_of, prepare
    from netspec.train.preview import preview as draw

    spec = netspec.load(file)
    said = _settings(set, train=True)
    job = job_of(spec, net=net, set=said, input=_inputs(input), data=data, skip_bad=skip_bad)
    draw(prepare(job, spec), output, samples=samples, variants=variants)
    print(f"drawn to {_shown(output)}")


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
