"""The figure for a place in a paper: the deepest view whose letters are large enough at the width that there is.

What is too wide is set narrower first (lines broken, words shorter, gaps smaller, more columns), then folded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from netspec.diagram.drawing.items import Drawing
from netspec.diagram.drawing.paper import Paper, on_paper, scale_on, too_small
from netspec.diagram.layout.dot_layout import Graphviz, LayoutTimeoutError
from netspec.diagram.layout.layout import layout
from netspec.diagram.layout.sheet import Sheet
from netspec.diagram.styles import graph as graph_style
from netspec.diagram.styles.insets import with_insets
from netspec.diagram.styles.legend import ROW, with_legend
from netspec.diagram.view.boxes import View
from netspec.diagram.view.view import figure
from netspec.graph.graph import Graph

_ROOMY = Sheet(
    title=8, second=7, name=7, header=7.5, widest=150, least=60, step=6, padding=5, side=7, gutter=20, margin=1.5
)
_NARROW = replace(
    _ROOMY,
    widest=84,
    least=48,
    padding=4,
    side=6,
    gap=11,
    label_gap=18,
    node_gap=10,
    rank_gap=12,
    across=26,
    short=True,
)
_TIGHT = replace(
    _NARROW,
    widest=70, least=36, step=4, padding=3, side=5, gutter=16, gap=9, label_gap=15, node_gap=8, rank_gap=7, room=9,
    across=14, leading=1.15, counts=False,
)  # fmt: skip
_TIGHTER = replace(_TIGHT, widest=44, least=30, step=3, padding=2.5, side=4, gutter=14, node_gap=6, across=10)
_TIGHTEST = replace(
    _TIGHTER, title=7, header=7, widest=32, least=24, step=2, padding=2, side=3, gutter=12, node_gap=5, across=6
)
_SETTINGS = (
    _ROOMY, _NARROW, _TIGHT, _TIGHTER, replace(_TIGHT, branch_shapes=False), replace(_TIGHTEST, branch_shapes=False)
)  # fmt: skip
"""From the roomiest to the narrowest; letters have at least 7 points in all of them."""
_CROWDED = 2.2
"""How many times as large as the paper a roomy picture may be, that narrower ones are tried."""
_LEGIBLE, _GAIN = 3, 0.75
"""The settings up to that are also tried to make a figure lower that fits already, if it is by as much."""
_FRAME_SHARES = (0.55, 0.4, 0.28)
"""How much of the page's height a frame may take instead, where the page would be left empty beside it."""
_LOW, _LOW_SHARE = 260.0, 0.62
"""Figures lower than that, and than that share of their width, need no more columns."""


def fitted(
    graph: Graph,
    paper: Paper,
    graphviz: Graphviz,
    depth: int | None,
    seconds: float,
    *,
    unfold: bool,
    focus: str,
    legend: bool,
    right: bool = False,
) -> tuple[Drawing, tuple[str, ...]]:
    """The graph style for a paper, its flow down or to the `right`, and what was done otherwise than asked.

    What has room for no more than a single box is turned, if more is seen then. A depth at which the layout takes
    longer than `seconds` counts as one that is too large. Raises LayoutTimeoutError where not even the shallowest is
    laid out.
    """
    shown = figure(graph, depth, unfold=unfold, focus=focus)
    trials = _Trials(paper, graphviz, seconds, legend, right)
    notes: list[str] = []
    found = trials.fitting(shown)
    if depth is not None or unfold:
        if found is not None:
            return trials.finished(found.drawing, found.legend), tuple(_left_out(found, legend))
        drawing = trials.finished(trials.largest(shown), legend)
        return drawing, (too_small(paper, drawing, trials.depth_above(shown)),)
    if found is None:
        fit = trials.shallower(shown) or (figure(graph, 0, focus=focus), None)
        turned = _Trials(paper, graphviz, seconds, legend, not right) if not fit[0].depth else None
        if turned is not None and (other := turned.open(shown)) is not None:
            trials, fit = turned, other
            notes.append(f"drawn {'down' if right else 'to the right'}, where there is more room")
        shown, found = fit
    if found is None:
        drawing = trials.finished(trials.largest(shown), legend)
        return drawing, (too_small(paper, drawing, None),)
    drawing, left_out = trials.with_insets(found, shown)
    if left_out:
        notes.append(f"no room for the inside of {', '.join(left_out)}: --focus {left_out[0]} draws it")
    return trials.finished(drawing, found.legend), (*notes, *_left_out(found, legend))


@dataclass(frozen=True, slots=True)
class _Fit:
    """A drawing that fits, the sheet that it is made for, and whether its legend fits as well."""

    drawing: Drawing
    sheet: Sheet
    legend: bool


def _left_out(found: _Fit, legend: bool) -> Iterator[str]:
    if legend and not found.legend:
        yield "no room for the legend: a higher figure would have it"


