"""From the graph to modules: what contains what, what each one is fed, and what it hands out.

A `Part` is a module of the emitted net (or a stateless expression), one for each key. The body of a part that a scope
makes has a `Step` for every node and module directly in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import TypeAlias

from netspec.codegen.naming import SEQUENTIAL_ATTRIBUTES, is_hidden
from netspec.graph.graph import Graph, Node, Scope, Value
from netspec.layers.base import TorchCall
from netspec.shapes.shape import Shape
from netspec.syntax.source import Span

_FRESH = """
    conv depthwise_conv separable_conv upconv linear batchnorm groupnorm layernorm add sub mul concat scale
    maxpool avgpool global_avgpool adaptive_avgpool
"""
MAKES_FRESH = frozenset(_FRESH.split())
"""Layers whose output is a tensor of its own that their backward does not read: it may be overwritten in place.

Batch, group and layer norm, convolutions and products keep their inputs, max pooling keeps indices. Dropout is not
among them: in eval mode its output is its input.
"""
IN_PLACE = frozenset({"relu", "relu6"})
"""Layers that are written in place where they may: their backward reads their output and not their input."""


Place: TypeAlias = tuple[int, int]
"""Where a module takes a value from outside: at which node, counted from its first, and as which of its inputs."""


@dataclass(eq=False, slots=True)
class Part:
    """A module of the emitted net, or an expression. `node` is a leaf's first application, `scope` any other's."""

    key: str
    label: str
    owner: Part | None
    node: Node | None = None
    scope: Scope | None = None
    call: TorchCall | None = None
    in_place: bool = False
    stateful: bool = False
    children: list[Part] = field(default_factory=list)
    body: Body | None = None

    @property
    def is_module(self) -> bool:
        """Whether it is an attribute of the module around it."""
        return self.call is None or bool(self.call.target or self.call.parameter)

    @property
    def source(self) -> Node | Scope:
        found = self.node or self.scope
        assert found is not None
        return found

    @property
    def stem(self) -> str:
        """What an unlabelled stage is named after."""
        return self.node.layer.name if self.node else (self.source.label.rstrip("0123456789"))

    @property
    def is_unlabelled(self) -> bool:
        """Whether its label is its layer's name and a number, and nobody's choice as far as can be seen."""
        if self.node is None or self.label == self.node.output.name != self.key:
            return False
        return self.label.isdigit() or self.label.rstrip("0123456789") == self.node.layer.name != self.label


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One application of a part within a body."""

    part: Part
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    span: Span
    when_training: bool = False


@dataclass(eq=False, slots=True)
class Body:
    """What a module's forward does."""

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    steps: list[Step] = field(default_factory=list)


def plan(graph: Graph) -> Part:
    """The net's own part; all others are below it."""
    return _Planner(graph).plan()


def parts(root: Part) -> Iterator[Part]:
    """A part and all below it."""
    stack = [root]
    while stack:
        part = stack.pop()
        yield part
        stack.extend(reversed(part.children))


def is_chain(part: Part) -> bool:
    """Whether `nn.Sequential` says all: each stage is fed what the one before leaves, and that alone."""
    body = part.body
    if body is None or len(body.inputs) != 1 or len(body.outputs) != 1 or not body.steps:
        return False
    flowing = body.inputs[0]
    for step in body.steps:
        if (
            step.inputs != (flowing,)
            or len(step.outputs) != 1
            or step.when_training
            or not _fits_sequential(step, part)
        ):
            return False
        flowing = step.outputs[0]
    labels = [step.part.label for step in body.steps]
    children = [step.part for step in body.steps]
    return flowing is body.outputs[0] and len(set(labels)) == len(labels) and _all_in(part.children, children)


def _all_in(parts: Iterable[Part], steps: Sequence[Part]) -> bool:
    stepped = {id(part) for part in steps}
    return all(id(part) in stepped for part in parts)


def _fits_sequential(step: Step, around: Part) -> bool:
    part = step.part
    if part.owner is not around or part.label in SEQUENTIAL_ATTRIBUTES or is_hidden(part.label):
        return False
    if part.call is not None:
        return part.call.is_plain or not part.is_module
    assert part.body is not None
    return len(part.body.inputs) == 1 and len(part.body.outputs) == 1


