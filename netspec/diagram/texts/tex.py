"""TikZ: the drawing as a LaTeX document of its own, whose picture can be pasted into a paper and edited there.

The text is set in Helvetica, which has the widths that the drawing was measured with, mono text in Courier.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from netspec.diagram.drawing.items import Circle, Drawing, Group, Item, Path, Point, Polygon, Rect, Segment, Text
from netspec.diagram.drawing.items import arrow_head as with_head
from netspec.diagram.drawing.svg import number
from netspec.diagram.drawing.text import REPLACEMENT, visible
from netspec.diagram.drawing.theme import LIGHT, Theme

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
        '"': r"\char34{}",
        "`": r"\textasciigrave{}",
        # An empty group keeps two of these from becoming another sign.
        "-": "-{}",
        "'": "'{}",
        ",": ",{}",
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
_PREAMBLE = r"""% {title}
% pdflatex makes a PDF of this file; in a paper, \usepackage{{tikz}} and paste the picture.
\documentclass[tikz, border=0pt]{{standalone}}
\usepackage[T1]{{fontenc}}
\usepackage{{textcomp}}
\begin{{document}}
\begin{{tikzpicture}}[x=1bp, y=-1bp, line join=round, inner sep=0pt, outer sep=0pt]"""
_END = r"""\end{tikzpicture}
\end{document}"""


def write(drawing: Drawing, theme: Theme = LIGHT) -> str:
    """The drawing as a LaTeX document for the class `standalone`."""
    title = visible(drawing.title).encode("ascii", "replace").decode()
    paper = Rect(0, 0, drawing.width, drawing.height, fill="paper")
    lines = list(_statements((paper, *drawing.items)))
    roles = dict.fromkeys(role for mark in drawing.marks() for role in _roles(mark))
    colours = [
        rf"\definecolor{{{_colour(role)}}}{{HTML}}{{{theme.paint(role)[1:].upper()}}}" for role in ("paper", *roles)
    ]
    return "\n".join([_PREAMBLE.format(title=title), *dict.fromkeys(colours), *lines, _END]) + "\n"


def escaped(text: str) -> str:
    """The text for LaTeX: every character stands for itself, none is a command."""
    return "".join(_ESCAPES.get(character) or _plain(character) for character in visible(text))


def _plain(character: str) -> str:
    """ASCII and the Latin letters that LaTeX reads as they are; a square for what its fonts lack."""
    if character.isascii() or (ord(character) < 0x180 and unicodedata.category(character) in ("Lu", "Ll")):
        return character
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
    shape = r"\itshape" if text.italic and not series and not text.mono else ""
    font = rf"\normalfont\fontsize{{{size}bp}}{{{size}bp}}{family}{series}{shape}\selectfont"
    turned = f", rotate={number(-text.rotate)}" if text.rotate else ""
    options = f"anchor={_ANCHORS[text.anchor]}, text={_colour(text.fill)}, font={font}{turned}"
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
    options = [f"fill={_colour(mark.fill)}"] if mark.fill else []
    if mark.stroke:
        options += [f"draw={_colour(mark.stroke)}", f"line width={number(mark.stroke_width)}bp"]
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


def _colour(role: str) -> str:
    return f"netspec-{role.replace(':', '-')}"


def _point(point: Point) -> str:
    return f"({number(point[0])},{number(point[1])})"
