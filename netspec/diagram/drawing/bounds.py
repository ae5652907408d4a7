"""How much room the items of a drawing take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import cos, radians, sin

from netspec.diagram.drawing.items import Circle, Group, Item, Path, Point, Polygon, Rect, Text
from netspec.diagram.drawing.text import ASCENT, DESCENT, width_of

_BEFORE = {"start": 0.0, "middle": 0.5, "end": 1.0}


def bounds(items: Iterable[Item]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of all items; lines have no thickness, curves are as large as their control points.

    All zero where there are none.
    """
    points = [point for item in items for point in corners(item)]
    if not points:
        return 0, 0, 0, 0
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def corners(item: Item) -> Iterator[Point]:
    """Points that the item lies between."""
    match item:
        case Group():
            for child in item.items:
                yield from corners(child)
        case Rect():
            yield item.x, item.y
            yield item.x + item.width, item.y + item.height
        case Circle():
            yield item.x - item.radius, item.y - item.radius
            yield item.x + item.radius, item.y + item.radius
        case Polygon():
            yield from item.points
        case Path():
            for _, points in item.segments:
                yield from points
        case Text():
            yield from _text_corners(item)


def _text_corners(text: Text) -> Iterator[Point]:
    wide = width_of(text)
    left = -_BEFORE[text.anchor] * wide
    turn = radians(text.rotate)
    for x in (left, left + wide):
        for y in (-ASCENT * text.size, DESCENT * text.size):
            yield text.x + x * cos(turn) - y * sin(turn), text.y + x * sin(turn) + y * cos(turn)
