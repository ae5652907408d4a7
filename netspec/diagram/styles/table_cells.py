"""A table set in type: cells of lines and brackets, columns, rules, what stands below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from netspec.diagram.drawing.items import Drawing, Group, Item, Path, Text, line, moved
from netspec.diagram.drawing.text import broken, fit, visible, width, wrap
from netspec.diagram.view.boxes import View
from netspec.diagram.view.captions.words import in_one_unit, short_shape
from netspec.diagram.view.table_rows import (
    Branch,
    Fork,
    Line,
    Part,
    Rounds,
    Row,
    Rows,
    costs,
    footnotes,
    output_head,
    rows,
    with_named_sizes,
)

_BRACKET = 3.0
_DESCENT = 3.0
"""What letters of the last line reach below it, at the least."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a table is set: sizes of letters, how far apart things are, how wide a name, an output and a line may be.

    `flow` and `fork` are how wide rounds in a row and branches side by side may be; `figures` are the columns of costs.
    Where they are `short`, shapes are written as `64×56²`.
    """

    size: float = 8.0
    small: float = 7.0
    leading: float = 10.0
    margin: float = 6.0
    gap: float = 14.0
    padding: float = 3.0
    name: float = 110.0
    output: float = 120.0
    line: float = 260.0
    flow: float = 320.0
    fork: float = 380.0
    figures: tuple[str, ...] = ("parameters", "MACs")
    short: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """Items with their upper left corner at the origin, and how much room they take."""

    width: float = 0
    height: float = 0
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    head: Cell
    cells: tuple[Cell, ...]
    foot: Cell
    anchor: Literal["start", "end"] = "start"

    @property
    def width(self) -> float:
        return max(self.head.width, self.foot.width, *(cell.width for cell in self.cells))


class Setter:
    """Sets tables as a setting says."""

    def __init__(self, how: Setting) -> None:
        self.how = how

    def table(self, view: View) -> Drawing:
        """The table of a view."""
        table_rows = with_named_sizes(rows(view))
        columns = self._columns(view, table_rows.rows)
        lefts = [self.how.margin]
        for column in columns:
            lefts.append(lefts[-1] + column.width + self.how.gap)
        right = lefts[-1] - self.how.gap
        items: list[Item] = []
        y = self.how.margin

        def rule(weight: float, role: str) -> None:
            items.append(Path(line((self.how.margin, y), (right, y)), role, weight))

        def row(cells: Sequence[Cell], key: str | None = None) -> float:
            height = max(self.how.leading, *(cell.height for cell in cells)) + 2 * self.how.padding
            placed: list[Item] = []
            for column, left, cell in zip(columns, lefts, cells, strict=False):
                dx = left if column.anchor == "start" else left + column.width - cell.width
                placed.extend(moved(item, dx, y + (height - cell.height) / 2) for item in cell.items)
            items.append(Group(tuple(placed), id=key, classes=("row",)) if key else Group(tuple(placed)))
            return height

        rule(0.9, "ink")
        y += row([column.head for column in columns])
        rule(0.5, "ink")
        for index in range(len(table_rows.rows)):
            if index:
                rule(0.35, "rule")
            y += row([column.cells[index] for column in columns], key=f"stage-{index}")
        if self.how.figures:
            rule(0.5, "ink")
            y += row([column.foot for column in columns])
        rule(0.9, "ink")
        y += self.how.padding
        for note in footnotes(table_rows, view):
            for words in wrap(note, self.how.small, right - self.how.margin):
                y += self.how.small + 2
                items.append(Text(self.how.margin, y, words, self.how.small, fill="muted"))
        return Drawing(
            right + self.how.margin,
            y + max(self.how.margin, _DESCENT),
            tuple(items),
            view.title,
            _described(view, table_rows),
        )

    def _columns(self, view: View, stages: Sequence[Row]) -> list[_Column]:
        output = output_head(view)
        title = self.written(fit(view.title, self.how.size, self.how.name, "bold"), bold=True)
        head = self.written(output, bold=True)
        if head.width > self.how.output:
            head = under([self.written(line, bold=True) for line in output.split(" ", 1)])
        columns = [
            _Column(title, tuple(map(self._name, stages)), self.written("total", bold=True)),
            _Column(head, tuple(map(self._output, stages)), Cell()),
            _Column(self.written("layers", bold=True), tuple(self.stack(stage.parts) for stage in stages), Cell()),
        ]
        return columns + [
            self._figures(name, counts) for name, counts in costs(stages).items() if name in self.how.figures
        ]

    def _figures(self, name: str, counts: Sequence[int]) -> _Column:
        """A column of costs, all in one unit, with what they are together at its foot."""
        unit, (*figures, whole) = in_one_unit([*counts, sum(counts)])
        cells = tuple(
            self.written(figure, quiet=not count, small=False) for figure, count in zip(figures, counts, strict=True)
        )
        head = f"{name} ({unit})" if unit else name
        return _Column(
            self._broken(head, self.how.output, bold=True, end=True), cells, self.written(whole, bold=True), "end"
        )

    def _broken(self, text: str, limit: float, *, bold: bool = False, quiet: bool = False, end: bool = False) -> Cell:
        """Text in lines no longer than `limit`, as far as it can be broken."""
        size = self.how.small if quiet else self.how.size
        lines = [
            self.written(line, bold=bold, quiet=quiet)
            for line in broken(text, size, limit, "bold" if bold else "normal")
        ]
        return under(lines, end=end)

    def column(self, head: str, cells: Sequence[Cell]) -> list[Cell]:
        """A head and what stands below it."""
        return [self.written(head, bold=True), *cells]

    def named(self, name: str) -> Cell:
        """A stage's name, as far as there is room for it."""
        return self.written(fit(name, self.how.size, self.how.name))

    def _name(self, stage: Row) -> Cell:
        name = self.named(stage.name)
        return under([name, self.written(stage.note, quiet=True)]) if stage.note else name

    def _output(self, stage: Row) -> Cell:
        return self.outputs(stage.outputs)

    def outputs(self, shapes: Sequence[str]) -> Cell:
        """Shapes below each other, in as many lines as they need."""
        outputs = map(short_shape, shapes) if self.how.short else shapes
        return under(
            [self.written(words) for output in outputs for words in wrap(output, self.how.size, self.how.output)]
        )

    def written(self, text: str, *, bold: bool = False, quiet: bool = False, small: bool | None = None) -> Cell:
        """One line of text; what is quiet comes second, and is small unless told otherwise."""
        if not text:
            return Cell()
        size = self.how.small if (quiet if small is None else small) else self.how.size
        weight: Literal["bold", "normal"] = "bold" if bold else "normal"
        baseline = self.how.leading / 2 + 0.36 * self.how.size
        item = Text(0, baseline, visible(text), size, weight, fill="muted" if quiet else "ink")
        return Cell(width(text, size, weight), self.how.leading, (item,))

    def stack(self, parts: Sequence[Part]) -> Cell:
        """Parts below each other; brackets that follow each other share a line where they fit."""
        lines: list[list[Cell]] = []
        before: Part | None = None
        for part in parts:
            cell = self._part(part)
            if isinstance(part, Rounds) and isinstance(before, Rounds):
                line_width = sum(placed.width + 2 * self.how.gap for placed in lines[-1])
                if line_width + cell.width <= self.how.flow:
                    lines[-1].append(cell)
                    before = part
                    continue
            lines.append([cell])
            before = part
        has_brackets = any(not isinstance(part, Line) for part in parts)
        return under([self._chained(cells) for cells in lines], gap=2.5 if has_brackets else 0)

    def _chained(self, cells: Sequence[Cell]) -> Cell:
        if len(cells) == 1:
            return cells[0]
        arrow = Cell(
            self.how.gap,
            self.how.leading,
            (
                Path(
                    line((1, self.how.leading / 2), (self.how.gap - 1, self.how.leading / 2)), "muted", 0.7, arrow=True
                ),
            ),
        )
        spread = [cell for placed in cells for cell in (placed, arrow)][:-1]
        return _beside(spread, self.how.gap / 2)

    def _part(self, part: Part) -> Cell:
        match part:
            case Line():
                return self._line(part)
            case Rounds():
                return self._rounds(part)
            case Fork():
                return self._fork(part)

    def _line(self, part: Line) -> Cell:
        """A layer in ink; what comes before and after it, and where its values come from, in grey, below if need be."""
        cells = [
            self._broken(f"{part.before}," if part.before else "", self.how.line, quiet=True),
            self._broken(part.text, self.how.line),
            self._broken(part.after, self.how.line, quiet=True),
            self._broken(part.source, self.how.line, quiet=True),
        ]
        rows: list[list[Cell]] = []
        for cell in cells:
            if rows and sum(one.width + 3 for one in rows[-1]) + cell.width <= max(self.how.line, self.how.flow):
                rows[-1].append(cell)
            elif cell.width:
                rows.append([cell])
        return under([_beside([cell for cell in row if cell.width], 3) for row in rows]) if rows else Cell()

    def _rounds(self, part: Rounds) -> Cell:
        """Brackets around the parts, and how often they stand in a row."""
        inner = self.stack(part.parts)
        w, h = inner.width + 2 * _BRACKET + 4, inner.height + 1
        brackets = [
            Path(line((x + foot, 0.5), (x, 0.5), (x, h - 0.5), (x + foot, h - 0.5)), "ink", 0.7)
            for x, foot in ((0.5, _BRACKET), (w - 0.5, -_BRACKET))
        ]
        inside = tuple(moved(item, _BRACKET + 2, 0.5) for item in inner.items)
        bracketed = Cell(w, h, (*brackets, *inside))
        return _beside([bracketed, self.written(f"× {part.times}")], 4) if part.times > 1 else bracketed

    def _fork(self, part: Fork) -> Cell:
        """Branches side by side, what becomes of them below; a plain shortcut is said in that line."""
        first = self.stack(part.branches[0].parts)
        if part.kind == "dense":
            return under([first, self.written(part.join, quiet=True)])
        if part.shortcut is not None:
            shortcut, extra = part.shortcut
            added = _beside([self.written("+"), self._line(shortcut)], 3)
            return under([first, _beside([added, self.written(extra, quiet=True)], 0) if extra else added])
        captioned = [self._branch(branch) for branch in part.branches]
        join = self.written(fit(part.join, self.how.small, self.how.fork), quiet=True)
        if sum(cell.width + self.how.gap for cell in captioned) > self.how.fork:
            return under([_barred(cell) for cell in captioned] + [join], gap=3)
        return under([self._side_by_side(captioned), join], gap=1)

    def _branch(self, branch: Branch) -> Cell:
        cell = self.stack(branch.parts)
        return under([self.written(branch.caption, bold=True), cell]) if branch.caption else cell

    def _side_by_side(self, cells: Sequence[Cell]) -> Cell:
        """Cells with their tops in a line and thin rules between them."""
        height = max(cell.height for cell in cells)
        items: list[Item] = []
        x = 0.0
        for index, cell in enumerate(cells):
            if index:
                items.append(Path(line((x - self.how.gap / 2, 1), (x - self.how.gap / 2, height - 1)), "muted", 0.5))
            items.extend(moved(item, x, 0) for item in cell.items)
            x += cell.width + self.how.gap
        return Cell(x - self.how.gap, height, tuple(items))


