"""Nodes whose inputs are all known: sizes and indices, which exporters compute node by node."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from netspec.lifting.sources.onnx.graph import Array, Node

MOST = 1 << 20
"""So many numbers are computed at most."""


def folded(node: Node, taken: Sequence[Any], opset: int) -> tuple[Any, ...] | None:
    """What a node makes of numbers that are known, or of the shape of a tensor; None where it makes something else.

    Raises ValueError where it would be more than a million numbers.
    """
    if node.operator == "Shape":
        start, end = node.attributes.get("start", 0), node.attributes.get("end")
        return (np.array(tuple(taken[0].shape)[start:end], dtype=np.int64),)
    if node.operator == "Size":
        return (np.array(math.prod(taken[0].shape), dtype=np.int64),)
    if node.operator not in _SIZES or not all(value is None or isinstance(value, np.ndarray) for value in taken):
        return None
    size = _SIZES[node.operator](node, [value for value in taken if value is not None])
    if not 0 <= size <= MOST:
        raise ValueError(f"it computes {size:,} numbers")
    return _computed(node, taken, opset)


def _computed(node: Node, taken: Sequence[Array | None], opset: int) -> tuple[Array, ...]:
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    attributes = {name: _proto(value) for name, value in node.attributes.items() if value is not None}
    proto = helper.make_node(node.operator, node.inputs, node.outputs, **attributes)
    given = {name: value for name, value in zip(node.inputs, taken, strict=True) if name}
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), None)
        for name, value in given.items()
        if value is not None
    ]
    outputs = [helper.make_tensor_value_info(name, 1, None) for name in node.outputs if name]
    graph = helper.make_graph([proto], "folding", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    return tuple(np.asarray(array) for array in ReferenceEvaluator(model).run(None, given))


def _proto(value: Any) -> Any:
    from onnx import numpy_helper

    from netspec.lifting.sources.onnx.graph import Stored

    return numpy_helper.from_array(value.read()) if isinstance(value, Stored) else value


Size = Callable[[Node, list[Array]], int]


def _broadcast(node: Node, values: list[Array]) -> int:
    return math.prod(np.broadcast_shapes(*(value.shape for value in values)))


def _same(node: Node, values: list[Array]) -> int:
    return sum(value.size for value in values)


def _of_range(node: Node, values: list[Array]) -> int:
    start, limit, step = (float(value.reshape(-1)[0]) for value in values)
    return max(0, math.ceil((limit - start) / step)) if step else MOST + 1


def _filled(node: Node, values: list[Array]) -> int:
    return math.prod(int(extent) for extent in values[0].reshape(-1)[:16].tolist())


def _expanded(node: Node, values: list[Array]) -> int:
    return math.prod(np.broadcast_shapes(values[0].shape, tuple(values[1].reshape(-1)[:16].tolist())))


def _tiled(node: Node, values: list[Array]) -> int:
    return values[0].size * math.prod(int(times) for times in values[1].reshape(-1)[:16].tolist())


def _gathered(node: Node, values: list[Array]) -> int:
    return values[0].size * values[1].size


_JOINING = "Add Sub Mul Div Mod Pow Min Max Equal Less Greater LessOrEqual GreaterOrEqual And Or Where"
_KEEPING = (
    "Not Neg Abs Floor Ceil Sqrt Cast Identity Reciprocal Exp Log Sin Cos Concat Slice Unsqueeze Squeeze Reshape "
    "Flatten Transpose Split ReduceProd ReduceSum ReduceMax ReduceMin CumSum ScatterND"
)
_SIZES: dict[str, Size] = {
    **dict.fromkeys(_JOINING.split(), _broadcast),
    **dict.fromkeys(_KEEPING.split(), _same),
    "Range": _of_range,
    "ConstantOfShape": _filled,
    "Expand": _expanded,
    "Tile": _tiled,
    "Gather": _gathered,
}
"""Of how many numbers the result of an operator is at most."""
