"""What one position of each value sees of an input of the net.

A field is an interval an axis: position p sees the input from start + p * jump, `size` positions long; layers
compose by start' = start + offset * jump, size' = size + (kernel - 1) * jump, jump' = jump * stride, and a join sees
the union of what its inputs see. Source: Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural
Networks", Distill 2019, equations 1 to 4 and the section on arbitrary computation graphs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from netspec.graph.graph import Graph, Node, Value
from netspec.layers.declaration.base import EVERYTHING, Reach


@dataclass(frozen=True, slots=True)
class Field:
    """The receptive field along one axis, in positions of the input.

    `start` is where it begins for position 0 (negative in the padding), `jump` the step from one position to the next.
    """

    start: Fraction
    size: Fraction
    jump: Fraction


Fields: TypeAlias = tuple[Field, ...] | Literal["everything"] | None
"""An entry a spatial axis; `everything` where the whole input is seen; None where none of it is."""


def receptive_fields(graph: Graph, input: str | None = None) -> dict[str, Fields]:
    """The field of every value by name, with respect to one input of the net (the first if none is named).

    Raises KeyError where the net has no input of that name.
    """
    fields = fields_of(graph, input)
    return {
        **{value.name: fields.of(value) for value in graph.inputs},
        **{node.name: fields.of(node.output) for node in graph.nodes},
    }


def fields_of(graph: Graph, input: str | None = None) -> FieldsByValue:
    """The fields of the values themselves, with respect to one input; raises KeyError as `receptive_fields` does."""
    return FieldsByValue(graph, input)


class FieldsByValue:
    """One walk over the nodes; fields by the identity of their value."""

    def __init__(self, graph: Graph, input: str | None) -> None:
        self._fields: dict[int, Fields] = {}
        names = [value.name for value in graph.inputs]
        chosen = names[0] if input is None and names else input
        if chosen not in names:
            raise KeyError(f"{graph.name} has no input {input!r}; its inputs are {', '.join(names)}")
        for value in graph.inputs:
            axes = len(value.shape.spatial)
            self._fields[id(value)] = (
                (Field(Fraction(0), Fraction(1), Fraction(1)),) * axes if value.name == chosen else None
            )
        for node in graph.nodes:
            field = self._node(node)
            for value in node.outputs:
                self._fields[id(value)] = field

    def of(self, value: Value) -> Fields:
        return self._fields[id(value)]

    def _node(self, node: Node) -> Fields:
        fields = [field for value in _read(node) if (field := self.of(value)) is not None]
        if not fields:
            return None
        reach = node.layer.reach(*node.shapes)
        if reach == EVERYTHING or EVERYTHING in fields:
            return EVERYTHING
        axes = len(node.output.shape.spatial)
        return _through(reach, _join([field for field in fields if field != EVERYTHING]), axes)


def _read(node: Node) -> tuple[Value, ...]:
    """The inputs whose content a node reads, and not their shape alone."""
    count = len(node.inputs)
    return tuple(value for place, value in enumerate(node.inputs) if not node.layer.reads_shape_only(place, count))


def _through(reach: Reach | Literal["everything"] | None, field: Fields, axes: int) -> Fields:
    """The field after a layer; a layer that does away with the axes (flatten, say) leaves values of the whole."""
    if field is None or field == EVERYTHING or reach == EVERYTHING:
        return field
    if reach is not None and len(reach.kernel) == len(field):
        field = tuple(
            Field(
                axis.start + Fraction(offset) * axis.jump,
                axis.size + (kernel - 1) * axis.jump,
                axis.jump * Fraction(stride),
            )
            for axis, kernel, stride, offset in zip(field, reach.kernel, reach.stride, reach.offset, strict=True)
        )
    return field if len(field) == axes else EVERYTHING


def _join(fields: Iterable[Fields]) -> Fields:
    """The union, an axis at a time; inputs of another rank or another step have no common grid: they see everything."""
    first, *others = (field for field in fields if field is not None)
    for other in others:
        if first == EVERYTHING or other == EVERYTHING or len(first) != len(other):
            return EVERYTHING
        joined = []
        for a, b in zip(first, other, strict=True):
            if a.jump != b.jump:
                return EVERYTHING
            start = min(a.start, b.start)
            joined.append(Field(start, max(a.start + a.size, b.start + b.size) - start, a.jump))
        first = tuple(joined)
    return first
