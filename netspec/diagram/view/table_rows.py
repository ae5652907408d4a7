"""What the layer table of a paper says of a net: a row a stage, with what its layers are and how they are wired.

A row's content is a tree of parts: lines (a layer with what is merged into it), rounds (brackets with "× 3") and forks
(branches side by side, a residual's shortcut, a highway's gate).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, takewhile
from typing import TypeAlias

from netspec.analysis.counts import total
from netspec.diagram.view.boxes import Box, Edge, View
from netspec.diagram.view.captions.words import clipped
from netspec.diagram.view.stages import Stages, Unit
from netspec.graph.graph import Scope, ScopeKind, ScopeRef
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize


@dataclass(frozen=True, slots=True)
class Line:
    """One layer: what comes with it before and after, and where its values come from if that is not the line above.

    `kind` is the layer's name as the line writes it; empty where the line is a folded block or a value.
    """

    text: str
    before: str = ""
    after: str = ""
    source: str = ""
    kind: str = ""
    light: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """One way through a fork; without parts it is the identity."""

    parts: tuple[Part, ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Fork:
    """Branches that are fed the same value, and `join`, what becomes of their results."""

    kind: ScopeKind
    branches: tuple[Branch, ...]
    join: str

    @property
    def shortcut(self) -> tuple[Line, str] | None:
        """The line that a residual adds, and what comes after the sum, where its shortcut is no more than a line."""
        if self.kind != "residual" or len(self.branches) != 2 or len(self.branches[1].parts) != 1:
            return None
        (line,) = self.branches[1].parts
        extra = self.join.removeprefix("add").replace(", ", ", then ", 1)
        return (line, extra) if isinstance(line, Line) else None


@dataclass(frozen=True, slots=True)
class Rounds:
    """Stages that stand `times` times in a row."""

    parts: tuple[Part, ...]
    times: int


Part: TypeAlias = Line | Fork | Rounds


@dataclass(frozen=True, slots=True)
class Row:
    """One stage. `outputs` are its results' shapes; where rounds differ in resolution, the first's and the last's."""

    name: str
    outputs: tuple[str, ...]
    parts: tuple[Part, ...]
    parameters: int
    macs: Dimension
    note: str = ""

    def lines(self) -> Iterator[Line]:
        """Every line of it, parts opened."""
        return lines_of(self.parts)


@dataclass(frozen=True, slots=True)
class Rows:
    """All stages; `usual` says what follows a kind of layer where its lines say nothing: {"conv": "BN, ReLU"}.

    `sizes` are names that outputs have in place of long formulas: {"n1": "floor(H / 8)*floor(W / 8)"}.
    """

    rows: tuple[Row, ...]
    usual: tuple[tuple[str, str], ...]
    sizes: tuple[tuple[str, str], ...] = ()


ALONE = "alone"
"""What a line says where nothing comes with its layer, though something does with most of its kind."""

STEEP = 4
"""How much larger the largest map of a container is than its smallest where each of its stages has a row."""

_CAPTIONS = {"body": "H", "gate": "T", "carry": "C"}


def rows(view: View) -> Rows:
    """The rows of a view, in the order of the text."""
    made = _Builder(view).rows()
    return _with_the_usual(made)


def output_head(shown: View) -> str:
    """What stands above the outputs: which axes their shapes have."""
    ranks = [box.outputs[-1].rank for box in shown.leaves() if box.outputs]
    return _AXES.get(max(set(ranks), key=ranks.count), "output") if ranks else "output"


_AXES = {3: "output (C × H × W)", 4: "output (C × D × H × W)"}


def costs(stages: Sequence[Row]) -> dict[str, list[int]]:
    """The columns of costs: parameters, and MACs where they do not depend on open sizes."""
    columns: dict[str, list[Dimension]] = {
        "parameters": [stage.parameters for stage in stages],
        "MACs": [stage.macs for stage in stages],
    }
    known = {name: [count for count in counts if not isinstance(count, OpenSize)] for name, counts in columns.items()}
    return {name: counts for name, counts in known.items() if len(counts) == len(stages)}


_LONG_SIZE = 30
"""Letters of an open size, from which on it is named in the rows and told below."""


