"""The graph in the making: nodes and scopes that have labels but no names yet, and how they get them.

Stages count as `nn.Sequential` counts them where the body is a chain as it is written (`numbering`), and are named
after their layer otherwise: when a scope is complete, since a label that comes later is no name for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from netspec.graph.graph import MODULES, Fit, Graph, Node, Output, Scope, ScopeKind, ScopeRef, Value
from netspec.layers.declaration.base import Layer, TorchCall
from netspec.shapes.shape import Shape
from netspec.syntax.source import Span


@dataclass(slots=True, eq=False)
class Tensor:
    """A value of the graph in the making."""

    shape: Shape
    span: Span
    node: DraftNode | None = None
    index: int = 0
    name: str | None = None


class Tap(Tensor):
    """A value inside of a block that may be read; its shape is worked out when it is."""

    __slots__ = ("_memo", "_shape")

    def __init__(self, shape: Callable[[], Shape], span: Span, name: str) -> None:
        self._memo: Shape | None = None
        self._shape = shape
        self.span, self.node, self.index, self.name = span, None, 0, name

    @property
    def shape(self) -> Shape:
        """The shape over the caller's names."""
        if self._memo is None:
            self._memo = self._shape()
        return self._memo

    @shape.setter
    def shape(self, shape: Shape) -> None:
        self._memo = shape


@dataclass(slots=True, eq=False)
class DraftNode:
    """A layer applied.

    `label` names it; `suggestion` does where nothing else has taken that name (a `let`'s). `first` is the node of the
    same shared module's first application.
    """

    layer: Layer
    inputs: tuple[Tensor, ...]
    span: Span
    label: str | None = None
    suggestion: str | None = None
    outputs: tuple[Tensor, ...] = ()
    first: DraftNode | None = None
    application: int = 1
    key: str = ""
    name: str = ""
    index: int = -1
    call: TorchCall | None = None

    @property
    def entering(self) -> tuple[Tensor, ...]:
        return self.inputs

    @property
    def stem(self) -> str:
        """What an unlabelled one is named after."""
        return self.layer.name


@dataclass(slots=True, eq=False)
class DraftScope:
    """A scope in the making; see `netspec.graph.Scope`. `tensors` are the arguments that are tensors.

    `numbered` says that its body is a chain as it is written, `inside` what can be read from it by labels and numbers.
    Where a block is elaborated for all arguments, `control` says what a condition, a loop or a call of a block is; so
    does a node's `call` of its PyTorch form.
    """

    kind: ScopeKind
    title: str
    span: Span
    label: str | None = None
    suggestion: str | None = None
    parent: DraftScope | None = None
    arguments: tuple[tuple[str, Any], ...] = ()
    definition: Span | None = None
    count: int | None = None
    items: list[DraftNode | DraftScope] = field(default_factory=list)
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    first: DraftScope | None = None
    application: int = 1
    first_use: bool = True
    key: str = ""
    name: str = ""
    counted: bool = False
    numbered: bool = False
    inside: dict[str, Any] | None = None
    index: int = -1
    control: Any = None

    @property
    def is_module(self) -> bool:
        return self.kind in MODULES

    @property
    def entering(self) -> tuple[Tensor, ...]:
        return (*self.inputs[:1], *self.tensors)

    @property
    def module(self) -> DraftScope:
        """The nearest scope, this one included, that has a name in the state dict."""
        scope = self
        while not scope.is_module:
            assert scope.parent is not None
            scope = scope.parent
        return scope

    @property
    def stem(self) -> str:
        """What an unlabelled one is named after: the block's name in snake case."""
        name = "".join(
            f"_{c.lower()}" if c.isupper() and i and not self.title[i - 1].isupper() else c.lower()
            for i, c in enumerate(self.title.partition("(")[0])
        )
        return name or self.kind

    def chain(self) -> Iterator[DraftScope]:
        """This scope and those around it, innermost first."""
        scope: DraftScope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent


Member: TypeAlias = DraftNode | DraftScope


def members(scope: DraftScope) -> Iterator[Member]:
    """The nodes and modules that are named in `scope`, through the transparent scopes inside it."""
    stack: list[Iterator[Member]] = [iter(scope.items)]
    while stack:
        item = next(stack[-1], None)
        if item is None:
            stack.pop()
        elif isinstance(item, DraftNode) or (isinstance(item, DraftScope) and item.is_module):
            yield item
        elif isinstance(item, DraftScope):
            stack.append(iter(item.items))


def _give_names(scope: DraftScope) -> None:
    """Keys and names for everything directly in a module scope."""
    inside = list(members(scope))
    scope.counted = scope.numbered and bool(inside)
    # What is labelled `conv3.0` lies in a container that is called conv3.
    labels = {member.label.partition(".")[0] for member in inside if member.label is not None}
    counts: dict[str, int] = {}
    for position, member in enumerate(inside):
        if member.first is not None:
            member.key = member.first.key
            member.name = f"{member.first.name}@{member.application}"
            continue
        label = member.label
        if label is None and scope.counted:
            label = str(position)
        if label is None and member.suggestion is not None and member.suggestion not in labels:
            label = member.suggestion
            labels.add(label)
        while label is None:
            counts[member.stem] = counts.get(member.stem, 0) + 1
            candidate = f"{member.stem}{counts[member.stem]}"
            if candidate not in labels:
                labels.add(candidate)
                label = candidate
        member.key = f"{scope.key}.{label}" if scope.key else label
        member.name = f"{scope.name}.{label}" if scope.name else label


