"""Weights, buffers and multiply-accumulates: of the whole net, of each node, and of each scope.

Parameters are trainable weights, each shared module once. MACs are those of one sample in eval mode: convolutions,
linear layers, matrix products and attention count; biases, normalisation, activations and pooling do not. One MAC is
two FLOPs. What is done for each member of a set is counted for as many as the set can have. The weights of a stage that
nothing uses are in the module and in its state dict, and count; it does not run, and has no MACs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from netspec.graph.graph import Graph, Node
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize, TooComplexError


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of one node, or the sums over a scope.

    `neurons` are the values that a sample makes in layers that have MACs; `activations` the bytes of all that it makes.
    """

    parameters: int = 0
    buffers: int = 0
    macs: Dimension = 0
    neurons: Dimension = 0
    activations: Dimension = 0

    def __mul__(self, times: int) -> Counts:
        return Counts(
            self.parameters * times,
            self.buffers * times,
            self.macs * times,
            self.neurons * times,
            self.activations * times,
        )


def parameters(graph: Graph) -> int:
    """The number of trainable weights; each shared module once."""
    return sum(_elements(node.layer.parameters(*node.shapes)) for node in graph.nodes if node.first_use)


def buffers(graph: Graph) -> int:
    """The number of persistent values that are not trained, such as BatchNorm's running statistics."""
    return sum(_elements(node.layer.buffers(*node.shapes)) for node in graph.nodes if node.first_use)


def macs(graph: Graph) -> Dimension:
    """Multiply-accumulates of one sample in eval mode, as an expression where sizes are open."""
    return total(macs_of(node) for node in graph.nodes if _evaluated(node))


def macs_of(node: Node) -> Dimension:
    """Multiply-accumulates of one sample, where the node is run."""
    return node.layer.macs(*node.shapes) * node.times


def _evaluated(node: Node) -> bool:
    """Whether a node runs in eval mode."""
    return not (node.when_training or node.unused)


def of_node(node: Node) -> Counts:
    """The figures of one node: no weights where its module was applied before, no MACs where only training runs it.

    One that nothing uses makes nothing.
    """
    macs = macs_of(node) if _evaluated(node) else 0
    return Counts(
        _elements(node.layer.parameters(*node.shapes)) if node.first_use else 0,
        _elements(node.layer.buffers(*node.shapes)) if node.first_use else 0,
        macs,
        total(elements(value.shape) for value in node.outputs) if macs else 0,
        0 if node.unused else total(size(value.shape) for value in node.outputs),
    )


BYTES = {"float": 4, "int": 8, "bool": 1}
"""Of an element of each type; numbers are of single precision."""


def elements(shape: Shape) -> Dimension:
    """The elements of one sample of a value; of a set, as many members as it can have."""
    return shape.elements if shape.each is None else shape.elements * shape.each.most


def size(shape: Shape) -> Dimension:
    """Bytes of one sample of a value."""
    return elements(shape) * BYTES[shape.dtype]


def of_all(counted: Iterable[Counts]) -> Counts:
    """The sums of figures."""
    parts = list(counted)
    return Counts(
        sum(part.parameters for part in parts),
        sum(part.buffers for part in parts),
        total(part.macs for part in parts),
        total(part.neurons for part in parts),
        total(part.activations for part in parts),
    )


def memory(counts: Counts, batch: int, inputs: Iterable[Shape] = ()) -> Dimension:
    """Bytes that stages take in a training step between its forward and its backward pass.

    These are weights and their gradients, those inputs, and what every stage has made of the batch. What the optimizer
    remembers comes on top; what is computed in place, or made again, takes less: `netspec fit` knows, which runs the
    net on tensors without content.
    """
    weights = BYTES["float"] * (2 * counts.parameters + counts.buffers)
    return total([*map(size, inputs), counts.activations]) * batch + weights


_UNITS = ("B", "kB", "MB", "GB", "TB")


def memory_text(amount: Dimension) -> str:
    """`4.2 MB`; an expression where sizes are open."""
    if not isinstance(amount, int):
        return f"{amount} B"
    power = min((len(str(amount)) - 1) // 3, len(_UNITS) - 1)
    return f"{amount / 1000**power:.3g} {_UNITS[power]}" if power else f"{amount} B"


def closing(graph: Graph) -> str:
    """The option that gives sizes to what is open: `--input 'image=[3, 224, 224]'`; empty where nothing is."""
    value = next((value for value in graph.inputs if value.shape.is_open), None)
    if value is None:
        return ""
    sizes = ", ".join("224" if isinstance(size, OpenSize) else str(size) for size in value.shape.dims)
    return f"--input '{value.name}=[{sizes}]'"


def of_scopes(graph: Graph, nodes: Iterable[Counts] | None = None) -> list[Counts]:
    """The sums over each scope with all that is inside it, by scope index, in time linear in the graph."""
    own: list[list[Counts]] = [[] for _ in graph.scopes]
    for node, counts in zip(graph.nodes, nodes if nodes is not None else map(of_node, graph.nodes), strict=True):
        own[node.scope].append(counts)
    sums = [Counts()] * len(graph.scopes)
    for scope in reversed(graph.scopes):  # a scope comes after the one around it
        sums[scope.index] = of_all(own[scope.index])
        if scope.parent is not None:
            own[scope.parent].append(sums[scope.index])
    return sums


def total(sizes: Iterable[Dimension]) -> Dimension:
    """The sum of sizes; equal open ones are added as one multiple, so that long nets stay linear.

    A sum of more parts than anyone could read is told by what it depends on: `f(H, W)`.
    """
    closed = 0
    opened: Counter[OpenSize] = Counter()
    for size in sizes:
        if isinstance(size, OpenSize):
            opened[size] += 1
        else:
            closed += size
    result: Dimension = closed
    try:
        for size, count in opened.items():
            result = result + size * count
    except TooComplexError:
        return OpenSize.symbol(f"f({', '.join(sorted(frozenset().union(*(size.symbols for size in opened))))})")
    return result


def _elements(shapes: dict[str, tuple[int, ...]]) -> int:
    return sum(prod(shape) for shape in shapes.values())
