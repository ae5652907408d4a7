"""What is written in each box of a graph picture, and how large the box is for it.

Sizes come from the metrics of the fonts that the picture is set in, so that a text fits its box wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil, inf

from netspec.diagram.drawing.items import Weight
from netspec.diagram.drawing.text import broken, width
from netspec.diagram.layout.sheet import USUAL, Sheet
from netspec.diagram.view.boxes import Box
from netspec.diagram.view.captions.words import count_words, shape_words, short_shape
from netspec.layers.declaration.base import FigureWeight

LABEL_SIZE = 7.0
"""Points of the shapes on the edges."""
HEADER = 17
"""The height of a frame's header of one row."""
ROW = 9
"""How much higher another row makes it."""
JOIN = 16
"""The diameter of a plus, and the height of a pill."""
SHEETS = 5
"""How far the sheets below a box that stands for several show."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a box."""

    text: str
    size: float
    fill: str = "ink"
    weight: Weight = "normal"
    mono: bool = False
    leading: float = 1.22

    @property
    def width(self) -> float:
        return width(self.text, self.size, self.weight, self.mono)

    @property
    def height(self) -> float:
        return self.size * self.leading


def lines(box: Box, sheet: Sheet = USUAL) -> tuple[Line, ...]:
    """The lines of a box without children, from the top; none is longer than the sheet allows."""
    return tuple(part for line in _whole_lines(box, sheet) for part in _parts(line, sheet))


def _whole_lines(box: Box, sheet: Sheet) -> tuple[Line, ...]:
    if box.kind == "join":
        return (Line(_sum(box) if box.terms else box.title, 10 if is_round(box) else sheet.second),)
    if box.kind in ("input", "output"):
        shapes = box.outputs or box.inputs
        shape = shape_words(shapes[:1])
        return (Line(box.title, sheet.title, weight="bold"), Line(shortened(shape, sheet), sheet.second, "muted"))
    if box.kind == "layer":
        main = Line(box.title, sheet.title, weight="normal" if is_small(box) else "bold")
        label_lines = [Line(box.label, sheet.name, "ink", mono=True)] if box.label else []
        lighter = [*((text, True) for text in box.before), *((text, False) for text in box.after)]
        before = [Line(text, sheet.second) for text, first in lighter if first]
        after = [Line(text, sheet.second) for text, first in lighter if not first]
        again = [Line("same weights", sheet.name, "muted")] if box.shared and label_lines else []
        return (*label_lines, *before, main, *after, *again)
    return tuple(_folded_lines(box, sheet))


def _parts(line: Line, sheet: Sheet) -> Iterable[Line]:
    """The line as it is, or broken where it is longer than the sheet allows."""
    if line.leading != sheet.leading:
        line = replace(line, leading=sheet.leading)
    if sheet.widest == inf or line.width <= sheet.widest:
        return (line,)
    return (replace(line, text=text) for text in broken(line.text, line.size, sheet.widest, line.weight, line.mono))


def shortened(shape: str, sheet: Sheet) -> str:
    """A shape as the sheet has it: `64×56²` in place of `64 × 56 × 56` where words are short."""
    return short_shape(shape) if sheet.short else shape


def _sum(box: Box) -> str:
    """A join of more values than arrows lead to it: `Σ 50`."""
    return f"{_MANY.get(box.title, box.title)} {box.terms}"


_MANY = {"+": "Σ", "×": "Π"}


def times(box: Box) -> Line | None:
    """What stands in the upper right corner of a box that stands for several."""
    return Line(f"× {box.times}", 8, weight="bold") if box.times > 1 else None


def _folded_lines(box: Box, sheet: Sheet) -> Iterable[Line]:
    """A block that is folded: its name, its signature, how much is in it."""
    title = box.title if box.kind != "net" else box.signature
    yield Line(box.label or title, sheet.title, weight="bold")
    if box.label and title:
        yield Line(title, sheet.second)
    unit = "param." if sheet.short else "parameters"
    counted = f"{count_words(box.parameters)} {unit}{' in all' if box.copies > 1 and not box.shared else ''}"
    sharing = "same weights" if box.shared else "some shared" if box.partly_shared else ""
    facts = ", ".join(filter(None, [counted if box.parameters and sheet.counts else "", sharing]))
    if facts:
        yield Line(facts, sheet.name, "muted")


def words(box: Box) -> list[str]:
    """All that is written in a box or in the header of a frame, for forms that set their own lines."""
    text_lines = header(box) if box.children else lines(box)
    corner = times(box)
    return [line.text for line in (*text_lines, *([corner] if corner else []))]


def header(box: Box, sheet: Sheet = USUAL) -> tuple[Line, ...]:
    """The header of a frame, from left to right: its label, its title."""
    label_lines = [Line(box.label, sheet.header, weight="bold")] if box.label else []
    repeats = box.title.casefold() == box.label.casefold()
    titled = [Line(box.title, sheet.second, "muted" if label_lines else "ink")] if box.title and not repeats else []
    shared = [Line("same weights", sheet.name, "muted")] if box.shared else []
    return (*label_lines, *titled, *shared)


def header_rows(box: Box, sheet: Sheet = USUAL) -> list[tuple[Line, ...]]:
    """The header in one row, or a row for each of its lines where these are longer than the sheet allows."""
    text_lines = header(box, sheet)
    if sheet.widest == inf or sum(line.width + 6 for line in text_lines) - 6 <= sheet.widest:
        return [text_lines]
    return [(part,) for line in text_lines for part in _parts(line, sheet)]


def header_height(box: Box, sheet: Sheet = USUAL) -> float:
    """The height of a frame's header."""
    return HEADER + (len(header_rows(box, sheet)) - 1) * ROW


def header_width(box: Box, sheet: Sheet = USUAL) -> float:
    """The least width of a frame for its header."""
    corner = times(box)
    widths = [sum(line.width + 6 for line in row) for row in header_rows(box, sheet)]
    return max([widths[0] + (corner.width + 6 if corner else 0), *widths]) + 10


def size(box: Box, sheet: Sheet = USUAL) -> tuple[int, int]:
    """Width and height of a box without children, in whole points."""
    if is_round(box):
        return JOIN, JOIN
    text_lines = lines(box, sheet)
    wide = max(line.width for line in text_lines) + 2 * sheet.padding
    if (corner := times(box)) is not None:
        wide = max(wide, text_lines[0].width + 2 * (corner.width + 10))
    if box.kind == "join":
        return 2 * ceil(wide / 2), max(JOIN, ceil(sum(line.height for line in text_lines) + 4))
    high = sum(line.height for line in text_lines)
    if is_small(box):
        return sheet.step // 2 * ceil(max(wide, sheet.least / 2) / (sheet.step // 2)), ceil(high + 5)
    return sheet.step * 2 * ceil(max(wide, sheet.least) / (sheet.step * 2)), ceil(high + min(8, 2 * sheet.padding))


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
