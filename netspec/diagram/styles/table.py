"""The layer table of a paper: a row a stage, with its output, its layers in brackets and its costs.

The look is that of table 1 of "Deep Residual Learning for Image Recognition" (He, Zhang, Ren, Sun, CVPR 2016); branches
stand side by side in their row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netspec.diagram.drawing.items import Drawing, scaled
from netspec.diagram.drawing.paper import Paper, on_paper, scale_on, too_small
from netspec.diagram.styles.table_cells import Setter, Setting
from netspec.diagram.view.boxes import View
from netspec.diagram.view.view import view
from netspec.graph.graph import Graph

PAGE_WIDTH, PAGE_HEIGHT = 540, 740
"""What a page has room for, in points."""
_ARTICLE = 343.0
"""The width of the text of LaTeX's article, in points of 1/72 inch."""
LEAST_SCALE = 7 / 8
"""How small a table is set to fit a page before its deeper blocks are folded."""

_USUAL = Setting()
_CLOSE = Setting(margin=1, gap=10, name=90, output=90, line=200, flow=220, fork=260)
_CLOSER = replace(
    _CLOSE, size=7, leading=8.6, gap=7, padding=2.4, name=64, output=62, line=120, flow=130, fork=150, short=True
)
SETTINGS = (_CLOSE, replace(_CLOSER, line=160, flow=180, fork=200), _CLOSER)
"""For a width that is given, from the roomiest to the narrowest; letters have at least 7 points in all of them."""
NARROW = replace(_CLOSER, gap=5, name=48, output=48, line=90, flow=96, fork=96)
_WITHOUT_COSTS = (
    replace(_CLOSER, figures=("parameters",)),
    replace(NARROW, figures=("parameters",)),
    replace(NARROW, figures=()),
)
"""Where there is no room for all columns, at any depth."""


def table(graph: Graph, depth: int | None = None, *, unfold: bool = False, focus: str = "") -> Drawing:
    """The layer table of a graph, or with `focus` of one of its blocks.

    Blocks deeper than `depth` are named, not told; without a depth, as much is told as fits a page. Raises NetspecError
    (E0801) where there is no block of the name `focus`.
    """
    if unfold or depth is not None:
        return Setter(_USUAL).table(view(graph, depth, unfold=unfold, focus=focus))
    deepest = view(graph, 1, focus=focus).deepest
    trials = [(level, _USUAL) for level in range(deepest, 0, -1)] + [(1, how) for how in SETTINGS]
    for level, how in trials:
        drawing = Setter(how).table(view(graph, level, focus=focus))
        scale = min(1, PAGE_WIDTH / drawing.width, PAGE_HEIGHT / drawing.height)
        if scale >= LEAST_SCALE:
            break
    return scaled(drawing, max(scale, LEAST_SCALE))


def table_view(
    graph: Graph, paper: Paper | None, depth: int | None = None, *, unfold: bool = False, focus: str = ""
) -> tuple[View, Setting]:
    """What `table_on` shows and how it is set, for forms that set type themselves; letters as large as the paper asks.

    Without a paper, it is for the text of LaTeX's article.
    """
    paper = paper or Paper(_ARTICLE, PAGE_HEIGHT)
    views = _candidates(graph, depth, unfold=unfold, focus=focus)
    result = _fitting(paper, views)
    candidate, how = (result[1], result[2]) if result else (views[-1], _WITHOUT_COSTS[-1])
    return candidate, replace(how, size=how.size * paper.unit, leading=how.leading * paper.unit)


def _candidates(graph: Graph, depth: int | None, *, unfold: bool, focus: str) -> list[View]:
    """The views that a table may show: the one that is asked for, or all of them."""
    if depth is not None or unfold:
        return [view(graph, depth, unfold=unfold, focus=focus)]
    return list(_levels(graph, focus))


def table_on(
    graph: Graph, paper: Paper, depth: int | None = None, *, unfold: bool = False, focus: str = ""
) -> tuple[Drawing, tuple[str, ...]]:
    """The table for a place in a paper, as deep as its letters stay large enough, and a note where they do not."""
    views = _candidates(graph, depth, unfold=unfold, focus=focus)
    if (result := _fitting(paper, views)) is not None:
        return on_paper(paper, result[0]), ()
    drawings = [Setter(how).table(views[-1]) for how in (*SETTINGS, *_WITHOUT_COSTS)]
    drawing = max(drawings, key=lambda drawing: scale_on(paper, drawing))
    shallower = _fitting(paper, list(_levels(graph, focus))) if len(views) == 1 else None
    finished = on_paper(paper, drawing)
    return finished, (too_small(paper, finished, shallower[1].depth if shallower else None),)


def _levels(graph: Graph, focus: str) -> Iterator[View]:
    """The views of a graph, the deepest first."""
    for level in range(view(graph, 1, focus=focus).deepest, -1, -1):
        yield view(graph, level, focus=focus)


def _fitting(paper: Paper, views: list[View]) -> tuple[Drawing, View, Setting] | None:
    """The first of the views that fits, with all columns if that can be."""
    for settings, least in ((SETTINGS, 1), (_WITHOUT_COSTS, 1), (SETTINGS, 0)):
        for candidate in (candidate for candidate in views if candidate.depth >= least):
            for how in settings:
                drawing = Setter(how).table(candidate)
                if scale_on(paper, drawing) >= 1:
                    return drawing, candidate, how
    return None
