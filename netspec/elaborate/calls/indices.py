"""Indices beyond those that a layer looks up: of an argmax over ten classes, or of positions, in a table of eight."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.elaborate.draft import Tensor
from netspec.elaborate.mistakes.misfits import origin
from netspec.elaborate.problems import Problem
from netspec.layers.declaration.axes import at_least, position
from netspec.layers.declaration.base import Layer
from netspec.layers.layout.rearrangement import Rearrangement
from netspec.layers.linear import Embedding, Gather, OneHot, Unembed
from netspec.layers.reduction import ArgMax, Max, Min
from netspec.layers.sources import Position
from netspec.shapes.requirements import Requirement
from netspec.shapes.sizes import Dimension
from netspec.syntax.source import Span

KEEPING = (Rearrangement, Max, Min)
"""Layers whose values are some of those that they take."""


def index_requirements(layer: Layer, inputs: tuple[Tensor, ...], span: Span) -> tuple[Requirement, ...]:
    """What open sizes must satisfy so that a layer knows its indices; raises Problem (E0302) where it does not."""
    match layer:
        case Embedding():
            count: Dimension = layer.count
        case OneHot():
            count = layer.classes
        case Gather() if inputs[0].shape.rank > 0:
            count = inputs[0].shape.dims[0]
        case Unembed():
            _require_table(inputs[1], span)
            return ()
        case _:
            return ()
    needs: list[Requirement] = []
    for tensor, size in _choices(inputs[-1]):
        needs += at_least(count, size)
        if isinstance(size, int) and isinstance(count, int) and size > count:
            help = {
                Embedding: f"embedding({size}, ...) knows them all",
                OneHot: f"one_hot({size}) knows them all",
                Gather: f"a table of {size} rows has them all",
            }[type(layer)]
            raise Problem(
                "E0302",
                f"{layer.name} knows the indices below {count:,}, but these are below {size:,}",
                span,
                notes=(f"they come from {origin(tensor, span)}",),
                help=help,
            )
    return tuple(needs)


def _require_table(table: Tensor, span: Span) -> None:
    """Raises Problem (E0302) where unembed is given what an embedding has made of a text in place of its table."""
    node = table.node
    if node is None or not isinstance(node.layer, Embedding):
        return
    count, features = node.layer.count, node.layer.features
    raise Problem(
        "E0302",
        f"unembed needs a table, and this is what embedding has made of its indices: {table.shape}",
        span,
        "scores against the text itself",
        related=((node.span, "embedded here"),),
        help="a table that both use is a param: "
        f"wte = param([{count}, {features}], init=normal), wte[tokens] in place of the embedding, and unembed(_, wte)",
    )


def _choices(tensor: Tensor) -> Iterator[tuple[Tensor, Dimension]]:
    """The argmaxes and positions that the indices of a tensor come from, and how many each tells apart."""
    waiting, seen = [tensor], {id(tensor)}
    while waiting:
        tensor = waiting.pop()
        node = tensor.node
        if node is None:
            continue
        if isinstance(node.layer, ArgMax | Position):
            x = node.inputs[0].shape
            yield tensor, x.dims[position(node.layer.axis, x)]
        elif isinstance(node.layer, KEEPING):
            fresh = [other for other in node.inputs if id(other) not in seen]
            seen.update(map(id, fresh))
            waiting.extend(fresh)
