"""A spec becomes a trained net: settings, data, model, loop and folder, in that order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate import project_root
from netspec.graph.graph import Graph
from netspec.spec import Spec
from netspec.syntax import tree
from netspec.syntax.parser import parse
from netspec.syntax.source import Source, Span
from netspec.train.data import Data
from netspec.train.files import DataError, Place
from netspec.train.literals import Word
from netspec.train.match import Match, match, sample_shape
from netspec.train.parts import written
from netspec.train.progress import Stop, Watch
from netspec.train.runs import Recorder, Run, Status, claim
from netspec.train.settings import Settings, settings

if TYPE_CHECKING:
    from accelerate import Accelerator

    from netspec.train.loop import Trainer

NEEDED = ("torch", "accelerate", "torchmetrics", "safetensors", "matplotlib")
SMALL = 2 * 10**7
"""Multiply-accumulates of a batch below which one thread is faster than several."""


def start(
    spec: Spec,
    *,
    net: str | None = None,
    set: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    device: str | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    input: Mapping[str, Sequence[int | str]] | None = None,
    quiet: bool = False,
) -> Run:
    """Trains a net of a spec; `netspec.train.train` says how. All that can be wrong is found before the first step."""
    _require_packages()
    said, arguments = _divided(set or {})
    said |= {key: value for key, value in (("epochs", epochs), ("seed", seed)) if value is not None}
    chosen = settings(_section(spec), {key: override(key, value) for key, value in said.items()})
    graph = spec.graph(net, inputs=input, **arguments)
    data = _load(chosen, spec)
    graph = _closed(spec, graph, data, net, arguments, input)
    matched = match(chosen, graph, data)
    with _environment(graph, chosen, device) as accelerator:
        trainer = _trainer(graph, matched, chosen, accelerator)
        folder = claim(Path(out) if out is not None else Path("runs") / _name(spec, graph))
        recorder = Recorder(folder, _about(spec, graph, chosen, accelerator))
        recorder.begin(spec.source.text, graph.emit())
        status = _run(trainer, recorder, quiet=quiet)
        return Run(folder, chosen, tuple(recorder.rows), trainer.bare, status)


def override(key: str, value: Any) -> tree.Setting:
    """A setting as if the spec said so: the value is text as a spec has it, or data; raises NetspecError."""
    text = value if isinstance(value, str) else value.text if isinstance(value, Word) else written(value)
    source = Source(f"--set train.{key}", f"train {{\n  {key} {text}\n}}\n")
    file, mistakes = parse(source)
    items = [item.settings for item in file.items if isinstance(item, tree.Train)]
    if not mistakes and len(file.items) == 1 and items and len(items[0]) == 1 and items[0][0].key == key:
        return items[0][0]
    here = Span(source, len("train {\n  "), len(source.text) - len("\n}\n"))
    raise NetspecError(tuple(mistakes) or (Diagnostic("E0604", f"{text} is no value of a setting", here),))


def _divided(set: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The overrides of the train section, by their key there, and those of the net's parameters."""
    mark = "train."
    return (
        {key.removeprefix(mark): value for key, value in set.items() if key.startswith(mark)},
        {key: value for key, value in set.items() if not key.startswith(mark)},
    )


def _section(spec: Spec) -> tree.Train:
    section: tree.Train | None = spec.train
    if section is not None:
        return section
    example = "train {\n  data mnist1d\n  loss cross_entropy\n  optimizer adam\n  epochs 20\n}"
    raise NetspecError(
        (Diagnostic("E0605", f"{spec.source.name} has no train section", Span(spec.source, 0, 0), help=example),)
    )


def _require_packages() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        here = Span(Source("netspec train", ""), 0, 0)
        message = f"training needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed"
        raise NetspecError((Diagnostic("E0613", message, here, help="pip install 'netspec[train]'"),))


def _load(chosen: Settings, spec: Spec) -> Data:
    """The data, or a diagnostic at their setting."""
    folder = spec.path.parent if spec.path is not None else Path.cwd()
    root = project_root(spec.path) if spec.path is not None else folder
    span = chosen.span("data")
    try:
        return chosen.data.load(Place(folder, root))
    except DataError as error:
        raise NetspecError((Diagnostic("E0609", error.message, span, notes=error.notes, help=error.help),)) from None
    except ImportError as error:
        message = f"{chosen.data.name} needs the package {error.name}, which is not installed"
        raise NetspecError((Diagnostic("E0613", message, span, help="pip install 'netspec[train]'"),)) from None


def _closed(
    spec: Spec,
    graph: Graph,
    data: Data,
    net: str | None,
    arguments: Mapping[str, Any],
    input: Mapping[str, Sequence[int | str]] | None,
) -> Graph:
    """The graph for samples of the data's size, where the spec leaves sizes open."""
    if len(graph.inputs) != 1 or not graph.inputs[0].shape.is_open:
        return graph
    shape = sample_shape(graph.inputs[0].shape, data)
    if shape is None:
        return graph
    return spec.graph(net, inputs={**(input or {}), graph.inputs[0].name: list(shape)}, **arguments)


