"""EPS: vectors for journals that ask for PostScript, with the letters that are used embedded as TrueType.

Fonts stand in the file as Type 42 (Adobe Technical Note 5012); a letter is shown by its name, `uni0041`, so that what
is distilled to PDF can still be searched. No text of a spec is a PostScript string, so none can be a command.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from math import ceil

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.diagram.drawing.items import Circle, Drawing, Mark, Path, Polygon, Rect, Segment, Text, arrow_head, line
from netspec.diagram.drawing.svg import number
from netspec.diagram.drawing.text import Face, face_of, font_file, set_in, width_of
from netspec.diagram.drawing.theme import LIGHT, Theme
from netspec.marks import signed
from netspec.syntax.source import Source, Span

_LONGEST = 65_000
"""Bytes of a PostScript string, which may have 65535."""
_ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}
_ARC = 0.5523
"""How far the control points of a quarter of a circle are from its ends, in radii."""


def write(drawing: Drawing, theme: Theme = LIGHT) -> bytes:
    """The drawing as an EPS file of its size; the same drawing gives the same bytes.

    Raises NetspecError (E0613) where ReportLab, which cuts the fonts down to what is used, is not installed.
    """
    width, height = drawing.width, drawing.height
    used: dict[Face, set[str]] = {}
    for mark in drawing.marks():
        if isinstance(mark, Text) and mark.fill:
            face = face_of(mark)
            used.setdefault(face, set()).update(set_in(mark.text, face))
    paper = Rect(0, 0, width, height, fill="paper")
    lines = [
        "%!PS-Adobe-3.0 EPSF-3.0",
        f"%%BoundingBox: 0 0 {ceil(width)} {ceil(height)}",
        f"%%HiResBoundingBox: 0 0 {number(width)} {number(height)}",
        "%%Creator: netspec",
        "%%LanguageLevel: 2",
        "%%EndComments",
        "save 20 dict begin",
        *(text for face in sorted(used) for text in _font(face, sorted(used[face]))),
        f"0 {number(height)} translate 1 -1 scale 1 setlinejoin",
        *(text for mark in (paper, *drawing.marks()) for text in _painted(mark, theme)),
        "end restore",
    ]
    return signed("\n".join(lines) + "\n", "% {}", "%%EOF\n").encode("ascii")


def _painted(mark: Mark, theme: Theme) -> Iterator[str]:
    match mark:
        case Text():
            yield from _text(mark, theme)
        case Path(arrow=True):
            shaft, head = arrow_head(mark)
            yield from _painted(shaft, theme)
            yield from _painted(head, theme)
        case Path():
            yield from _outlined(mark.segments, mark, theme)
        case Polygon():
            yield from _outlined((*line(*mark.points), ("Z", ())), mark, theme)
        case Rect():
            yield from _outlined(_corners(mark), mark, theme)
        case Circle():
            yield from _outlined(_corners(_around(mark)), mark, theme)


def _around(circle: Circle) -> Rect:
    """The square around a circle, with corners so round that it is the circle."""
    radius = circle.radius
    left, top, side = circle.x - radius, circle.y - radius, 2 * radius
    return Rect(left, top, side, side, radius, circle.fill, circle.stroke, circle.stroke_width)


def _corners(rect: Rect) -> tuple[Segment, ...]:
    left, top, right, bottom = rect.x, rect.y, rect.x + rect.width, rect.y + rect.height
    radius = min(rect.radius, rect.width / 2, rect.height / 2)
    if not radius:
        return (*line((left, top), (right, top), (right, bottom), (left, bottom)), ("Z", ()))
    near = radius * (1 - _ARC)
    return (
        ("M", ((left + radius, top),)),
        ("L", ((right - radius, top),)),
        ("C", ((right - near, top), (right, top + near), (right, top + radius))),
        ("L", ((right, bottom - radius),)),
        ("C", ((right, bottom - near), (right - near, bottom), (right - radius, bottom))),
        ("L", ((left + radius, bottom),)),
        ("C", ((left + near, bottom), (left, bottom - near), (left, bottom - radius))),
        ("L", ((left, top + radius),)),
        ("C", ((left, top + near), (left + near, top), (left + radius, top))),
        ("Z", ()),
    )


_VERBS = {"M": "moveto", "L": "lineto", "C": "curveto", "Z": "closepath"}


def _outlined(segments: Sequence[Segment], mark: Rect | Polygon | Path | Circle, theme: Theme) -> Iterator[str]:
    """A path, filled and drawn in the colours of a mark."""
    steps = (" ".join([*(f"{number(x)} {number(y)}" for x, y in points), _VERBS[verb]]) for verb, points in segments)
    yield f"newpath {' '.join(steps)}"
    if mark.fill:
        yield f"gsave {_colour(theme.paint(mark.fill))} fill grestore"
    if mark.stroke:
        dash = " ".join(map(number, getattr(mark, "dash", None) or ()))
        yield f"{_colour(theme.paint(mark.stroke))} {number(mark.stroke_width)} setlinewidth [{dash}] 0 setdash stroke"


def _text(text: Text, theme: Theme) -> Iterator[str]:
    if not text.fill:
        return
    face = face_of(text)
    shown = set_in(text.text, face)
    letters = " ".join(f"/{_name(letter)} glyphshow" for letter in shown)
    turned = f" {number(text.rotate)} rotate" if text.rotate else ""
    start = number(-_ANCHORS[text.anchor] * width_of(text))
    yield (
        f"gsave {_colour(theme.paint(text.fill))} {number(text.x)} {number(text.y)} translate{turned} 1 -1 scale"
        f" /{_font_name(face)} findfont {number(text.size)} scalefont setfont {start} 0 moveto {letters} grestore"
    )


def _colour(paint: str) -> str:
    return " ".join(f"{part / 255:.3f}" for part in bytes.fromhex(paint[1:])) + " setrgbcolor"


def _name(letter: str) -> str:
    return f"uni{ord(letter):04X}"


def _font_name(face: Face) -> str:
    return f"Liberation{face}"


def _font(face: Face, letters: Sequence[str]) -> Iterator[str]:
    """The face as a Type 42 font that has these letters."""
    data, glyphs = _subset(face, letters)
    names = [f"/{_name(letter)} {glyph} def" for letter, glyph in zip(letters, glyphs, strict=True)]
    yield f"10 dict begin /FontName /{_font_name(face)} def /FontType 42 def /PaintType 0 def"
    yield "/FontMatrix [1 0 0 1 0 0] def /FontBBox [0 0 0 0] def /Encoding StandardEncoding def"
    yield f"/CharStrings {len(names) + 1} dict dup begin /.notdef 0 def"
    yield from names
    yield "end readonly def"
    yield "/sfnts ["
    for part in _strings(data):
        yield "<"
        yield from (part[at : at + 40].hex() for at in range(0, len(part), 40))
        yield "00>"  # the last byte of each string is padding
    yield "] def FontName currentdict end definefont pop"


def _subset(face: Face, letters: Sequence[str]) -> tuple[bytes, list[int]]:
    """A TrueType file with the glyphs of these letters, and their numbers in it."""
    try:
        from reportlab.pdfbase.ttfonts import TTFontFile
    except ModuleNotFoundError:
        message = "a picture as EPS needs reportlab, which is not installed"
        here = Span(Source("netspec render", ""), 0, 0)
        raise NetspecError((Diagnostic("E0613", message, here, help="pip install 'netspec-nn[pdf]'"),)) from None
    font = TTFontFile(str(font_file(face)))
    codes = list(map(ord, letters))
    numbers = {0: 0}  # in the order in which ReportLab takes them: that of the letters, after the missing glyph
    glyphs = [numbers.setdefault(font.charToGlyph.get(code, 0), len(numbers)) for code in codes]
    return bytes(font.makeSubset(codes)), glyphs


def _strings(data: bytes) -> Iterator[bytes]:
    """The file in strings that PostScript can hold, parted where tables and glyphs begin (Technical Note 5012, 4.2)."""
    begin = 0
    last = 0
    for seam in (*_seams(data), len(data)):
        if seam - begin > _LONGEST:
            yield data[begin:last]
            begin = last
        last = seam
    yield data[begin:]


def _seams(data: bytes) -> Iterable[int]:
    """Where tables begin, and glyphs in the table of these; at even places, in their order."""
    count = struct.unpack_from(">H", data, 4)[0]
    tables = {tag: at for tag, _, at, _ in struct.iter_unpack(">4sIII", data[12 : 12 + 16 * count])}
    is_long = struct.unpack_from(">h", data, tables[b"head"] + 50)[0]
    glyphs = struct.unpack_from(">H", data, tables[b"maxp"] + 4)[0]
    places = struct.unpack_from(f">{glyphs}{'I' if is_long else 'H'}", data, tables[b"loca"])
    starts = {tables[b"glyf"] + place * (1 if is_long else 2) for place in places}
    return sorted(place for place in {*tables.values(), *starts} if place % 2 == 0)