def with_named_sizes(told: Rows) -> Rows:
    """The rows with names in place of the formulas that are too long for a column; as they are where there is none."""
    sizes = [size for row in told.rows for shape in row.outputs for size in shape.split(" × ")]
    long = [size for size in dict.fromkeys(sizes) if len(size) > _LONG_SIZE]
    letter = next((letter for letter in "nmkpq" if letter not in "".join(sizes)), None)
    if not long or letter is None:
        return told
    names = {size: f"{letter}{number}" for number, size in enumerate(long, 1)}

    def named(shape: str) -> str:
        return " × ".join(names.get(size, size) for size in shape.split(" × "))

    stages = tuple(replace(row, outputs=tuple(map(named, row.outputs))) for row in told.rows)
    return replace(told, rows=stages, sizes=tuple((name, size) for size, name in names.items()))


def footnotes(told: Rows, shown: View) -> Iterator[str]:
    """What the table leaves out of its lines."""
    for name, size in told.sizes:
        yield f"{name} = {size}"
    for kind, usual in told.usual:
        yield f"{kind} stands for {usual} where nothing else is said."
    if any(ALONE in line.after for row in told.rows for line in row.lines()):
        yield f"{ALONE}: with nothing before or after."
    parameters, macs = sum(row.parameters for row in told.rows), total(row.macs for row in told.rows)
    yield f"{parameters:,} parameters{'' if isinstance(macs, OpenSize) else f', {macs:,} MACs'} in all."
    if isinstance(macs, OpenSize):
        yield "MACs depend on the open sizes."
    for requirement in shown.graph.requirements:
        yield f"{requirement}."


