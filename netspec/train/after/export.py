"""A trained net for other programs: as ONNX, as a program of torch.export, or its weights alone."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.shapes.requirements import nearest
from netspec.shapes.shape import DType, Shape
from netspec.shapes.sizes import Dimension
from netspec.syntax.source import place_outside
from netspec.train.data.encoding import Encoding
from netspec.train.runs.folder import replacing, save_tensors

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from netspec.graph.graph import Graph, Node
    from netspec.train.after.restored import Restored

Format: TypeAlias = Literal["onnx", "pt2", "safetensors"]
FORMATS: tuple[Format, ...] = ("onnx", "pt2", "safetensors")
MOST_BYTES = 2**31 - 2**24
"""An ONNX file is one message of protobuf, which is less than 2 GiB; a little is left for what is no weight."""
DEFAULT_SIZE = 32
"""Taken for an open size of which a run does not say what it was in the training."""
BATCH = "batch"
"""The name of the size of a batch, which stays open, as do the sizes that the spec leaves open."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written. `inputs` and `outputs` are their names there; `difference` is how far the program's
    outputs are from the net's where it was run again, the largest absolute one, on two random samples. `sizes` are the
    names of those that stay open beside the batch.
    """

    path: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    difference: float | None = None
    sizes: tuple[str, ...] = ()


def export(
    run: Restored,
    path: Path,
    format: Format | None = None,  # noqa: A002
    *,
    input: Mapping[str, Sequence[int | str]] | None = None,
) -> Exported:
    """Writes the net as it is outside training: with names for its inputs and outputs, for batches of any size.

    Sizes that the spec leaves open stay open under their names, but for those that `input` gives. `format` is what the
    end of the file's name says where it is not given. ONNX is written by `torch.onnx`; where onnxruntime is installed
    the file is run and compared before it takes its place. The file holds what samples need before they enter, and
    what the classes are called. Raises NetspecError (E0610, E0656).
    """
    chosen = format or _format_of(path)
    run = _opened(run, input or {})
    inputs = tuple(value.name for value in run.graph.inputs)
    outputs = output_names(run.graph)
    if chosen == "safetensors":
        state = {name: tensor.detach().cpu() for name, tensor in run.model.state_dict().items()}
        replacing(path, lambda beside: save_tensors(state, beside, {"format": "pt", **described(run)}))
        return Exported(path, inputs, outputs)
    model = run.model.to("cpu").eval()
    write = {"onnx": _write_onnx, "pt2": _write_program}[chosen]
    try:
        difference = write(run, model, inputs, outputs, path)
    finally:
        model.to(run.device)
    return Exported(path, inputs, outputs, difference, open_names(run.graph))


def _opened(run: Restored, input: Mapping[str, Sequence[int | str]]) -> Restored:
    """The run's net with its sizes as open as the spec leaves them; raises NetspecError where `input` does not fit."""
    inputs = run.record.job.input if run.record.job is not None else {}
    graph = run.spec.graph(run.record.net, inputs={**inputs, **input}, **run.record.arguments)
    return run.for_sizes(graph)


def open_names(graph: Graph) -> tuple[str, ...]:
    """The names of the sizes of its inputs that a graph leaves open."""
    sizes = (size for value in graph.inputs for size in value.shape.dims if not isinstance(size, int))
    return tuple(dict.fromkeys(map(str, sizes)))


def sizes_near(run: Restored, times: int) -> dict[str, int]:
    """A size that fits for each open one: so many times that of the training, or the nearest that the wiring allows."""
    sizes: dict[str, int] = {}
    for value in run.graph.inputs:
        for size, own in zip(value.shape.dims, run.record.input.get(value.name, ()), strict=False):
            if not isinstance(size, int):
                sizes[str(size)] = times * own if isinstance(own, int) else times * DEFAULT_SIZE
    return nearest([fit.requirement for fit in run.graph.fits], sizes) or sizes


def _format_of(path: Path) -> Format:
    ending = path.suffix.removeprefix(".")
    for name in FORMATS:
        if ending == name:
            return name
    message = f"the end of {path.name} names no format"
    here = place_outside(path)
    raise NetspecError((Diagnostic("E0656", message, here, help=f"--format {' or '.join(FORMATS)}"),))


def output_names(graph: Graph) -> tuple[str, ...]:
    """The names of the outputs outside training; an output without a name is `output`."""
    always = [output for output in graph.outputs if not output.when_training]
    return tuple(output.name or ("output" if len(always) == 1 else f"output{n}") for n, output in enumerate(always))


