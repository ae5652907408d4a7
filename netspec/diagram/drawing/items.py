"""A drawing: what the styles make and every writer writes, whatever the format.

Lengths are in points (1/72 inch), x grows to the right and y grows down. Colours are role names, "ink", "muted",
"convolution", which a theme resolves (`netspec.diagram.drawing.theme`); None is no paint.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from math import hypot
from typing import Any, Literal, TypeAlias

Point: TypeAlias = tuple[float, float]
Dash: TypeAlias = tuple[float, ...]
Colour: TypeAlias = str | None
Weight: TypeAlias = Literal["normal", "bold"]
Anchor: TypeAlias = Literal["start", "middle", "end"]

# What a path does next: M moves to a point, L draws a line to a point, C a cubic Bézier curve with two control points
# and an end, Z closes the figure and has no points.
Segment: TypeAlias = tuple[Literal["M", "L", "C", "Z"], tuple[Point, ...]]


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle; (x, y) is its upper left corner, `radius` rounds the corners."""

    x: float
    y: float
    width: float
    height: float
    radius: float = 0
    fill: Colour = None
    stroke: Colour = None
    stroke_width: float = 1
    dash: Dash | None = None


@dataclass(frozen=True, slots=True)
class Polygon:
    """A closed figure of straight lines, such as the face of a cuboid."""

    points: tuple[Point, ...]
    fill: Colour = None
    stroke: Colour = None
    stroke_width: float = 1


@dataclass(frozen=True, slots=True)
class Path:
    """Lines and curves; `arrow` puts a head on the end, whose tip is the path's last point."""

    segments: tuple[Segment, ...]
    stroke: Colour = "edge"
    stroke_width: float = 1
    dash: Dash | None = None
    arrow: bool = False
    fill: Colour = None


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle about (x, y)."""

    x: float
    y: float
    radius: float
    fill: Colour = None
    stroke: Colour = None
    stroke_width: float = 1


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; y is its baseline, `anchor` says which point of it stands at x.

    `rotate` turns it about (x, y), in degrees, clockwise. `mono` text is regular and upright, whatever the others say.
    """

    x: float
    y: float
    text: str
    size: float = 9
    weight: Weight = "normal"
    italic: bool = False
    mono: bool = False
    anchor: Anchor = "start"
    fill: Colour = "ink"
    rotate: float = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Items that belong together. `id`, `classes` and `title` reach the SVG; the other formats draw the items alone.

    `name` is what somebody who edits the picture calls it, in TikZ.
    """

    items: tuple[Item, ...]
    id: str | None = None
    classes: tuple[str, ...] = ()
    title: str | None = None
    name: str = ""


Item: TypeAlias = Rect | Polygon | Path | Circle | Text | Group
Mark: TypeAlias = Rect | Polygon | Path | Circle | Text


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture of width x height points; `title` and `description` say in words what it shows."""

    width: float
    height: float
    items: tuple[Item, ...]
    title: str = ""
    description: str = ""

    def marks(self) -> Iterator[Mark]:
        """Everything that is painted, in painting order, groups opened."""
        return _marks(self.items)


def _marks(items: tuple[Item, ...]) -> Iterator[Mark]:
    for item in items:
        if isinstance(item, Group):
            yield from _marks(item.items)
        else:
            yield item


def line(*points: Point) -> tuple[Segment, ...]:
    """The segments of a line through `points`."""
    first, *rest = points
    return (("M", (first,)), *(("L", (point,)) for point in rest))


def curve(start: Point, *curves: tuple[Point, Point, Point]) -> tuple[Segment, ...]:
    """The segments of cubic Bézier curves from `start`; each has two control points and its end."""
    return (("M", (start,)), *(("C", points) for points in curves))


def moved(item: Item, dx: float, dy: float) -> Item:
    """The same item, dx to the right and dy down."""
    match item:
        case Group():
            return replace(item, items=tuple(moved(child, dx, dy) for child in item.items))
        case Polygon():
            return replace(item, points=tuple((x + dx, y + dy) for x, y in item.points))
        case Path():
            shifted = tuple((verb, tuple((x + dx, y + dy) for x, y in points)) for verb, points in item.segments)
            return replace(item, segments=shifted)
        case _:
            return replace(item, x=item.x + dx, y=item.y + dy)


def without_ids(item: Item) -> Item:
    """The item without ids, where those are of another picture that it stands beside."""
    if not isinstance(item, Group):
        return item
    return replace(item, id=None, items=tuple(map(without_ids, item.items)))


def scaled(drawing: Drawing, factor: float) -> Drawing:
    """The whole drawing, its letters and lines too, `factor` times as large."""
    if factor == 1:
        return drawing
    items = tuple(_scaled(item, factor) for item in drawing.items)
    return replace(drawing, width=drawing.width * factor, height=drawing.height * factor, items=items)


_LENGTHS = frozenset({"x", "y", "width", "height", "radius", "stroke_width", "size"})


def _scaled(item: Item, factor: float) -> Item:
    changes: dict[str, Any] = {
        field.name: getattr(item, field.name) * factor for field in fields(item) if field.name in _LENGTHS
    }
    match item:
        case Group():
            changes["items"] = tuple(_scaled(child, factor) for child in item.items)
        case Polygon():
            changes["points"] = tuple((x * factor, y * factor) for x, y in item.points)
        case Path():
            changes["segments"] = tuple(
                (verb, tuple((x * factor, y * factor) for x, y in points)) for verb, points in item.segments
            )
    if dash := getattr(item, "dash", None):
        changes["dash"] = tuple(length * factor for length in dash)
    return replace(item, **changes)


def arrow_head(path: Path) -> tuple[Path, Polygon]:
    """The path drawn up to its arrow head, and the head; the head's tip is the path's last point."""
    *before, (verb, points) = path.segments
    tip = points[-1]
    near = next((point for point in reversed(_points(path)[:-1]) if point != tip), (tip[0] - 1, tip[1]))
    distance = hypot(tip[0] - near[0], tip[1] - near[1])
    ux, uy = (tip[0] - near[0]) / distance, (tip[1] - near[1]) / distance
    length = 3 + 2.5 * path.stroke_width
    half = 0.38 * length
    base = (tip[0] - ux * length, tip[1] - uy * length)
    head = Polygon(
        (tip, (base[0] - uy * half, base[1] + ux * half), (base[0] + uy * half, base[1] - ux * half)), path.stroke
    )
    # The line ends inside the head, so that no gap shows between them and no square end pokes out of the tip.
    end = (tip[0] - ux * 0.9 * length, tip[1] - uy * 0.9 * length)
    return replace(path, segments=(*before, (verb, (*points[:-1], end))), arrow=False), head


def _points(path: Path) -> list[Point]:
    return [point for _, points in path.segments for point in points]
