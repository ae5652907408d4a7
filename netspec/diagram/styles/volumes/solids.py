"""A feature map as a cuboid: its sides by the square root of its sizes, drawn obliquely."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, radians, sin, sqrt

from netspec.diagram.drawing.items import Dash, Item, Polygon, Rect
from netspec.diagram.drawing.theme import family_role
from netspec.diagram.view.feature_maps import FeatureMaps
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize, evaluate, symbols

_CUBES = 0.65
"""How much smaller cubes are drawn, which are as wide as high."""
_OBLIQUE = radians(38)
_DEPTH = 0.36
"""How much shorter a side is that leads away from the reader."""
_TYPICAL = 224
"""The size that an open dimension is drawn with."""


@dataclass(frozen=True, slots=True)
class Solid:
    """A cuboid's front (width, height) and how far its back is to the right and up (dx, dy)."""

    width: float
    height: float
    dx: float = 0
    dy: float = 0

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of what it covers on the page."""
        return self.width + self.dx, self.height + self.dy


def solids_of(maps: FeatureMaps, side: float, share: float = 1) -> list[Solid]:
    """The maps' cuboids, of which the longest side is `side` points, `share` times as large."""
    longest = max((max(sides) for one in maps.maps if (sides := sides_of(one.shape))), default=1)
    if any(one.shape.rank > 3 for one in maps.maps):
        side *= _CUBES
    return [_solid(one.shape, share * side / sqrt(longest), share) for one in maps.maps]


def _solid(shape: Shape, unit: float, share: float) -> Solid:
    sides = [max(3.5, unit * sqrt(size)) for size in sides_of(shape)]
    dx, dy = _DEPTH * cos(_OBLIQUE), _DEPTH * sin(_OBLIQUE)
    match sides:
        case []:
            features = number(shape.dims[0]) if shape.dims else 1
            return Solid(5, share * min(90, max(5, 3 + 1.15 * sqrt(features))))
        case [length]:
            return Solid(_thickness(shape, share), length)
        case [height, across]:
            return Solid(_thickness(shape, share), height, across * dx, across * dy)
        case [depth, height, across, *_]:
            return Solid(across, height, depth * dx, depth * dy)
    raise AssertionError(sides)


def _thickness(shape: Shape, share: float) -> float:
    return share * min(44, max(2, 0.85 * sqrt(number(shape.dims[0]))))


def sides_of(shape: Shape) -> list[int]:
    """The spatial sizes."""
    return [number(size) for size in shape.spatial] if shape.dims else []


def number(size: Dimension) -> int:
    """The size that a dimension is drawn with."""
    if isinstance(size, OpenSize):
        return max(1, int(evaluate(size, dict.fromkeys(symbols(size), _TYPICAL))))
    return size


def faces_of(left: float, bottom: float, solid: Solid, role: str, dash: Dash | None = None) -> Iterator[Item]:
    """The front, and where there is depth the lit top and the shaded side. A front alone may be dashed."""
    right, top, pen = left + solid.width, bottom - solid.height, 0.5
    around = None if solid.dx else dash
    yield Rect(left, top, solid.width, solid.height, 0, role, f"{role}:line", pen, around)
    if solid.dx:
        back_left, back_right, up = left + solid.dx, right + solid.dx, top - solid.dy
        lit = ((left, top), (back_left, up), (back_right, up), (right, top))
        shaded = ((right, top), (back_right, up), (back_right, bottom - solid.dy), (right, bottom))
        yield Polygon(lit, f"{role}:top", f"{role}:line", pen)
        yield Polygon(shaded, f"{role}:side" if role != "input" else "frame", f"{role}:line", pen)


def role_of(family: str) -> str:
    """The colour of what a layer of a family puts out."""
    return "input" if family in ("input", "skip") else family_role(family)
