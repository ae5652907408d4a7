"""Feature maps as boxes, as in the pictures of the LeNet, AlexNet and U-Net papers.

A map of C x H x W is a cuboid: as thick as the square root of its channels, with sides by the square root of its
resolution. A 1-d map is a bar, a vector a strip, a volume a cube whose channels are told. What makes a map is said
above it. A net whose resolution falls and rises again is drawn as a U.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import log2
from re import findall

from netspec.diagram.drawing.bounds import bounds
from netspec.diagram.drawing.items import (
    Dash,
    Drawing,
    Group,
    Item,
    Path,
    Point,
    Rect,
    Text,
    curve,
    line,
    moved,
    scaled,
)
from netspec.diagram.drawing.text import fit, width, wrap
from netspec.diagram.styles.solids import Solid, faces_of, number, role_of, sides_of, solids_of
from netspec.diagram.view.feature_maps import Detail, FeatureMaps, Link, Map, feature_maps
from netspec.diagram.view.view import view
from netspec.graph.graph import Graph
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension

PAGE_WIDTH = 540.0
"""The width of a page in points."""
LEAST_SCALE = 0.8
"""How small a picture is set to fit the page before maps are merged."""

SIZE, SMALL, TINY, LEADING = 7.5, 6.5, 6.0, 7.5
MARGIN = 8.0
_SIDE, _U_SIDE = 84.0, 64.0
"""The side of the largest map, in points."""
_LEAST_SIDE = 0.4
"""How much smaller maps are drawn where many are fed in parallel, at the least."""
_SLANT = 38.0
_CAPTION = 150.0
_GAP = 13.0


def volumes(graph: Graph, depth: int | None = None, *, unfold: bool = False, focus: str = "") -> Drawing:
    """The feature maps of a graph, or with `focus` of one of its blocks, one page wide.

    With `unfold`, only what leaves a map's shape as it is shares its box, whatever the width. Raises NetspecError
    (E0801) where there is no block of the name `focus`.
    """
    shown = view(graph, depth, unfold=True, focus=focus)
    if unfold:
        return _drawn(feature_maps(shown), shown.title)
    for detail in Detail:
        maps = feature_maps(shown, detail)
        last = detail is Detail.RESOLUTIONS
        if not last and max(_columns(maps)) * _GAP * LEAST_SCALE > PAGE_WIDTH:
            continue  # the gaps alone are too wide
        drawing = _drawn(maps, shown.title)
        scale = min(1.0, PAGE_WIDTH / drawing.width)
        if last or scale >= LEAST_SCALE:
            return scaled(drawing, scale)
    raise AssertionError("the last detail is always drawn")


@dataclass(frozen=True, slots=True)
class _Placed:
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


def _drawn(shown: FeatureMaps, title: str) -> Drawing:
    levels = _levels(shown)
    placed, items = _as_u(shown, levels) if levels else _in_line(shown)
    items = [item for one in placed for item in (_solid(one), *_label(one, above=bool(levels)))] + items
    left, top, right, bottom = bounds(items)
    legend = _legend(shown, max(right - left, 160))
    _, _, legend_right, legend_bottom = bounds(legend)
    right = max(right, left + legend_right)
    items = [moved(item, MARGIN - left, MARGIN - top) for item in items]
    items += [moved(item, MARGIN, MARGIN + bottom - top + 10) for item in legend]
    described = "The feature maps of {}: {}.".format(title, ", then ".join(_size(one.shape) for one in shown.maps))
    return Drawing(
        right - left + 2 * MARGIN, bottom - top + 10 + legend_bottom + 2 * MARGIN, tuple(items), title, described
    )


def _levels(shown: FeatureMaps) -> list[int]:
    """How often each map is halved, if they are one chain that goes down at least twice and up again; else nothing."""
    steps = {(link.source, link.target) for link in shown.links}
    sizes = [max(sides_of(one.shape), default=0) for one in shown.maps]
    if not all(sizes) or not all(pair in steps for pair in pairwise(range(len(sizes)))):
        return []
    levels = [0, *accumulate(round(log2(before / after)) for before, after in pairwise(sizes))]
    lowest = max(levels)
    return levels if levels[0] <= lowest - 2 >= levels[-1] else []


def _in_line(shown: FeatureMaps) -> tuple[list[_Placed], list[Item]]:
    """Maps from left to right, what is fed in parallel in lanes below each other."""
    columns = _columns(shown)
    lanes = _Lanes(shown, columns)
    solids = solids_of(shown, _SIDE * min(1, max(_LEAST_SIDE, 2 / lanes.breadth)))
    slots = [0.0] * (max(columns) + 1)
    for one, solid, column in zip(shown.maps, solids, columns, strict=True):
        named = width(f"{one.name}:", SMALL) - _GAP + 4 if one.is_source else 0
        slots[column] = max(slots[column], solid.extent[0], _label_width(one), named)
    lefts = [sum(slots[:column]) + _GAP * column for column in range(len(slots))]

    captions = [_caption(one) for one in shown.maps]
    heads = {columns[index]: _makers(shown.maps[index]) for index in range(len(captions)) if lanes.first(index)}
    feet = [
        [] if lanes.first(index) else _foot(one, slots[column] + _GAP, heads.get(column, ""))
        for index, (one, column) in enumerate(zip(shown.maps, columns, strict=True))
    ]
    axes = lanes.axes(solids, [len(lines) * LEADING for lines in feet])
    placed = [
        _Placed(one, solid, lefts[column] + (slots[column] - solid.extent[0]) / 2, axis)
        for one, solid, column, axis in zip(shown.maps, solids, columns, axes, strict=True)
    ]
    items: list[Item] = []
    head = min((placed[index].top for index in lanes.core), default=0) - 5
    for index, there in enumerate(placed):
        if lanes.first(index):
            items.extend(_slanted(captions[index], there, head))
        first = there.bottom + 8 + LEADING * len(_label_lines(there.map.shape))
        for place, text in enumerate(feet[index]):
            items.append(Text(there.middle, first + place * LEADING, text, SMALL, anchor="middle"))
    under = [
        there.bottom + 4 + LEADING * (len(_label_lines(there.map.shape)) + len(lines))
        for there, lines in zip(placed, feet, strict=True)
    ]
    items.extend(_links(shown.links, placed, columns, under, max((under[index] for index in lanes.core), default=0)))
    return placed, items


def _columns(shown: FeatureMaps) -> list[int]:
    """How many steps each map is from an input at most; what is made of nothing stands right before what reads it."""
    columns = [0] * len(shown.maps)
    links = [link for link in shown.links if not shown.maps[link.source].is_source]
    for link in sorted(links, key=lambda link: link.target):
        columns[link.target] = max(columns[link.target], columns[link.source] + 1)
    for index, one in enumerate(shown.maps):
        if one.is_source:
            readers = [columns[link.target] for link in shown.links if link.source == index]
            columns[index] = max(0, min(readers, default=1) - 1)
    return columns


class _Lanes:
    """Which lane a map is in. What leads to the results is in the upper ones, what only training runs below."""

    def __init__(self, shown: FeatureMaps, columns: Sequence[int]) -> None:
        self.sources: list[list[int]] = [[] for _ in shown.maps]
        for link in shown.links:
            self.sources[link.target].append(link.source)
        self.core = self._leading(shown)
        together: dict[int, list[int]] = {}
        for index in sorted(self.core):
            together.setdefault(columns[index], []).append(index)
        self.breadth = max(map(len, together.values()))
        self.lane = [-1] * len(shown.maps)
        for column in sorted(together):
            group = together[column]
            if len(group) > 1:
                group.sort(key=lambda index: (self._height(index), index))
            for lane, index in enumerate(group):
                self.lane[index] = lane
        self.alone = {group[0] for group in together.values() if len(group) == 1}
        self._place_others(shown, columns)

    def _leading(self, shown: FeatureMaps) -> set[int]:
        waiting = [index for index, one in enumerate(shown.maps) if one.is_output and not one.when_training]
        core: set[int] = set()
        waiting = waiting or [len(shown.maps) - 1]
        while waiting:
            index = waiting.pop()
            if index not in core and not shown.maps[index].is_source:
                core.add(index)
                waiting.extend(self.sources[index])
        return core

    def _height(self, index: int) -> float:
        lanes = [self.lane[source] for source in self.sources[index] if source in self.core]
        return sum(lanes) / len(lanes) if lanes else index

    def _place_others(self, shown: FeatureMaps, columns: Sequence[int]) -> None:
        taken: set[tuple[int, int]] = set()
        for index in range(len(shown.maps)):
            if index in self.core:
                continue
            above = [self.lane[source] for source in self.sources[index] if source not in self.core]
            lane = min(above, default=self.breadth)
            while (lane, columns[index]) in taken:
                lane += 1
            taken.add((lane, columns[index]))
            self.lane[index] = lane

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
    links: Sequence[Link], placed: Sequence[_Placed], columns: Sequence[int], under: Sequence[float], lowest: float
) -> Iterator[Item]:
    """Arrows to the next map; for those that pass others by, from and to what is `under` the maps, below the lowest."""
    tracks: list[float] = []
    for link in sorted(links, key=lambda link: (columns[link.source], columns[link.target])):
        source, target = placed[link.source], placed[link.target]
        if columns[link.target] - columns[link.source] == 1:
            height = (target.axis + target.bottom) / 2 if source.map.is_source else target.axis
            yield _arrow(source.right, (target.left, height), dash=_dash(target.map))
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


def _arrow(start: Point, end: Point, role: str = "edge", dash: Dash | None = None) -> Path:
    (x0, y0), (x1, y1) = start, end
    if abs(y0 - y1) < 0.01:
        return Path(line(start, end), role, 0.8, dash, arrow=True)
    middle = (x0 + x1) / 2
    return Path(curve(start, ((middle, y0), (middle, y1), (x1, y1))), role, 0.8, dash, arrow=True)


def _dash(one: Map) -> Dash | None:
    """As the graph style draws what only training runs."""
    return (3.0, 2.0) if one.when_training else None


def _as_u(shown: FeatureMaps, levels: Sequence[int]) -> tuple[list[_Placed], list[Item]]:
    """Maps from left to right and, with every halving, down; what passes others by goes straight across."""
    solids = solids_of(shown, _U_SIDE)
    axes: dict[int, float] = {}
    bottom = 0.0
    for level in range(min(levels), max(levels) + 1):
        heights = [solid.extent[1] for solid, where in zip(solids, levels, strict=True) if where == level]
        height = max(heights, default=0)
        axes[level] = bottom + height / 2
        bottom += height + 3 * LEADING + 14
    captions = [_gap_caption(one) for one in shown.maps]
    placed: list[_Placed] = []
    for one, solid, level, (gap, _) in zip(shown.maps, solids, levels, captions, strict=True):
        half = max(solid.extent[0], _label_width(one), _name_width(one)) / 2
        middle = _next_middle(placed[-1], axes[level], gap, half) if placed else half
        placed.append(_Placed(one, solid, middle - solid.extent[0] / 2, axes[level]))
    items: list[Item] = []
    for (source, target), (_, words) in zip(pairwise(placed), captions[1:], strict=True):
        items.extend(_step(source, target, words))
    for link in shown.links:
        if link.target > link.source + 1:
            items.extend(_across(link, placed, levels))
    return placed, items


def _next_middle(before: _Placed, axis: float, gap: float, half: float) -> float:
    """Where the map after `before` has its middle: a way down leaves from under it, a way up arrives from under it."""
    edge = before.middle + max(before.solid.extent[0], _label_width(before.map), _name_width(before.map)) / 2
    if axis > before.axis:
        return before.middle + gap + half
    return edge + gap + (half if axis == before.axis else 0)


def _step(source: _Placed, target: _Placed, words: Sequence[str]) -> Iterator[Item]:
    """The way from a map to the next: straight on, or down and on, or on and up; its words above the level part."""
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
    level = max(source.axis, target.axis)
    for index, text in enumerate(reversed(words)):
        yield Text((start[0] + end[0]) / 2, level - 3 - index * TINY, text, TINY, anchor="middle", fill="muted")


def _across(link: Link, placed: Sequence[_Placed], levels: Sequence[int]) -> Iterator[Item]:
    """A skip connection: straight where both maps have one resolution and nothing is between them."""
    source, target = placed[link.source], placed[link.target]
    between = levels[link.source + 1 : link.target]
    if levels[link.source] == levels[link.target] and levels[link.source] not in between:
        yield _arrow(source.right, (target.left, target.axis), "accent")
        if link.words:
            middle = (source.right[0] + target.left) / 2
            yield Text(middle, source.axis - 3, link.words, TINY, anchor="middle", fill="muted")
        return
    above = 3 * LEADING + 5  # clear of the lines over a map
    y = min(one.top for one in placed[link.source : link.target + 1]) - above - 8
    start, end = source.middle, target.middle
    top = (source.top - above, target.top - above)
    yield Path(curve((start, top[0]), ((start, y), (end, y), (end, top[1]))), "accent", 0.8, arrow=True)


def _solid(one: _Placed) -> Group:
    """The map's faces: the front, and where it is a cuboid the lit top and the shaded side."""
    bottom = one.axis + one.solid.extent[1] / 2
    front = one.solid.height
    slices = one.map.slices
    whole = sum(number(part.channels) for part in slices)
    cuts = [(number(part.channels) / whole, role_of(part.family)) for part in slices]
    cuts = cuts or [(1.0, role_of(one.map.family))]
    faces: list[Item] = []
    left = one.left
    for share, role in cuts:
        wide = one.solid.width * share
        faces.extend(faces_of(left, bottom, replace(one.solid, width=wide, height=front), role, _dash(one.map)))
        left += wide
    name = f"{one.map.name}: " if one.map.name else ""
    return Group(tuple(faces), classes=("map",), title=f"{name}{one.map.shape}")