class _Planner:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.paths: list[tuple[int, ...]] = []
        for scope in graph.scopes:
            around = self.paths[scope.parent] if scope.parent is not None else ()
            self.paths.append((*around, scope.index) if scope.is_module else around)
        self.entries: dict[int, list[Node | Scope]] = {0: []}
        self.extent: dict[int, tuple[int, int]] = {0: (0, len(graph.nodes))}
        self.taken: dict[int, list[Place]] = {}
        self.places: dict[str, list[Place]] = {}
        self.escaped: dict[int, dict[Value, None]] = {}
        self.uses: dict[Value, int] = {}
        self.nodes_of: dict[str, list[Node]] = {}
        self.scopes_of: dict[str, list[Scope]] = {}
        self.parts: dict[str, Part] = {}
        self.calls: dict[tuple[int, tuple[Shape, ...]], TorchCall] = {}

    def plan(self) -> Part:
        for node in self.graph.nodes:
            self._enter(node)
        self._follow_values()
        root = self.graph.scopes[0]
        self.parts[""] = Part("", "", None, scope=root)
        for node in self.graph.nodes:
            self._make_parts(node)
        for part in self.parts.values():
            if part.scope is not None:
                self._make_body(part)
        for part in self.parts.values():
            self._drop_unused(part)
        self._mark_training(self.parts[""])
        return self.parts[""]

    def _enter(self, node: Node) -> None:
        """Notes the node, and each module around it that it is the first of."""
        path = self.paths[node.scope]
        for outer, inner in pairwise(path):
            if inner not in self.extent:
                scope = self.graph.scopes[inner]
                self.extent[inner] = (node.index, node.index)
                self.entries[inner] = []
                self.entries[outer].append(scope)
                self.scopes_of.setdefault(scope.key, []).append(scope)
            self.extent[inner] = (self.extent[inner][0], node.index)
        self.entries[path[-1]].append(node)
        self.nodes_of.setdefault(node.key, []).append(node)

    def _follow_values(self) -> None:
        """Which values enter and leave each module."""
        for node in self.graph.nodes:
            for position, value in enumerate(node.inputs):
                self.uses[value] = self.uses.get(value, 0) + 1
                here, there = self.paths[node.scope], self._path_of(value)
                common = sum(1 for a, b in zip(here, there, strict=False) if a == b)
                for scope in here[common:]:
                    self.taken.setdefault(scope, []).append((node.index - self.extent[scope][0], position))
                for scope in there[common:]:
                    self.escaped.setdefault(scope, {})[value] = None
        for output in self.graph.outputs:
            self.uses[output.value] = self.uses.get(output.value, 0) + 1
            for scope in self._path_of(output.value)[1:]:
                self.escaped.setdefault(scope, {})[output.value] = None

    def _path_of(self, value: Value) -> tuple[int, ...]:
        return (0,) if value.node is None else self.paths[self.graph.nodes[value.node].scope]

    def _make_parts(self, node: Node) -> None:
        for index in self.paths[node.scope][1:]:
            scope = self.graph.scopes[index]
            if scope.key not in self.parts:
                self._add(Part(scope.key, scope.label, self._owner(scope.key), scope=scope))
        if node.key not in self.parts:
            nodes = self.nodes_of[node.key]
            shapes = tuple(reduce(or_, each) for each in zip(*(n.shapes for n in nodes), strict=True))
            call = self.calls.get((id(node.layer), shapes)) or node.layer.torch(*shapes)
            self.calls[id(node.layer), shapes] = call
            part = Part(node.key, node.label, self._owner(node.key), node=node, call=call)
            part.in_place = call.inplace and node.layer.name in IN_PLACE and all(map(self._may_overwrite, nodes))
            self._add(part)
            if node.layer.parameters(*node.shapes) or node.layer.buffers(*node.shapes):
                around: Part | None = part
                while around is not None and not around.stateful:
                    around.stateful = True
                    around = around.owner

    def _owner(self, key: str) -> Part:
        return self.parts[key.rpartition(".")[0]]

    def _add(self, part: Part) -> None:
        self.parts[part.key] = part
        assert part.owner is not None
        part.owner.children.append(part)

    def _may_overwrite(self, node: Node) -> bool:
        """Whether nothing else needs what the node reads: see MAKES_FRESH."""
        value = node.inputs[0]
        if value.node is None or self.uses[value] != 1:
            return False
        maker = self.graph.nodes[value.node]
        return (
            maker.layer.name in MAKES_FRESH
            and len(maker.outputs) == 1
            and self.paths[maker.scope] == self.paths[node.scope]
            and maker.when_training == node.when_training
        )

    def _make_body(self, part: Part) -> None:
        """What a module does, as its first application has it."""
        scope = self.scopes_of[part.key][0] if part.key else self.graph.scopes[0]
        inputs = self._inputs(scope)
        own: dict[tuple[Value, ...], Value] = {}
        if len(set(inputs)) < len(inputs):  # two of its inputs are one value here, though not everywhere
            inputs = tuple(replace(value) for value in inputs)
            everywhere = (self._everywhere(part.key, place) for place in self._places(part.key))
            own = dict(zip(everywhere, inputs, strict=True))
        body = Body(inputs, self._outputs(scope))
        start = self.extent[scope.index][0]
        for entry in self.entries[scope.index]:
            if isinstance(entry, Node):
                first, places = entry.index, [(0, position) for position in range(len(entry.inputs))]
                outputs = entry.outputs
            else:
                first, places, outputs = self.extent[entry.index][0], self._places(entry.key), self._outputs(entry)
            taken = [self.graph.nodes[first + offset].inputs[position] for offset, position in places]
            if own:
                there = [self._everywhere(part.key, (first - start + offset, position)) for offset, position in places]
                taken = [own.get(values, value) for values, value in zip(there, taken, strict=True)]
            body.steps.append(Step(self.parts[entry.key], tuple(taken), outputs, entry.span))
        part.body = body

    def _drop_unused(self, part: Part) -> None:
        """Leaves out the modules that hand out nothing and hold no weights."""
        if part.body is not None:
            part.children = [child for child in part.children if not _is_unused(child)]
            part.body.steps = [step for step in part.body.steps if not _is_unused(step.part)]

    def _mark_training(self, net: Part) -> None:
        """Which steps of the net only lead to outputs that are computed in training."""
        if net.body is None or not any(output.when_training for output in self.graph.outputs):
            return
        always = {output.value for output in self.graph.outputs if not output.when_training}
        for index, step in reversed(list(enumerate(net.body.steps))):
            if always.isdisjoint(step.outputs):
                net.body.steps[index] = replace(step, when_training=True)
            else:
                always.update(step.inputs)

    def _inputs(self, scope: Scope) -> tuple[Value, ...]:
        """What enters an application of a module: the value that flows in, tensor arguments, then what is captured."""
        if scope.index == 0:
            return self.graph.inputs
        return tuple(self._at(scope, place) for place in self._places(scope.key))

    def _places(self, key: str) -> list[Place]:
        """Where a module takes each of its inputs first; one input is what is one value in every application."""
        if key not in self.places:
            applications = self.scopes_of[key]
            found: dict[tuple[Value, ...], Place] = {}
            for place in self.taken.get(applications[0].index, []):
                found.setdefault(self._everywhere(key, place), place)
            entering = zip(*(scope.inputs for scope in applications), strict=True)
            ordered = dict.fromkeys(values for values in entering if values in found) | found
            self.places[key] = [found[values] for values in ordered]
        return self.places[key]

    def _everywhere(self, key: str, place: Place) -> tuple[Value, ...]:
        """What a module takes at a place, in each of its applications."""
        return tuple(self._at(scope, place) for scope in self.scopes_of[key])

    def _at(self, scope: Scope, place: Place) -> Value:
        return self.graph.nodes[self.extent[scope.index][0] + place[0]].inputs[place[1]]

    def _outputs(self, scope: Scope) -> tuple[Value, ...]:
        """What is handed out, the same for every application of a shared module."""
        if scope.index == 0:
            return tuple(dict.fromkeys(output.value for output in self.graph.outputs))
        start = self.extent[scope.index][0]
        positions: dict[tuple[int, int], None] = {}
        for application in self.scopes_of[scope.key]:
            first, last = self.extent[application.index]
            results = [v for v in application.outputs if v.node is not None and first <= v.node <= last]
            escaped = sorted(self.escaped.get(application.index, {}), key=lambda v: (v.node or 0, v.index))
            for value in (*results, *escaped):
                assert value.node is not None
                positions[value.node - first, value.index] = None
        return tuple(self.graph.nodes[start + offset].outputs[index] for offset, index in positions)


def _is_unused(part: Part) -> bool:
    return part.body is not None and not part.body.outputs and not part.stateful
