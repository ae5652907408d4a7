"""What has changed between two nets, as a person would say it: stage by stage, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from typing import Any, Literal, TypeAlias

from netspec.compare.alignment import Pair, Side, Stage, kind, label, pairs, shapes, text
from netspec.compare.weights import Loose, Plan, plan
from netspec.graph.graph import Graph, Node
from netspec.shapes.sizes import Dimension

What: TypeAlias = Literal["new", "lost", "changed", "renamed", "follows", "same"]
MARKS: dict[str, str] = {"new": "+", "lost": "-", "changed": "~", "renamed": "=", "follows": " "}
MOST_KEYS = 6


@dataclass(frozen=True, slots=True)
class Change:
    """What has become of a stage. One `follows` where it is what it was, and only what it is given has changed."""

    what: What
    pair: Pair

    @property
    def stage(self) -> Stage:
        stage = self.pair.new if self.pair.new is not None else self.pair.old
        assert stage is not None
        return stage


@dataclass(frozen=True, eq=False)
class Difference:
    """Two nets, what has become of each stage, and what becomes of the weights."""

    old: Side
    new: Side
    changes: tuple[Change, ...]
    plan: Plan

    def __bool__(self) -> bool:
        return any(change.what != "same" for change in self.changes)


def difference(old: Graph, new: Graph) -> Difference:
    """How a graph differs from another one."""
    before, after = Side(old), Side(new)
    stage_pairs = list(pairs(before, after))
    changes = [change for pair in stage_pairs if (change := _change(before, after, pair)) is not None]
    return Difference(before, after, tuple(changes), plan(list(_leaves(before, after, stage_pairs))))


def _leaves(old: Side, new: Side, stage_pairs: Sequence[Pair]) -> Iterator[Pair]:
    """The pairs of layers; those of a scope without counterpart one by one.

    A layer that has been put into a container, or taken out of one, is the same layer where its weights are.
    """
    removals: list[Node] = []
    come: list[Node] = []
    for pair in stage_pairs:
        if pair.old is not None and pair.new is not None:
            yield from [pair] if isinstance(pair.old, Node) else ()
            continue
        stage, side, loose = (pair.new, new, come) if pair.old is None else (pair.old, old, removals)
        assert stage is not None
        if isinstance(stage, Node) or stage.kind == "container":
            loose.extend(side.nodes(stage))
        else:
            yield from (Pair(None, node) if pair.old is None else Pair(node, None) for node in side.nodes(stage))
    matched = SequenceMatcher(None, list(map(_form, removals)), list(map(_form, come)), autojunk=False)
    for _, first, last, start, end in matched.get_opcodes():
        pairs = list(zip_longest(removals[first:last], come[start:end]))
        same = all(a is not None and b is not None and _form(a) == _form(b) for a, b in pairs)
        for one, other in pairs:
            yield from [Pair(one, other)] if same else [Pair(one, None), Pair(None, other)]


def _form(node: Node) -> tuple[object, ...]:
    return node.layer.name, tuple(node.layer.parameters(*node.shapes).items())


def _change(old: Side, new: Side, pair: Pair) -> Change | None:
    if pair.old is None or pair.new is None:
        return Change("new" if pair.old is None else "lost", pair)
    if text(pair.old) != text(pair.new):
        inside = not isinstance(pair.old, Node) and kind(pair.old) == kind(pair.new) and not _own(pair)
        return None if inside else Change("changed", pair)
    if pair.old.label != pair.new.label and (label(pair.old) or label(pair.new) or old.counts(pair.old).parameters):
        return Change("renamed", pair)
    # A set is one of its own graph: by its name and bound it is the same in the other.
    if isinstance(pair.old, Node) and [*map(str, shapes(pair.old))] != [*map(str, shapes(pair.new))]:
        return Change("follows", pair)
    return Change("same", pair)


def _own(pair: Pair) -> bool:
    """Whether a block is called with other arguments."""
    return text_of(pair.old) != text_of(pair.new)


def text_of(stage: Stage | None) -> str:
    return text(stage) if stage is not None else ""


def lines(diff: Difference) -> Iterator[str]:
    """The difference as text: the stages, the sums, the plan for weights."""
    changes = [change for change in diff.changes if change.what not in ("same", "follows")]
    for _, group in groupby(changes, key=lambda change: _fold(diff, change)):
        yield _line(diff, list(group))
    follows = [change for change in diff.changes if change.what == "follows"]
    if follows:
        yield _following(follows)
    if not changes and not follows:
        yield "no stage differs"
    yield ""
    yield from _sums(diff)
    yield from weights_lines(diff.plan)


def _fold(diff: Difference, change: Change) -> tuple[object, ...]:
    """What equal changes of neighbours have in common, so that they are said once."""
    if change.what == "renamed":
        return (change.pair,)
    parent = change.stage.key.rpartition(".")[0]
    return change.what, parent, text_of(change.pair.old), text_of(change.pair.new)


def _line(diff: Difference, changes: list[Change]) -> str:
    first, last = changes[0], changes[-1]
    name = _name(first.stage) if len(changes) == 1 else f"{_name(first.stage)} ... {_name(last.stage)}"
    times = f"{len(changes)} x " if len(changes) > 1 else ""
    old, new = first.pair.old, first.pair.new
    if first.what == "renamed":
        return f"{MARKS['renamed']} {name}: was {_name(old)}"  # type: ignore[arg-type]
    wording = " becomes ".join(dict.fromkeys(times + text(stage) for stage in (old, new) if stage is not None))
    figures = ", ".join(filter(None, (_shapes(old, new), _parameters(diff, changes))))
    moved = f" (was {_name(old)})" if old is not None and new is not None and _name(old) != _name(new) else ""
    return f"{MARKS[first.what]} {name}{moved}: {wording}{'  ' if figures else ''}{figures}"


def _name(stage: Stage) -> str:
    return stage.name or stage.label


def _shapes(old: Stage | None, new: Stage | None) -> str:
    sides = [", ".join(map(str, shapes(stage))) for stage in (old, new) if stage is not None]
    return " -> ".join(dict.fromkeys(sides))


def _parameters(diff: Difference, changes: list[Change]) -> str:
    old = sum(diff.old.counts(c.pair.old).parameters for c in changes if c.pair.old is not None)
    new = sum(diff.new.counts(c.pair.new).parameters for c in changes if c.pair.new is not None)
    if old == new:
        return ""
    what = changes[0].what
    return f"{new:,} parameters" if what == "new" else f"{old:,} parameters" if what == "lost" else _step(old, new)


def _step(old: Dimension, new: Dimension) -> str:
    return f"{_figure(old)} -> {_figure(new)} parameters"


def _figure(size: Dimension) -> str:
    return f"{size:,}" if isinstance(size, int) else str(size)


def _following(follows: list[Change]) -> str:
    first = follows[0]
    count = f"{len(follows)} stages are" if len(follows) > 1 else "1 stage is"
    sizes = _shapes(first.pair.old, first.pair.new)
    return f"  {count} as before but for the sizes, from {_name(first.stage)} on: {sizes}"


def _sums(diff: Difference) -> Iterator[str]:
    old, new = diff.old.graph, diff.new.graph
    outputs = [", ".join(str(output.value.shape) for output in graph.outputs) for graph in (old, new)]
    inputs = [", ".join(f"{value.name} {value.shape}" for value in graph.inputs) for graph in (old, new)]
    figures = [
        ("inputs", *inputs),
        ("outputs", *outputs),
        ("parameters", _figure(old.parameters), _figure(new.parameters)),
        ("MACs", _figure(old.macs), _figure(new.macs)),
    ]
    for name, before, after in figures:
        yield f"{name:<10}  {before}" if before == after else f"{name:<10}  {before} -> {after}"


def weights_lines(weights_plan: Plan) -> Iterator[str]:
    """The plan for weights as text: how many tensors carry over, and the names of the others."""
    counts = {
        "kept": weights_plan.kept,
        "renamed": weights_plan.renamed,
        "new": weights_plan.new,
        "lost": weights_plan.lost,
    }
    yield f"weights     {', '.join(f'{len(keys)} {what}' for what, keys in counts.items())}"
    yield from _listed("renamed", [f"{move.old} -> {move.new}" for move in weights_plan.renamed])
    yield from _listed("new", [_loose(loose, "before") for loose in weights_plan.new])
    yield from _listed("lost", [_loose(loose, "now") for loose in weights_plan.lost if loose.other is None])


def _listed(what: str, keys: list[str]) -> Iterator[str]:
    for number, key in enumerate(keys[:MOST_KEYS]):
        yield f"  {what if number == 0 else '':<8}  {key}"
    if len(keys) > MOST_KEYS:
        yield f"  {'':<8}  and {len(keys) - MOST_KEYS} more"


def _loose(loose: Loose, when: str) -> str:
    other = f" ({when} {list(loose.other)})" if loose.other is not None else ""
    return f"{loose.key} {list(loose.shape)}{other}"


def document(diff: Difference) -> dict[str, Any]:
    """The difference as JSON: a list of changes, the sums, the plan for weights with every key."""
    old, new = diff.old.graph, diff.new.graph
    return {
        "netspec": 1,
        "changes": [_plain(change) for change in diff.changes if change.what != "same"],
        "parameters": [old.parameters, new.parameters],
        "macs": [_json(old.macs), _json(new.macs)],
        "weights": {
            "kept": [move.new for move in diff.plan.kept],
            "renamed": {move.old: move.new for move in diff.plan.renamed},
            "new": {loose.key: list(loose.shape) for loose in diff.plan.new},
            "lost": {loose.key: list(loose.shape) for loose in diff.plan.lost},
        },
    }


def _plain(change: Change) -> dict[str, Any]:
    return {"what": change.what, "old": _side(change.pair.old), "new": _side(change.pair.new)}


def _side(stage: Stage | None) -> dict[str, Any] | None:
    if stage is None:
        return None
    return {"name": _name(stage), "text": text(stage), "shapes": [str(shape) for shape in shapes(stage)]}


def _json(size: Dimension) -> int | str:
    return size if isinstance(size, int) else str(size)