def _label(one: _Placed, above: bool) -> Iterator[Item]:
    lines = _label_lines(one.map.shape)
    first = one.top - 3 - LEADING * (len(lines) - 1) if above else one.bottom + 8
    for index, (text, size) in enumerate(lines):
        fill = "ink" if index == 0 else "muted"
        yield Text(one.middle, first + LEADING * index, text, size, anchor="middle", fill=fill)
    if above and (name := _short_name(one.map)):
        yield Text(one.middle, first - LEADING, name, TINY, anchor="middle")


def _short_name(one: Map) -> str:
    """The name of a map as it stands over it where a picture has no room for captions."""
    return "" if one.is_input else fit(one.name, TINY, 40)


def _name_width(one: Map) -> float:
    return width(_short_name(one), TINY) + 1


def _label_lines(shape: Shape) -> list[tuple[str, float]]:
    """The channels, and below them the resolution; features alone."""
    if not shape.dims:
        return [("scalar", SMALL)]
    lines = [(fit(str(shape.dims[0]), SIZE, 48), SIZE)]
    if shape.is_open:
        lines += [(fit(str(size), SMALL, 62), SMALL) for size in shape.spatial]
    elif shape.spatial:
        lines.append((_resolution(shape.spatial), SMALL))
    return lines


def _resolution(sides: Sequence[Dimension]) -> str:
    """`224²`, `16×112×112`."""
    if len(sides) in (2, 3) and len(set(sides)) == 1 and isinstance(sides[0], int) and sides[0] > 1:
        return f"{sides[0]}{'²' if len(sides) == 2 else '³'}"
    return "×".join(map(str, sides))


