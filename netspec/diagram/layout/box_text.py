"""What is written in each box of a graph picture, and how large the box is for it.

Sizes come from the metrics of the fonts that the picture is set in, so that a text fits its box wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from netspec.diagram.drawing.items import Weight
from netspec.diagram.drawing.text import width
from netspec.diagram.view.boxes import Box
from netspec.diagram.view.words import count_words, shape_words
from netspec.layers.base import FigureWeight

LABEL_SIZE = 7.0
"""Points of the shapes on the edges."""
HEADER = 17
"""The height of a frame's header."""
JOIN = 16
"""The diameter of a plus, and the height of a pill."""
SHEETS = 5
"""How far the sheets below a box that stands for several show."""

_TITLE, _SECOND, _NAME = 8.5, 7.5, 6.5
_LEADING = 1.22
_PADDING = 7
_STEP = 12
"""Widths are multiples of this, so that boxes above each other line up."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a box."""

    text: str
    size: float
    fill: str = "ink"
    weight: Weight = "normal"
    mono: bool = False

    @property
    def width(self) -> float:
        return width(self.text, self.size, self.weight, self.mono)

    @property
    def height(self) -> float:
        return self.size * _LEADING


def lines(box: Box) -> tuple[Line, ...]:
    """The lines of a box without children, from the top."""
    if box.kind == "join":
        return (Line(_sum(box) if box.terms else box.title, 10 if is_round(box) else _SECOND),)
    if box.kind in ("input", "output"):
        shapes = box.outputs or box.inputs
        return (Line(box.title, _TITLE, weight="bold"), Line(shape_words(shapes[:1]), _SECOND, "muted"))
    if box.kind == "layer":
        main = Line(box.title, _TITLE, weight="normal" if is_small(box) else "bold")
        named = [Line(box.label, _NAME, "ink", mono=True)] if box.label else []
        lighter = [*((text, True) for text in box.before), *((text, False) for text in box.after)]
        before = [Line(text, _SECOND) for text, first in lighter if first]
        after = [Line(text, _SECOND) for text, first in lighter if not first]
        again = [Line("same weights", _NAME, "muted")] if box.shared and named else []
        return (*named, *before, main, *after, *again)
    return tuple(_folded_lines(box))


def _sum(box: Box) -> str:
    """A join of more values than arrows lead to it: `Σ 50`."""
    return f"{_MANY.get(box.title, box.title)} {box.terms}"


_MANY = {"+": "Σ", "×": "Π"}


def times(box: Box) -> Line | None:
    """What stands in the upper right corner of a box that stands for several."""
    return Line(f"× {box.times}", 8, weight="bold") if box.times > 1 else None


def _folded_lines(box: Box) -> Iterable[Line]:
    """A block that is folded: its name, its signature, how much is in it."""
    title = box.title if box.kind != "net" else box.signature
    yield Line(box.label or title, _TITLE, weight="bold")
    if box.label and title:
        yield Line(title, _SECOND)
    counted = f"{count_words(box.parameters)} parameters{' in all' if box.copies > 1 and not box.shared else ''}"
    sharing = "same weights" if box.shared else "some shared" if box.partly_shared else ""
    known = ", ".join(filter(None, [counted if box.parameters else "", sharing]))
    if known:
        yield Line(known, _NAME, "muted")


def words(box: Box) -> list[str]:
    """All that is written in a box or in the header of a frame, for forms that set their own lines."""
    written = header(box) if box.children else lines(box)
    corner = times(box)
    return [line.text for line in (*written, *([corner] if corner else []))]


def header(box: Box) -> tuple[Line, ...]:
    """The header of a frame, from left to right: its label, its title."""
    named = [Line(box.label, 8, weight="bold", mono=False)] if box.label else []
    repeats = box.title.casefold() == box.label.casefold()
    titled = [Line(box.title, _SECOND, "muted" if named else "ink")] if box.title and not repeats else []
    shared = [Line("same weights", _NAME, "muted")] if box.shared else []
    return (*named, *titled, *shared)


def header_width(box: Box) -> float:
    """The least width of a frame for its header."""
    corner = times(box)
    return sum(line.width + 6 for line in header(box)) + 10 + (corner.width + 6 if corner else 0)


def size(box: Box) -> tuple[int, int]:
    """Width and height of a box without children, in whole points."""
    if is_round(box):
        return JOIN, JOIN
    written = lines(box)
    wide = max(line.width for line in written) + 2 * _PADDING
    if (corner := times(box)) is not None:
        wide = max(wide, written[0].width + 2 * (corner.width + 10))
    if box.kind == "join":
        return 2 * ceil(wide / 2), JOIN
    high = sum(line.height for line in written)
    if is_small(box):
        return _STEP // 2 * ceil(max(wide, 36) / (_STEP // 2)), ceil(high + 5)
    return _STEP * 2 * ceil(max(wide, 72) / (_STEP * 2)), ceil(high + 8)


def label_width(text: str) -> int:
    """The room that a shape takes beside its edge, in steps, so that like pictures are laid out once."""
    return 8 * ceil((width(text, LABEL_SIZE) + 6) / 8)


def is_round(box: Box) -> bool:
    """Whether the box is an operator in a circle."""
    return box.kind == "join" and len(box.title) == 1 and not box.terms


def is_small(box: Box) -> bool:
    """Whether the box is a single light layer: a pill."""
    return box.kind == "layer" and box.weight in _SMALL and not box.before and not box.after and not box.label


_SMALL: frozenset[FigureWeight] = frozenset({"light", "wrap", "slight"})