class _Builder:
    def __init__(self, view: View) -> None:
        self.view, self.graph = view, view.graph
        self.entering: dict[str, list[Edge]] = {}
        for edge in view.edges:
            self.entering.setdefault(edge.target, []).append(edge)
        self.order = {box.id: place for place, box in enumerate(view.leaves())}
        self.previous: frozenset[str] = frozenset()
        self.inside = frozenset(self.order)
        self.told = ""  # what the names of the values in the block that is being told begin with
        self.ends: dict[str, str] = {}  # the stage that ends with a box
        self.stages = Stages(view, STEEP)

    def rows(self) -> list[Row]:
        inputs = [box for box in self.view.boxes if box.kind == "input"]
        self.previous = frozenset(box.id for box in inputs if len(inputs) == 1)
        entering = [Row(box.title, (_dimensions(box.outputs[0]),), (Line("input"),), 0, 0) for box in inputs]
        units = self.stages.opened(self.stages.units(self.stages.boxes, self.stages.around))
        made = [self.row(together) for together in self.gathered(units)]
        return entering + [_together(list(group)) for _, group in groupby(made, key=_look)]

    def gathered(self, units: Iterable[Unit]) -> Iterator[list[Unit]]:
        """Neighbours that the spec gives no name and that leave the same resolution, together."""
        waiting: list[Unit] = []
        for unit in units:
            if waiting and not (_is_nameless(unit) and _belongs(unit, waiting)):
                yield waiting
                waiting = []
            waiting.append(unit)
        if waiting:
            yield waiting

    def row(self, units: list[Unit]) -> Row:
        boxes = [box for unit in units for box in unit.boxes]
        notes = ["when training"] * all(box.when_training for box in boxes)
        notes += _sharing(boxes)
        flow = self.previous
        parts: list[Part] = []
        for unit in units:
            if unit.scope is not None:
                parts.extend(self.wiring(unit.scope, unit.boxes))
            else:
                parts.extend(self.box_parts(unit.boxes[0], alone=len(units) == 1))
        name = "" if units[0].scope is not None else _name(boxes) or self.range_name(boxes[0])
        self.ends.update(dict.fromkeys(self.previous, name))
        if "when training" in notes:
            self.previous = flow
        return Row(
            name,
            self.outputs(units[-1]),
            _joined(_folded(parts)),
            sum(box.parameters for box in boxes),
            total(box.macs for box in boxes),
            ", ".join(notes),
        )

    def range_name(self, box: Box) -> str:
        """The first and the last stage that a box of rounds stands for, if these have names."""
        if box.kind != "rounds" or not (box.children[0].label and box.children[-1].label):
            return ""
        first, last = (self.graph.nodes[node].key.split(".") for node in (box.nodes[0], box.nodes[-1]))
        shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))))
        return f"{'.'.join(first[: shared + 1])} … {'.'.join(last[shared : shared + 1])}"

    def outputs(self, unit: Unit) -> tuple[str, ...]:
        last = unit.boxes[-1]
        rounds = [self.graph.nodes[node].output.shape for node in _last_of_each(last.nodes, last.times)]
        if rounds[0].spatial != rounds[-1].spatial:
            return _dimensions(rounds[0]), f"… {_dimensions(rounds[-1])}"
        return tuple(map(_dimensions, unit.output))

    def parts(self, boxes: Sequence[Box], around: Scope) -> tuple[Part, ...]:
        found: list[Part] = []
        for unit in self.stages.units(boxes, around):
            if unit.scope is not None:
                found.extend(self.wiring(unit.scope, unit.boxes))
            else:
                found.extend(self.box_parts(unit.boxes[0]))
        return _joined(_folded(found))

    def box_parts(self, box: Box, alone: bool = False) -> tuple[Part, ...]:
        if box.is_leaf:
            line: tuple[Part, ...] = (self.line(box),)
            return (Rounds(line, box.times),) if box.times > 1 else line
        around = self.graph.scopes[box.scope if box.scope is not None else self.stages.home(box) or 0]
        before = self.inside, self.told
        if box.scope is not None and (box.times > 1 or not alone):
            self.inside = frozenset(inner.id for inner in box.walk())
            self.told = f"{around.name}."
        inside = self.parts(box.children, around)
        self.inside, self.told = before
        bare = len(inside) == 1 and isinstance(inside[0], Line)
        if box.times > 1 or (box.kind == "block" and not alone and not bare):
            return (Rounds(inside, box.times),)
        return inside

    def line(self, box: Box) -> Line:
        line = Line(
            _JOINS.get(box.title, box.title) or box.name.rpartition(".")[2],
            ", ".join(box.before),
            ", ".join(box.after),
            self.source(box),
            kind="" if box.kind in ("block", "container") else _kind(box.title),
            light=box.weight == "light",
        )
        self.previous = frozenset({box.id})
        return line

    def source(self, box: Box) -> str:
        """Where the values of a box come from, as far as that is not the line above."""
        place = self.order[box.id]
        edges = [
            edge for edge in self.entering.get(box.id, ()) if edge.role != "size" and self.order[edge.source] < place
        ]
        others = list(dict.fromkeys(self.named(edge, box) for edge in edges if edge.source not in self.previous))
        if not others:
            return ""
        word = "with" if any(edge.source in self.previous for edge in edges) else "of"
        return f"{word} {_listed(others)}"

    def named(self, edge: Edge, reader: Box) -> str:
        """The value of an edge by its name in the spec; what enters the block that is being told is its input."""
        if edge.source not in self.inside:
            return "the block’s input"
        if stage := self.ends.get(edge.source):
            return clipped(stage)
        made = set(self.view.by_id[edge.source].nodes)
        read = [value for node in reader.nodes for value in self.graph.nodes[node].inputs if value.node in made]
        every_round = len(read) > 1 and len(reader.nodes) < len(made)
        name = clipped(edge.value.removeprefix(self.told))
        return f"all {len(read)} {name}" if every_round else name

    def wiring(self, scope: Scope, boxes: Sequence[Box]) -> tuple[Part, ...]:
        """A residual, a highway, a concat ... as a fork, and what the view merged behind its join."""
        if scope.kind == "dense":
            return self.dense(boxes)
        entering, leaving = self.previous, frozenset[str]()
        joins = [box for box in boxes if self.stages.inner_scope(box, scope) is None]
        branches = []
        for inner, held in self.branches(scope, boxes):
            self.previous = entering
            branches.append(self.branch(inner, held, scope))
            leaving |= self.previous
        if len(joins) == len(boxes):
            self.previous = entering
            return tuple(map(self.line, joins))
        if scope.kind == "residual" and len(branches) == 1:
            branches.append(Branch((Line("x"),)))
        self.previous = leaving
        return (Fork(scope.kind, tuple(branches), self.joined(scope, joins)),)

    def branches(self, scope: Scope, boxes: Sequence[Box]) -> Iterator[tuple[Scope, list[Box]]]:
        """The branches of a wiring with the boxes in each, those of its loops as well."""
        inside: dict[int | None, list[Box]] = {}
        for box in boxes:
            inside.setdefault(self.stages.inner_scope(box, scope), []).append(box)
        for item in scope.items:
            if isinstance(item, ScopeRef):
                inner, held = self.graph.scopes[item.index], inside.get(item.index, [])
                if inner.kind in ("for", "repeat", "iteration"):
                    yield from self.branches(inner, held)
                else:
                    yield inner, held

    def branch(self, scope: Scope, boxes: Sequence[Box], around: Scope) -> Branch:
        """What is in a branch; where nothing is, the value that it hands on."""
        value = scope.outputs[0] if scope.outputs else around.inputs[0]
        passed = "x" if value is around.inputs[0] else clipped(value.name)
        parts = self.parts(boxes, scope) if boxes else (Line(passed),)
        if len(parts) == 1 and isinstance(only := parts[0], Rounds) and only.times == 1:
            parts = only.parts
        return Branch(parts, _CAPTIONS.get(scope.kind, "") if around.kind == "highway" else "")

    def joined(self, scope: Scope, joins: Sequence[Box]) -> str:
        words = []
        for box in joins:
            words.append(_FORK_JOINS.get(box.title, box.title))
            words.extend(box.after)
            self.previous = frozenset({box.id})
        return ", ".join(words) or scope.kind

    def dense(self, boxes: Sequence[Box]) -> tuple[Part, ...]:
        """Stages that each see all before: their lines, the concatenations said once."""
        stages = [stage for box in boxes for stage in (box.children if box.kind == "rounds" else (box,))]
        stages = [box for box in stages if box.kind != "join"]
        times = max(box.times for box in boxes)
        parts = tuple(part for box in stages for part in self.box_parts(box, alone=True))
        self.previous = frozenset(box.id for top in boxes for box in top.walk())
        inner: tuple[Part, ...] = (Rounds(parts, times),) if times > 1 else parts
        return (Fork("dense", (Branch(inner),), "each fed the concat of all before"),)