def _beside(cells: Sequence[Cell], gap: float) -> Cell:
    """Cells in a line, centred on each other."""
    height = max(cell.height for cell in cells)
    items: list[Item] = []
    x = 0.0
    for cell in cells:
        items.extend(moved(item, x, (height - cell.height) / 2) for item in cell.items)
        x += cell.width + gap
    return Cell(x - gap, height, tuple(items))


def under(cells: Sequence[Cell], gap: float = 0, *, end: bool = False) -> Cell:
    """Cells below each other, their left sides in a line, or the right ones where they are set to the `end`."""
    items: list[Item] = []
    wide = max(cell.width for cell in cells)
    y = 0.0
    for cell in cells:
        items.extend(moved(item, wide - cell.width if end else 0, y) for item in cell.items)
        y += cell.height + gap
    return Cell(wide, y - gap, tuple(items))


def _barred(cell: Cell) -> Cell:
    """A branch that stands below another: with a rule at its left."""
    bar = Path(line((0.5, 1), (0.5, cell.height - 1)), "muted", 0.5)
    return Cell(cell.width + 6, cell.height, (bar, *(moved(item, 6, 0) for item in cell.items)))


def _described(view: View, table_rows: Rows) -> str:
    parameters = sum(row.parameters for row in table_rows.rows)
    return f"The layers of {view.title} as a table of {len(table_rows.rows)} stages, with {parameters:,} parameters."
