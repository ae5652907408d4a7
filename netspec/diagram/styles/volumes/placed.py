"""A map in its place in a picture, and the arrows between maps."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.diagram.drawing.items import Dash, Path, Point, curve, line
from netspec.diagram.styles.volumes.solids import Solid
from netspec.diagram.view.feature_maps import Map


@dataclass(frozen=True, slots=True)
class Placed:
    """A map in its place: the left of its front, and the height of its axis, which arrows meet."""

    map: Map
    solid: Solid
    left: float
    axis: float

    @property
    def right(self) -> Point:
        """Where arrows leave."""
        return self.left + self.solid.extent[0], self.axis

    @property
    def middle(self) -> float:
        return self.left + self.solid.extent[0] / 2

    @property
    def top(self) -> float:
        return self.axis - self.solid.extent[1] / 2

    @property
    def bottom(self) -> float:
        return self.axis + self.solid.extent[1] / 2


def arrow(start: Point, end: Point, role: str = "edge", dash: Dash | None = None) -> Path:
    (x0, y0), (x1, y1) = start, end
    if abs(y0 - y1) < 0.01:
        return Path(line(start, end), role, 0.8, dash, arrow=True)
    middle = (x0 + x1) / 2
    return Path(curve(start, ((middle, y0), (middle, y1), (x1, y1))), role, 0.8, dash, arrow=True)


def dash_of(one: Map) -> Dash | None:
    """As the graph style draws what only training runs."""
    return (3.0, 2.0) if one.when_training else None