def sheets(paper: Paper, right: bool = False) -> Iterator[Sheet]:
    """The settings for a paper, in units in which the smallest letters have 7 points; the roomiest first."""
    width, height = paper.width / paper.unit, paper.height / paper.unit
    for setting in _SETTINGS:
        yield replace(
            setting,
            width=width - 2 * setting.margin,
            height=height - 2 * setting.margin,
            low=max(_LOW, _LOW_SHARE * width),
            columns=paper.columns,
            right=right,
        )


class _Trials:
    """Layouts for a paper, each as long as it may take."""

    def __init__(self, paper: Paper, graphviz: Graphviz, seconds: float, legend: bool, right: bool) -> None:
        self.paper, self.graphviz, self.seconds, self.legend = paper, graphviz, seconds, legend
        self.sheets = list(sheets(paper, right))

    def finished(self, drawing: Drawing, legend: bool) -> Drawing:
        """The drawing on the paper, with its legend below where it is to have one."""
        return on_paper(self.paper, self._whole(drawing) if legend else drawing)

    def _whole(self, drawing: Drawing) -> Drawing:
        return with_legend(drawing, self.paper.width / self.paper.unit)

    def fitting(self, shown: View) -> _Fit | None:
        """The view on the roomiest sheet that holds it, with its legend if any does; None where none does in time."""
        self.graphviz.limit(self.seconds)
        best: _Fit | None = None
        try:
            for number, sheet in enumerate(self.sheets):
                is_whole = best is not None and best.legend == self.legend
                if best is not None and (number == _LEGIBLE or (is_whole and best.drawing.height <= sheet.low)):
                    break
                drawing = self._lowest(shown, sheet)
                legend = self.legend and scale_on(self.paper, self._whole(drawing)) >= 1
                is_lower = best is None or drawing.height < _GAIN * best.drawing.height
                if scale_on(self.paper, drawing) >= 1 and (is_lower or (legend and not is_whole)):
                    best = _Fit(drawing, sheet, legend)
                if _area(drawing) * self.paper.unit**2 > _CROWDED * self.paper.width * self.paper.height:
                    break
        except LayoutTimeoutError:
            pass
        return best

    def _lowest(self, shown: View, sheet: Sheet) -> Drawing:
        """The view on a sheet, what is in frames set in more columns where that leaves less of the page empty."""
        drawing = graph_style.draw(layout(shown, self.graphviz, sheet))
        if drawing.height <= sheet.low or not any(box.children for box in shown.boxes):
            return drawing
        others = [
            graph_style.draw(layout(shown, self.graphviz, replace(sheet, share=share))) for share in _FRAME_SHARES
        ]
        lower = min(others, key=lambda other: (scale_on(self.paper, other) < 1, other.height))
        is_better = scale_on(self.paper, lower) >= 1 and lower.height < _GAIN * drawing.height
        return lower if is_better else drawing

    def shallower(self, shown: View) -> tuple[View, _Fit] | None:
        """The deepest view above this one that fits."""
        for depth in range(shown.depth - 1, -1, -1):
            view_above = figure(shown.graph, depth, focus=shown.focus)
            if (found := self.fitting(view_above)) is not None:
                return view_above, found
        return None

    def open(self, shown: View) -> tuple[View, _Fit] | None:
        """The deepest view down to this one that fits and is no single box."""
        found = self.fitting(shown)
        fit = (shown, found) if found is not None else self.shallower(shown)
        return fit if fit is not None and fit[0].depth else None

    def depth_above(self, shown: View) -> int | None:
        """The depth at which the view fits, if any less deep does."""
        found = self.shallower(shown)
        return found[0].depth if found else None

    def largest(self, shown: View) -> Drawing:
        """The view on the sheet that has to be made smaller the least. Raises LayoutTimeoutError."""
        self.graphviz.limit(self.seconds)
        drawings = [graph_style.draw(layout(shown, self.graphviz, sheet)) for sheet in self.sheets]
        return max(drawings, key=lambda drawing: scale_on(self.paper, drawing))

    def with_insets(self, fit: _Fit, shown: View) -> tuple[Drawing, tuple[str, ...]]:
        """The drawing with the insides that there is room for, and the blocks of those that there is none for."""
        self.graphviz.limit(self.seconds)
        drawing, sheet = fit.drawing, fit.sheet
        below = self._whole(drawing).height - drawing.height + ROW if fit.legend else 0
        best: tuple[Drawing, tuple[str, ...]] | None = None
        first = self.sheets.index(sheet)
        try:
            for setting in self.sheets[first : max(_LEGIBLE, first + 1)]:
                room = replace(
                    setting, width=sheet.width + 2 * sheet.margin, height=sheet.height + 2 * sheet.margin - below
                )
                found = with_insets(drawing, shown, self.graphviz, 1, replace(room, columns=0))
                best = found if best is None or len(found[1]) < len(best[1]) else best
                if not best[1]:
                    break
        except LayoutTimeoutError:
            pass
        return best or (drawing, ())


def _area(drawing: Drawing) -> float:
    return drawing.width * drawing.height
