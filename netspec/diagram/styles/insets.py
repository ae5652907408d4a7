"""What the folded blocks of a picture look like inside: one small picture for each kind of block, beside the net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from netspec.diagram.drawing.items import Drawing, Group, Item, Rect, Text, moved
from netspec.diagram.drawing.text import width
from netspec.diagram.layout.dot_layout import Graphviz
from netspec.diagram.layout.layout import PAGE_HEIGHT, PAGE_WIDTH, layout
from netspec.diagram.styles.graph import draw
from netspec.diagram.view.boxes import Box, View
from netspec.diagram.view.view import view

_MOST = 4
_VARIANTS = 2
"""Insets of blocks of one name that differ in their layers."""
_LARGEST = 16
"""Boxes of an inset that opens all blocks in it."""
_GAP = 16
_HEADER = 18
_NAME, _PLACE = 8.5, 7.0


def with_insets(drawing: Drawing, shown: View, graphviz: Graphviz, least: float) -> Drawing:
    """The drawing of a view with as many insets as the page holds at a scale of `least`.

    Raises LayoutTimeoutError where the time of `graphviz` is over.
    """
    insets = [_inset(shown, box, graphviz) for box in _kinds(shown)]
    for count in range(len(insets), 0, -1):
        best = max(_arrangements(drawing, insets[:count]), key=page_scale)
        if page_scale(best) >= min(least, page_scale(drawing)):
            return best
    return drawing


def page_scale(drawing: Drawing) -> float:
    """How large the drawing is on a page that it fits, 1 for its own size."""
    return min(1.0, PAGE_WIDTH / drawing.width, PAGE_HEIGHT / drawing.height)


def _kinds(shown: View) -> Iterator[Box]:
    """One folded block of each name, and of each sequence of layers among those of a name."""
    graph = shown.graph
    variants: dict[str, set[tuple[str, ...]]] = {}
    found = 0
    for box in shown.leaves():
        if box.kind != "block" or box.scope is None or found == _MOST:
            continue
        layers = tuple(graph.nodes[node].layer.name for node in box.nodes[: len(box.nodes) // box.times])
        known = variants.setdefault(graph.scopes[box.scope].title, set())
        if layers not in known and len(known) < _VARIANTS:
            known.add(layers)
            found += 1
            yield box


def _inset(shown: View, box: Box, graphviz: Graphviz) -> Drawing:
    """The inside of a folded block in a frame, with what it is and where it stands above it."""
    inside = draw(layout(_opened(shown, box), graphviz))
    place = f"inside {box.name}" if box.name else ""
    named = width(box.title, _NAME, "bold")
    least = named + width(place, _PLACE) + 26
    wide, high = max(inside.width, least), inside.height + _HEADER
    baseline = 12.5
    items: list[Item] = [
        Rect(0.4, 0.4, wide - 0.8, high - 0.8, 5, None, "rule", 0.8, (4, 3)),
        Text(9, baseline, box.title, _NAME, "bold"),
        Text(9 + named + 8, baseline, place, _PLACE, fill="muted"),
        *(moved(_unnamed(item), (wide - inside.width) / 2, _HEADER) for item in inside.items),
    ]
    return Drawing(wide, high, tuple(items))


def _opened(shown: View, box: Box) -> View:
    """The inside of a block, as deep as it stays small."""
    inside = view(shown.graph, 1, focus=box.name)
    whole = view(shown.graph, inside.deepest, focus=box.name)
    return whole if sum(1 for _ in whole.leaves()) <= _LARGEST else inside


def _unnamed(item: Item) -> Item:
    """The item without ids, which are those of the picture that it stands beside."""
    if not isinstance(item, Group):
        return item
    return replace(item, id=None, items=tuple(map(_unnamed, item.items)))


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
