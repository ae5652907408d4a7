"""Several nets in one figure: their layers in one table, a column a net, or their pictures side by side.

The table is that of "Deep Residual Learning for Image Recognition" (He, Zhang, Ren, Sun, CVPR 2016), table 1, and of
"Very Deep Convolutional Networks" (Simonyan, Zisserman, ICLR 2015), table 1: what is the same in all nets stands once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import groupby
from types import MappingProxyType

from netspec.analysis.counts import total
from netspec.diagram.drawing.items import Drawing, Item, Path, Text, line, moved, without_ids
from netspec.diagram.drawing.text import fit, width
from netspec.diagram.styles.table_cells import Cell, Setter, Setting
from netspec.diagram.view.boxes import View
from netspec.diagram.view.captions.words import alike
from netspec.diagram.view.table_rows import Row, footnotes, rows
from netspec.shapes.sizes import OpenSize

_GAP, _HEADING, _MARGIN = 18.0, 9.0, 8.0
_SIZE = 7.0
_NUMBERED = re.compile(r"[\d–…]")


@dataclass(frozen=True, slots=True)
class _Stage:
    """A row of the table: the same stage of each net, None of one that has none."""

    rows: tuple[Row | None, ...]

    @property
    def present(self) -> list[Row]:
        return [row for row in self.rows if row is not None]

    @property
    def name(self) -> str:
        """What all nets call it, or what their names have in common."""
        names = dict.fromkeys(row.name for row in self.present)
        return next(iter(names)) if len(names) == 1 else _key(self.present[0])[0].rstrip("._")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The shapes of its results, or what they have in common: their sizes without the channels."""
        outputs = dict.fromkeys(row.outputs for row in self.present)
        if len(outputs) == 1:
            return next(iter(outputs))
        sizes = {_sizes(shapes) for shapes in outputs}
        return (sizes.pop(),) if len(sizes) == 1 and all(sizes) else (" / ".join(" ".join(one) for one in outputs),)

    @property
    def is_one(self) -> bool:
        """Whether its layers are the same in all nets, what is folded among them as well."""
        if len(self.present) < len(self.rows) or len({row.parts for row in self.present}) > 1:
            return False
        is_open = all(line.kind for line in self.present[0].lines())
        return is_open or len({row.parameters for row in self.present}) == 1


def one_table(views: Sequence[View], names: Sequence[str], how: Setting) -> Drawing:
    """The layers of several nets, `names` above their columns."""
    told = [rows(view) for view in views]
    setter = Setter(how)
    stages = _aligned([one.rows for one in told])
    named = setter.column(fit(views[0].title, how.size, how.name, "bold"), [setter.named(one.name) for one in stages])
    outputs = setter.column("output", [setter.outputs(one.outputs) for one in stages])
    cells = [_cells(setter, stage) for stage in stages]
    nets = [
        setter.column(fit(name, how.size, how.fork, "bold"), [cell[place] for cell in cells])
        for place, name in enumerate(names)
    ]
    spans = [setter.stack(stage.present[0].parts) if stage.is_one else Cell() for stage in stages]
    widths = [max(cell.width for cell in column) for column in (named, outputs, *nets)]
    missing = max(cell.width for cell in spans) - sum(widths[2:]) - how.gap * (len(nets) - 1)
    widths = widths[:2] + [width + max(0, missing) / len(nets) for width in widths[2:]]
    lefts = [how.margin + sum(widths[:place]) + how.gap * place for place in range(len(widths))]
    right = lefts[-1] + widths[-1]
    items: list[Item] = []
    y = how.margin

    def rule(weight: float, role: str = "ink") -> None:
        items.append(Path(line((how.margin, y), (right, y)), role, weight))

    def row(placed: Sequence[tuple[Cell, float]]) -> float:
        height = max(how.leading, *(cell.height for cell, _ in placed)) + 2 * how.padding
        for cell, left in placed:
            items.extend(moved(item, left, y + (height - cell.height) / 2) for item in cell.items)
        return height

    grid = (named, outputs, *nets)
    rule(0.9)
    for index in range(len(stages) + 1):
        span = spans[index - 1] if index else Cell()
        beside = lefts[2] + (right - lefts[2] - span.width) / 2
        y += row([*((column[index], left) for column, left in zip(grid, lefts, strict=True)), (span, beside)])
        rule(0.5 if index in (0, len(stages)) else 0.35, "ink" if index in (0, len(stages)) else "rule")
    for head, figures in _figures(views):
        y += row([(setter.written(head, bold=True), lefts[0])] + [
            (setter.written(figure), left) for figure, left in zip(figures, lefts[2:], strict=True)
        ])  # fmt: skip
    rule(0.9)
    notes = [note for one, view in zip(told, views, strict=True) for note in footnotes(one, view)]
    for note in dict.fromkeys(note for note in notes if "in all." not in note):
        y += how.small + 2
        items.append(Text(how.margin, y + how.padding, note, how.small, fill="muted"))
    listed = ", ".join(names)
    described = f"The layers of {views[0].title} for {listed} as a table of {len(stages)} stages."
    return Drawing(right + how.margin, y + how.padding + how.margin, tuple(items), views[0].title, described)


