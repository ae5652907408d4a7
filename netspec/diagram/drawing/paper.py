"""The place in a paper that a figure is made for: how wide and high it may be, how small its letters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from types import MappingProxyType

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.diagram.drawing.items import Drawing, Text, moved, scaled
from netspec.syntax.source import Source, Span

_POINTS: Mapping[str, float] = MappingProxyType(
    {"pt": 72 / 72.27, "bp": 1, "px": 0.75, "mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72}
)
"""Points of 1/72 inch in each unit of length; pt is TeX's, of which 72.27 are an inch."""
_LENGTH = re.compile(rf"(\d+(?:\.\d*)?|\.\d+)\s*({'|'.join(_POINTS)})", re.ASCII)
_NARROWEST, _WIDEST = 36.0, 14_400.0
"""Half an inch, and what PDF has room for (ISO 32000-1, annex C)."""
LETTERS, _LARGEST = 7.0, 100.0
"""Points of the smallest letters: what Nature, IEEE and CVPR ask for; and how large they may be."""


@dataclass(frozen=True, slots=True)
class Paper:
    """Room for a figure of exactly `width` and at most `height` points, whose letters are at least `letters` points.

    `columns` is how many a graph is set in; 0 for as many as are of use.
    """

    width: float
    height: float
    letters: float = LETTERS
    columns: int = 0

    @property
    def unit(self) -> float:
        """How much larger everything is than on a paper whose smallest letters have 7 points."""
        return self.letters / LETTERS


_PLACES: Mapping[str, tuple[str, str, float]] = MappingProxyType(
    {"column": ("8.4cm", "23cm", LETTERS), "page": ("17.4cm", "23cm", LETTERS), "slide": ("10in", "5.625in", 12.0)}
)
"""Width, height and letters of a column and of the text of a journal's page, and of a slide of 16 to 9."""


def paper_of(width: str = "", height: str = "", letters: float | None = None, columns: int = 0) -> Paper | None:
    """The paper that options say, None where they say nothing; raises NetspecError (E0804) where they say none.

    `width` and `height` are lengths (`8.4cm`, `3.25in`, `240pt`), `width` may be column, page or slide, and is that of
    a page where only others are given; without a `height` it is that of the place. `letters` are points.
    """
    if not (width or height or letters is not None or columns):
        return None
    wide, high, small = _PLACES.get(width or "page", (width, _PLACES["page"][1], LETTERS))
    if letters is not None and not 1 <= letters <= _LARGEST:
        message = f"letters of {letters:g} points cannot be set"
        raise _refused("--font-size", f"{letters:g}", message, f"--font-size goes from 1 to {_LARGEST:g}")
    if columns < 0:
        raise _refused("--columns", str(columns), "there are no fewer than no columns", "leave --columns out")
    return Paper(length("--width", wide), length("--max-height", height or high), letters or small, columns)


def length(option: str, text: str) -> float:
    """A length in points of 1/72 inch; raises NetspecError (E0804) for what is none, or too short or long."""
    written = _LENGTH.fullmatch(text.strip())
    names = ", or column, page or slide" if option == "--width" else ""
    example = "8.4cm" if option == "--width" else "12cm"
    if written is None:
        message = f"{text or 'nothing'} is no length"
        raise _refused(option, text, message, f"write a number and a unit, {option} {example}{names}")
    points = float(written[1]) * _POINTS[written[2]]
    if not _NARROWEST <= points <= _WIDEST:
        raise _refused(option, text, f"a figure of {text} cannot be drawn", "lengths go from 0.5in to 200in")
    return points


def _refused(option: str, text: str, message: str, help: str) -> NetspecError:
    return NetspecError((Diagnostic("E0804", message, Span(Source(option, text), 0, len(text)), help=help),))


def scale_on(paper: Paper, drawing: Drawing) -> float:
    """How large the drawing can be on the paper, 1 where its letters are as large as they are to be."""
    return min(1.0, paper.width / paper.unit / drawing.width, paper.height / paper.unit / drawing.height)


def on_paper(paper: Paper, drawing: Drawing) -> Drawing:
    """The drawing in the middle of the width of a paper, smaller where it would not fit."""
    sized = scaled(drawing, scale_on(paper, drawing) * paper.unit)
    beside = (paper.width - sized.width) / 2
    return replace(sized, width=paper.width, items=tuple(moved(item, beside, 0) for item in sized.items))


def too_small(paper: Paper, finished: Drawing, depth: int | None) -> str:
    """What is said where letters are smaller than they are to be, and at which depth they are not."""
    smallest = min((mark.size for mark in finished.marks() if isinstance(mark, Text)), default=paper.letters)
    larger = paper.letters / smallest
    is_high = finished.height > paper.height - 1
    option, side = ("--max-height", paper.height) if is_high else ("--width", paper.width)
    size = f"{option} {ceil(10 * side * larger / _POINTS['cm']) / 10:g}cm"
    mend = f"{f'--depth {depth}' if depth is not None else size} keeps them at {paper.letters:g}"
    return f"the smallest letters have {smallest:.1f} points: {mend}"
