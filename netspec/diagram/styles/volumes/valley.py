"""Maps whose resolution falls and rises again as a U, with what is copied straight across."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from netspec.diagram.drawing.items import Anchor, Item, Path, Point, Text, curve, line
from netspec.diagram.drawing.text import CAP_HEIGHT, wrap
from netspec.diagram.styles.volumes.labels import LEADING, TINY, gap_caption, label_width, name_width
from netspec.diagram.styles.volumes.placed import Placed, arrow
from netspec.diagram.styles.volumes.solids import solids_of
from netspec.diagram.view.feature_maps import FeatureMaps, Link

_SIDE = 64.0
"""The side of the largest map, in points."""
_TURN = 12.0
"""How far a way goes on where it also goes down or up."""
_START: Anchor = "start"
_END: Anchor = "end"


def as_u(shown: FeatureMaps, levels: Sequence[int], share: float) -> tuple[list[Placed], list[Item]]:
    """Maps from left to right and, with every halving, down; what passes others by goes straight across.

    `share` is how large the solids are, 1 for as large as usual; letters stay as they are.
    """
    solids = solids_of(shown, _SIDE, share)
    axes: dict[int, float] = {}
    bottom = 0.0
    for level in range(min(levels), max(levels) + 1):
        heights = [solid.extent[1] for solid, where in zip(solids, levels, strict=True) if where == level]
        height = max(heights, default=0)
        axes[level] = bottom + height / 2
        bottom += height + 3 * LEADING + 14
    captions = [gap_caption(one) for one in shown.maps]
    placed: list[Placed] = []
    for one, solid, level, (gap, _) in zip(shown.maps, solids, levels, captions, strict=True):
        half = max(solid.extent[0], label_width(one), name_width(one)) / 2
        is_level = not placed or placed[-1].axis == axes[level]
        middle = _next_middle(placed[-1], axes[level], gap if is_level else _TURN, half) if placed else half
        placed.append(Placed(one, solid, middle - solid.extent[0] / 2, axes[level]))
    items: list[Item] = []
    for (source, target), (_, words) in zip(pairwise(placed), captions[1:], strict=True):
        items.extend(_step(source, target, words))
    for link in shown.links:
        if link.target > link.source + 1:
            items.extend(_across(link, placed, levels))
    return placed, items


def _next_middle(before: Placed, axis: float, gap: float, half: float) -> float:
    """Where the map after `before` has its middle: a way down leaves from under it, a way up arrives from under it."""
    edge = before.middle + max(before.solid.extent[0], label_width(before.map), name_width(before.map)) / 2
    if axis > before.axis:
        return before.middle + gap + half
    return edge + gap + (half if axis == before.axis else 0)


def _step(source: Placed, target: Placed, words: Sequence[str]) -> Iterator[Item]:
    """The way from a map to the next: straight on, or down and on, or on and up.

    Its words stand above a level way, outside of the U beside one that goes down or up.
    """
    start, end = source.right, (target.left, target.axis)
    if target.axis > source.axis:
        start = (source.middle, source.bottom)
        corner: tuple[Point, ...] = ((source.middle, target.axis),)
    elif target.axis < source.axis:
        end = (target.middle, target.bottom)
        corner = ((target.middle, source.axis),)
    else:
        corner = ()
    yield Path(line(start, *corner, end), "edge", 0.8, arrow=True)
    if not corner:
        for index, text in enumerate(reversed(words)):
            yield Text((start[0] + end[0]) / 2, start[1] - 3 - index * TINY, text, TINY, anchor="middle", fill="muted")
        return
    ((x, _),) = corner
    low, high = (source.bottom, target.axis) if target.axis > source.axis else (target.bottom, source.axis)
    first = (low + high) / 2 - TINY * (len(words) - 1) / 2 + TINY * CAP_HEIGHT / 2
    beside, anchor = (x - 3, _END) if target.axis > source.axis else (x + 3, _START)
    for index, text in enumerate(words):
        yield Text(beside, first + index * TINY, text, TINY, anchor=anchor, fill="muted")


def _across(link: Link, placed: Sequence[Placed], levels: Sequence[int]) -> Iterator[Item]:
    """A skip connection: straight where both maps have one resolution and nothing is between them."""
    source, target = placed[link.source], placed[link.target]
    between = levels[link.source + 1 : link.target]
    if levels[link.source] == levels[link.target] and levels[link.source] not in between:
        yield arrow(source.right, (target.left, target.axis), "accent")
        if link.words:
            middle, room = (source.right[0] + target.left) / 2, target.left - source.right[0] - 4
            for index, text in enumerate(reversed(wrap(link.words, TINY, room))):
                yield Text(middle, source.axis - 3 - index * TINY, text, TINY, anchor="middle", fill="muted")
        return
    above = 3 * LEADING + 5  # clear of the lines over a map
    y = min(one.top for one in placed[link.source : link.target + 1]) - above - 8
    start, end = source.middle, target.middle
    top = (source.top - above, target.top - above)
    yield Path(curve((start, top[0]), ((start, y), (end, y), (end, top[1]))), "accent", 0.8, arrow=True)
