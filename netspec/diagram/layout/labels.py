"""Where the shape of a value stands: beside an edge that goes down, above one that goes to the right.

Layouts go down whatever the direction (`Sheet.turned`): a shape is `breadth` across the flow, `length` along it, and
its place is told so that it is right once the layout has been turned.
"""

from __future__ import annotations

from netspec.diagram.drawing.items import Point
from netspec.diagram.layout import box_text
from netspec.diagram.layout.sheet import Sheet

HEIGHT = 9
_BESIDE, _ABOVE = 4.0, 5.5
"""From an edge to the left end of a shape beside it, and to the middle of one above it."""
_AROUND = 8
"""What an edge shows of itself before and after the shape above it, its head among it."""


def breadth(label: str, sheet: Sheet) -> int:
    """The room that a shape takes across the flow."""
    return HEIGHT if sheet.right else box_text.label_width(label)


def length(label: str, sheet: Sheet, room: float) -> float:
    """The room that a shape takes along the flow; `room` where the flow goes down."""
    return max(room, box_text.label_width(label) + _AROUND) if sheet.right else room


def beside(x: float, start: float, end: float, sheet: Sheet) -> Point:
    """The place of the shape of an edge that goes along the flow at `x`, from `start` to `end`: its left end, halfway
    up.
    """
    if sheet.right:
        return x - _ABOVE, min(start, end) + _BESIDE
    return x + _BESIDE, (start + end) / 2
