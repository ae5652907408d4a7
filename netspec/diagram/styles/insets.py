"""What the folded blocks of a picture look like inside: one small picture for each kind of block, beside the net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from netspec.diagram.drawing.items import Drawing, Item, Rect, Text, moved, without_ids
from netspec.diagram.drawing.text import width
from netspec.diagram.layout.dot_layout import Graphviz
from netspec.diagram.layout.layout import layout
from netspec.diagram.layout.sheet import USUAL, Sheet
from netspec.diagram.styles.graph import draw
from netspec.diagram.view.boxes import Box, View
from netspec.diagram.view.view import figure

_MOST = 8
_VARIANTS = 2
"""Insets of blocks of one name that differ in their layers."""
_LARGEST = 16
"""Boxes of an inset that opens all blocks in it."""
_GAP = 16
_HEADER = 18
_NAME, _PLACE = 8.5, 7.0

_Spot: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom of what stands on the page."""


def with_insets(
    drawing: Drawing, shown: View, graphviz: Graphviz, least: float, sheet: Sheet = USUAL
) -> tuple[Drawing, tuple[str, ...]]:
    """The drawing of a view with as many insets as the sheet holds at a scale of `least`; the blocks without one.

    Raises LayoutTimeoutError where the time of `graphviz` is over.
    """
    boxes = list(_kinds(shown))
    headings = zip(boxes, _headings(boxes), strict=True)
    insets = [_inset(shown, box, heading, graphviz, sheet) for box, heading in headings]
    least = min(least, page_scale(drawing, sheet))
    if insets:
        best = max(_arrangements(drawing, insets), key=lambda whole: page_scale(whole, sheet))
        if page_scale(best, sheet) >= least:
            return best, ()
    packed, left_out = _packed(drawing, insets, least, sheet)
    return packed, tuple(boxes[place].name for place in left_out)


def _packed(drawing: Drawing, insets: Sequence[Drawing], least: float, sheet: Sheet) -> tuple[Drawing, list[int]]:
    """The insets wherever there is room beside each other on a page at the scale `least`; those that found none.

    Each stands in the corner of what stands already that makes the whole grow the least.
    """
    taken = [(0.0, 0.0, drawing.width, drawing.height)]
    items, left_out = list(drawing.items), []
    for place, inset in enumerate(insets):
        lefts = {8.0, *(right for _, _, right, _ in taken)}
        tops = {8.0, *(bottom for _, _, _, bottom in taken)}
        spots = [
            (left, top, left + inset.width + _GAP / 2, top + inset.height + _GAP / 2) for left in lefts for top in tops
        ]
        free = [
            (left, top, right, bottom)
            for left, top, right, bottom in spots
            if right * least <= sheet.width
            and bottom * least <= sheet.height
            and not any(left < r and x < right and top < b and y < bottom for x, y, r, b in taken)
        ]
        if not free:
            left_out.append(place)
            continue
        spot = max(free, key=lambda spot: (_scale_with(taken, spot, sheet), -spot[1], -spot[0]))
        taken.append(spot)
        items += _placed([inset], [spot[:2]])
    wide, high = max(right for _, _, right, _ in taken), max(bottom for _, _, _, bottom in taken)
    return replace(drawing, width=wide, height=high, items=tuple(items)), left_out


def _scale_with(taken: Sequence[_Spot], spot: _Spot, sheet: Sheet) -> float:
    """The scale at which the page holds what stands already and what is put on this spot."""
    wide = max(right for _, _, right, _ in (*taken, spot))
    high = max(bottom for _, _, _, bottom in (*taken, spot))
    return min(1.0, sheet.width / wide, sheet.height / high)


def page_scale(drawing: Drawing, sheet: Sheet = USUAL) -> float:
    """How large the drawing is on a sheet that it fits, 1 for its own size."""
    return min(1.0, sheet.width / drawing.width, sheet.height / drawing.height)


