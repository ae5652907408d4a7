"""Curves as the points of a drawing: places on a plane of fixed size, its marks and their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

WIDTH, HEIGHT = 420, 234
LEFT, RIGHT, TOP, BOTTOM = 46, 72, 12, 32
PLANE = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "bottom": HEIGHT - BOTTOM}
"""The plane of a chart, and the three sides of its curves, for who draws it."""
MOST_POINTS = 500
"""A curve is drawn with at most so many points; more could not be told apart."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of an axis: its place, and the word beside it."""

    place: float
    word: str


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: `points` as SVG has them, piece by piece where values lack; where it ends, and the value there."""

    name: str
    pieces: tuple[str, ...]
    end: tuple[float, float] | None
    last: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over epochs."""

    title: str
    lines: tuple[Line, ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]


def chart(title: str, epochs: Sequence[float], curves: Mapping[str, Sequence[float]], *, unit: str = "") -> Chart:
    """The chart of some curves by name. What is not finite is left out; the scale begins at 0, or below it."""
    values = [value for curve in curves.values() for value in curve if isfinite(value)]
    up = marks(min([0.0, *values]), max([*values, 1e-12]), 4)
    bottom, top = up[0], max(up[-1], max(values, default=1.0))
    across = [mark for mark in marks(0, max([*epochs, 1.0]), 6) if mark == int(mark) and mark <= max([*epochs, 1.0])]
    end = max([*epochs, 1.0])

    def x(epoch: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * epoch / end, 2)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - bottom) / ((top - bottom) or 1), 2)

    def line(name: str, curve: Sequence[float]) -> Line:
        points = [(x(epoch), y(value)) if isfinite(value) else None for epoch, value in zip(epochs, curve, strict=True)]
        last = points[-1] if points else None
        label = f"{number(curve[-1])}{unit}" if last and name in ("test", "val") else ""
        return Line(name, tuple(_pieces(_thinned(points))), last, label)

    return Chart(
        title,
        tuple(line(name, curve) for name, curve in curves.items()),
        tuple(Mark(x(mark), number(mark)) for mark in across),
        tuple(Mark(y(mark), f"{number(mark)}{unit}") for mark in up),
    )


def marks(low: float, high: float, count: int) -> list[float]:
    """Round numbers from `low` or below it up to `high` or above it, about `count` steps of 1, 2 or 5 times a power."""
    rough = (high - low) / count or 1.0
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return [round(index * step, 12) for index in range(floor(low / step), ceil(high / step * 0.999) + 1)]


def number(value: float) -> str:
    """A value in three digits, as people write it."""
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    return f"{value:.3g}"


def _thinned(points: Sequence[tuple[float, float] | None]) -> list[tuple[float, float] | None]:
    """At most so many points, evenly spread, the last one among them."""
    if len(points) <= MOST_POINTS:
        return list(points)
    step = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(index * step)] for index in range(MOST_POINTS)]


def _pieces(points: Sequence[tuple[float, float] | None]) -> list[str]:
    """The points between gaps, piece by piece; a point alone stands twice, so that it is seen."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            pieces.append([])
        else:
            pieces[-1].append(point)
    doubled = [piece * 2 if len(piece) == 1 else piece for piece in pieces if piece]
    return [" ".join(f"{x},{y}" for x, y in piece) for piece in doubled]
