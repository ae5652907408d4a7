"""Pairs of stages of two graphs, scope by scope: by their labels first, then in order by what they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import TypeAlias

from netspec.analysis.counts import Counts, of_node, of_scopes
from netspec.graph.graph import Graph, Node, Scope, ScopeRef
from netspec.graph.views import layer_text, scope_text
from netspec.shapes.shape import Shape

Stage: TypeAlias = Node | Scope


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two graphs, with what is asked of its stages."""

    graph: Graph

    @cached_property
    def _scopes(self) -> list[Counts]:
        return of_scopes(self.graph)

    def counts(self, stage: Stage) -> Counts:
        return self._scopes[stage.index] if isinstance(stage, Scope) else of_node(stage)

    def members(self, scope: Scope) -> list[Stage]:
        """The layers and modules of a scope in order, through the groups, loops and wirings in it."""
        stages: list[Stage] = []
        pending: list[int | ScopeRef] = list(reversed(scope.items))
        while pending:
            item = pending.pop()
            if not isinstance(item, ScopeRef):
                stages.append(self.graph.nodes[item])
                continue
            inner = self.graph.scopes[item.index]
            if inner.is_module:
                stages.append(inner)
            else:
                pending.extend(reversed(inner.items))
        return stages

    @cached_property
    def _nodes(self) -> dict[int, tuple[Node, ...]]:
        """The nodes in each scope, those of scopes inside it among them, by its index."""
        inside: list[list[Node]] = [[] for _ in self.graph.scopes]
        for node in self.graph.nodes:
            index: int | None = node.scope
            while index is not None:
                inside[index].append(node)
                index = self.graph.scopes[index].parent
        return {index: tuple(nodes) for index, nodes in enumerate(inside)}

    def nodes(self, stage: Stage) -> tuple[Node, ...]:
        """A node, or all that are in a scope."""
        return self._nodes[stage.index] if isinstance(stage, Scope) else (stage,)


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A stage of the first graph and the one that has its place in the second; None where there is none."""

    old: Stage | None
    new: Stage | None


def text(stage: Stage) -> str:
    """A stage as a spec writes it."""
    return layer_text(stage.layer) if isinstance(stage, Node) else scope_text(stage)


def kind(stage: Stage) -> str:
    """What a stage is, its arguments apart: the layer's name, or the block's."""
    if isinstance(stage, Node):
        return stage.layer.name
    return stage.kind if stage.kind == "container" else stage.title.partition("(")[0] or stage.kind


def shapes(stage: Stage) -> tuple[Shape, ...]:
    """What leaves a stage."""
    return tuple(value.shape for value in stage.outputs)


def label(stage: Stage) -> str | None:
    """The label that the spec gives a stage; None for a name that follows from its place."""
    name = stage.label
    stem = name.rstrip("0123456789")
    stems = {kind(stage), "".join(f"_{c.lower()}" if c.isupper() else c for c in kind(stage)).lstrip("_")}
    automatic = not stem or (stem.rstrip("_") in stems and stem != name)
    return None if automatic else name


def pairs(old: Side, new: Side) -> Iterator[Pair]:
    """Every stage of both graphs once, scopes before what is in them, in the order of the second graph."""
    pending: list[Pair] = [Pair(old.graph.scopes[0], new.graph.scopes[0])]
    while pending:
        pair = pending.pop()
        if not (isinstance(pair.old, Scope) and pair.old.index == 0):
            yield pair
        if isinstance(pair.old, Scope) and isinstance(pair.new, Scope):
            inside = list(_aligned(old, new, old.members(pair.old), new.members(pair.new)))
            pending.extend(reversed(inside))


def _aligned(old: Side, new: Side, before: Sequence[Stage], after: Sequence[Stage]) -> Iterator[Pair]:
    """The stages of two scopes in pairs."""
    partner = _in_order(old, new, before, after, _by_label(before, after))
    sources = {target: index for index, target in partner.items()}
    first = 0
    for place, stage in enumerate(after):
        if place not in sources:
            yield Pair(None, stage)
            continue
        source = sources[place]
        yield from (Pair(before[index], None) for index in range(first, source) if index not in partner)
        first = max(first, source + 1)
        yield Pair(before[source], stage)
    yield from (Pair(before[index], None) for index in range(first, len(before)) if index not in partner)


def _by_label(before: Sequence[Stage], after: Sequence[Stage]) -> dict[int, int]:
    """The places of stages that have the same label in the spec, old to new; of several uses in their order."""
    places: dict[str, list[int]] = {}
    for place, stage in enumerate(after):
        if (name := label(stage)) is not None:
            places.setdefault(name, []).append(place)
    partner: dict[int, int] = {}
    for index, stage in enumerate(before):
        uses = places.get(label(stage) or "")
        if uses and isinstance(stage, Node) == isinstance(after[uses[0]], Node):
            partner[index] = uses.pop(0)
    return partner


def _in_order(
    old: Side, new: Side, before: Sequence[Stage], after: Sequence[Stage], matches: dict[int, int]
) -> dict[int, int]:
    """Of the others those that are the same in order; then those of one kind that stand in each other's place."""
    partner = dict(matches)
    for signature in (_whole, _weighed, _kind):
        for left, right in _gaps(partner, len(before), len(after)):
            counterparts = set(partner.values())
            firsts = [index for index in left if index not in partner]
            seconds = [index for index in right if index not in counterparts]
            one = [signature(old, before[index]) for index in firsts]
            other = [signature(new, after[index]) for index in seconds]
            for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
                places = range(block.size)
                partner.update((firsts[block.a + step], seconds[block.b + step]) for step in places)
    return partner


def _gaps(partner: dict[int, int], olds: int, news: int) -> Iterator[tuple[range, range]]:
    """What lies between pairs that keep the order."""
    first = second = 0
    for index, target in [*sorted(partner.items()), (olds, news)]:
        if target >= second:
            yield range(first, index), range(second, target)
            first, second = index + 1, target + 1


def _whole(side: Side, stage: Stage) -> tuple[object, ...]:
    return kind(stage), text(stage), tuple(map(_weights, side.nodes(stage)))


def _weighed(side: Side, stage: Stage) -> tuple[object, ...]:
    return kind(stage), tuple(filter(None, map(_weights, side.nodes(stage))))


def _kind(side: Side, stage: Stage) -> tuple[object, ...]:
    return (kind(stage),)


def _weights(node: Node) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The shapes of a layer's weights by name."""
    return tuple(node.layer.parameters(*node.shapes).items())