def _kinds(shown: View) -> Iterator[Box]:
    """One folded block of each name, and of each sequence of layers among those of a name; labelled groups as well."""
    graph = shown.graph
    variants: dict[str, set[tuple[str, ...]]] = {}
    found = 0
    for box in shown.leaves():
        if box.kind not in ("block", "container") or box.scope is None or not box.name or found == _MOST:
            continue
        layers = tuple(graph.nodes[node].layer.name for node in box.nodes[: len(box.nodes) // box.times])
        named = graph.scopes[box.scope].title if box.kind == "block" else box.label.rstrip("0123456789")
        known = variants.setdefault(named, set())
        if layers not in known and len(known) < _VARIANTS:
            known.add(layers)
            found += 1
            yield box


def _headings(boxes: Sequence[Box]) -> list[str]:
    """What stands above each inset: the block as its box says it, with its name where another says the same.

    A container says no more than its label: where there are several, each has its whole name.
    """
    titles = [box.title or box.label for box in boxes]
    named = [
        f"{box.label}: {title}" if titles.count(title) > 1 and title != box.label else title
        for box, title in zip(boxes, titles, strict=True)
    ]
    return [box.name if named.count(title) > 1 else title for box, title in zip(boxes, named, strict=True)]


def _inset(shown: View, box: Box, heading: str, graphviz: Graphviz, sheet: Sheet) -> Drawing:
    """The inside of a folded block in a frame, with what it is and where it stands above it."""
    inside = draw(layout(_opened(shown, box), graphviz, sheet))
    place = "" if heading.startswith(f"{box.label}: ") or heading == box.name else f"inside {box.name}"
    named = width(heading, _NAME, "bold")
    least = named + width(place, _PLACE) + 26
    wide, high = max(inside.width, least), inside.height + _HEADER
    baseline = 12.5
    items: list[Item] = [
        Rect(0.4, 0.4, wide - 0.8, high - 0.8, 5, None, "rule", 0.8, (4, 3)),
        Text(9, baseline, heading, _NAME, "bold"),
        *([Text(9 + named + 8, baseline, place, _PLACE, fill="muted")] if place else []),
        *(moved(without_ids(item), (wide - inside.width) / 2, _HEADER) for item in inside.items),
    ]
    return Drawing(wide, high, tuple(items))


def _opened(shown: View, box: Box) -> View:
    """The inside of a block, as deep as it stays small."""
    inside = figure(shown.graph, 1, focus=box.name)
    whole = figure(shown.graph, inside.deepest, focus=box.name)
    return whole if sum(1 for _ in whole.leaves()) <= _LARGEST else inside


def _arrangements(drawing: Drawing, insets: Sequence[Drawing]) -> Iterator[Drawing]:
    """The insets to the right of the drawing in one to three columns, or in a row below it."""
    for count in range(1, min(3, len(insets)) + 1):
        yield _beside(drawing, _columns(insets, count))
    across = sum(inset.width for inset in insets) + _GAP * (len(insets) - 1)
    row = _placed(
        insets, [(sum(inset.width + _GAP for inset in insets[:number]), 0.0) for number in range(len(insets))]
    )
    yield replace(
        drawing,
        width=max(drawing.width, across + 16),
        height=drawing.height + _GAP + max(inset.height for inset in insets) + 8,
        items=(*drawing.items, *(moved(item, 8, drawing.height + _GAP) for item in row)),
    )


def _columns(insets: Sequence[Drawing], count: int) -> list[list[Drawing]]:
    """The insets in order, each in the column that is the lowest so far."""
    columns: list[list[Drawing]] = [[] for _ in range(count)]
    for inset in insets:
        min(columns, key=lambda column: sum(one.height + _GAP for one in column)).append(inset)
    return columns


def _beside(drawing: Drawing, columns: Sequence[Sequence[Drawing]]) -> Drawing:
    items = list(drawing.items)
    left, bottom = drawing.width + _GAP / 2, drawing.height
    for column in columns:
        top = 8.0
        for inset in column:
            items += _placed([inset], [(left, top)])
            top += inset.height + _GAP
        left += max(inset.width for inset in column) + _GAP
        bottom = max(bottom, top - _GAP + 8)
    return replace(drawing, width=left - _GAP + 8, height=bottom, items=tuple(items))


def _placed(insets: Sequence[Drawing], corners: Sequence[tuple[float, float]]) -> list[Item]:
    return [moved(item, x, y) for inset, (x, y) in zip(insets, corners, strict=True) for item in inset.items]