def side_by_side(
    drawings: Sequence[Drawing], names: Sequence[str], heights: Mapping[str, float] = MappingProxyType({})
) -> Drawing:
    """Pictures beside each other, each below its name; what stands at these heights in all is said on the left."""
    items: list[Item] = [
        Text(2, _HEADING + _MARGIN + height + _SIZE, words, _SIZE, fill="muted") for words, height in heights.items()
    ]
    left = max((width(words, _SIZE) + _MARGIN for words in heights), default=0.0)
    for drawing, name in zip(drawings, names, strict=True):
        items.append(Text(left + drawing.width / 2, _HEADING + 2, name, _HEADING, "bold", anchor="middle"))
        placed = drawing.items if drawing is drawings[0] else tuple(map(without_ids, drawing.items))
        items.extend(moved(item, left, _HEADING + _MARGIN) for item in placed)
        left += drawing.width + _GAP
    height = max(drawing.height for drawing in drawings) + _HEADING + _MARGIN
    described = " ".join(f"{name}: {drawing.description}" for drawing, name in zip(drawings, names, strict=True))
    return replace(drawings[0], width=left - _GAP, height=height, items=tuple(items), description=described)


def _cells(setter: Setter, stage: _Stage) -> list[Cell]:
    """What each net's column says of a stage; nothing where all say the same."""
    if stage.is_one:
        return [Cell() for _ in stage.rows]
    return [setter.stack(row.parts) if row is not None else setter.written("–") for row in stage.rows]


def _figures(views: Sequence[View]) -> Iterator[tuple[str, list[str]]]:
    """The costs of each net."""
    counted = [rows(view).rows for view in views]
    yield "parameters", alike([sum(row.parameters for row in stages) for stages in counted])
    macs = [total(row.macs for row in stages) for stages in counted]
    if not any(isinstance(count, OpenSize) for count in macs):
        yield "MACs", alike(macs)


def _aligned(nets: Sequence[Sequence[Row]]) -> list[_Stage]:
    """The stages of the nets beside each other, in an order that is that of each."""
    first, *rest = (_merged(net) for net in nets)
    stages = [_Stage((row,)) for row in first]
    for others in rest:
        keys = [_key(stage.present[0]) for stage in stages]
        absent = (None,) * len(stages[0].rows)
        merged: list[_Stage] = []
        matcher = SequenceMatcher(None, keys, [_key(row) for row in others], autojunk=False)
        for tag, a, b, c, d in matcher.get_opcodes():
            if tag == "equal":
                pairs = zip(stages[a:b], others[c:d], strict=True)
                merged += [_Stage((*stage.rows, row)) for stage, row in pairs]
            else:
                merged += [_Stage((*stage.rows, None)) for stage in stages[a:b]]
                merged += [_Stage((*absent, row)) for row in others[c:d]]
        stages = merged
    return stages


def _merged(net: Sequence[Row]) -> list[Row]:
    """The rows of a net, those that are the same stage one row: a pool and the convolutions behind it."""
    merged = []
    for _, same in groupby(net, _key):
        together = list(same)
        merged.append(
            replace(
                together[-1],
                parts=tuple(part for row in together for part in row.parts),
                parameters=sum(row.parameters for row in together),
                macs=total(row.macs for row in together),
            )
        )
    return merged


def _key(row: Row) -> tuple[str, str]:
    """What tells that a stage is the same one in two nets: its name up to a number, and its sizes without channels."""
    return _NUMBERED.split(row.name)[0], _sizes(row.outputs)


def _sizes(shapes: tuple[str, ...]) -> str:
    return " / ".join(shape.partition(" × ")[2] for shape in shapes)
