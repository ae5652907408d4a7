"""Runs a layer as it would be emitted, for tests that look at values."""

from __future__ import annotations

from typing import Any

from live import build
from torch import Tensor, float64, int64, nn
from torch import bool as truth

from netspec.layers.declaration.base import Layer
from netspec.shapes.shape import DType, Shape


def shape_of(tensor: Tensor) -> Shape:
    """The shape of one sample."""
    dtype: DType = "int" if tensor.dtype == int64 else "bool" if tensor.dtype == truth else "float"
    return Shape(tuple(tensor.shape[1:]), dtype)


def run(layer: Layer, *tensors: Tensor, train: bool = False) -> Any:
    """What the layer makes of the tensors."""
    return run_with_module(layer, *tensors, train=train)[0]


def run_with_module(layer: Layer, *tensors: Tensor, train: bool = False) -> tuple[Any, Any]:
    """What the layer makes of the tensors, and its module; the shapes are compared with those inferred."""
    shapes = tuple(map(shape_of, tensors))
    outputs = layer.outputs(*shapes)
    live = build(layer.torch(*shapes), len(tensors))
    assert live.parameters() == layer.parameters(*shapes)
    if isinstance(live.module, nn.Module):
        live.module.train(train)
        if any(tensor.dtype == float64 for tensor in tensors):
            live.module.double()
    result = live.call(*tensors)
    results = result if isinstance(result, tuple) else (result,)
    assert tuple(map(shape_of, results)) == outputs, live.source
    return result, live.module
