"""A trained net for other programs: as ONNX, as a program of torch.export, or its weights alone."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.shapes.shape import DType
from netspec.syntax.source import Source, Span
from netspec.train.runs.folder import replacing, save_tensors

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from netspec.graph.graph import Graph
    from netspec.train.after.restored import Restored

Format: TypeAlias = Literal["onnx", "pt2", "safetensors"]
FORMATS: tuple[Format, ...] = ("onnx", "pt2", "safetensors")
MOST_BYTES = 2**31 - 2**24
"""An ONNX file is one message of protobuf, which is less than 2 GiB; a little is left for what is no weight."""
BATCH = "batch"
"""The name of the one size that stays open."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written. `inputs` and `outputs` are their names there; `difference` is how far the program's
    outputs are from the net's where it was run again, the largest absolute one, on two random samples.
    """

    path: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    difference: float | None = None


def export(run: Restored, path: Path, format: Format | None = None) -> Exported:
    """Writes the net as it is outside training: with names for its inputs and outputs, for batches of any size.

    `format` is what the end of the file's name says where it is not given. ONNX is written by `torch.onnx`; where
    onnxruntime is installed the file is run and compared before it takes its place. The file holds what samples need
    before they enter, and what the classes are called. Raises NetspecError (E0610, E0656).
    """
    format = format or _format_of(path)
    inputs = tuple(value.name for value in run.graph.inputs)
    outputs = output_names(run.graph)
    if format == "safetensors":
        state = {name: tensor.detach().cpu() for name, tensor in run.model.state_dict().items()}
        replacing(path, lambda beside: save_tensors(state, beside, {"format": "pt", **described(run)}))
        return Exported(path, inputs, outputs)
    model = run.model.to("cpu").eval()
    write = {"onnx": _write_onnx, "pt2": _write_program}[format]
    try:
        difference = write(run, model, inputs, outputs, path)
    finally:
        model.to(run.device)
    return Exported(path, inputs, outputs, difference)


def _format_of(path: Path) -> Format:
    ending = path.suffix.removeprefix(".")
    for format in FORMATS:
        if ending == format:
            return format
    message = f"the end of {path.name} names no format"
    here = Span(Source(str(path), ""), 0, 0)
    raise NetspecError((Diagnostic("E0656", message, here, help=f"--format {' or '.join(FORMATS)}"),))


def output_names(graph: Graph) -> tuple[str, ...]:
    """The names of the outputs outside training; an output without a name is `output`."""
    always = [output for output in graph.outputs if not output.when_training]
    return tuple(output.name or ("output" if len(always) == 1 else f"output{n}") for n, output in enumerate(always))


def described(run: Restored) -> dict[str, str]:
    """What has to be known to use the net elsewhere, as texts by key."""
    from netspec import __version__

    signature = run.signature
    facts = {
        "netspec": __version__,
        "net": run.graph.name,
        "task": signature.task,
        "classes": json.dumps(list(signature.names)) if signature.names else None,
        "samples": json.dumps(_samples(run)) if signature.sent else None,
        "margin": None if signature.margin is None else str(signature.margin),
        "before": run.settings.augment.tested().written() or None,
    }
    return {key: text for key, text in facts.items() if text is not None}


def _samples(run: Restored) -> Any:
    """The shape of a sample; of several inputs the shapes by their names."""
    sent = [list(shape) for shape in run.signature.sent]
    return sent[0] if len(sent) == 1 else {value.name: x for value, x in zip(run.graph.inputs, sent, strict=True)}


def examples(graph: Graph, seed: int = 0) -> tuple[Tensor, ...]:
    """Two random samples for each input: real numbers from a normal distribution, indices 0 and 1."""
    import torch

    generator = torch.Generator().manual_seed(seed)

    def example(dims: tuple[int, ...], dtype: DType) -> Tensor:
        if dtype == "float":
            return torch.randn(2, *dims, generator=generator)
        drawn = torch.randint(0, 2, (2, *dims), generator=generator)
        return drawn if dtype == "int" else drawn.bool()

    return tuple(
        example(tuple(size for size in value.shape.dims if isinstance(size, int)), value.shape.dtype)
        for value in graph.inputs
    )


def _program(run: Restored, model: nn.Module) -> torch.export.ExportedProgram:
    """The net as torch.export sees it, its batch open; raises NetspecError (E0656)."""
    import torch

    open_batch = torch.export.Dim(BATCH)
    shapes = tuple({0: open_batch} for _ in run.graph.inputs)
    with _quietly():
        try:
            return torch.export.export(model, examples(run.graph), dynamic_shapes=shapes)
        except Exception as error:  # torch.export raises many kinds, all of which say that it cannot
            raise _failed(run, "torch.export", error) from error


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
    samples = examples(run.graph, seed=1)
    with torch.inference_mode():
        return _largest_difference(_tensors(model(*samples)), _tensors(program.module()(*samples)))


def _write_onnx(
    run: Restored, model: nn.Module, inputs: tuple[str, ...], outputs: tuple[str, ...], path: Path
) -> float | None:
    import onnx  # noqa: F401  a message of our own where it is missing
    import onnxscript  # noqa: F401
    import torch

    if run.graph.parameters * 4 > MOST_BYTES:
        message = f"{run.graph.name} is larger than a file of ONNX may be"
        here = Span(Source(str(path), ""), 0, 0)
        raise NetspecError((Diagnostic("E0656", message, here, help="--format pt2 has no such limit"),))
    program = _program(run, model)
    named = tuple({0: BATCH} for _ in inputs)
    with _quietly():
        try:
            exported = torch.onnx.export(
                program, input_names=list(inputs), output_names=list(outputs), dynamic_shapes=named, dynamo=True
            )
        except Exception as error:  # as many kinds as there are operators
            raise _failed(run, "ONNX", error) from error
    assert exported is not None
    exported.model.metadata_props.update(described(run))
    difference: list[float | None] = [None]

    def write(beside: Path) -> None:
        exported.save(beside)
        difference[0] = _compared(run, model, beside)

    replacing(path, write)
    return difference[0]


def _compared(run: Restored, model: nn.Module, path: Path) -> float | None:
    """How far the file's outputs are from the net's; None where there is no onnxruntime."""
    if find_spec("onnxruntime") is None:
        return None
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    samples = examples(run.graph, seed=1)
    names = [value.name for value in session.get_inputs()]
    outputs = session.run(None, {name: tensor.numpy() for name, tensor in zip(names, samples, strict=True)})
    with torch.inference_mode():
        return _largest_difference(_tensors(model(*samples)), [torch.from_numpy(array) for array in outputs])


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


def _failed(run: Restored, what: str, error: Exception) -> NetspecError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    here = Span(Source("netspec export", ""), 0, 0)
    message = f"{run.graph.name} cannot be exported by {what}"
    return NetspecError((Diagnostic("E0656", message, here, notes=tuple(lines[:3])),))