def _label_width(one: Map) -> float:
    return max(width(text, size) for text, size in _label_lines(one.shape)) + 1


def _size(shape: Shape) -> str:
    return " × ".join(map(str, shape.dims)) or "scalar"


def _caption(one: Map) -> str:
    """The map's name in the spec and what makes it, in a line."""
    words = _makers(one)
    named = f"{one.name}: {words}" if one.name and words and not one.is_input else words or one.name
    return fit(named + _notes(one), SMALL, _CAPTION)


def _makers(one: Map) -> str:
    return ", ".join(one.makers) or ("concat" if one.slices else "")


_SHARING = {"": "", "some": "some weights shared", "all": "shared weights"}


def _notes(one: Map) -> str:
    notes = ["when training"] * one.when_training + ([_SHARING[one.shared]] if one.shared else [])
    return f" ({', '.join(notes)})" if notes else ""


def _foot(one: Map, limit: float, head: str) -> list[str]:
    """What makes the map as lines for below its label; what is made alike above is not said again."""
    words = _caption(one)
    if _makers(one) == head:
        words = f"{one.name}{_notes(one)}" if one.name else _SHARING[one.shared]
    return wrap(words, SMALL, max(limit - 3, 24)) if words else []


def _gap_caption(one: Map) -> tuple[float, list[str]]:
    """What makes the map as lines for the gap before it, and how wide that gap is."""
    words = findall(r"\d+ × \S+|\S+", ", ".join(one.makers))
    gap = min(max(14.0, *(width(word, TINY) + 5 for word in words), 0), 44.0)
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width(longer, TINY) <= gap - 4:
            lines[-1] = longer
        else:
            lines.append(fit(word, TINY, gap - 2))
    return gap, lines


