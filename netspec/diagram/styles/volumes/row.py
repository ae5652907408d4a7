"""Maps from left to right, what is fed in parallel in lanes below each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netspec.diagram.drawing.items import Dash, Item, Path, Point, Segment, Text, line
from netspec.diagram.drawing.text import width
from netspec.diagram.layout.pieces import rounded
from netspec.diagram.styles.volumes.labels import (
    LEADING,
    SMALL,
    caption,
    foot,
    label_lines,
    label_width,
    makers,
    name_lines,
    name_room,
)
from netspec.diagram.styles.volumes.placed import Placed, dash_of
from netspec.diagram.styles.volumes.solids import Solid, solids_of
from netspec.diagram.view.feature_maps import FeatureMaps, Link

_SIDE = 84.0
"""The side of the largest map, in points."""
_LEAST_SIDE = 0.4
"""How much smaller maps are drawn where many are fed in parallel, at the least."""
_SLANT = 38.0
"""Degrees by which captions rise."""
GAP = 13.0
"""Between the columns, where the arrows are."""
_HEAD = 5.0
"""The length of an arrow's head."""


def in_line(maps: FeatureMaps, share: float) -> tuple[list[Placed], list[Item]]:
    """Maps from left to right, what is fed in parallel in lanes below each other.

    `share` is how large the solids are, 1 for as large as usual; letters stay as they are.
    """
    columns = columns_of(maps)
    lanes = _Lanes(maps, columns)
    crowded = lanes.are_crossed(maps, columns)
    solids = solids_of(maps, _SIDE * min(1, max(_LEAST_SIDE, 2 / lanes.breadth)), share)
    slots = [0.0] * (max(columns) + 1)
    for one, solid, column in zip(maps.maps, solids, columns, strict=True):
        name_width = width(f"{one.name}:", SMALL) - GAP + 4 if one.is_source else name_room(one) if crowded else 0
        slots[column] = max(slots[column], solid.extent[0], label_width(one), name_width)
    lefts = [sum(slots[:column]) + GAP * column for column in range(len(slots))]

    captions = [caption(one) for one in maps.maps]
    heads = {columns[index]: makers(maps.maps[index]) for index in range(len(captions)) if lanes.first(index)}
    feet = [
        []
        if lanes.first(index)
        else name_lines(one)
        if crowded and index in lanes.core
        else foot(one, slots[column] + GAP, heads.get(column, ""))
        for index, (one, column) in enumerate(zip(maps.maps, columns, strict=True))
    ]
    axes = lanes.axes(solids, [len(lines) * LEADING for lines in feet])
    placed = [
        Placed(one, solid, lefts[column] + (slots[column] - solid.extent[0]) / 2, axis)
        for one, solid, column, axis in zip(maps.maps, solids, columns, axes, strict=True)
    ]
    items: list[Item] = []
    head = min((placed[index].top for index in lanes.core), default=0) - 5
    for index, there in enumerate(placed):
        if lanes.first(index):
            items.extend(_slanted(captions[index], there, head))
        first = there.bottom + 8 + LEADING * len(label_lines(there.map.shape))
        for place, text in enumerate(feet[index]):
            items.append(Text(there.middle, first + place * LEADING, text, SMALL, anchor="middle"))
    under = [
        there.bottom + 4 + LEADING * (len(label_lines(there.map.shape)) + len(lines))
        for there, lines in zip(placed, feet, strict=True)
    ]
    lowest = max((under[index] for index in lanes.core), default=0)
    links = list(maps.links)
    if crowded:
        passing = [link for link in links if lanes.is_passing(link, columns)]
        links = [link for link in links if link not in passing]
        items.extend(_rails(passing, placed, columns, lefts, lowest))
    items.extend(_links(links, placed, columns, lefts, under, lowest))
    return placed, items


def columns_of(maps: FeatureMaps) -> list[int]:
    """How many steps each map is from an input at most; what is made of nothing stands right before what reads it."""
    apart = _made_of_nothing(maps)
    columns = [0] * len(maps.maps)
    for link in sorted(maps.links, key=lambda link: link.target):
        if not maps.maps[link.source].is_source or link.target in apart:
            columns[link.target] = max(columns[link.target], columns[link.source] + 1)
    for index in sorted(apart, reverse=True):
        readers = [columns[link.target] for link in maps.links if link.source == index]
        columns[index] = max(0, min(readers, default=1) - 1)
    return columns


