"""The boxes of a view: what is open, what is folded, what is one box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from netspec.analysis.counts import total
from netspec.diagnostics import printable
from netspec.diagram.view.boxes import Box, View
from netspec.diagram.view.captions.words import clipped, layer_words, scope_words
from netspec.diagram.view.flows import Edges
from netspec.diagram.view.graph_facts import counts, node_spans, reuses, telling_arguments, users
from netspec.diagram.view.merging import axes, is_named, joined, joined_labels, main_place, portions, scope_label
from netspec.diagram.view.rounds import Item, Rounds, Run
from netspec.graph.graph import Graph, Node, Scope, ScopeRef, Value
from netspec.graph.views import layer_text, scope_text
from netspec.layers.declaration.base import Layer
from netspec.shapes.shape import Shape


class Builder:
    """Builds the views of one graph, or of one scope of it; what does not depend on the depth is found once."""

    def __init__(self, graph: Graph, scope: Scope, *, unfold: bool = False) -> None:
        self.graph, self.scope, self.unfold = graph, scope, unfold
        self._spans = node_spans(graph)
        self._users = users(graph)
        self._counts = counts(graph)
        self._reused = reuses(graph)
        self._runs = Rounds(graph, self.items)
        self._rounds: list[list[Run]] = [[] for _ in graph.nodes]
        self._frames: dict[int, str] = {}
        self._plain: dict[int, bool] = {}
        self._told = telling_arguments(graph)

    @cached_property
    def deepest(self) -> int:
        """The first depth at which everything is open."""
        levels = {self.scope.index: 0}
        deepest = 1
        for scope in self.graph.scopes[self.scope.index + 1 :]:
            if scope.parent in levels:
                opens = scope.is_module and self._has_nodes(scope) and not self.is_plain(scope)
                levels[scope.index] = levels[scope.parent] + opens
                deepest = max(deepest, levels[scope.index] + 1)
        return deepest

    def build(self, depth: int) -> View:
        self._rounds = [[] for _ in self.graph.nodes]
        if depth < 1:
            inside: list[Box] = [self._scope_box(self.scope, 0, depth)] if self._has_nodes(self.scope) else []
        else:
            inside = self._body(self.items(self.scope), 1, depth)
        leaf_of = {node: box.id for top in inside for box in top.walk() if box.is_leaf for node in box.nodes}
        first, end = self._spans[self.scope.index]
        inputs, outputs = self._ends(first, end)
        edges = Edges(self.graph, leaf_of, self._place)
        for index, value in enumerate(inputs):
            edges.add_input(value, f"in{index}")
        for node in self.graph.nodes[first:end]:
            edges.add_node(node)
        for index, (_, value, training) in enumerate(outputs):
            edges.add(value, f"out{index}", "auxiliary" if training else "flow")
        arrows = Counter(edge.target for edge in edges.edges())
        inside = [self._with_terms(box, arrows) for box in inside]
        title = self.graph.name if self.scope.index == 0 else f"{self.graph.name}: {self.scope.name}"
        return View(
            self.graph,
            printable(title),
            (
                *(self._input_box(value, f"in{index}", len(inputs)) for index, value in enumerate(inputs)),
                *inside,
                *(self._output_box(*output, f"out{index}") for index, output in enumerate(outputs)),
            ),
            edges.edges(),
            edges.carries(self._frames),
            depth,
            self.deepest,
            self.scope.name,
            self.unfold,
        )

    def _with_terms(self, box: Box, arrows: Mapping[str, int]) -> Box:
        """The box, and the joins in it that take more values than arrows lead to them, with how many."""
        if box.children:
            return replace(box, children=tuple(self._with_terms(child, arrows) for child in box.children))
        if box.kind != "join" or box.layer is None:
            return box
        terms = {len(self.graph.nodes[node].inputs) for node in box.nodes}
        return replace(box, terms=max(terms)) if len(terms) == 1 and max(terms) > arrows[box.id] else box

    def items(self, scope: Scope) -> tuple[Item, ...]:
        """What is in a module, wirings and loops opened, in the order of the nodes."""
        items: list[Item] = []
        direct = []
        for item in scope.items:
            if isinstance(item, int):
                direct.append(Item(item, item + 1))
            elif self._has_nodes(inner := self.graph.scopes[item.index]):
                if inner.is_module:
                    items.append(Item(*self._spans[inner.index], scope=inner.index))
                else:
                    items.extend(self.items(inner))
        if scope.kind == "highway" and direct and direct[-1].end - direct[0].first == len(direct):
            items.append(Item(direct[0].first, direct[-1].end, gate=scope.index))
        else:
            items.extend(direct)
        return tuple(sorted(items, key=lambda item: item.first))

    def is_plain(self, scope: Scope) -> bool:
        """Whether a module's stages make a single box."""
        if scope.index not in self._plain:
            items = self.items(scope)
            first, end = self._spans[scope.index]
            chain = self._chains(items)
            self._plain[scope.index] = (
                len(chain) == 1 and end - first <= 6 and len(portions(self._nodes(chain[0]))) == 1 and items[0].is_node
            )
        return self._plain[scope.index]

    def _has_nodes(self, scope: Scope) -> bool:
        first, end = self._spans[scope.index]
        return end > first

    def _nodes(self, items: Sequence[Item]) -> list[Node]:
        return [node for item in items for node in self.graph.nodes[item.first : item.end]]

    def _body(self, items: tuple[Item, ...], level: int, depth: int) -> list[Box]:
        """The boxes of a body: rounds folded, the rest merged."""
        boxes: list[Box] = []
        waiting: list[Item] = []
        runs = [Run((item,)) for item in items] if self.unfold else self._runs.of(items)
        for run in runs:
            if run.times == 1:
                waiting.extend(run.items)
                continue
            boxes.extend(self._stages(waiting, level, depth))
            waiting = []
            boxes.append(self._rounds_box(run, level, depth))
        return [*boxes, *self._stages(waiting, level, depth)]

    def _rounds_box(self, run: Run, level: int, depth: int) -> Box:
        """Alike rounds as one box: the round's only box, or a frame around its boxes, with the times."""
        box = self._round_box(run, level, depth)
        self._frames[id(run)] = box.id
        return box

    def _round_box(self, run: Run, level: int, depth: int) -> Box:
        for node in range(run.first, run.first + run.length * run.times):
            self._rounds[node].append(run)
        if len(run.items) == 1 and (index := run.items[0].scope) is not None:
            return self._scope_box(self.graph.scopes[index], level, depth, run.times)
        starts = self._copies(run.first)  # before the runs inside the round are folded
        inside = self._body(run.items, level, depth)
        if len(inside) == 1 and inside[0].times == 1:
            return replace(inside[0], times=run.times)
        box = Box(
            id=f"r{run.first}x{run.length}",
            kind="rounds",
            name="",
            label="",
            title="",
            signature=f"{run.times} rounds",
            family="block",
            children=tuple(inside),
            times=run.times,
            span=self.graph.nodes[run.first].span,
        )
        return self._measured(box, [range(start, start + run.length) for start in starts])

    def _scope_at(self, scope: Scope, first: int) -> Scope:
        """The scope like `scope` whose nodes begin at `first`, in another round."""
        if self._spans[scope.index][0] == first:
            return scope
        around = self.graph.scopes[self.graph.nodes[first].scope]
        length = self._spans[scope.index][1] - self._spans[scope.index][0]
        scope_there = around
        while around.parent is not None and self._spans[around.index][0] == first:
            start, end = self._spans[around.index]
            if end - start == length and around.kind == scope.kind:
                scope_there = around
            around = self.graph.scopes[around.parent]
        return scope_there

    def _stages(self, items: Sequence[Item], level: int, depth: int) -> list[Box]:
        boxes = []
        for chain in self._chains(items):
            item = chain[0]
            if item.scope is not None:
                boxes.append(self._scope_box(self.graph.scopes[item.scope], level, depth))
            elif item.gate is not None:
                boxes.append(self._gate_box(item))
            else:
                boxes.extend(self._layer_box(portion) for portion in portions(self._nodes(chain)))
        return boxes

    def _chains(self, items: Sequence[Item]) -> list[list[Item]]:
        """The items with layers that feed only each other put together."""
        chains: list[list[Item]] = []
        for item in items:
            if chains and self._is_linked(chains[-1][-1], item):
                chains[-1].append(item)
            else:
                chains.append([item])
        return chains

    def _is_linked(self, item: Item, after: Item) -> bool:
        """Whether both are layers, the one after is all that reads the other, and reads nothing else."""
        if not (item.is_node and after.is_node):
            return False
        node, reader = self.graph.nodes[item.first], self.graph.nodes[after.first]
        return (
            len(node.outputs) == 1
            and reader.inputs == node.outputs
            and self._users[node.index] == [[reader.index]]
            and node.when_training == reader.when_training
        )

    def _scope_box(self, scope: Scope, level: int, depth: int, times: int = 1) -> Box:
        """A module, or the alike ones of several rounds, as one box: open down to `depth`."""
        start, end = self._spans[scope.index]
        starts = self._copies(start)
        rounds = [range(copy, copy + end - start) for copy in starts]
        scopes = [self._scope_at(scope, copy) for copy in starts]
        first, last = scopes[0], scopes[-1]
        outputs = last.outputs if first.index else [out.value for out in self.graph.outputs]
        box = Box(
            id=f"s{first.index}",
            kind="net" if first.kind == "net" else "block" if first.kind == "block" else "container",
            name=printable(first.name),
            label=joined_labels([scope_label(scope) for scope in scopes]),
            title=scope_words(scopes, self._told[first.title]),
            signature=printable(scope_text(first)),
            family="block",
            times=times,
            copies=len(scopes),
            scope=first.index,
            span=first.span,
            definition=first.definition,
            shared=any(
                not one.first_use and self._reuses_weights(nodes) for one, nodes in zip(scopes, rounds, strict=True)
            ),
            when_training=self.graph.nodes[rounds[0].start].when_training,
        )
        box = replace(
            self._measured(box, rounds),
            inputs=tuple(value.shape for value in first.inputs),
            outputs=tuple(value.shape for value in outputs),
        )
        if self.is_plain(first):
            return self._plain_box(box, scopes)
        if level < depth:
            return replace(box, children=tuple(self._body(self.items(first), level + 1, depth)))
        return replace(box, partly_shared=not box.shared and self._reuses_weights(box.nodes))

    def _reuses_weights(self, nodes: Iterable[int]) -> bool:
        return any(self._reused[node] for node in nodes)

    def _plain_box(self, box: Box, scopes: Sequence[Scope]) -> Box:
        """A module of one merged box: drawn as that box, under the module's name."""
        rounds = [self._nodes(self.items(scope)) for scope in scopes]
        words = self._words(rounds)
        return replace(
            box,
            kind="layer",
            title=words.title,
            before=words.before,
            after=words.after,
            family=words.layer.family,
            layer=words.layer,
        )

    def _layer_box(self, nodes: Sequence[Node]) -> Box:
        """Layers that one box stands for, each in all rounds of the loops around it."""
        main = nodes[main_place(nodes)]
        together = [[self.graph.nodes[index] for index in self._copies(node.index)] for node in nodes]
        rounds = [list(round_) for round_ in zip(*together, strict=True)]
        words = self._words(rounds)
        joins = len(main.inputs) > 1
        box = Box(
            id=f"n{nodes[0].index}",
            kind="join" if joins and main.layer.join_sign else "layer",
            name=printable(main.name),
            label=self._label(main, together[main_place(nodes)]),
            title=main.layer.join_sign if joins and main.layer.join_sign else words.title,
            signature=printable(" -> ".join(layer_text(node.layer) for node in nodes)),
            family=words.layer.family,
            before=words.before,
            after=words.after,
            scope=main.scope,
            span=main.span,
            shared=any(self._reused[node] for node in self._copies(main.index)),
            when_training=main.when_training,
            layer=words.layer,
        )
        return self._measured(box, [[node.index for node in round_] for round_ in rounds])

    def _label(self, main: Node, copies: Sequence[Node]) -> str:
        """What the spec calls a layer, in all rounds, or the values that it makes where these are several."""
        if len(main.outputs) > 1 and len(copies) == 1 and main.layer.rearranges:
            names = [value.name.rpartition(".")[2] for value in main.outputs]
            return clipped(", ".join(names))
        return joined_labels([copy.label for copy in copies]) if is_named(main) else ""

    def _gate_box(self, item: Item) -> Box:
        """The arithmetic that ends a highway, as one join."""
        scope = self.graph.scopes[item.gate or 0]
        carries = any(
            self.graph.scopes[inner.index].kind == "carry" for inner in scope.items if isinstance(inner, ScopeRef)
        )
        copies = [self._copies(index) for index in range(item.first, item.end)]
        box = Box(
            id=f"g{item.first}",
            kind="join",
            name=printable(self.graph.nodes[item.end - 1].name),
            label="",
            title="H·T + x·C" if carries else "H·T + x·(1 − T)",
            signature="highway",
            family="arithmetic",
            scope=scope.index,
            span=scope.span,
        )
        return self._measured(box, list(zip(*copies, strict=True)))

    def _words(self, rounds: Sequence[Sequence[Node]]) -> _Words:
        main = main_place(rounds[0])
        lines = [
            layer_words([round_[place].layer for round_ in rounds], axes(rounds[0][place]))
            for place in range(len(rounds[0]))
        ]
        return _Words(lines[main], joined(lines[:main]), joined(lines[main + 1 :]), type(rounds[0][main].layer))

    def _copies(self, node: int) -> list[int]:
        """The node in every round of the loops around it that are folded."""
        copies = [node]
        for run in reversed(self._rounds[node]):
            copies = [copy + run.length * round_ for round_ in range(run.times) for copy in copies]
        return copies

    def _place(self, node: int) -> tuple[int, tuple[tuple[int, int], ...]]:
        """The node that stands for this one where rounds are folded, and which round of which run this one is in."""
        rounds = []
        level = 0
        while level < len(self._rounds[node]):
            run = self._rounds[node][level]
            round_ = (node - run.first) // run.length
            rounds.append((id(run), round_))
            node -= round_ * run.length
            level += 1
        return node, tuple(rounds)

    def _measured(self, box: Box, rounds: Sequence[Sequence[int]]) -> Box:
        """The box with the nodes that it stands for in each round, what enters and leaves them, and their counts."""
        nodes = sorted(node for round_ in rounds for node in round_)
        counts = [self._counts[node] for node in nodes]
        return replace(
            box,
            nodes=tuple(nodes),
            inputs=self._entering(rounds[0]),
            outputs=self._leaving(rounds[-1]),
            parameters=sum(count.parameters for count in counts),
            macs=total(count.macs for count in counts),
        )

    def _entering(self, nodes: Sequence[int]) -> tuple[Shape, ...]:
        values = (value for node in nodes for value in self.graph.nodes[node].inputs)
        return tuple({id(value): value.shape for value in values if value.node not in nodes}.values())

    def _leaving(self, nodes: Sequence[int]) -> tuple[Shape, ...]:
        return tuple(
            value.shape
            for node in nodes
            for value, users in zip(self.graph.nodes[node].outputs, self._users[node], strict=True)
            if not users or any(user not in nodes for user in users)
        )

    def _ends(self, first: int, end: int) -> tuple[list[Value], list[tuple[str, Value, bool]]]:
        """The values that enter what is drawn, and those that leave it with their names."""
        if self.scope.index == 0:
            outputs = [(out.name or "output", out.value, out.when_training) for out in self.graph.outputs]
            return list(self.graph.inputs), outputs
        entering = {
            id(value): value
            for node in self.graph.nodes[first:end]
            for value in node.inputs
            if value.node is None or not first <= value.node < end
        }
        leaving = {
            id(value): value
            for node in self.graph.nodes[first:end]
            for value, users in zip(node.outputs, self._users[node.index], strict=True)
            if any(not first <= user < end for user in users)
        }
        names = ["output" if len(leaving) == 1 else value.name for value in leaving.values()]
        training = [value.node is not None and self.graph.nodes[value.node].when_training for value in leaving.values()]
        return list(entering.values()), list(zip(names, leaving.values(), training, strict=True))

    def _input_box(self, value: Value, key: str, count: int) -> Box:
        is_only = self.scope.index != 0 and count == 1
        return Box(
            id=key,
            kind="input",
            name=printable(value.name),
            label="",
            title="input" if is_only else clipped(value.name),
            signature=printable(f"input {value.name} {value.shape}"),
            family="input",
            nodes=(),
            inputs=(),
            outputs=(value.shape,),
            span=value.span,
        )

    def _output_box(self, name: str, value: Value, when_training: bool, key: str) -> Box:
        return Box(
            id=key,
            kind="output",
            name=printable(name),
            label="",
            title=clipped(name),
            signature=printable(f"output {name} {value.shape}") + (" when training" if when_training else ""),
            family="output",
            nodes=(),
            inputs=(value.shape,),
            outputs=(),
            span=value.span,
            when_training=when_training,
        )


@dataclass(frozen=True, slots=True)
class _Words:
    """What a box says."""

    title: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    layer: type[Layer]
