"""Indices beyond those that a layer looks up: of an argmax over ten classes in an embedding of eight."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.elaborate.problems import Problem
from netspec.elaborate.shapes import origin
from netspec.elaborate.values import Tensor
from netspec.layers.axes import position
from netspec.layers.base import Layer
from netspec.layers.linear import Embedding, OneHot
from netspec.layers.reduction import ArgMax, Max, Min
from netspec.layers.shape import Rearrangement
from netspec.syntax.source import Span

KEEPING = (Rearrangement, Max, Min)
"""Layers whose values are some of those that they take."""


def check_indices(layer: Layer, inputs: tuple[Tensor, ...], span: Span) -> None:
    """Raises Problem (E0302) where a layer is given indices that it does not know."""
    if not isinstance(layer, Embedding | OneHot):
        return
    count = layer.count if isinstance(layer, Embedding) else layer.classes
    for tensor, size in _choices(inputs[0]):
        if size > count:
            raise Problem(
                "E0302",
                f"{layer.name} knows the indices below {count:,}, but these are below {size:,}",
                span,
                notes=(f"they come from {origin(tensor, span)}",),
                help=f"{layer.name}({size}{', ...' if isinstance(layer, Embedding) else ''}) knows them all",
            )


def _choices(tensor: Tensor) -> Iterator[tuple[Tensor, int]]:
    """The argmaxes that the indices of a tensor come from, and over how many each is, as far as that is known."""
    waiting, seen = [tensor], {id(tensor)}
    while waiting:
        tensor = waiting.pop()
        node = tensor.node
        if node is None:
            continue
        if isinstance(node.layer, ArgMax):
            x = node.inputs[0].shape
            size = x.dims[position(node.layer.axis, x)]
            if isinstance(size, int):
                yield tensor, size
        elif isinstance(node.layer, KEEPING):
            fresh = [other for other in node.inputs if id(other) not in seen]
            seen.update(map(id, fresh))
            waiting.extend(fresh)
