"""Where everything stands: the boxes of a view on a page, and the ways of its edges.

Each frame is laid out from the inside out. What is in a frame is cut wherever a single value goes on: the parts stand
below each other, in columns side by side where they grow taller than a page. A part of several boxes, the branches and
detours between two cuts, is laid out by Graphviz's `dot`; so however long a net is, `dot` sees small graphs only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil

from netspec.diagram.layout import box_text, labels
from netspec.diagram.layout.branches import by_dot
from netspec.diagram.layout.columns import in_columns
from netspec.diagram.layout.dot_layout import Graphviz
from netspec.diagram.layout.levels import Item, Way, cut, is_parted, levels, ordered
from netspec.diagram.layout.pieces import Key, Piece, PlacedBox, Route, line
from netspec.diagram.layout.sheet import USUAL, Sheet
from netspec.diagram.layout.valley import as_valley, bottom_of
from netspec.diagram.view.boxes import Box, View

__all__ = ["Layout", "PlacedBox", "Route", "layout"]

_WIDEST_LABEL = 72
"""The room beside each of several values that leave a box: formulas of open sizes are cut where they are longer."""
_BELOW = 8
"""Between what is in a frame and the frame, below."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything in its place, frames before what is in them."""

    view: View
    width: float
    height: float
    boxes: tuple[PlacedBox, ...]
    routes: tuple[Route, ...]
    sheet: Sheet = USUAL


def layout(view: View, graphviz: Graphviz, sheet: Sheet = USUAL) -> Layout:
    """Lays out a view for a sheet. Raises LayoutTimeoutError where the time of `graphviz` is over."""
    frames = _Frames(levels(view, sheet), graphviz)
    if sheet.right and frames.is_valley(view.boxes, sheet):
        return layout(view, graphviz, replace(sheet, right=False))
    whole = frames.inside("", view.boxes, sheet.turned())
    width, height = whole.width + 2 * sheet.margin, whole.height + 2 * sheet.margin
    boxes = tuple(whole.all_boxes(sheet.margin, sheet.margin))
    routes = tuple(whole.all_routes(sheet.margin, sheet.margin))
    if sheet.right:
        width, height = height, width
        boxes, routes = tuple(box.mirrored() for box in boxes), tuple(route.mirrored() for route in routes)
    return Layout(view, width, height, boxes, routes, sheet)


class _Frames:
    """Lays out one frame after the other, the inner ones first."""

    def __init__(self, ways: dict[str, list[Way]], graphviz: Graphviz) -> None:
        self.ways, self.graphviz = ways, graphviz

    def inside(self, name: str, boxes: Sequence[Box], sheet: Sheet) -> Piece:
        """What is on the page or in the frame of this name."""
        self.graphviz.check_time()
        items, ways = self._items(name, boxes, sheet)
        bottom = None if name else bottom_of(items, ways)
        if bottom is not None:
            return as_valley(items, ways, bottom, self.graphviz, sheet)
        parts = cut(items, ways)
        pieces = [part.items[0].piece if len(part.items) == 1 else by_dot(part, self.graphviz, sheet) for part in parts]
        return in_columns(parts, pieces, sheet)

    def is_valley(self, boxes: Sequence[Box], sheet: Sheet) -> bool:
        """Whether what is on the page is an encoder with its decoder."""
        return not any(box.children for box in boxes) and bottom_of(*self._items("", boxes, sheet)) is not None

    def _items(self, name: str, boxes: Sequence[Box], sheet: Sheet) -> tuple[list[Item], list[Way]]:
        """The items of the page or of a frame in the order of the flow, what is in them laid out, and their edges."""
        ways = self.ways.get(name, [])
        if sheet.nested and not sheet.branch_shapes:
            ways = [replace(way, label="") for way in ways]
        return ordered([Item(box.id, self._box(box, ways, sheet), box) for box in boxes], ways), ways

    def _box(self, box: Box, ways: Sequence[Way], sheet: Sheet) -> Piece:
        if not box.children:
            entering = _in_order(box, ways)
            return _leaf(box, entering, [way for way in ways if way.tail == box.id], sheet)
        framed = _framed_beside if sheet.right else _framed
        return framed(box, self.inside(box.id, box.children, sheet.inside()), sheet)


def _in_order(box: Box, ways: Sequence[Way]) -> list[Way]:
    """The edges into a box from left to right, so that those from one box need not cross: as they leave it."""
    entering = [way for way in ways if way.head == box.id]
    if len(entering) < 2:
        return entering
    read = {way.tail for way in entering}
    before = {key for tail in read for key in _before([way for way in ways if way.tail == tail])}
    return sorted(entering, key=lambda way: (way.key not in before, way.role not in _FLOWS))


_FLOWS = ("flow", "auxiliary")


