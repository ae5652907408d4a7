"""How far a graph run here is from a runtime of ONNX, with the file's own weights."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netspec.lifting.module import Entering
from netspec.lifting.prove import tensors
from netspec.lifting.refusal import refusal
from netspec.lifting.sources.onnx.graph import Graph
from netspec.lifting.sources.onnx.module import OnnxModule

TOLERANCE = 1e-3
"""In parts of the largest value: runtimes fuse and reorder what they compute."""
WIDEST = 2e-2
"""The same for a file of half precision."""


def distance(path: Path, graph: Graph, module: OnnxModule, inputs: Entering) -> tuple[float, str] | str:
    """The largest relative difference of the outputs, and who computed the others; why it does not run the file.

    Raises NetspecError (E1001) where it is more than rounding.
    """
    generator = torch.Generator().manual_seed(2)
    batch = graph.inputs[0].sizes[0] or 2
    samples = [
        torch.randn(batch, *shape, generator=generator)
        if dtype.is_floating_point
        else torch.randint(0, 2, (batch, *shape), generator=generator).to(dtype)
        for _, shape, dtype in inputs
    ]
    given = {entrance.name: sample.numpy() for entrance, sample in zip(graph.inputs, samples, strict=True)}
    try:
        theirs, runtime = _run(path, given)
    except Exception as error:  # a runtime has errors of many kinds, all of which say that it does not run this file
        return str(error).strip().split("\n")[0][:200]
    module.eval()
    with torch.no_grad():
        ours = [tensor.numpy() for tensor in tensors(module(*samples))]
    same = len(theirs) == len(ours) and all(one.shape == other.shape for one, other in zip(ours, theirs, strict=True))
    far = max(map(_distance, ours, theirs)) if same else float("inf")
    half = any(stored.dtype.itemsize < 4 for stored in graph.weights())
    if not far <= (WIDEST if half else TOLERANCE):
        raise refusal(f"the outputs of {path.name} in {runtime} are others: they differ by {far:.1g} of the largest")
    return far, runtime


def _distance(ours: Any, theirs: Any) -> float:
    scale = max(float(np.abs(theirs).max(initial=0)), 1e-12)
    difference = float(np.abs(ours - theirs).max(initial=0)) / scale
    return difference if difference == difference else float("inf")


def _run(path: Path, given: dict[str, Any]) -> tuple[list[Any], str]:
    """The outputs by onnxruntime, or by the reference of the format where that is not there."""
    if find_spec("onnxruntime") is None:
        from onnx.reference import ReferenceEvaluator

        return list(ReferenceEvaluator(str(path)).run(None, given)), "onnx.reference"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    outputs = session.run(None, {value.name: _as(value.type, given[value.name]) for value in session.get_inputs()})
    return list(outputs), "onnxruntime"


def _as(kind: str, array: Any) -> Any:
    """An input in the type that the file has for it."""
    kinds = {"tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(int32)": np.int32}
    return array.astype(kinds[kind]) if kind in kinds else array