def _slanted(text: str, one: _Placed, y: float) -> Iterator[Item]:
    """A caption that rises from above the map, and a thin line from the map to it where it is far away."""
    if not text:
        return
    if one.top - y > 8:
        yield Path(line((one.middle, one.top - 1.5), (one.middle, y + 1)), "rule", 0.4)
    yield Text(one.middle + 1.5, y, text, SMALL, fill="ink", rotate=-_SLANT)


def _legend(shown: FeatureMaps, wide: float) -> list[Item]:
    """What the colours and the sizes mean."""
    families = dict.fromkeys(role_of(one.family) for one in shown.maps)
    names = dict(_NAMES)
    if any(part.family == "skip" for one in shown.maps for part in one.slices):
        names["input"] = "input, or copied"
    items: list[Item] = []
    x, y = 0.0, SMALL

    def entry(mark: Item | None, text: str) -> None:
        nonlocal x, y
        long = (10 if mark else 0) + width(text, SMALL)
        if x and x + long > wide:
            x, y = 0.0, y + LEADING + 3
        items.extend([moved(mark, x, y)] if mark else [])
        items.append(Text(x + long - width(text, SMALL), y, text, SMALL, fill="muted"))
        x += long + 10

    for role, name in names.items():
        if role in families:
            entry(Rect(0, -5.5, 7, 6.5, fill=role, stroke=f"{role}:line", stroke_width=0.5), name)
    if _skips(shown):
        entry(Path(line((0, -2.2), (8, -2.2)), "accent", 0.8), "skip connection")
    for words in _scales(shown):
        entry(None, words)
    return items


def _scales(shown: FeatureMaps) -> Iterator[str]:
    """What the sizes of the solids say, for each kind of solid that is drawn."""
    sequences = [one.shape.rank == 2 and one.family in _SEQUENTIAL for one in shown.maps]
    ranks = {one.shape.rank for one, is_sequence in zip(shown.maps, sequences, strict=True) if not is_sequence}
    if max(ranks, default=0) > 3:
        yield "sides: √resolution; channels are written"
    elif ranks & {2, 3}:
        yield "thickness: √channels, sides: √resolution"
    if any(sequences):
        yield "thickness: √length, height: √features"
    if 1 in ranks:
        yield "strips: √features"


def _skips(shown: FeatureMaps) -> bool:
    columns = _columns(shown)
    return any(columns[link.target] > columns[link.source] + 1 for link in shown.links)


_SEQUENTIAL = frozenset({"recurrent", "attention", "linear"})
"""Families whose layers take the length of a sequence before its features."""
_NAMES = {
    "input": "input",
    "convolution": "convolution",
    "pooling": "pooling",
    "resampling": "resampling",
    "normalization": "normalization",
    "activation": "activation",
    "linear": "linear",
    "recurrent": "recurrent",
    "attention": "attention",
    "neutral": "other",
}