def _leaf(box: Box, entering: Sequence[Way], leaving: Sequence[Way], sheet: Sheet) -> Piece:
    """A box without children: several values enter it and leave it at different places."""
    width, height = box_text.size(box, sheet)[:: -1 if sheet.right else 1]
    told = _leaving(leaving)
    if box.kind == "join" or (len(told) < 2 and not is_parted(box)):
        told = {}
    if told:
        widest = min(_WIDEST_LABEL, max(labels.breadth(label, sheet) for label in told.values()))
        width = max(width, 2 * ceil(len(told) * (widest + 8) / 2))
    beside, below = (_sheets(box), 0) if sheet.right else (0, _sheets(box))  # the sheets below are seen below
    bottom = height + below
    exits = {key: (beside + x, bottom) for key, x in _spread(told, width).items()}
    entries = {} if box.kind == "join" else {key: (beside + x, 0) for key, x in _entries(entering, width).items()}
    placed = PlacedBox(box, beside, 0, width, height)
    return Piece(width + 2 * beside, bottom, boxes=(placed,), entries=entries, exits=exits)


def _leaving(ways: Sequence[Way]) -> dict[Key, str]:
    """The values that leave a box from left to right, with their shapes: what goes around something after what flows,
    but for those that come before it.
    """
    before = _before(ways)
    flows = {way.key for way in ways if way.role == "flow"}
    labels = {way.key: "" for way in sorted(ways, key=lambda way: (way.key not in before, way.key not in flows))}
    return labels | {way.key: way.label for way in ways if way.label}


def _before(ways: Sequence[Way]) -> set[Key]:
    """Of the values that leave a box those that only go around what flows, to where it goes around that itself."""
    flows = {way.key for way in ways if way.role == "flow"}
    around = {way.head for way in ways if way.key in flows and way.role != "flow"}
    return {way.key for way in ways if way.key not in flows and way.head in around}


def _entries(ways: Sequence[Way], width: int) -> dict[Key, float]:
    """Where values enter a box: the flow in the middle, detours right of it; several flows side by side."""
    flows = {way.key: None for way in ways if way.role in _FLOWS}
    others = {way.key: None for way in ways if way.key not in flows}
    if len(flows) + len(others) < 2:
        return {}
    if len(flows) != 1 or ways[0].role not in _FLOWS:
        return _spread(dict.fromkeys(way.key for way in ways), width)
    step = width / 2 / (len(others) + 1)
    beside = {key: round(width / 2 + step * (place + 1)) for place, key in enumerate(others)}
    return dict.fromkeys(flows, width / 2) | beside


def _spread(keys: Iterable[Key], width: int) -> dict[Key, float]:
    """Places along a side of a box, as far from each other as may be."""
    keys = list(keys)
    return {key: round((place + 0.5) * width / len(keys)) for place, key in enumerate(keys)}


def _framed(box: Box, inner: Piece, sheet: Sheet) -> Piece:
    """A frame with its header around what is in it."""
    width = 2 * ceil(max(inner.width + 2 * sheet.side, box_text.header_width(box, sheet)) / 2)
    header = box_text.header_height(box, sheet)
    height = ceil(header + inner.height + _BELOW)
    port = next((x for x, _ in inner.entries.values()), 0)
    left = round((width - inner.width) / 2 + port) - port  # what enters does so at a whole point
    inside = inner.moved(left, header)
    tails = [
        Route("", "", "flow", key[1], line(inside.exit(key), (inside.exit(key)[0], height + _sheets(box))), False)
        for key in inside.exits
    ]
    return Piece(
        width,
        height + _sheets(box),
        boxes=(PlacedBox(box, 0, 0, width, height),),
        parts=(inside,),
        routes=tuple(tails),
        entries={key: (inside.entry(key)[0], 0) for key in inside.entries},
        exits={key: (inside.exit(key)[0], height + _sheets(box)) for key in inside.exits},
    )


def _framed_beside(box: Box, inner: Piece, sheet: Sheet) -> Piece:
    """A frame around a flow to the right: its header is across, so that what enters has to be led past the border."""
    header = box_text.header_height(box, sheet)
    height = 2 * ceil(max(inner.height + 2 * sheet.side, box_text.header_width(box, sheet)) / 2)
    port = next((x for x, _ in inner.entries.values()), 0)
    left = round(header + port) - port
    width = ceil(left + inner.width + _BELOW)
    inside = inner.moved(left, (height - inner.height) / 2)
    borders = [(inside.entry(key), 0.0, key) for key in inside.entries]
    borders += [(inside.exit(key), float(height), key) for key in inside.exits]
    ends = [
        Route("", "", "flow", key[1], line(*sorted([(x, y), (x, border)], key=lambda point: point[1])), False)
        for (x, y), border, key in borders
    ]
    return Piece(
        width + _sheets(box),
        height,
        boxes=(PlacedBox(box, 0, 0, width, height),),
        parts=(inside,),
        routes=tuple(ends),
        entries={key: (inside.entry(key)[0], 0) for key in inside.entries},
        exits={key: (inside.exit(key)[0], height) for key in inside.exits},
    )


def _sheets(box: Box) -> int:
    return box_text.SHEETS if box.times > 1 else 0
