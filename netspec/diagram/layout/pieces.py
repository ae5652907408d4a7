"""Pieces of a picture: boxes and ways that keep their places to each other while the whole is put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import hypot
from typing import TypeAlias

from netspec.diagram.drawing.items import Point, Segment
from netspec.diagram.layout import box_text
from netspec.diagram.layout.labels import HEIGHT
from netspec.diagram.view.boxes import Box, Role

Key: TypeAlias = tuple[str, str]
"""A value on its way: the leaf box that makes it, and its name."""

_SMOOTH = 6
"""The radius of a corner."""


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A box or a frame; (x, y) is its upper left corner."""

    box: Box
    x: float
    y: float
    width: float
    height: float

    def mirrored(self) -> PlacedBox:
        """The box with x and y in each other's place; what is written in it stays upright."""
        return PlacedBox(self.box, self.y, self.x, self.height, self.width)


@dataclass(frozen=True, slots=True)
class Route:
    """The way of a value from one item to another of the same frame, or to and from the frame's border.

    `source` and `target` are ids of boxes or frames; an empty one is the frame around. `arrow` is true where it ends
    at a box. `label` is the shape that stands at `label_at` (the left end, halfway up), empty where none does; `turned`
    is whether the layout that it is in is going to be turned.
    """

    source: str
    target: str
    role: Role
    value: str
    path: tuple[Segment, ...]
    arrow: bool
    label: str = ""
    label_at: Point = (0, 0)
    turned: bool = False

    def reach(self) -> list[Point]:
        """Points that hold the way and its label between them."""
        points = [point for _, points in self.path for point in points]
        if self.label:
            x, y = self.label_at
            long, high = box_text.label_width(self.label), HEIGHT / 2
            points += [(x - high, y), (x + high, y + long)] if self.turned else [(x, y - high), (x + long, y + high)]
        return points

    def moved(self, dx: float, dy: float) -> Route:
        path = tuple((verb, tuple((x + dx, y + dy) for x, y in points)) for verb, points in self.path)
        return replace(self, path=path, label_at=(self.label_at[0] + dx, self.label_at[1] + dy))

    def mirrored(self) -> Route:
        """The way with x and y in each other's place."""
        path = tuple((verb, tuple((y, x) for x, y in points)) for verb, points in self.path)
        return replace(self, path=path, label_at=self.label_at[::-1], turned=False)


@dataclass(frozen=True, slots=True)
class Piece:
    """Something laid out, with its upper left corner at (x, y) of the piece around it.

    All that it holds, and the places where values enter and leave, are told from its own corner.
    """

    width: float
    height: float
    x: float = 0
    y: float = 0
    boxes: tuple[PlacedBox, ...] = ()
    routes: tuple[Route, ...] = ()
    parts: tuple[Piece, ...] = ()
    entries: Mapping[Key, Point] = field(default_factory=dict)
    exits: Mapping[Key, Point] = field(default_factory=dict)

    def moved(self, dx: float, dy: float) -> Piece:
        return replace(self, x=self.x + dx, y=self.y + dy)

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def entry(self, key: Key) -> Point:
        """Where a value enters, as seen from the piece around: the middle of the upper side if not told."""
        x, y = self.entries.get(key, (self.width / 2, 0))
        return self.x + x, self.y + y

    def exit(self, key: Key) -> Point:
        """Where a value leaves, as seen from the piece around: the middle of the lower side if not told."""
        x, y = self.exits.get(key, (self.width / 2, self.height))
        return self.x + x, self.y + y

    def all_boxes(self, left: float = 0, top: float = 0) -> Iterator[PlacedBox]:
        """Every box inside, frames before what is in them, from a corner at (left, top)."""
        left, top = left + self.x, top + self.y
        for box in self.boxes:
            yield replace(box, x=box.x + left, y=box.y + top)
        for part in self.parts:
            yield from part.all_boxes(left, top)

    def all_routes(self, left: float = 0, top: float = 0) -> Iterator[Route]:
        left, top = left + self.x, top + self.y
        for part in self.parts:
            yield from part.all_routes(left, top)
        for route in self.routes:
            yield route.moved(left, top)


def together(
    parts: Sequence[Piece], routes: Sequence[Route], entries: Mapping[Key, Point], exits: Mapping[Key, Point]
) -> Piece:
    """Parts and the ways between them as one piece, whose corner is at (0, 0)."""
    corners = [corner for part in parts for corner in ((part.x, part.y), (part.x + part.width, part.bottom))]
    corners += [point for route in routes for point in route.reach()]
    corners += [*entries.values(), *exits.values()]
    left, top = min(x for x, _ in corners), min(y for _, y in corners)
    return Piece(
        max(x for x, _ in corners) - left,
        max(y for _, y in corners) - top,
        parts=tuple(part.moved(-left, -top) for part in parts),
        routes=tuple(route.moved(-left, -top) for route in routes),
        entries={key: (x - left, y - top) for key, (x, y) in entries.items()},
        exits={key: (x - left, y - top) for key, (x, y) in exits.items()},
    )


def line(start: Point, end: Point) -> tuple[Segment, ...]:
    return (("M", (start,)), ("L", (end,)))


def curve(points: Sequence[Point]) -> tuple[Segment, ...]:
    """Cubic Béziers through a start, and two controls and an end each."""
    return (("M", (points[0],)), *(("C", tuple(points[at : at + 3])) for at in range(1, len(points), 3)))


def along(points: Sequence[Point], steps: int = 64) -> Iterator[Point]:
    """Points on such a curve, close to each other."""
    for at in range(0, len(points) - 1, 3):
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points[at : at + 4]
        for step in range(1, steps + 1):
            t = step / steps
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            yield a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


def rounded(corners: Sequence[Point], radius: float = _SMOOTH) -> tuple[Segment, ...]:
    """A way of straight lines through `corners`, each corner rounded off."""
    path: list[Segment] = [("M", (corners[0],))]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        cut = min(radius, _distance(before, corner) / 2, _distance(corner, after) / 2)
        near, far = _towards(corner, before, cut), _towards(corner, after, cut)
        path.append(("L", (near,)))
        path.append(("C", (_towards(near, corner, cut * 0.55), _towards(far, corner, cut * 0.55), far)))
    path.append(("L", (corners[-1],)))
    return tuple(path)


def _towards(start: Point, end: Point, length: float) -> Point:
    whole = _distance(start, end)
    share = length / whole if whole else 0
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _distance(start: Point, end: Point) -> float:
    return hypot(end[0] - start[0], end[1] - start[1])
