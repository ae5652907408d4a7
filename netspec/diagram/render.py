"""The way in: a graph as a picture in any style and form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.diagram.drawing.items import Drawing, scaled
from netspec.diagram.drawing.paper import Paper
from netspec.diagram.drawing.theme import LIGHT, THEMES, Theme
from netspec.diagram.drawing.theme_file import ENDING, own_theme
from netspec.diagram.layout.dot_layout import Graphviz, LayoutTimeoutError
from netspec.diagram.view.boxes import View
from netspec.diagram.view.view import figure
from netspec.graph.graph import Graph
from netspec.syntax.source import Source, Span

FORMATS = ("svg", "pdf", "eps", "png", "html", "dot", "mmd", "tex", "json")
STYLES = ("graph", "table", "volumes")
DIRECTIONS = ("down", "right")
SECONDS = 20.0
"""How long a layout may take."""
DEEP = 4
"""Where pictures deeper than that take too long, half the depth is tried next, so that there are few trials."""
MOST_DPI = 2400
LEAST_SCALE = 0.62
"""What is larger than the page is made smaller, down to this; the default depth is the greatest that then fits."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture. `notes` say what was done otherwise than asked."""

    content: str | bytes
    notes: tuple[str, ...] = ()

    @property
    def data(self) -> bytes:
        """What is in the file."""
        return self.content if isinstance(self.content, bytes) else self.content.encode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Request:
    """What is to be drawn of a graph, and how; `theme` is a name, or a file that ends in .toml."""

    graph: Graph
    style: str = "graph"
    depth: int | None = None
    unfold: bool = False
    focus: str = ""
    theme: str = ""
    timeout: float = SECONDS
    paper: Paper | None = None
    dpi: float | None = None
    standalone: bool = False
    legend: bool = True
    direction: str = "down"

    def check(self) -> None:
        """Raises NetspecError (E0802) where there is no such style, theme or direction."""
        _known("style", self.style, STYLES)
        _known("direction", self.direction, DIRECTIONS)
        if self.direction != "down" and self.style != "graph":
            message = f"the {self.style} style has one direction"
            help = "leave --direction out, or draw --style graph"
            span = _given("--direction", self.direction)
            raise NetspecError((Diagnostic("E0802", message, span, help=help),))
        if not self.theme.endswith(ENDING):
            _known("theme", self.theme or "light", ("light", "dark", "auto"))

    @cached_property
    def colours(self) -> Theme:
        """The theme; raises NetspecError (E0805) for a file that is none."""
        return own_theme(self.theme) if self.theme.endswith(ENDING) else THEMES.get(self.theme, LIGHT)


def render(request: Request, form: str = "svg") -> Picture:
    """The picture of a graph in one of FORMATS.

    Raises NetspecError: E0801 for a focus that is no block, E0802 for a form, style or theme that there is not, E0803
    where not even one box is laid out in time, E0805 for a theme file that is none.
    """
    _known("form", form, FORMATS)
    request.check()
    _check_form(request, form)
    theme = request.colours
    if form in _TEXTS:
        shown = figure(request.graph, request.depth, unfold=request.unfold, focus=request.focus)
        return Picture(_TEXTS[form](shown, theme, request.direction == "right"))
    if form == "html":
        return _page(request)
    if form == "tex" and request.style == "table":
        return Picture(_tabular(request))
    drawing, notes = draw(request)
    return written(request, drawing, notes, form)


def written(request: Request, drawing: Drawing, notes: tuple[str, ...], form: str) -> Picture:
    """A drawing in a form that pictures have, as the request says it."""
    theme = request.colours
    _check_form(request, form)
    if form in _EMBEDDING and (theme.text_font or theme.code_font):
        notes = (*notes, f"the theme's fonts are for svg: a {form} has its own, whose widths are known")
    if form == "tex":
        return Picture(_tex(drawing, request), notes)
    if form == "png":
        return Picture(_png(drawing, theme, request.dpi), notes)
    return Picture(_WRITERS[form](drawing, theme), notes)


def _check_form(request: Request, form: str) -> None:
    """Raises NetspecError (E0802, E0804) where something is asked for that this form has not."""
    if request.paper is not None and form not in _SIZED:
        message = f"{form} has no size: where it is shown decides that"
        raise NetspecError((Diagnostic("E0804", message, _given("--width", form), help=_SIZED_HELP),))
    if request.dpi is not None and not 1 <= request.dpi <= MOST_DPI:
        message = f"{request.dpi:g} dots an inch cannot be painted"
        help = f"--dpi goes from 1 to {MOST_DPI}; journals ask for 300 to 600"
        raise NetspecError((Diagnostic("E0804", message, _given("--dpi", f"{request.dpi:g}"), help=help),))
    if request.standalone and form != "tex":
        help = "leave --standalone out, or write a .tex"
        raise NetspecError((Diagnostic("E0802", f"{form} stands alone", _given("--standalone", form), help=help),))
    if request.direction != "down" and form in _DOWNWARD:
        help = "leave --direction out, or write an svg"
        message = f"a {form} has no direction"
        raise NetspecError((Diagnostic("E0802", message, _given("--direction", request.direction), help=help),))
    if request.dpi is not None and form != "png":
        help = "leave --dpi out, or write a .png"
        raise NetspecError((Diagnostic("E0804", f"{form} has no dots", _given("--dpi", form), help=help),))


