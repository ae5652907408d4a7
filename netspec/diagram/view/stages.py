"""The stages of a net as a reader counts them: what a table has a row for and a picture of feature maps a box."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from netspec.diagram.view.boxes import Box, View
from netspec.graph.graph import Scope
from netspec.shapes.shape import Shape

THROUGH = frozenset({"group", "repeat", "for", "iteration", "body", "branch"})
"""Scopes that are not seen: what is in them counts as in the scope around."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What may be a stage: a box, or a wiring with its boxes."""

    boxes: tuple[Box, ...]
    scope: Scope | None = None

    @property
    def box(self) -> Box | None:
        return self.boxes[0] if self.scope is None else None

    @property
    def output(self) -> tuple[Shape, ...]:
        last = self.boxes[-1]
        return last.outputs[-1:] if last.times > 1 or last.kind == "rounds" else last.outputs


class Stages:
    """Finds the stages in the boxes of a view.

    A container whose largest map is `steep` times as large as its smallest is not one stage: those in it are. With
    `vectors`, nor is one that makes vectors of several lengths.
    """

    def __init__(self, view: View, steep: float, *, vectors: bool = False) -> None:
        self.view, self.graph, self.steep, self.vectors = view, view.graph, steep, vectors
        self.rounds_around: dict[str, int] = {}
        for box in view.boxes:
            self._count_rounds(box, 1)

    @property
    def around(self) -> Scope:
        """The scope that the view draws."""
        scope = self.graph[self.view.focus] if self.view.focus else self.graph.scopes[0]
        assert isinstance(scope, Scope)
        return scope

    @property
    def boxes(self) -> Sequence[Box]:
        """The boxes right inside that scope."""
        inside = [box for box in self.view.boxes if box.kind not in ("input", "output")]
        alone = inside[0] if len(inside) == 1 else None
        if alone is not None and alone.children and alone.id.startswith("s") and alone.scope == self.around.index:
            return alone.children
        return inside

    def units(self, boxes: Sequence[Box], around: Scope) -> Iterator[Unit]:
        """The boxes of a scope one by one, those of a wiring together."""
        for inner, group in groupby(boxes, key=lambda box: self.inner_scope(box, around)):
            if inner is None:
                yield from (Unit((box,)) for box in group)
            elif self.graph.scopes[inner].kind in THROUGH:
                yield from self.units(tuple(group), self.graph.scopes[inner])
            else:
                yield Unit(tuple(group), self.graph.scopes[inner])

    def opened(self, units: Iterable[Unit]) -> Iterator[Unit]:
        """The units, a long way down through many resolutions replaced by its stages."""
        for unit in units:
            box = unit.box
            if box is not None and box.children and box.times == 1 and box.scope is not None and not box.when_training:
                inside = list(self.units(box.children, self.graph.scopes[box.scope]))
                if self._is_long(inside):
                    yield from self.opened(inside)
                    continue
            yield unit

    def _is_long(self, units: Sequence[Unit]) -> bool:
        """Whether a container of these is too much for one stage."""
        shapes = [shape for unit in units for shape in unit.output]
        sizes = [size for shape in shapes if (size := extent(shape))]
        lengths = {shape.dims for shape in shapes if shape.rank == 1}
        return (bool(sizes) and max(sizes) >= self.steep * min(sizes)) or (self.vectors and len(lengths) > 1)

    def inner_scope(self, box: Box, around: Scope) -> int | None:
        """The scope right inside `around` that a box is in; None where that is `around` itself."""
        scope = self.home(box)
        inner: int | None = None
        while scope is not None and scope != around.index:
            inner, scope = scope, self.graph.scopes[scope].parent
        return inner if scope is not None else None

    def home(self, box: Box) -> int | None:
        """The innermost scope around a box, in the first of the rounds around it."""
        if box.times == 1 and box.kind != "rounds" and box.scope is not None:
            own = self.graph.scopes[box.scope]
            return own.parent if own.is_module and box.id.startswith("s") else own.index
        return self._common_scope(box.nodes[: len(box.nodes) // self.rounds_around[box.id]]).index

    def _common_scope(self, nodes: Sequence[int]) -> Scope:
        """The innermost scope around all of these nodes."""
        around: list[int] = []
        scope: int | None = self.graph.nodes[nodes[0]].scope
        while scope is not None:
            around.append(scope)
            scope = self.graph.scopes[scope].parent
        scope = self.graph.nodes[nodes[-1]].scope
        while scope not in around:
            assert scope is not None
            scope = self.graph.scopes[scope].parent
        return self.graph.scopes[scope]

    def _count_rounds(self, box: Box, around: int) -> None:
        self.rounds_around[box.id] = around
        for child in box.children:
            self._count_rounds(child, around * box.times)


def extent(shape: Shape) -> int:
    """The largest side of a map; 0 for vectors and where a side is open."""
    sides = [size for size in shape.spatial if isinstance(size, int)]
    return max(sides, default=0) if len(sides) == len(shape.spatial) else 0
