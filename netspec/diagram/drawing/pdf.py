"""PDF: vectors with the fonts embedded, as journals ask, through ReportLab."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.diagram.drawing.items import Circle, Drawing, Mark, Path, Polygon, Rect, Segment, Text, arrow_head, line
from netspec.diagram.drawing.text import Face, face_of, font_file, set_in, visible, width_of
from netspec.diagram.drawing.theme import LIGHT, Theme
from netspec.syntax.source import Source, Span

if TYPE_CHECKING:
    from reportlab.lib.colors import Color
    from reportlab.pdfgen.canvas import Canvas

_ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}


def write(drawing: Drawing, theme: Theme = LIGHT) -> bytes:
    """The drawing as a PDF file of one page of its size. It holds no date, so the same drawing gives the same bytes.

    Raises NetspecError (E0613) where ReportLab is not installed.
    """
    try:
        from reportlab.pdfgen.canvas import Canvas
    except ModuleNotFoundError:
        message = "a picture as PDF needs reportlab, which is not installed"
        here = Span(Source("netspec render", ""), 0, 0)
        raise NetspecError((Diagnostic("E0613", message, here, help="pip install 'netspec-nn[pdf]'"),)) from None

    file = io.BytesIO()
    canvas = Canvas(
        file,
        pagesize=(drawing.width, drawing.height),
        invariant=1,
        pageCompression=1,
        lang="en",
        initialFontName=_font("Sans-Regular"),  # the usual one, Helvetica, would stand in the file without being in it
    )
    canvas.setTitle(visible(drawing.title))
    canvas.setSubject(visible(drawing.description))
    canvas.setAuthor("")
    canvas.setCreator("netspec")
    page = _Page(canvas, theme, drawing.height)
    page.paint(Rect(0, 0, drawing.width, drawing.height, fill="paper"))
    for mark in drawing.marks():
        page.paint(mark)
    canvas.save()
    return file.getvalue()


class _Page:
    """A page whose y grows down, as a drawing's does."""

    def __init__(self, canvas: Canvas, theme: Theme, height: float) -> None:
        self.canvas, self.theme, self.height = canvas, theme, height
        canvas.setLineJoin(1)

    def paint(self, mark: Mark) -> None:
        match mark:
            case Text():
                self.text(mark)
            case Path(arrow=True):
                shaft, head = arrow_head(mark)
                self.path(shaft)
                self.polygon(head)
            case Path():
                self.path(mark)
            case Polygon():
                self.polygon(mark)
            case Rect():
                how = self.pens(mark)
                y = self.height - mark.y - mark.height
                self.canvas.roundRect(mark.x, y, mark.width, mark.height, mark.radius, **how)
            case Circle():
                self.canvas.circle(mark.x, self.height - mark.y, mark.radius, **self.pens(mark))

    def polygon(self, polygon: Polygon) -> None:
        segments = (*line(*polygon.points), ("Z", ()))
        self.outline(segments, self.pens(polygon))

    def path(self, path: Path) -> None:
        self.outline(path.segments, self.pens(path))

    def outline(self, segments: tuple[Segment, ...], how: dict[str, int]) -> None:
        outline = self.canvas.beginPath()
        for verb, points in segments:
            numbers = [number for x, y in points for number in (x, self.height - y)]
            match verb:
                case "M":
                    outline.moveTo(*numbers)
                case "L":
                    outline.lineTo(*numbers)
                case "C":
                    outline.curveTo(*numbers)
                case "Z":
                    outline.close()
        self.canvas.drawPath(outline, **how)

    def pens(self, mark: Rect | Polygon | Path | Circle) -> dict[str, int]:
        """Sets the colours and the line; returns which of the two are wanted."""
        if mark.fill:
            self.canvas.setFillColor(_colour(self.theme.paint(mark.fill)))
        if mark.stroke:
            self.canvas.setStrokeColor(_colour(self.theme.paint(mark.stroke)))
            self.canvas.setLineWidth(mark.stroke_width)
            self.canvas.setDash(list(getattr(mark, "dash", None) or []))
        return {"fill": int(bool(mark.fill)), "stroke": int(bool(mark.stroke))}

    def text(self, text: Text) -> None:
        if not text.fill:
            return
        face = face_of(text)
        self.canvas.setFont(_font(face), text.size)
        self.canvas.setFillColor(_colour(self.theme.paint(text.fill)))
        fitted = replace(text, text=set_in(text.text, face))
        self.canvas.saveState()
        self.canvas.translate(text.x, self.height - text.y)
        self.canvas.rotate(-text.rotate)
        self.canvas.drawString(-_ANCHORS[text.anchor] * width_of(fitted), 0, fitted.text)
        self.canvas.restoreState()


@cache
def _font(face: Face) -> str:
    """The name of a face that ReportLab has been told of."""
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFont

    name = f"Liberation{face}"
    registerFont(TTFont(name, str(font_file(face))))
    return name


@cache
def _colour(paint: str) -> Color:
    from reportlab.lib.colors import HexColor

    return HexColor(paint)