def form_of(path: str | Path) -> str:
    """The form that the ending of a file asks for; raises NetspecError (E0802) where it asks for none."""
    ending = Path(path).suffix.lower().lstrip(".")
    if ending in FORMATS:
        return ending
    listed = ", ".join(f".{form}" for form in FORMATS[:-1]) + f" or .{FORMATS[-1]}"
    message = f"{path} does not end like a picture that netspec draws"
    raise NetspecError((Diagnostic("E0802", message, _given("-o", str(path)), help=f"end it in {listed}"),))


def is_on(option: str, text: str) -> bool:
    """Whether an option that is on or off is on; raises NetspecError (E0802) where it is neither."""
    if text in ("on", "off"):
        return text == "on"
    message = f"{option} is on or off, not {text}"
    raise NetspecError((Diagnostic("E0802", message, _given(option, text), help=f"write {option} off, or nothing"),))


def draw(request: Request) -> tuple[Drawing, tuple[str, ...]]:
    """The drawing in the style that is asked for, and what was done otherwise than asked."""
    if request.style == "table":
        from netspec.diagram.styles.table import table, table_on

        if request.paper is not None:
            return table_on(request.graph, request.paper, request.depth, unfold=request.unfold, focus=request.focus)
        return table(request.graph, request.depth, unfold=request.unfold, focus=request.focus), ()
    if request.style == "volumes":
        from netspec.diagram.styles.volumes import volumes, volumes_on

        if request.paper is not None:
            return volumes_on(
                request.graph,
                request.paper,
                request.depth,
                unfold=request.unfold,
                focus=request.focus,
                with_legend=request.legend,
            )
        drawing = volumes(
            request.graph, request.depth, unfold=request.unfold, focus=request.focus, with_legend=request.legend
        )
        return drawing, ()
    return _fitted(request, request.paper) if request.paper is not None else _graph(request)


def _fitted(request: Request, paper: Paper) -> tuple[Drawing, tuple[str, ...]]:
    """The graph style for a place in a paper."""
    from netspec.diagram.fitting import fitted

    with Graphviz() as graphviz:
        graphviz.start()
        try:
            return fitted(
                request.graph,
                paper,
                graphviz,
                request.depth,
                request.timeout,
                unfold=request.unfold,
                focus=request.focus,
                legend=request.legend,
                right=request.direction == "right",
            )
        except LayoutTimeoutError:
            raise _no_time(request.timeout) from None


def _graph(request: Request) -> tuple[Drawing, tuple[str, ...]]:
    """The graph style, laid out in time: where the layout takes too long, what is deeper is folded.

    Without a depth, the deepest view that fits the page.
    """
    from netspec.diagram.layout.layout import layout
    from netspec.diagram.layout.sheet import PAGE_WIDTH, USUAL
    from netspec.diagram.styles import graph, legend
    from netspec.diagram.styles.insets import page_scale, with_insets

    def finished(drawing: Drawing) -> Drawing:
        return legend.with_legend(drawing, PAGE_WIDTH) if request.legend else drawing

    notes: list[str] = []
    asked = request
    usual = replace(USUAL, right=request.direction == "right")
    with Graphviz() as graphviz:
        graphviz.start()
        while True:
            shown = figure(request.graph, request.depth, unfold=request.unfold, focus=request.focus)
            graphviz.limit(request.timeout)
            try:
                drawing = graph.draw(layout(shown, graphviz, usual))
                if asked.depth is not None or asked.unfold:
                    return finished(drawing), tuple(notes)
                whole = finished(drawing)
                scale = page_scale(whole)
                if scale >= LEAST_SCALE or shown.depth <= 1:
                    sheet = replace(usual, height=usual.height - (whole.height - drawing.height))
                    try:
                        drawing, left_out = with_insets(drawing, shown, graphviz, LEAST_SCALE, sheet)
                        if left_out:
                            listed = ", ".join(left_out)
                            notes.append(f"no room for the inside of {listed}: --focus {left_out[0]} draws it")
                    except LayoutTimeoutError:
                        notes.append(
                            f"the inside of the blocks takes longer than {request.timeout:g} seconds: left out"
                        )
                    drawing = finished(drawing)
                    return scaled(drawing, max(page_scale(drawing), LEAST_SCALE)), tuple(notes)
                request = replace(request, depth=shown.depth - 1)
            except LayoutTimeoutError:
                request = _simpler(request, shown)
                notes.append(_note(asked.timeout, shown, request))


