"""Rounds: stretches of a net that follow each other and are the same but for their weights."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

from netspec.diagram.view.graph_facts import node_spans, users
from netspec.graph.graph import Graph, Node, Scope

LONGEST_PERIOD = 16
FEWEST_PLAIN_ROUNDS = 4
"""Rounds of bare layers are folded from here on; rounds of blocks or wirings from two."""
_WIRINGS = frozenset({"residual", "highway", "concat", "add", "mul", "dense"})


@dataclass(frozen=True, slots=True)
class Item:
    """A stretch [first, end) of the nodes that is one thing in a body: a node, a module's scope, a highway's gate."""

    first: int
    end: int
    scope: int | None = None
    gate: int | None = None

    @property
    def is_node(self) -> bool:
        return self.scope is None and self.gate is None


@dataclass(frozen=True, slots=True)
class Run:
    """`times` alike rounds of `items` that follow each other."""

    items: tuple[Item, ...]
    times: int = 1

    @property
    def first(self) -> int:
        return self.items[0].first

    @property
    def length(self) -> int:
        """The nodes of one round."""
        return self.items[-1].end - self.items[0].first


class Rounds:
    """Finds the rounds of a graph; `items` tells what is in a module."""

    def __init__(self, graph: Graph, items: Callable[[Scope], tuple[Item, ...]]) -> None:
        self.graph = graph
        self._alike = Likeness(graph, items)
        self._users = users(graph)
        self._spans = node_spans(graph)
        self._iterations = {self._spans[scope.index] for scope in graph.scopes if scope.kind == "iteration"}
        self._known: dict[tuple[Item, ...], list[Run]] = {}

    def of(self, items: tuple[Item, ...]) -> list[Run]:
        """The items as runs of alike rounds, each other item as a run of its own."""
        if items not in self._known:
            self._known[items] = list(self._found_runs(items))
        return self._known[items]

    def _found_runs(self, items: tuple[Item, ...]) -> Iterator[Run]:
        numbers = [self._alike.number(item) for item in items]
        start = 0
        while start < len(items):
            best = Run((items[start],))
            for period in range(1, min(LONGEST_PERIOD, (len(items) - start) // 2) + 1):
                if numbers[start : start + period] != numbers[start + period : start + 2 * period]:
                    continue
                run = self._run(items, numbers, start, period)
                if run.times * len(run.items) > best.times * len(best.items):
                    best = run
            yield best
            start += best.times * len(best.items)

    def _run(self, items: tuple[Item, ...], numbers: Sequence[int], start: int, period: int) -> Run:
        """The rounds of this period that begin here; one round where they are not to be folded."""
        first = items[start : start + period]
        times = 1
        while numbers[start : start + period] == numbers[start + times * period : start + (times + 1) * period]:
            rounds = [items[start + round_ * period : start + (round_ + 1) * period] for round_ in (times - 1, times)]
            one, other = map(stretch, rounds)
            if not self._goes_on(one, other, stretch(first)) or not (period == 1 or self._is_said(one, other)):
                break
            times += 1
        while times > 1 and not self._used_alike(Run(first, times)):
            times -= 1
        bare = all(item.is_node and len(self.graph.nodes[item.first].inputs) == 1 for item in first)
        is_worth_it = times >= FEWEST_PLAIN_ROUNDS if bare else times > 1
        return Run(first, times) if is_worth_it else Run(first[:1])

    def _goes_on(self, one: range, other: range, first: range) -> bool:
        """Whether `other` is the next round after `one` in the run that begins with `first`."""
        return self._is_whole(one) and self._is_whole(other) and self._alike.follows(one, other, first)

    def _is_said(self, one: range, other: range) -> bool:
        """Whether the spec itself says that these are rounds, or nothing but their weights tells them apart."""
        pairs = [(self.graph.nodes[a], self.graph.nodes[b]) for a, b in zip(one, other, strict=True)]
        are_iterations = {(one.start, one.stop), (other.start, other.stop)} <= self._iterations
        return are_iterations or all(same_shapes(a, b) for a, b in pairs)

    def _is_whole(self, round_: range) -> bool:
        """Whether no wiring is cut: what begins in the round ends in it, and it is no piece of a wiring itself."""
        for node in round_:
            scope = self.graph.scopes[self.graph.nodes[node].scope]
            while not self._holds(scope, round_):
                start, end = self._spans[scope.index]
                if start < round_.start or end > round_.stop or scope.parent is None:
                    return False
                scope = self.graph.scopes[scope.parent]
            if scope.kind in _WIRINGS and self._spans[scope.index] != (round_.start, round_.stop):
                return False
        return True

    def _holds(self, scope: Scope, round_: range) -> bool:
        start, end = self._spans[scope.index]
        return start <= round_.start and round_.stop <= end

    def _used_alike(self, run: Run) -> bool:
        """Whether what is outside reads the last round alone, or all rounds in the same way."""
        end = run.first + run.length * run.times
        for offset in range(run.length):
            readers = []
            for round_ in range(run.times):
                users = self._users[run.first + round_ * run.length + offset]
                readers.append([[user for user in output if not run.first <= user < end] for output in users])
            if any(map(any, readers[:-1])) and any(reader != readers[0] for reader in readers[1:]):
                return False
        return True


class Likeness:
    """Which stretches of a graph are rounds of the same: the same layers, wired the same way."""

    def __init__(self, graph: Graph, items: Callable[[Scope], tuple[Item, ...]]) -> None:
        self.graph, self.items = graph, items
        self._numbers: dict[Hashable, int] = {}
        self._of_scope: dict[int, int] = {}
        self._of_node: dict[int, int] = {}

    def number(self, item: Item) -> int:
        """A number that alike items share."""
        if item.scope is not None:
            if item.scope not in self._of_scope:
                scope = self.graph.scopes[item.scope]
                inside = tuple(map(self.number, self.items(scope)))
                title = "" if scope.kind == "container" else scope.title
                self._of_scope[item.scope] = self._numbers.setdefault((title, inside), len(self._numbers))
            return self._of_scope[item.scope]
        return self._numbers.setdefault(
            (item.gate is not None, *(self._node_number(node) for node in range(item.first, item.end))),
            len(self._numbers),
        )

    def follows(self, one: range, other: range, first: range) -> bool:
        """Whether the stretch `other` is wired as `one`, the round before it, and goes on from it.

        `first` is the first round of the run.
        """
        if len(one) != len(other):
            return False
        pairs = [(self.graph.nodes[a], self.graph.nodes[b]) for a, b in zip(one, other, strict=True)]
        alike = all(a.layer == b.layer for a, b in pairs)
        if not alike and not all(same_shapes(a, b) for a, b in pairs):
            return False
        if _repeats([a.key for a, _ in pairs]) != _repeats([b.key for _, b in pairs]):
            return False
        if not all(self._is_same_wiring(a, b, one, other, first) for a, b in pairs):
            return False
        return any(value.node is not None and value.node in one for _, node in pairs for value in node.inputs)

    def _is_same_wiring(self, a: Node, b: Node, one: range, other: range, first: range) -> bool:
        if len(a.inputs) != len(b.inputs) or a.when_training != b.when_training:
            return False
        length = len(one)
        if not self._is_same_sharing(a, b, self.graph.nodes[first.start + a.index - one.start]):
            return False
        for x, y in zip(a.inputs, b.inputs, strict=True):
            if y.node is not None and y.node in other:
                same = x.node == y.node - length and x.index == y.index
            elif y.node is not None and y.node in one:
                came_in = x.node is None or x.node < first.start
                same = came_in if one == first else x.node == y.node - length and x.index == y.index
            else:
                same = x is y
            if not same:
                return False
        return True

    def _is_same_sharing(self, a: Node, b: Node, first: Node) -> bool:
        """Whether b has weights of its own, as all rounds have, or those of a, as all have; `first` is the first's."""
        if a.key != b.key and not b.first_use:
            return False
        return a is first or (a.key == b.key) == (a.key == first.key)

    def _node_number(self, index: int) -> int:
        if index not in self._of_node:
            layer = self.graph.nodes[index].layer
            names = (name for name in type(layer).model_fields if name not in layer.may_vary)
            fixed = tuple((name, getattr(layer, name)) for name in names)
            self._of_node[index] = self._numbers.setdefault((type(layer), repr(fixed)), len(self._numbers))
        return self._of_node[index]


def _repeats(keys: Sequence[str]) -> list[int]:
    """For each key where it comes for the first time: which modules of a round are the same."""
    first: dict[str, int] = {}
    return [first.setdefault(key, place) for place, key in enumerate(keys)]


def stretch(items: Sequence[Item]) -> range:
    return range(items[0].first, items[-1].end)


def same_shapes(a: Node, b: Node) -> bool:
    return [value.shape for value in a.outputs] == [value.shape for value in b.outputs]
