"""Weights, buffers and multiply-accumulates: of the whole net, of each node, and of each scope.

Parameters are trainable weights, each shared module once. MACs are those of one sample in eval mode: convolutions,
linear layers, matrix products and attention count; biases, normalisation, activations and pooling do not. One MAC is
two FLOPs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from netspec.graph.graph import Graph, Node
from netspec.shapes.sizes import Dimension, OpenSize, TooComplexError


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of one node, or the sums over a scope."""

    parameters: int = 0
    buffers: int = 0
    macs: Dimension = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.parameters + other.parameters, self.buffers + other.buffers, self.macs + other.macs)


def parameters(graph: Graph) -> int:
    """The number of trainable weights; each shared module once."""
    return sum(_elements(node.layer.parameters(*node.shapes)) for node in graph.nodes if node.first_use)


def buffers(graph: Graph) -> int:
    """The number of persistent values that are not trained, such as BatchNorm's running statistics."""
    return sum(_elements(node.layer.buffers(*node.shapes)) for node in graph.nodes if node.first_use)


def macs(graph: Graph) -> Dimension:
    """Multiply-accumulates of one sample in eval mode, as an expression where sizes are open."""
    return total(node.layer.macs(*node.shapes) for node in graph.nodes if not node.when_training)


def of_node(node: Node) -> Counts:
    """The figures of one node: no weights where its module was applied before, no MACs where only training runs it."""
    return Counts(
        _elements(node.layer.parameters(*node.shapes)) if node.first_use else 0,
        _elements(node.layer.buffers(*node.shapes)) if node.first_use else 0,
        0 if node.when_training else node.layer.macs(*node.shapes),
    )


def of_scopes(graph: Graph, nodes: Iterable[Counts] | None = None) -> list[Counts]:
    """The sums over each scope with all that is inside it, by scope index, in time linear in the graph."""
    own: list[list[Counts]] = [[] for _ in graph.scopes]
    for node, counts in zip(graph.nodes, nodes if nodes is not None else map(of_node, graph.nodes), strict=True):
        own[node.scope].append(counts)
    sums = [Counts()] * len(graph.scopes)
    for scope in reversed(graph.scopes):  # a scope comes after the one around it
        parts = own[scope.index]
        sums[scope.index] = Counts(
            sum(part.parameters for part in parts),
            sum(part.buffers for part in parts),
            total(part.macs for part in parts),
        )
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