def described(run: Restored) -> dict[str, str]:
    """What has to be known to use the net elsewhere, as texts by key."""
    from netspec import __version__

    signature = run.signature
    opened, judged = open_names(run.graph), run.graph.outputs[signature.output]
    facts = {
        "netspec": __version__,
        "net": run.graph.name,
        "arguments": json.dumps(dict(run.graph.arguments)) if run.graph.arguments else None,
        "trained_on": run.settings.data.written(),
        "epoch": None if run.record.kept_epoch is None else str(run.record.kept_epoch),
        "sizes": json.dumps({"open": opened, "must": list(run.graph.requirements)}) if opened else None,
        "judged": judged.name or "output",
        "task": signature.task,
        "logits": None if signature.task == "values" else json.dumps(signature.logits),
        "enter": json.dumps([_entrance(encoding) for encoding in signature.encodings]) or None,
        "classes": json.dumps(list(signature.names)) if signature.names else None,
        "samples": json.dumps(_samples(run)) if signature.sent else None,
        "margin": None if signature.margin is None else str(signature.margin),
        "before": run.settings.augment.tested().written() or None,
    }
    return {key: text for key, text in facts.items() if text is not None}


def _entrance(encoding: Encoding) -> str:
    """How samples enter an input, in words."""
    if encoding.levels is not None:
        blank = ", where 0 is a place with nothing in it" if encoding.blank else ""
        return f"one-hot on the first axis, of the indices 0 to {encoding.levels - 1}{blank}"
    return {"float": "real numbers; bytes divided by 255", "int": "indices", "bool": "truth values"}[encoding.dtype]


def _samples(run: Restored) -> Any:
    """The shape of a sample; of several inputs the shapes by their names."""
    sent = [list(shape) for shape in run.signature.sent]
    return sent[0] if len(sent) == 1 else {value.name: x for value, x in zip(run.graph.inputs, sent, strict=True)}


