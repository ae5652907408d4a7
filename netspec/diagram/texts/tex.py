"""TikZ: the drawing as a picture that a paper inputs, and that can be edited there.

The text is set in Helvetica, which has the widths that the drawing was measured with, mono text in Courier.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from netspec.diagram.drawing.items import Circle, Drawing, Group, Item, Path, Point, Polygon, Rect, Segment, Text
from netspec.diagram.drawing.items import arrow_head as with_head
from netspec.diagram.drawing.svg import number
from netspec.diagram.drawing.text import REPLACEMENT, visible
from netspec.diagram.drawing.theme import LIGHT, Theme
from netspec.marks import signed

_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}

_SQUARE = r"{\fboxsep=0pt\fbox{\phantom{o}}}"
_MATHS = {
    "−": "-", "·": "cdot", "→": "rightarrow", "←": "leftarrow", "↑": "uparrow",
    "↓": "downarrow", "≤": "leq", "≥": "geq", "≠": "neq", "≈": "approx", "∞": "infty", "∑": "sum", "∏": "prod",
    "√": "surd", "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "θ": "theta",
    "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "varphi", "ω": "omega",
    "Δ": "Delta", "Σ": "Sigma", "Φ": "Phi", "Ω": "Omega",
}  # fmt: skip
_ESCAPES: Mapping[str, str] = MappingProxyType(
    {
        "\\": r"\textbackslash{}",
        "\0": "{}",  # which no visible text has
        "{": r"\{",
        "}": r"\}",
        "#": r"\#",
        "$": r"\$",
        "%": r"\%",
        "&": r"\&",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"{\fontfamily{cmtt}\selectfont\char34}",  # where the straight one is in every encoding
        "`": r"\textasciigrave{}",
        "–": r"\textendash{}",
        "—": r"\textemdash{}",
        "‘": r"\textquoteleft{}",
        "’": r"\textquoteright{}",
        "“": r"\textquotedblleft{}",
        "”": r"\textquotedblright{}",
        "…": r"\ldots{}",
        "×": r"\texttimes{}",
        "÷": r"\textdiv{}",
        "±": r"\textpm{}",
        "²": r"\texttwosuperior{}",
        "³": r"\textthreesuperior{}",
        "½": r"\textonehalf{}",
        REPLACEMENT: _SQUARE,
        **{character: rf"$\{name}$" if name != "-" else "$-$" for character, name in _MATHS.items()},
    }
)
_LIGATURES = re.compile(r"[-',](?=[-',])")
"""Signs that would become another one with the next, but for an empty group between them."""
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
}  # fmt: skip
"""Accents that every encoding of LaTeX has."""
_LETTERS = {"æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ß": "ss", "ł": "l", "Ł": "L", "ı": "i"}
_HEAD = r"""% {title}
% In a paper: \usepackage{{tikz}} in the preamble, and \input{{FILE}} where the picture is to stand.
\begingroup"""
_PICTURE = r"\begin{tikzpicture}[x=1bp, y=-1bp, line join=round, inner sep=0pt, outer sep=0pt]"
_FOOT = r"""\end{tikzpicture}%
\endgroup"""
_DOCUMENT = r"""% pdflatex makes a PDF of this file.
\documentclass[tikz, border=0pt]{{standalone}}
\begin{{document}}
{picture}
\end{{document}}"""


def write(drawing: Drawing, theme: Theme = LIGHT, *, standalone: bool = False) -> str:
    """The drawing as LaTeX to be input in a paper that uses TikZ, or as a `standalone` document."""
    title = visible(drawing.title).encode("ascii", "replace").decode()
    paper = Rect(0, 0, drawing.width, drawing.height, fill="paper")
    roles = dict.fromkeys(role for mark in drawing.marks() for role in _roles(mark))
    colours = [
        rf"\definecolor{{{colour_name(role)}}}{{HTML}}{{{theme.paint(role)[1:].upper()}}}%"
        for role in ("paper", *roles)
    ]
    statements = filter(None, _statements((paper, *drawing.items)))
    picture = "\n".join([_HEAD.format(title=title), *dict.fromkeys(colours), _PICTURE, *statements, _FOOT])
    return signed((_DOCUMENT.format(picture=picture) if standalone else picture) + "\n", "% {}")


def escaped(text: str) -> str:
    """The text for LaTeX, in whatever encoding its fonts have: every character stands for itself, none is a command."""
    written = _LIGATURES.sub(r"\g<0>\0", visible(text))
    return "".join(_ESCAPES.get(character) or _plain(character) for character in written)


def _plain(character: str) -> str:
    """ASCII as it is, Latin letters as commands; a square for what LaTeX's fonts lack."""
    if character.isascii():
        return character
    if character in _LETTERS:
        return rf"{{\{_LETTERS[character]}}}"
    letter, accents = unicodedata.normalize("NFD", character)[:1], unicodedata.normalize("NFD", character)[1:]
    if letter.isascii() and letter.isalpha() and accents in _ACCENTS:
        return rf"{{\{_ACCENTS[accents]}{{{letter}}}}}"
    return _SQUARE


