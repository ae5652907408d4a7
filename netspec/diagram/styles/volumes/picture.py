"""The picture: as many maps as fit the page, in a row or as a U, and the legend below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from math import log2

from netspec.diagram.drawing.bounds import bounds
from netspec.diagram.drawing.items import Drawing, Group, Item, Text, moved, scaled
from netspec.diagram.drawing.paper import LETTERS, Paper, on_paper, scale_on, too_small
from netspec.diagram.styles.volumes.labels import label, size
from netspec.diagram.styles.volumes.legend import legend
from netspec.diagram.styles.volumes.placed import Placed, dash_of
from netspec.diagram.styles.volumes.row import GAP, columns_of, in_line
from netspec.diagram.styles.volumes.solids import faces_of, number, role_of, sides_of
from netspec.diagram.styles.volumes.valley import as_u
from netspec.diagram.view.boxes import View
from netspec.diagram.view.feature_maps import Detail, FeatureMaps, feature_maps
from netspec.diagram.view.view import view
from netspec.graph.graph import Graph

PAGE_WIDTH, PAGE_HEIGHT = 540.0, 740.0
"""What a page has room for, in points."""
LEAST_SCALE = 0.8
"""How small a picture is set to fit the page before maps are merged."""
MARGIN = 8.0
_SHARES = (1.0, 0.8, 0.6, 0.45)
"""How large solids are where a paper has no room for larger ones."""


def volumes(
    graph: Graph, depth: int | None = None, *, unfold: bool = False, focus: str = "", with_legend: bool = True
) -> Drawing:
    """The feature maps of a graph, or with `focus` of one of its blocks, on one page.

    With `unfold`, only what leaves a map's shape as it is shares its box, whatever the width. Raises NetspecError
    (E0801) where there is no block of the name `focus`.
    """
    shown = view(graph, depth, unfold=True, focus=focus)
    if unfold:
        return _drawn(feature_maps(shown), shown.title, with_legend)
    drawing = _detailed(shown, PAGE_WIDTH / LEAST_SCALE, with_legend)
    return scaled(drawing, min(1.0, PAGE_WIDTH / drawing.width, PAGE_HEIGHT / drawing.height))


def volumes_on(
    graph: Graph,
    paper: Paper,
    depth: int | None = None,
    *,
    unfold: bool = False,
    focus: str = "",
    with_legend: bool = True,
) -> tuple[Drawing, tuple[str, ...]]:
    """The feature maps for a place in a paper: as many as there is room for with letters that are large enough.

    A note says where they are not.
    """
    shown = view(graph, depth, unfold=True, focus=focus)
    drawing, fits = _on(paper, shown, (Detail.STAGES,) if unfold else tuple(Detail), with_legend)
    if fits:
        return drawing, ()
    shallower = None
    if depth is None and not unfold:
        levels = range(shown.deepest - 1, 0, -1)
        views = (view(graph, level, unfold=True, focus=focus) for level in levels)
        fitting = (one.depth for one in views if _on(paper, one, (Detail.RESOLUTIONS,), with_legend)[1])
        shallower = next(fitting, None)
    return drawing, (too_small(paper, drawing, shallower),)


def _on(paper: Paper, shown: View, details: Sequence[Detail], with_legend: bool) -> tuple[Drawing, bool]:
    """The maps on a paper, and whether letters are large enough: as many maps and as large solids as fit."""
    for detail in details:
        maps = feature_maps(shown, detail)
        for share in _SHARES:
            drawing = _drawn(maps, shown.title, with_legend, share)
            enlarged = _enlarged(paper, drawing)
            if scale_on(enlarged, drawing) >= 1:
                return on_paper(enlarged, drawing), True
    return on_paper(enlarged, drawing), False


def _enlarged(paper: Paper, drawing: Drawing) -> Paper:
    """The paper as it has to be for the smallest letters of this drawing to be as large as they are to be."""
    smallest = min((mark.size for mark in drawing.marks() if isinstance(mark, Text)), default=LETTERS)
    return replace(paper, letters=paper.letters * LETTERS / smallest)


def _detailed(shown: View, wide: float, with_legend: bool) -> Drawing:
    """As many maps of a view as there is room for; the fewest even where there is none."""
    for detail in Detail:
        maps = feature_maps(shown, detail)
        is_last = detail is Detail.RESOLUTIONS
        if not is_last and max(columns_of(maps)) * GAP > wide:
            continue  # the gaps alone are too wide
        drawing = _drawn(maps, shown.title, with_legend)
        if is_last or drawing.width <= wide:
            return drawing
    raise AssertionError("the last detail is always drawn")


def _drawn(shown: FeatureMaps, title: str, with_legend: bool, share: float = 1) -> Drawing:
    levels = _levels(shown)
    placed, items = as_u(shown, levels, share) if levels else in_line(shown, share)
    items = [item for one in placed for item in (_solid(one), *label(one, above=bool(levels)))] + items
    left, top, right, bottom = bounds(items)
    below = 0.0
    items = [moved(item, MARGIN - left, MARGIN - top) for item in items]
    if with_legend:
        entries = legend(shown, max(right - left, 160))
        _, _, legend_right, legend_bottom = bounds(entries)
        right, below = max(right, left + legend_right), 10 + legend_bottom
        items += [moved(item, MARGIN, MARGIN + bottom - top + 10) for item in entries]
    described = "The feature maps of {}: {}.".format(title, ", then ".join(size(one.shape) for one in shown.maps))
    return Drawing(right - left + 2 * MARGIN, bottom - top + below + 2 * MARGIN, tuple(items), title, described)


def _levels(shown: FeatureMaps) -> list[int]:
    """How often each map is halved, if they are one chain that goes down at least twice and up again; else nothing."""
    steps = {(link.source, link.target) for link in shown.links}
    sizes = [max(sides_of(one.shape), default=0) for one in shown.maps]
    if not all(sizes) or not all(pair in steps for pair in pairwise(range(len(sizes)))):
        return []
    levels = [0, *accumulate(round(log2(before / after)) for before, after in pairwise(sizes))]
    lowest = max(levels)
    return levels if levels[0] <= lowest - 2 >= levels[-1] else []


def _solid(one: Placed) -> Group:
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
        faces.extend(faces_of(left, bottom, replace(one.solid, width=wide, height=front), role, dash_of(one.map)))
        left += wide
    name = f"{one.map.name}: " if one.map.name else ""
    return Group(tuple(faces), classes=("map",), title=f"{name}{one.map.shape}")
