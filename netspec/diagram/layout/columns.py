"""The parts of a frame below each other, in as many columns as make the best use of a page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from netspec.diagram.drawing.items import Point, Segment
from netspec.diagram.layout import labels
from netspec.diagram.layout.levels import Cut, Part
from netspec.diagram.layout.pieces import Key, Piece, Route, line, rounded, together
from netspec.diagram.layout.sheet import Sheet

_EXIT_GAP = 3
"""Between the last part and the foot of a frame."""
_HEAD = 5.0
"""How far an edge from the column before runs above the next one."""
_MOST = 14
_GAIN = 1.08
"""How much larger on the page another column must make everything."""


def in_columns(parts: Sequence[Part], pieces: Sequence[Piece], sheet: Sheet) -> Piece:
    """The pieces that the parts have become, for a sheet of this size."""
    if not pieces:
        return Piece(0, 0)
    heights = [piece.height for piece in pieces]
    gaps = [_gap(part, after, sheet) for part, after in pairwise(parts)]
    if sheet.columns:
        return _in_columns(parts, pieces, _breaks(heights, gaps, min(sheet.columns, len(pieces))), sheet)
    best: tuple[float, Piece] | None = None
    for count in range(1, min(len(pieces), _MOST) + 1):
        whole = _in_columns(parts, pieces, _breaks(heights, gaps, count), sheet)
        scale = min(1.0, sheet.width / max(whole.width, 1), sheet.height / max(whole.height, 1))
        is_lower = best is not None and best[0] >= 1 and scale >= 1 and whole.height < 0.8 * best[1].height
        if best is None or scale > best[0] * _GAIN or is_lower:
            best = scale, whole
        if (scale >= 1 and whole.height <= sheet.low) or sheet.width / max(whole.width, 1) < best[0] / 2:
            break
    assert best is not None
    return best[1]


def _in_columns(parts: Sequence[Part], pieces: Sequence[Piece], breaks: Sequence[int], sheet: Sheet) -> Piece:
    bounds = list(pairwise([0, *breaks, len(pieces)]))
    columns = [_column(parts[low:high], pieces[low:high], sheet) for low, high in bounds]
    return _side_by_side(columns, [parts[number] for number in breaks], sheet)


def _breaks(heights: Sequence[float], gaps: Sequence[float], count: int) -> list[int]:
    """Where to begin new columns, so that the tallest of `count` columns is as low as can be."""
    low, high = max(heights), sum(heights) + sum(gaps)
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (low, middle) if len(_filled(heights, gaps, middle)) < count else (middle, high)
    return _filled(heights, gaps, high)


def _filled(heights: Sequence[float], gaps: Sequence[float], limit: float) -> list[int]:
    """Where columns begin that are filled up to the limit; what comes in and goes out stays with its neighbour."""
    breaks: list[int] = []
    filled = 0.0
    for number, height in enumerate(heights):
        gap = gaps[number - 1] if number else 0
        if filled + gap + height > limit and 1 < number < len(heights) - 1:
            breaks.append(number)
            filled = height
        else:
            filled += gap + height
    return breaks


def _gap(part: Part, after: Part, sheet: Sheet) -> float:
    if after.items[0].is_exit:
        return _EXIT_GAP
    return _room(part.below, sheet)


def _room(cut: Cut | None, sheet: Sheet) -> float:
    """The room that the edge over a cut takes along the flow."""
    return labels.length(cut.label, sheet, sheet.label_gap) if cut is not None and cut.label else sheet.gap


def _more(part: Part, sheet: Sheet) -> float:
    """The room that a picture beside others leaves above a part for their sake."""
    return max((sheet.above.get(item.name, 0) for item in part.items), default=0) if sheet.above else 0


def _column(parts: Sequence[Part], pieces: Sequence[Piece], sheet: Sheet) -> Piece:
    """Pieces below each other, each where the edge from the one before goes straight down into it."""
    placed = [pieces[0]]
    routes: list[Route] = []
    for (part, after), piece in zip(pairwise(parts), pieces[1:], strict=True):
        above, cut = placed[-1], part.below
        top = above.bottom + _gap(part, after, sheet) + _more(after, sheet)
        if cut is None:
            placed.append(piece.moved(0, top))
            continue
        start = above.exit(cut.key)
        here = piece.moved(start[0] - piece.entry(cut.key)[0], top)
        end = here.entry(cut.key)
        placed.append(here)
        label_at = labels.beside(start[0], above.bottom, end[1], sheet)
        routes.append(_trunk(cut, after, line(start, end), label_at, sheet))
    first, last = placed[0], placed[-1]
    entries = {key: first.entry(key) for key in (*first.entries, *_keys(parts[0].above))}
    exits = {key: last.exit(key) for key in (*last.exits, *_keys(parts[-1].below))}
    return together(placed, routes, entries, exits)


def _side_by_side(columns: Sequence[Piece], parts: Sequence[Part], sheet: Sheet) -> Piece:
    """Columns from left to right; an edge goes from the foot of each around to the head of the next.

    `parts` are those at the head of the columns but the first.
    """
    if len(columns) == 1:
        return columns[0]
    placed = [columns[0]]
    routes: list[Route] = []
    for column, part in zip(columns[1:], parts, strict=True):
        before = placed[-1]
        left = before.x + before.width + sheet.gutter
        here = column.moved(left, _HEAD + _room(part.above, sheet) if sheet.right else sheet.label_gap)
        if part.above is not None:
            start, end = before.exit(part.above.key), here.entry(part.above.key)
            middle, foot, head = left - sheet.gutter / 2, before.bottom + sheet.gap / 2 + 1, _HEAD
            corners = [start, (start[0], foot), (middle, foot), (middle, head), (end[0], head), end]
            label_at = labels.beside(end[0], head, end[1], sheet)
            routes.append(_trunk(part.above, part, rounded(corners), label_at, sheet))
        placed.append(here)
    first, last = placed[0], placed[-1]
    entries = {key: first.entry(key) for key in first.entries}
    return together(placed, routes, entries, {key: last.exit(key) for key in last.exits})


def _trunk(cut: Cut, after: Part, path: tuple[Segment, ...], label_at: Point, sheet: Sheet) -> Route:
    """The edge over a cut: to the one item that it goes to, or to where it parts."""
    source = "" if cut.tail.startswith("<") else cut.tail
    target = "" if after.head.startswith(">") else after.head
    return Route(source, target, cut.role, cut.key[1], path, bool(target), cut.label, label_at, sheet.right)


def _keys(cut: Cut | None) -> tuple[Key, ...]:
    return (cut.key,) if cut is not None else ()