def _made_of_nothing(maps: FeatureMaps) -> set[int]:
    """The maps that no input reaches, such as learned tensors and what is made of these alone."""
    sources: dict[int, list[int]] = {}
    for link in maps.links:
        sources.setdefault(link.target, []).append(link.source)
    apart: set[int] = set()
    for index, one in enumerate(maps.maps):
        read = sources.get(index, [])
        if one.is_source or (read and apart.issuperset(read)):
            apart.add(index)
    return apart


class _Lanes:
    """Which lane a map is in. What leads to the results is in the upper ones, what only training runs below."""

    def __init__(self, maps: FeatureMaps, columns: Sequence[int]) -> None:
        self.sources: list[list[int]] = [[] for _ in maps.maps]
        for link in maps.links:
            self.sources[link.target].append(link.source)
        self.core = self._leading(maps)
        together: dict[int, list[int]] = {}
        for index in sorted(self.core):
            together.setdefault(columns[index], []).append(index)
        self.breadth = max(map(len, together.values()))
        self.lane = [-1] * len(maps.maps)
        for column in sorted(together):
            group = together[column]
            if len(group) > 1:
                group.sort(key=lambda index: (self._height(index), index))
            for lane, index in enumerate(group):
                self.lane[index] = lane
        self.alone = {group[0] for group in together.values() if len(group) == 1}
        self._place_others(maps, columns)

    def _leading(self, maps: FeatureMaps) -> set[int]:
        waiting = [index for index, one in enumerate(maps.maps) if one.is_output and not one.when_training]
        core: set[int] = set()
        waiting = waiting or [len(maps.maps) - 1]
        while waiting:
            index = waiting.pop()
            if index not in core and not maps.maps[index].is_source:
                core.add(index)
                waiting.extend(self.sources[index])
        return core

    def _height(self, index: int) -> float:
        lanes = [self.lane[source] for source in self.sources[index] if source in self.core]
        return sum(lanes) / len(lanes) if lanes else index

    def _place_others(self, maps: FeatureMaps, columns: Sequence[int]) -> None:
        cells: set[tuple[int, int]] = set()
        last = [columns[index] + 1 for index in range(len(maps.maps))]
        for link in maps.links:
            if maps.maps[link.source].is_source:
                last[link.source] = max(last[link.source], columns[link.target])
        others = [index for index in range(len(maps.maps)) if index not in self.core]
        for index in sorted(others, key=lambda index: last[index] - columns[index]):  # what reaches far, further down
            above = [self.lane[source] for source in self.sources[index] if source not in self.core]
            lane = max(self.breadth, min(above, default=self.breadth))
            span = {(lane, column) for column in range(columns[index], last[index])}
            while span & cells:
                lane += 1
                span = {(lane, column) for column in range(columns[index], last[index])}
            cells |= span
            self.lane[index] = lane

    def are_crossed(self, maps: FeatureMaps, columns: Sequence[int]) -> bool:
        """Whether lines run down between the lanes, where names would otherwise be written."""
        return any(self.is_passing(link, columns) for link in maps.links)

    def is_passing(self, link: Link, columns: Sequence[int]) -> bool:
        """Whether a value goes past others, from or to a map that stands amidst lanes."""
        amidst = {link.source, link.target} & self.core - self.alone
        return columns[link.target] - columns[link.source] > 1 and bool(amidst) and link.source in self.core

    def first(self, index: int) -> bool:
        """Whether the map's caption stands at the head of the picture."""
        return index in self.core and self.lane[index] == 0

    def axes(self, solids: Sequence[Solid], captions: Sequence[float]) -> list[float]:
        """The height of each map's axis; a core map that is alone in its column stands in the middle of the lanes."""
        axis: list[float] = []
        bottom = 0.0
        for lane in range(max(self.lane) + 1):
            inside = [index for index, where in enumerate(self.lane) if where == lane]
            if self.breadth > 1:
                inside = [index for index in inside if index not in self.alone] or inside
            height = max(solids[index].extent[1] for index in inside)
            axis.append(bottom + height / 2)
            bottom += height + 2 * LEADING + max(captions[index] for index in inside) + 12
        middle = (axis[0] + axis[self.breadth - 1]) / 2
        return [middle if index in self.alone else axis[lane] for index, lane in enumerate(self.lane)]