@dataclass(slots=True, eq=False)
class DraftOutput:
    """One output of the net; see `netspec.graph.Output`."""

    name: str | None
    tensor: Tensor
    when_training: bool


def freeze(
    root: DraftScope,
    inputs: tuple[Tensor, ...],
    outputs: list[DraftOutput],
    fits: list[Fit],
    documentation: str,
) -> Graph:
    """The finished graph of the net whose outermost scope is `root`."""
    scopes: list[DraftScope] = []
    nodes: list[tuple[DraftNode, DraftScope]] = []
    _number(root, scopes, nodes)
    values: dict[int, Value] = {
        id(tensor): Value(tensor.name or "", tensor.shape, None, 0, tensor.span) for tensor in inputs
    }
    training = _training_only([node for node, _ in nodes], outputs)
    running = _running(nodes, outputs)
    frozen_nodes = tuple(
        _freeze_node(node, scope, values, when_training=node in training, unused=node not in running)
        for node, scope in nodes
    )
    frozen_scopes = tuple(_freeze_scope(scope, values) for scope in scopes)
    return Graph(
        name=root.title,
        arguments=root.arguments,
        inputs=tuple(values[id(tensor)] for tensor in inputs),
        outputs=tuple(Output(out.name, values[id(out.tensor)], out.when_training) for out in outputs),
        nodes=frozen_nodes,
        scopes=frozen_scopes,
        fits=tuple(fits),
        documentation=documentation,
    )


def _number(root: DraftScope, scopes: list[DraftScope], nodes: list[tuple[DraftNode, DraftScope]]) -> None:
    """Indices in the order of the text, and names."""
    stack: list[Member] = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, DraftNode):
            assert item.index >= 0
            continue
        item.index = len(scopes)
        item.first_use = item.first is None and (item.parent is None or item.parent.first_use)
        scopes.append(item)
        if item.is_module:
            _give_names(item)
        elif item.parent is not None:
            item.key, item.name = item.parent.key, item.parent.name
        for inner in item.items:
            if isinstance(inner, DraftNode):
                nodes.append((inner, item))
        stack.extend(inner for inner in reversed(item.items) if isinstance(inner, DraftScope))
    nodes.sort(key=lambda pair: pair[0].index)
    for index, (node, _) in enumerate(nodes):
        node.index = index


def _training_only(nodes: list[DraftNode], outputs: list[DraftOutput]) -> set[DraftNode]:
    """The nodes that only outputs `when training` need."""
    if not any(output.when_training for output in outputs):
        return set()
    always = _dependencies([out.tensor for out in outputs if not out.when_training])
    training = _dependencies([out.tensor for out in outputs if out.when_training]) - always
    for node in nodes:
        if node not in always and any(tensor.node in training for tensor in node.inputs):
            training.add(node)
    return training


def _dependencies(tensors: list[Tensor]) -> set[DraftNode]:
    """Every node that the tensors depend on."""
    dependencies: set[DraftNode] = set()
    stack = [tensor.node for tensor in tensors]
    while stack:
        node = stack.pop()
        if node is not None and node not in dependencies:
            dependencies.add(node)
            stack.extend(tensor.node for tensor in node.inputs)
    return dependencies


def _running(nodes: list[tuple[DraftNode, DraftScope]], outputs: list[DraftOutput]) -> set[DraftNode]:
    """The nodes that the outputs need; a module that runs makes all of its results, whatever is taken of them."""
    around = {node: scope.module for node, scope in nodes}
    running: set[DraftNode] = set()
    scopes: set[int] = set()
    stack = [output.tensor for output in outputs]
    while stack:
        node = stack.pop().node
        if node is None or node in running:
            continue
        running.add(node)
        stack.extend(node.inputs)
        scope: DraftScope | None = around[node]
        while scope is not None and id(scope) not in scopes:
            scopes.add(id(scope))
            if scope.parent is not None:
                stack.extend(scope.outputs)
            scope = scope.parent.module if scope.parent is not None else None
    return running


def _freeze_node(
    node: DraftNode, scope: DraftScope, values: dict[int, Value], *, when_training: bool, unused: bool
) -> Node:
    outputs = []
    for tensor in node.outputs:
        name = tensor.name or (node.name if tensor.index == 0 else f"{node.name}:{tensor.index}")
        value = Value(name, tensor.shape, node.index, tensor.index, node.span)
        values[id(tensor)] = value
        if tensor.shape.each is not None and not tensor.shape.each.name:
            tensor.shape.each.name = node.name.rpartition(".")[2]
        outputs.append(value)
    return Node(
        index=node.index,
        name=node.name,
        key=node.key,
        layer=node.layer,
        inputs=tuple(values[id(tensor)] for tensor in node.inputs),
        outputs=tuple(outputs),
        scope=scope.index,
        span=node.span,
        when_training=when_training,
        first_use=node.first is None and scope.first_use,
        unused=unused,
    )


def _freeze_scope(scope: DraftScope, values: dict[int, Value]) -> Scope:
    return Scope(
        index=scope.index,
        kind=scope.kind,
        name=scope.name,
        key=scope.key,
        title=scope.title,
        arguments=scope.arguments,
        parent=scope.parent.index if scope.parent is not None else None,
        items=tuple(item.index if isinstance(item, DraftNode) else ScopeRef(item.index) for item in scope.items),
        inputs=tuple(values[id(tensor)] for tensor in (*scope.inputs, *scope.tensors)),
        outputs=tuple(values[id(tensor)] for tensor in scope.outputs),
        span=scope.span,
        definition=scope.definition,
        count=scope.count,
        counted=scope.counted,
        first_use=scope.first_use,
    )