@contextmanager
def _environment(graph: Graph, chosen: Settings, device: str | None) -> Iterator[Accelerator]:
    """Accelerate at work on the device, torch's generators and threads given back afterwards as they were."""
    import torch

    where = _device(device)
    threads = torch.get_num_threads()
    work = graph.macs
    small = isinstance(work, int) and work * chosen.batch < SMALL
    cuda = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=cuda):
        if small:
            torch.set_num_threads(1)
        try:
            yield _accelerator(where)
        finally:
            torch.set_num_threads(threads)


def _device(name: str | None) -> str | None:
    """The kind of device by name, None for the best there is; raises NetspecError where it is not there."""
    import torch

    if name is None or name == "auto":
        return None
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device is None or (device.index or 0) < torch.cuda.device_count()),
        "mps": torch.backends.mps.is_available(),
    }
    if device is not None and there.get(device.type):
        if device.type == "cuda" and device.index is not None:
            torch.cuda.set_device(device.index)
        return device.type
    known = ", ".join(kind for kind in there if there[kind])
    span = Span(Source(f"--device {name}", ""), 0, 0)
    raise NetspecError((Diagnostic("E0612", f"there is no device {name} here", span, help=f"there is {known}"),))


def _accelerator(device: str | None) -> Accelerator:
    """Accelerate for that device. It keeps the device of a process for good, so a single process forgets it first."""
    from accelerate import Accelerator, PartialState
    from accelerate.state import AcceleratorState

    if not PartialState._shared_state or PartialState().num_processes == 1:
        AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(cpu=device == "cpu")


def _trainer(graph: Graph, matched: Match, chosen: Settings, accelerator: Accelerator) -> Trainer:
    """The net with the first weights of its seed, and all that trains it."""
    from netspec.train.loop import Trainer
    from netspec.train.randomness import WEIGHTS, reseed, stream

    reseed(stream(chosen.seed, WEIGHTS), accelerator.device)
    return Trainer(graph.compile(), graph, matched, chosen, accelerator)


def _run(trainer: Trainer, recorder: Recorder, *, quiet: bool) -> Status:
    """Trains and keeps the folder up to date, whatever ends the training."""
    chosen = trainer.settings
    with Stop() as stop, Watch(chosen.epochs, trainer.steps, quiet=quiet) as watch:

        def pause(epoch: int, step: int) -> bool:
            watch.step(epoch, step)
            return stop.asked

        try:
            for row in trainer.epochs(pause=pause):
                recorder.add(row)
                watch.epoch(row)
        except BaseException as error:
            with suppress(NetspecError):
                recorder.save("diverged" if _is_divergence(error) else "failed")
            if isinstance(error, (RuntimeError, IndexError, ValueError)):
                raise _failed(trainer, error) from error
            raise
    status: Status = "stopped" if stop.asked and not _complete(recorder, chosen) else "finished"
    recorder.finish(trainer.bare, status)
    watch.say(_last_line(recorder, status))
    return status


def _is_divergence(error: BaseException) -> bool:
    return isinstance(error, NetspecError) and any(found.code == "E0611" for found in error.diagnostics)


def _complete(recorder: Recorder, chosen: Settings) -> bool:
    return bool(recorder.rows) and recorder.rows[-1].epoch == chosen.epochs


def _failed(trainer: Trainer, error: Exception) -> NetspecError:
    """That torch refused a step, in its own words."""
    import torch

    full = isinstance(error, torch.OutOfMemoryError)
    first = str(error).strip().partition("\n")[0]
    message = "a batch does not fit into memory" if full else f"{trainer.graph.name} cannot take a step: {first}"
    help = f"a smaller batch: --set train.batch={max(1, trainer.settings.batch // 2)}" if full else ""
    key = "batch" if full else "data"
    return NetspecError((Diagnostic("E0615", message, trainer.settings.span(key), help=help),))


def _last_line(recorder: Recorder, status: Status) -> str:
    done = f"{'stopped after' if status == 'stopped' else 'trained'} {len(recorder.rows)} epochs"
    accuracy = recorder.rows[-1].test.get("accuracy") if recorder.rows else None
    result = f": test error {100 * (1 - accuracy):.1f} %" if accuracy is not None else ""
    return f"{done}{result}, kept in {recorder.folder}"


def _name(spec: Spec, graph: Graph) -> str:
    return spec.path.stem if spec.path is not None else graph.name


def _about(spec: Spec, graph: Graph, chosen: Settings, accelerator: Accelerator) -> dict[str, Any]:
    """What a run is a function of, and what it ran on."""
    import torch

    from netspec import __version__

    return {
        "netspec": __version__,
        "torch": torch.__version__,
        "device": str(accelerator.device),
        "spec": spec.source.name,
        "net": graph.name,
        "arguments": dict(graph.arguments),
        "input": {
            value.name: [size if isinstance(size, int) else str(size) for size in value.shape.dims]
            for value in graph.inputs
        },
        "parameters": graph.parameters,
        "settings": chosen.written(),
    }