def _sharing(boxes: Iterable[Box]) -> list[str]:
    weighted = [leaf for box in boxes for leaf in box.walk() if leaf.is_leaf and (leaf.parameters or leaf.shared)]
    if weighted and all(leaf.shared for leaf in weighted):
        return ["shared weights"]
    return ["some weights shared"] if any(leaf.shared or leaf.partly_shared for leaf in weighted) else []


_JOINS = {"+": "add", "×": "multiply", "−": "subtract", "÷": "divide"}
_FORK_JOINS = {"+": "add", "×": "multiply"}


def _kind(title: str) -> str:
    """The layer's name in a line, whether it is causal or not."""
    return title.removeprefix("causal ").partition(" ")[0].rstrip(",")


def _dimensions(shape: Shape) -> str:
    sizes = " × ".join(map(str, shape.dims)) or "scalar"
    return sizes if shape.each is None else f"{sizes} each {shape.each.name}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{names[0]} … {names[-1]}"


def _extent_of(unit: Unit) -> tuple[tuple[Dimension, ...], ...]:
    return tuple(shape.spatial for shape in unit.output)


def _belongs(unit: Unit, waiting: Sequence[Unit]) -> bool:
    """Whether a nameless stage goes into the row before: of nameless ones, or where it only touches up a named one."""
    if _extent_of(unit) != _extent_of(waiting[-1]):
        return False
    return all(map(_is_nameless, waiting)) or (unit.box is not None and unit.box.weight == "light")


def _last_of_each(nodes: Sequence[int], times: int) -> Sequence[int]:
    """The last node of every round."""
    length = len(nodes) // times
    return nodes[length - 1 :: length]