def _statements(items: tuple[Item, ...]) -> Iterator[str]:
    for item in items:
        match item:
            case Group():
                yield from _statements(item.items)
            case Text():
                yield _node(item)
            case Path(arrow=True):
                shaft, head = with_head(item)
                yield from _statements((shaft, head))
            case Path():
                yield rf"\path[{_pens(item)}] {' '.join(map(_segment, item.segments))};"
            case Polygon():
                yield rf"\path[{_pens(item)}] {' -- '.join(map(_point, item.points))} -- cycle;"
            case Rect():
                corner = f", rounded corners={number(item.radius)}bp" if item.radius else ""
                end = (item.x + item.width, item.y + item.height)
                yield rf"\path[{_pens(item)}{corner}] {_point((item.x, item.y))} rectangle {_point(end)};"
            case Circle():
                centre = _point((item.x, item.y))
                yield rf"\path[{_pens(item)}] {centre} circle[radius={number(item.radius)}bp];"


def _node(text: Text) -> str:
    if not text.fill:
        return ""
    size = number(text.size)
    family = r"\fontfamily{pcr}" if text.mono else r"\fontfamily{phv}"
    series = r"\bfseries" if text.weight == "bold" and not text.mono else ""
    shape = r"\slshape" if text.italic and not series and not text.mono else ""
    font = rf"\normalfont\fontsize{{{size}bp}}{{{size}bp}}{family}{series}{shape}\selectfont"
    turned = f", rotate={number(-text.rotate)}" if text.rotate else ""
    options = f"anchor={_ANCHORS[text.anchor]}, text={colour_name(text.fill)}, font={font}{turned}"
    return rf"\node[{options}] at {_point((text.x, text.y))} {{{escaped(text.text)}}};"


def _segment(segment: Segment) -> str:
    verb, points = segment
    match verb:
        case "M":
            return _point(points[0])
        case "L":
            return f"-- {_point(points[0])}"
        case "C":
            return ".. controls {} and {} .. {}".format(*map(_point, points))
        case "Z":
            return "-- cycle"


def _pens(mark: Rect | Polygon | Path | Circle) -> str:
    options = [f"fill={colour_name(mark.fill)}"] if mark.fill else []
    if mark.stroke:
        options += [f"draw={colour_name(mark.stroke)}", f"line width={number(mark.stroke_width)}bp"]
        if dash := getattr(mark, "dash", None):
            parts = (
                f"{word} {number(length)}bp" for length, word in zip(dash, ("on", "off") * len(dash), strict=False)
            )
            options.append(f"dash pattern={' '.join(parts)}")
    return ", ".join(options)


def _roles(mark: Item) -> Iterator[str]:
    for name in ("fill", "stroke"):
        if role := getattr(mark, name, None):
            yield role


def colour_name(role: str | None) -> str:
    """What LaTeX calls the colour of a role."""
    return f"netspec-{(role or 'ink').replace(':', '-')}"


def _point(point: Point) -> str:
    return f"({number(point[0])},{number(point[1])})"
