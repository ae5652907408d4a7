"""Several nets, or one with several arguments, in one figure: a table with a column each, or pictures side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.diagram.drawing.items import Drawing, scaled
from netspec.diagram.drawing.paper import Paper, on_paper, scale_on, too_small
from netspec.diagram.fitting import sheets
from netspec.diagram.layout.abreast import abreast
from netspec.diagram.layout.dot_layout import Graphviz, LayoutTimeoutError
from netspec.diagram.render import Picture, Request, draw, written
from netspec.diagram.styles import graph as graph_style
from netspec.diagram.styles.legend import with_legend
from netspec.diagram.styles.several import one_table, side_by_side
from netspec.diagram.styles.table import LEAST_SCALE, NARROW, PAGE_HEIGHT, PAGE_WIDTH, SETTINGS
from netspec.diagram.view.boxes import View
from netspec.diagram.view.view import figure, view
from netspec.graph.graph import Graph
from netspec.syntax.source import Source, Span

MOST = 12
"""How many nets a figure may show."""
FORMS = ("svg", "pdf", "eps", "png", "tex")
_NARROWING = (*SETTINGS, NARROW, replace(NARROW, name=44, line=64, flow=64, fork=64, padding=1.8))
"""Settings of a table, from the roomiest to the narrowest."""
_LEGIBLE = 3
"""So many settings of pictures are tried before something is folded."""
_ABOVE = 46.0
"""Points of a paper's height that names and a legend take, at letters of 7 points."""


def render_several(
    request: Request, graphs: Sequence[Graph], names: Sequence[str], form: str = "svg", option: str = "--vary"
) -> Picture:
    """One figure of several graphs, each below its name, as a request says it for one; `option` is what asks for it.

    Raises NetspecError as `render` does, and E0802 for a form that has room for one net only, and for too many.
    """
    if form not in FORMS or not 1 < len(graphs) <= MOST:
        message = f"{form} shows one net" if form not in FORMS else f"a figure of {len(graphs)} nets cannot be read"
        help = f"several go into {', '.join(FORMS)}" if form not in FORMS else f"{option} takes 2 to {MOST} values"
        raise NetspecError((Diagnostic("E0802", message, Span(Source(option, form), 0, len(form)), help=help),))
    request.check()
    drawing, notes = table(request, graphs, names) if request.style == "table" else beside(request, graphs, names)
    return written(request, drawing, notes, form)


def beside(request: Request, graphs: Sequence[Graph], names: Sequence[str]) -> tuple[Drawing, tuple[str, ...]]:
    """The picture of each graph, all with one legend; maps of one size at one height where there is room for that."""
    if request.style == "graph" and request.direction == "down" and (found := _abreast(request, graphs, names)):
        return found, ()
    paper = request.paper
    each = replace(request, legend=False)
    if paper is not None:
        room = (paper.width - 18 * paper.unit * (len(graphs) - 1)) / len(graphs)
        each = replace(each, paper=replace(paper, width=room, height=paper.height - _ABOVE * paper.unit))
    drawn = [draw(replace(each, graph=graph)) for graph in graphs]
    unit = paper.unit if paper is not None else 1.0
    whole = side_by_side([scaled(drawing, 1 / unit) for drawing, _ in drawn], names)
    if request.legend and request.style == "graph":
        whole = with_legend(whole, whole.width)
    notes = tuple(f"{name}: {note}" for name, (_, several) in zip(names, drawn, strict=True) for note in several)
    return (on_paper(paper, whole) if paper is not None else whole), notes


def _abreast(request: Request, graphs: Sequence[Graph], names: Sequence[str]) -> Drawing | None:
    """The nets as columns beside each other, as deep as there is room for; None where there is none."""
    paper = request.paper
    usual = Paper(PAGE_WIDTH, PAGE_HEIGHT)
    sheets_of = list(sheets(paper or usual))
    least = 1.0 if paper is not None else LEAST_SCALE
    with Graphviz() as graphviz:
        for shown in _figures(request, graphs):
            graphviz.limit(request.timeout)
            try:
                for sheet in sheets_of[: _LEGIBLE + (shown[0].depth == 1)]:
                    laid, heights = abreast(shown, graphviz, sheet)
                    whole = side_by_side([graph_style.draw(one) for one in laid], names, heights)
                    whole = with_legend(whole, whole.width) if request.legend else whole
                    if scale_on(paper or usual, whole) >= least:
                        return on_paper(paper, whole) if paper is not None else scaled(whole, scale_on(usual, whole))
            except LayoutTimeoutError:
                continue
    return None


def _figures(request: Request, graphs: Sequence[Graph]) -> Iterator[list[View]]:
    """The views of all graphs at the depth that is asked for, or at all that fit a page, the deepest first."""
    unfold, focus = request.unfold, request.focus
    deepest = [figure(graph, request.depth, unfold=unfold, focus=focus) for graph in graphs]
    yield deepest
    if request.depth is None and not request.unfold:
        for level in range(max(one.depth for one in deepest) - 1, 0, -1):
            yield [figure(one.graph, min(level, one.depth), focus=focus) for one in deepest]


def table(request: Request, graphs: Sequence[Graph], names: Sequence[str]) -> tuple[Drawing, tuple[str, ...]]:
    """One table, as deep as it has room for."""
    views = list(_views(request, graphs))
    paper = request.paper
    if paper is None:
        for shown in views:
            for how in _NARROWING:
                drawing = one_table(shown, names, how)
                scale = min(1.0, PAGE_WIDTH / drawing.width, PAGE_HEIGHT / drawing.height)
                if scale >= LEAST_SCALE:
                    return scaled(drawing, scale), ()
        return scaled(drawing, scale), ()
    for shown in views:
        for how in _NARROWING:
            drawing = one_table(shown, names, how)
            if scale_on(paper, drawing) >= 1:
                return on_paper(paper, drawing), ()
    drawing = on_paper(paper, _largest(paper, views[-1], names))
    return drawing, (too_small(paper, drawing, None),)


def _largest(paper: Paper, shown: Sequence[View], names: Sequence[str]) -> Drawing:
    drawings = [one_table(shown, names, how) for how in _NARROWING]
    return max(drawings, key=lambda drawing: scale_on(paper, drawing))


def _views(request: Request, graphs: Sequence[Graph]) -> Iterator[list[View]]:
    """The views of all graphs at the depth that is asked for, or at all but the last, the deepest first."""
    if request.depth is not None or request.unfold:
        yield [view(graph, request.depth, unfold=request.unfold, focus=request.focus) for graph in graphs]
        return
    deepest = max(view(graph, 1, focus=request.focus).deepest for graph in graphs)
    for level in range(deepest, 0, -1):
        yield [view(graph, level, focus=request.focus) for graph in graphs]
