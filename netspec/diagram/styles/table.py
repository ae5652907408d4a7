"""The layer table of a paper: a row a stage, with its output, its layers in brackets and its costs.

The look is that of table 1 of "Deep Residual Learning for Image Recognition" (He, Zhang, Ren, Sun, CVPR 2016); branches
stand side by side in their row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from netspec.analysis.counts import total
from netspec.diagram.drawing.items import Drawing, Group, Item, Path, Text, line, moved, scaled
from netspec.diagram.drawing.text import fit, visible, width, wrap
from netspec.diagram.view.boxes import View
from netspec.diagram.view.table_rows import ALONE, Branch, Fork, Line, Part, Rounds, Row, Rows, rows
from netspec.diagram.view.view import view
from netspec.diagram.view.words import count_words
from netspec.graph.graph import Graph
from netspec.shapes.sizes import Dimension, OpenSize

PAGE_WIDTH, PAGE_HEIGHT = 540, 740
"""What a page has room for, in points."""
LEAST_SCALE = 7 / 8
"""How small a table is set to fit a page before its deeper blocks are folded."""

SIZE, SMALL, LEADING = 8.0, 7.0, 10.0
MARGIN, GAP, PADDING = 6.0, 14.0, 3.0
_NAME_WIDTH, _OUTPUT_WIDTH, _LINE_WIDTH = 110.0, 120.0, 260.0
_FLOW_WIDTH, _FORK_WIDTH = 320.0, 380.0
_BRACKET = 3.0
_AXES = {3: "output (C × H × W)", 4: "output (C × D × H × W)"}


def table(graph: Graph, depth: int | None = None, *, unfold: bool = False, focus: str = "") -> Drawing:
    """The layer table of a graph, or with `focus` of one of its blocks.

    Blocks deeper than `depth` are named, not told; without a depth, as much is told as fits a page. Raises NetspecError
    (E0801) where there is no block of the name `focus`.
    """
    if unfold or depth is not None:
        return _drawn(view(graph, depth, unfold=unfold, focus=focus))
    level = view(graph, 1, focus=focus).deepest
    while True:
        drawing = _drawn(view(graph, level, focus=focus))
        scale = min(1, PAGE_WIDTH / drawing.width, PAGE_HEIGHT / drawing.height)
        if scale >= LEAST_SCALE or level <= 1:
            return scaled(drawing, max(scale, LEAST_SCALE))
        level -= 1


@dataclass(frozen=True, slots=True)
class _Cell:
    """Items with their upper left corner at the origin, and how much room they take."""

    width: float = 0
    height: float = 0
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    head: str
    cells: tuple[_Cell, ...]
    foot: str = ""
    anchor: Literal["start", "end"] = "start"

    @property
    def width(self) -> float:
        texts = (width(text, SIZE, "bold") for text in (self.head, self.foot))
        return max(*texts, *(cell.width for cell in self.cells))


def _drawn(shown: View) -> Drawing:
    told = rows(shown)
    columns = _columns(shown, told.rows)
    lefts = [MARGIN]
    for column in columns:
        lefts.append(lefts[-1] + column.width + GAP)
    right = lefts[-1] - GAP
    items: list[Item] = []
    y = MARGIN

    def rule(weight: float, role: str) -> None:
        items.append(Path(line((MARGIN, y), (right, y)), role, weight))

    def row(cells: Sequence[_Cell], id: str | None = None) -> float:
        height = max(LEADING, *(cell.height for cell in cells)) + 2 * PADDING
        placed: list[Item] = []
        for column, left, cell in zip(columns, lefts, cells, strict=False):
            dx = left if column.anchor == "start" else left + column.width - cell.width
            placed.extend(moved(item, dx, y + (height - cell.height) / 2) for item in cell.items)
        items.append(Group(tuple(placed), id=id, classes=("row",)) if id else Group(tuple(placed)))
        return height

    rule(0.9, "ink")
    y += row([_text(column.head, bold=True) for column in columns])
    rule(0.5, "ink")
    for index in range(len(told.rows)):
        if index:
            rule(0.35, "rule")
        y += row([column.cells[index] for column in columns], id=f"stage-{index}")
    rule(0.5, "ink")
    y += row([_text(column.foot, bold=True) for column in columns])
    rule(0.9, "ink")
    y += PADDING
    for note in _footnotes(told, shown):
        for words in wrap(note, SMALL, right - MARGIN):
            y += SMALL + 2
            items.append(Text(MARGIN, y, words, SMALL, fill="muted"))
    return Drawing(right + MARGIN, y + MARGIN, tuple(items), shown.title, _described(shown, told))


def _columns(shown: View, stages: Sequence[Row]) -> list[_Column]:
    parameters, macs = sum(stage.parameters for stage in stages), total(stage.macs for stage in stages)
    ranks = [box.outputs[-1].rank for box in shown.leaves() if box.outputs]
    output = _AXES.get(max(set(ranks), key=ranks.count), "output") if ranks else "output"
    columns = [
        _Column(fit(shown.title, SIZE, _NAME_WIDTH, "bold"), tuple(map(_name, stages)), "total"),
        _Column(output, tuple(map(_output, stages))),
        _Column("layers", tuple(_stack(stage.parts) for stage in stages)),
        _Column("parameters", tuple(_figure(stage.parameters) for stage in stages), f"{parameters:,}", "end"),
    ]
    if not isinstance(macs, OpenSize):
        columns.append(_Column("MACs", tuple(_figure(stage.macs) for stage in stages), f"{macs:,}", "end"))
    return columns


def _name(stage: Row) -> _Cell:
    name = _text(fit(stage.name, SIZE, _NAME_WIDTH))
    return _under([name, _text(stage.note, quiet=True)]) if stage.note else name


def _output(stage: Row) -> _Cell:
    return _under([_text(words) for output in stage.outputs for words in wrap(output, SIZE, _OUTPUT_WIDTH)])


def _figure(count: Dimension) -> _Cell:
    return _text(count_words(count) if count else "–", quiet=not count, small=False)


def _text(text: str, *, bold: bool = False, quiet: bool = False, small: bool | None = None) -> _Cell:
    """One line of text; what is quiet comes second, and is small unless told otherwise."""
    if not text:
        return _Cell()
    size = SMALL if (quiet if small is None else small) else SIZE
    weight: Literal["bold", "normal"] = "bold" if bold else "normal"
    baseline = LEADING / 2 + 0.36 * SIZE
    item = Text(0, baseline, visible(text), size, weight, fill="muted" if quiet else "ink")
    return _Cell(width(text, size, weight), LEADING, (item,))


def _beside(cells: Sequence[_Cell], gap: float) -> _Cell:
    """Cells in a line, centred on each other."""
    height = max(cell.height for cell in cells)
    items: list[Item] = []
    x = 0.0
    for cell in cells:
        items.extend(moved(item, x, (height - cell.height) / 2) for item in cell.items)
        x += cell.width + gap
    return _Cell(x - gap, height, tuple(items))


def _under(cells: Sequence[_Cell], gap: float = 0) -> _Cell:
    """Cells below each other, their left sides in a line."""
    items: list[Item] = []
    y = 0.0
    for cell in cells:
        items.extend(moved(item, 0, y) for item in cell.items)
        y += cell.height + gap
    return _Cell(max(cell.width for cell in cells), y - gap, tuple(items))


def _stack(parts: Sequence[Part]) -> _Cell:
    """Parts below each other; brackets that follow each other share a line where they fit."""
    lines: list[list[_Cell]] = []
    before: Part | None = None
    for part in parts:
        cell = _part(part)
        if isinstance(part, Rounds) and isinstance(before, Rounds):
            used = sum(placed.width + 2 * GAP for placed in lines[-1])
            if used + cell.width <= _FLOW_WIDTH:
                lines[-1].append(cell)
                before = part
                continue
        lines.append([cell])
        before = part
    has_brackets = any(not isinstance(part, Line) for part in parts)
    return _under([_chained(cells) for cells in lines], gap=2.5 if has_brackets else 0)


def _chained(cells: Sequence[_Cell]) -> _Cell:
    if len(cells) == 1:
        return cells[0]
    arrow = _Cell(GAP, LEADING, (Path(line((1, LEADING / 2), (GAP - 1, LEADING / 2)), "muted", 0.7, arrow=True),))
    spread = [cell for placed in cells for cell in (placed, arrow)][:-1]
    return _beside(spread, GAP / 2)


def _part(part: Part) -> _Cell:
    match part:
        case Line():
            return _line(part)
        case Rounds():
            return _rounds(part)
        case Fork():
            return _fork(part)


def _line(part: Line) -> _Cell:
    """A layer in ink; what comes before and after it, and where its values come from, in grey."""
    cells = [
        _text(f"{part.before}," if part.before else "", quiet=True),
        _text(fit(part.text, SIZE, _LINE_WIDTH)),
        _text(part.after, quiet=True),
        _text(fit(part.source, SMALL, _LINE_WIDTH), quiet=True),
    ]
    return _beside([cell for cell in cells if cell.width], 3)


def _rounds(part: Rounds) -> _Cell:
    """Brackets around the parts, and how often they stand in a row."""
    inner = _stack(part.parts)
    w, h = inner.width + 2 * _BRACKET + 4, inner.height + 1
    brackets = [
        Path(line((x + foot, 0.5), (x, 0.5), (x, h - 0.5), (x + foot, h - 0.5)), "ink", 0.7)
        for x, foot in ((0.5, _BRACKET), (w - 0.5, -_BRACKET))
    ]
    inside = tuple(moved(item, _BRACKET + 2, 0.5) for item in inner.items)
    bracketed = _Cell(w, h, (*brackets, *inside))
    return _beside([bracketed, _text(f"× {part.times}")], 4) if part.times > 1 else bracketed


def _fork(part: Fork) -> _Cell:
    """Branches side by side, what becomes of them below; a plain shortcut is said in that line."""
    first, *others = part.branches
    if part.kind == "dense":
        return _under([_stack(first.parts), _text(part.join, quiet=True)])
    if part.kind == "residual" and len(others) == 1 and len(others[0].parts) == 1:
        shortcut = others[0].parts[0]
        if isinstance(shortcut, Line):
            extra = part.join.removeprefix("add").replace(", ", ", then ", 1)
            added = _beside([_text("+"), _line(shortcut)], 3)
            return _under([_stack(first.parts), _beside([added, _text(extra, quiet=True)], 0) if extra else added])
    captioned = [_branch(branch) for branch in part.branches]
    join = _text(fit(part.join, SMALL, _FORK_WIDTH), quiet=True)
    if sum(cell.width + GAP for cell in captioned) > _FORK_WIDTH:
        return _under([_barred(cell) for cell in captioned] + [join], gap=3)
    return _under([_side_by_side(captioned), join], gap=1)


def _branch(branch: Branch) -> _Cell:
    told = _stack(branch.parts)
    return _under([_text(branch.caption, bold=True), told]) if branch.caption else told


def _side_by_side(cells: Sequence[_Cell]) -> _Cell:
    """Cells with their tops in a line and thin rules between them."""
    height = max(cell.height for cell in cells)
    items: list[Item] = []
    x = 0.0
    for index, cell in enumerate(cells):
        if index:
            items.append(Path(line((x - GAP / 2, 1), (x - GAP / 2, height - 1)), "muted", 0.5))
        items.extend(moved(item, x, 0) for item in cell.items)
        x += cell.width + GAP
    return _Cell(x - GAP, height, tuple(items))


def _barred(cell: _Cell) -> _Cell:
    """A branch that stands below another: with a rule at its left."""
    bar = Path(line((0.5, 1), (0.5, cell.height - 1)), "muted", 0.5)
    return _Cell(cell.width + 6, cell.height, (bar, *(moved(item, 6, 0) for item in cell.items)))


def _footnotes(told: Rows, shown: View) -> Iterator[str]:
    """What the table leaves out of its lines."""
    for kind, usual in told.usual:
        yield f"{kind} stands for {usual} where nothing else is said."
    if any(ALONE in line.after for row in told.rows for line in row.lines()):
        yield f"{ALONE}: with nothing before or after."
    macs = total(row.macs for row in told.rows)
    if isinstance(macs, OpenSize):
        yield "MACs depend on the open sizes."
    for requirement in shown.graph.requirements:
        yield f"{requirement}."


def _described(shown: View, told: Rows) -> str:
    parameters = sum(row.parameters for row in told.rows)
    return f"The layers of {shown.title} as a table of {len(told.rows)} stages, with {parameters:,} parameters."
