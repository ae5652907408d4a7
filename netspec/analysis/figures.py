"""What stages have, make and take: parameters, MACs, neurons, memory, receptive fields.

The memory of a training step is what there is between its forward and its backward pass: weights and their gradients,
the batch, and what every stage has made of it. What the optimizer remembers comes on top; what is computed in place, or
made again, takes less: `netspec fit` knows, which runs the net on tensors without content.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from netspec.analysis import counts
from netspec.analysis.counts import total
from netspec.analysis.receptive_field import Fields, receptive_fields
from netspec.graph.graph import Graph, Value
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension

BYTES = {"float": 4, "int": 8, "bool": 1}
"""Of an element of each type; numbers are of single precision."""


def size(shape: Shape) -> Dimension:
    """Bytes of one sample of a value."""
    return shape.elements * BYTES[shape.dtype]


class Figures:
    """What the layers of a graph have, make and take, each worked out once; sums of them by node."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.counts = [counts.of_node(node) for node in graph.nodes]

    @cached_property
    def bytes(self) -> list[Dimension]:
        """Of what each node makes of one sample."""
        return [total(size(value.shape) for value in node.outputs) for node in self.graph.nodes]

    @cached_property
    def fields(self) -> dict[str, Fields]:
        return receptive_fields(self.graph)

    def parameters(self, nodes: Iterable[int]) -> int:
        return sum(self.counts[node].parameters for node in nodes)

    def macs(self, nodes: Iterable[int]) -> Dimension:
        return total(self.counts[node].macs for node in nodes)

    def neurons(self, nodes: Iterable[int]) -> Dimension:
        """The values that a sample makes in stages that multiply and add: convolutions, linear layers, attention."""
        firing = (self.graph.nodes[node] for node in nodes if self.counts[node].macs)
        return total(value.shape.elements for node in firing for value in node.outputs)

    def memory(self, nodes: Iterable[int], batch: int, inputs: Iterable[Value] = ()) -> Dimension:
        """Bytes that these nodes take in a training step, those inputs included."""
        nodes = list(nodes)
        own = (self.counts[node] for node in nodes)
        weights = BYTES["float"] * sum(2 * one.parameters + one.buffers for one in own)
        sample = total([*(size(value.shape) for value in inputs), *(self.bytes[node] for node in nodes)])
        return sample * batch + weights

    def step(self, batch: int) -> Dimension:
        """Bytes that a training step of the whole net takes."""
        return self.memory(range(len(self.graph.nodes)), batch, self.graph.inputs)


_UNITS = ("B", "kB", "MB", "GB", "TB")


def amount_text(amount: Dimension) -> str:
    """`4.2 MB`; an expression where sizes are open."""
    if not isinstance(amount, int):
        return f"{amount} B"
    power = min((len(str(amount)) - 1) // 3, len(_UNITS) - 1)
    return f"{amount / 1000**power:.3g} {_UNITS[power]}" if power else f"{amount} B"