def examples(graph: Graph, seed: int = 0, sizes: Mapping[str, int] | None = None) -> tuple[Tensor, ...]:
    """Two random samples for each input: real numbers from a normal distribution, indices 0 and 1.

    `sizes` are those of open dimensions, by name.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)

    def example(dims: tuple[int, ...], dtype: DType) -> Tensor:
        if dtype == "float":
            return torch.randn(2, *dims, generator=generator)
        bits = torch.randint(0, 2, (2, *dims), generator=generator)
        return bits if dtype == "int" else bits.bool()

    return tuple(
        example(tuple(_number(size, sizes or {}) for size in value.shape.dims), value.shape.dtype)
        for value in graph.inputs
    )


def _number(size: Dimension, sizes: Mapping[str, int]) -> int:
    return size if isinstance(size, int) else sizes[str(size)]


def _program(run: Restored, model: nn.Module) -> torch.export.ExportedProgram:
    """The net as torch.export sees it, its batch and its open sizes open; raises NetspecError (E0656)."""
    samples = examples(run.graph, sizes=sizes_near(run, 2))
    try:
        return program_of(model, samples, [value.shape for value in run.graph.inputs])
    except Exception as error:  # torch.export raises many kinds, all of which say that it cannot
        raise _failed(run, model, "torch.export", error) from error


def program_of(model: nn.Module, samples: Sequence[Tensor], shapes: Sequence[Shape]) -> torch.export.ExportedProgram:
    """A module as torch.export sees it, given samples of these shapes; raises whatever torch.export raises."""
    import torch

    batch, other = torch.export.Dim(BATCH), torch.export.Dim.DYNAMIC
    sizes = tuple(
        {0: batch, **{axis: other for axis, size in enumerate(shape.dims, 1) if not isinstance(size, int)}}
        for shape in shapes
    )
    with _quietly():
        return torch.export.export(model, tuple(samples), dynamic_shapes=sizes)


def _write_program(
    run: Restored, model: nn.Module, inputs: tuple[str, ...], outputs: tuple[str, ...], path: Path
) -> float:
    import torch

    program = _program(run, model)
    extra = {"netspec.json": json.dumps({"inputs": inputs, "outputs": outputs, **described(run)}, indent=1)}

    def write(beside: Path) -> None:
        with beside.open("wb") as file, _quietly():
            torch.export.save(program, file, extra_files=extra)

    replacing(path, write)
    module = program.module()
    return _compared(run, model, lambda samples: _tensors(module(*samples)))


def _write_onnx(
    run: Restored, model: nn.Module, inputs: tuple[str, ...], outputs: tuple[str, ...], path: Path
) -> float | None:
    import onnx  # noqa: F401  a message of our own where it is missing
    import onnxscript  # noqa: F401
    import torch

    if run.graph.parameters * 4 > MOST_BYTES:
        message = f"{run.graph.name} is larger than a file of ONNX may be"
        here = place_outside(path)
        raise NetspecError((Diagnostic("E0656", message, here, help="--format pt2 has no such limit"),))
    program = _program(run, model)
    shapes_by_input = tuple(
        {0: BATCH, **{axis: str(size) for axis, size in enumerate(value.shape.dims, 1) if not isinstance(size, int)}}
        for value in run.graph.inputs
    )
    with _quietly():
        try:
            exported = torch.onnx.export(
                program,
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_shapes=shapes_by_input,
                dynamo=True,
            )
        except Exception as error:  # as many kinds as there are operators
            raise _failed(run, model, "ONNX", error) from error
    assert exported is not None
    exported.model.metadata_props.update(described(run))
    difference: list[float | None] = [None]

    def write(beside: Path) -> None:
        exported.save(beside)
        difference[0] = _run_again(run, model, beside)

    replacing(path, write)
    return difference[0]


def _run_again(run: Restored, model: nn.Module, path: Path) -> float | None:
    """How far the file's outputs are from the net's; None where there is no onnxruntime."""
    if find_spec("onnxruntime") is None:
        return None
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]

    def outputs(samples: Sequence[Tensor]) -> list[Tensor]:
        arrays = session.run(None, {name: tensor.numpy() for name, tensor in zip(names, samples, strict=True)})
        return [torch.from_numpy(array) for array in arrays]

    return _compared(run, model, outputs)


def _compared(run: Restored, model: nn.Module, outputs: Callable[[Sequence[Tensor]], list[Tensor]]) -> float:
    """How far a program's outputs are from the net's: at the sizes of the training, and at others that it allows."""
    import torch

    differences: list[float] = []
    for times in (1, 3) if open_names(run.graph) else (1,):
        samples = examples(run.graph, seed=1, sizes=sizes_near(run, times))
        with torch.inference_mode():
            differences.append(_largest_difference(_tensors(model(*samples)), outputs(samples)))
    return max(differences)


def _largest_difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    return max(float((one - other).abs().max()) for one, other in zip(ours, theirs, strict=True))


def _tensors(result: Any) -> list[Tensor]:
    from torch import Tensor

    return [result] if isinstance(result, Tensor) else [value for value in result if value is not None]


@contextmanager
def _quietly() -> Iterator[None]:
    """What the exporters say about themselves is of no use to who reads our output."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _failed(run: Restored, model: nn.Module, what: str, error: Exception) -> NetspecError:
    """That a net cannot be exported, at the first of its layers that cannot be by itself, where there is one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    node = _culprit(run, model, what)
    opened = open_names(run.graph)
    help = ""
    if opened:
        trained = {name: f"[{', '.join(map(str, sizes))}]" for name, sizes in run.record.input.items()}
        value = next(value for value in run.graph.inputs if value.shape.is_open)
        help = f"without open sizes: --input {value.name}={trained.get(value.name, value.shape)}"
    if node is None:
        here = place_outside("netspec export")
        message = f"{run.graph.name} cannot be exported by {what}"
        return NetspecError((Diagnostic("E0656", message, here, notes=tuple(lines[:3]), help=help),))
    message = f"{run.graph.name} cannot be exported by {what}, because of its layer {node.layer.name}"
    return NetspecError((Diagnostic("E0656", message, node.span, node.name, notes=tuple(lines[:3]), help=help),))


def _culprit(run: Restored, model: nn.Module, what: str) -> Node | None:
    """The first node of the net whose module cannot be exported by itself; None where each can, or none is at fault."""
    import torch

    entered: dict[str, tuple[Tensor, ...]] = {}
    modules = dict(model.named_modules())
    nodes = [node for node in run.graph if node.first_use and node.key in modules]

    def noted(key: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            entered.setdefault(key, inputs)

        return note

    hooks = [modules[node.key].register_forward_pre_hook(noted(node.key)) for node in nodes]
    try:
        with torch.no_grad():
            model(*examples(run.graph, sizes=sizes_near(run, 2)))
    finally:
        for hook in hooks:
            hook.remove()
    for node in nodes:
        if node.key not in entered:
            continue
        try:
            program = program_of(modules[node.key], entered[node.key], [value.shape for value in node.inputs])
            if what == "ONNX":
                with _quietly():
                    torch.onnx.export(program, dynamo=True)
        except Exception:  # whatever it is, it is this layer's
            return node
    return None