def _links(
    links: Sequence[Link],
    placed: Sequence[Placed],
    columns: Sequence[int],
    lefts: Sequence[float],
    under: Sequence[float],
    lowest: float,
) -> Iterator[Item]:
    """Arrows to the next map; for those that pass others by, from and to what is `under` the maps, below the lowest."""
    tracks: list[float] = []
    for link in sorted(links, key=lambda link: (columns[link.source], columns[link.target])):
        source, target = placed[link.source], placed[link.target]
        if columns[link.target] - columns[link.source] == 1:
            height = (target.axis + target.bottom) / 2 if source.map.is_source else target.axis
            left = lefts[columns[link.target]]
            yield _between(source.right, left - GAP, left, (target.left, height), dash_of(target.map))
            continue
        if source.map.is_source:
            corners = (source.right, (target.middle, source.axis), (target.middle, under[link.target]))
            yield Path(line(*corners), "edge", 0.8, arrow=True)
            continue
        start, end = source.middle, target.middle
        track = next((track for track, until in enumerate(tracks) if until < start), len(tracks))
        tracks[track : track + 1] = [end]
        y = lowest + 6 + 7 * track
        corner = 4.0
        yield Path(
            (
                ("M", ((start, under[link.source]),)),
                ("L", ((start, y - corner),)),
                ("C", ((start, y), (start, y), (start + corner, y))),
                ("L", ((end - corner, y),)),
                ("C", ((end, y), (end, y), (end, y - corner))),
                ("L", ((end, under[link.target]),)),
            ),
            "accent",
            0.8,
            arrow=True,
        )
        if link.words:
            yield Text((start + end) / 2, y - 2, link.words, SMALL, anchor="middle", fill="muted")


def _rails(
    links: Sequence[Link], placed: Sequence[Placed], columns: Sequence[int], lefts: Sequence[float], lowest: float
) -> Iterator[Item]:
    """What goes past others amidst lanes: down between two columns, along a rail below all, and up between two columns.

    A value that goes to several has one rail.
    """
    sources = list(dict.fromkeys(link.source for link in links))
    for link in links:
        source, target = placed[link.source], placed[link.target]
        number = sources.index(link.source)
        apart = 3.0 + (GAP - 6) * (number + 0.5) / len(sources)
        down, up = lefts[columns[link.source] + 1] - GAP + apart, lefts[columns[link.target]] - GAP + apart
        y, end = lowest + 6 + 7 * number, (target.axis + target.bottom) / 2
        corners = [source.right, (down, source.axis), (down, y), (up, y), (up, end), (target.left, end)]
        yield Path(rounded(corners, 3), "accent", 0.8, arrow=True)


def _between(start: Point, left: float, right: float, end: Point, dash: Dash | None) -> Path:
    """An arrow that rises or falls only between two columns, so that it is on no text below the maps in them."""
    (x0, y0), (x1, y1) = start, end
    if abs(y0 - y1) < 0.01:
        return Path(line(start, end), "edge", 0.8, dash, arrow=True)
    left, right = max(left, x0), min(right, x1 - _HEAD)
    middle = (left + right) / 2
    bend: Segment = ("C", ((middle, y0), (middle, y1), (right, y1)))
    return Path((*line(start, (left, y0)), bend, ("L", (end,))), "edge", 0.8, dash, arrow=True)


def _slanted(text: str, one: Placed, y: float) -> Iterator[Item]:
    """A caption that rises from above the map, and a thin line from the map to it where it is far away."""
    if not text:
        return
    if one.top - y > 8:
        yield Path(line((one.middle, one.top - 1.5), (one.middle, y + 1)), "rule", 0.4)
    yield Text(one.middle + 1.5, y, text, SMALL, fill="ink", rotate=-_SLANT)