def _is_nameless(unit: Unit) -> bool:
    return unit.box is None or (unit.box.is_leaf and not unit.box.label and unit.box.times == 1)


def _name(boxes: Sequence[Box]) -> str:
    """The name of a stage as the spec has it; for stages that `nn.Sequential` counts, from which to which."""
    first, last = boxes[0], boxes[-1]
    if first.label:
        around = first.name.rpartition(".")[0]
        label = first.label.removeprefix(f"{around.rpartition('.')[2]}.")
        return f"{around}.{label}" if around else label
    if all(box.name.rpartition(".")[2].isdecimal() for box in boxes):
        start, end = first.name, last.name.rpartition(".")[2]
        return start if first is last else f"{start}–{end}"
    return ""


def _look(row: Row) -> object:
    """What rows that are told as one have in common; a row that stands for itself has something of its own."""
    alone = not row.name or row.note or any(line.source for line in row.lines())
    return id(row) if alone else (row.outputs, row.parts)


def _together(alike: Sequence[Row]) -> Row:
    """Stages that follow each other and of which the same is told, as one row."""
    first, last = alike[0], alike[-1]
    if len(alike) == 1:
        return first
    return replace(
        first,
        name=f"{first.name} … {last.name}",
        parts=_folded(first.parts * len(alike)) if len(first.parts) == 1 else (Rounds(first.parts, len(alike)),),
        parameters=sum(row.parameters for row in alike),
        macs=total(row.macs for row in alike),
    )


def _folded(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Equal neighbours as rounds."""
    found: list[Part] = []
    for part, group in groupby(parts):
        times = len(list(group))
        if times == 1:
            found.append(part)
        elif isinstance(part, Rounds):
            found.append(replace(part, times=part.times * times))
        else:
            found.append(Rounds((part,), times))
    return tuple(found)


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """A fork with the activation or normalization right behind it as a part of its join."""
    found: list[Part] = []
    for part in parts:
        before = found[-1] if found else None
        if isinstance(before, Fork) and isinstance(part, Line) and part.light and not part.source:
            words = filter(None, [before.join, part.before, part.text, part.after])
            found[-1] = replace(before, join=", ".join(words))
        else:
            found.append(part)
    return tuple(found)


def _with_the_usual(rows: list[Row]) -> Rows:
    """The rows without what follows most layers of a kind, which is said once."""
    lines = [line for row in rows for line in row.lines()]
    followers: dict[str, Counter[tuple[str, str]]] = {}
    for line in lines:
        followers.setdefault(line.kind, Counter())[line.before, line.after] += 1
    usual = {}
    for kind, counts in followers.items():
        most, times = counts.most_common(1)[0]
        if kind and any(most) and times >= 3 and 2 * times > counts.total():
            usual[kind] = most
    said = tuple(replace(row, parts=_without(row.parts, usual)) for row in rows)
    return Rows(said, tuple((kind, _around(kind, *most)) for kind, most in usual.items()))


def _around(kind: str, before: str, after: str) -> str:
    return ", ".join(filter(None, [before, kind, after]))


def _without(parts: tuple[Part, ...], usual: dict[str, tuple[str, str]]) -> tuple[Part, ...]:
    made: list[Part] = []
    for part in parts:
        match part:
            case Line():
                made.append(_plain(part, usual.get(part.kind)))
            case Rounds():
                made.append(replace(part, parts=_without(part.parts, usual)))
            case Fork():
                branches = (replace(branch, parts=_without(branch.parts, usual)) for branch in part.branches)
                made.append(replace(part, branches=tuple(branches)))
    return tuple(made)


def _plain(line: Line, usual: tuple[str, str] | None) -> Line:
    if usual is None:
        return line
    if (line.before, line.after) == usual:
        return replace(line, before="", after="")
    return line if line.before or line.after else replace(line, after=ALONE)


def lines_of(parts: Iterable[Part]) -> Iterator[Line]:
    for part in parts:
        match part:
            case Line():
                yield part
            case Rounds():
                yield from lines_of(part.parts)
            case Fork():
                for branch in part.branches:
                    yield from lines_of(branch.parts)