def _simpler(request: Request, shown: View) -> Request:
    """The next simpler picture, half as deep where it is deep; raises NetspecError (E0803) where there is none."""
    if shown.unfold and shown.depth > 1:
        return replace(request, unfold=False, depth=shown.depth)
    if shown.depth > 0:
        return replace(request, depth=min(shown.depth - 1, max(shown.depth // 2, DEEP)))
    raise _no_time(request.timeout)


def _no_time(seconds: float) -> NetspecError:
    message = f"not even a single box is laid out in {seconds:g} seconds"
    span = _given("--timeout", f"{seconds:g}")
    return NetspecError((Diagnostic("E0803", message, span, help=f"give it more time: --timeout {SECONDS:g}"),))


def _note(seconds: float, shown: View, simpler: Request) -> str:
    what = "everything unfolded" if shown.unfold else f"depth {shown.depth}"
    return f"the layout of {what} takes longer than {seconds:g} seconds: drawn at depth {simpler.depth} instead"


def _page(request: Request) -> Picture:
    from netspec.diagram.page.page import page

    own = request.colours if request.theme.endswith(ENDING) else None
    theme: Any = own.name if own is not None else request.theme or "auto"
    try:
        with Graphviz(request.timeout) as graphviz:
            text = page(
                request.graph,
                request.depth,
                unfold=request.unfold,
                focus=request.focus,
                theme=theme,
                own=own,
                graphviz=graphviz,
            )
    except LayoutTimeoutError:
        message = f"the pictures of the page are not laid out in {request.timeout:g} seconds"
        help = "give it more time with --timeout, or draw a part of the net with --focus"
        raise NetspecError(
            (Diagnostic("E0803", message, _given("--timeout", f"{request.timeout:g}"), help=help),)
        ) from None
    return Picture(text)


def _dot(shown: View, theme: Theme, right: bool) -> str:
    from netspec.diagram.texts import dot

    return dot.write(shown, theme, right=right)


def _mermaid(shown: View, theme: Theme, right: bool) -> str:
    from netspec.diagram.texts import mermaid

    return mermaid.write(shown, theme, right=right)


def _json(shown: View, theme: Theme, right: bool) -> str:
    from netspec.diagram.texts import json_form

    return json_form.write(shown)


def _svg(drawing: Drawing, theme: Theme) -> str:
    from netspec.diagram.drawing import svg

    return svg.write(drawing, theme)


def _pdf(drawing: Drawing, theme: Theme) -> bytes:
    from netspec.diagram.drawing import pdf

    return pdf.write(drawing, theme)


def _png(drawing: Drawing, theme: Theme, dpi: float | None) -> bytes:
    """As fine as asked, or as fine as the largest picture allows."""
    from netspec.diagram.drawing import png

    finest = png.LARGEST * 72 / max(drawing.width, drawing.height)
    return png.write(drawing, theme, min(dpi or png.DPI, finest * 0.999))


def _eps(drawing: Drawing, theme: Theme) -> bytes:
    from netspec.diagram.drawing import eps

    return eps.write(drawing, theme)


def _tex(drawing: Drawing, request: Request) -> str:
    from netspec.diagram.texts import tex, tikz

    write = tikz.write if request.style == "graph" else tex.write
    return write(drawing, request.colours, standalone=request.standalone)


def _tabular(request: Request) -> str:
    """The table style as LaTeX's own table."""
    from netspec.diagram.styles.table import table_view
    from netspec.diagram.texts import tabular

    shown, setting = table_view(request.graph, request.paper, request.depth, unfold=request.unfold, focus=request.focus)
    return tabular.write(shown, setting, standalone=request.standalone)


_TEXTS: Mapping[str, Callable[[View, Theme, bool], str]] = {"dot": _dot, "mmd": _mermaid, "json": _json}
_WRITERS: Mapping[str, Callable[[Drawing, Theme], str | bytes]] = {"svg": _svg, "pdf": _pdf, "eps": _eps}
_EMBEDDING = ("pdf", "eps", "png")
_SIZED = ("svg", "pdf", "eps", "png", "tex")
_DOWNWARD = ("html", "json")
_SIZED_HELP = f"--width goes with {', '.join(_SIZED[:-1])} and {_SIZED[-1]}"


def _known(what: str, name: str, known: tuple[str, ...]) -> None:
    if name in known:
        return
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    listed = f"{', '.join(known[:-1])} or {known[-1]}"
    help = f"did you mean {near[0]}?" if near else f"it is one of {listed}"
    raise NetspecError((Diagnostic("E0802", f"there is no {what} {name}", _given(f"--{what}", name), help=help),))


def _given(option: str, text: str) -> Span:
    return Span(Source(option, text), 0, len(text))
