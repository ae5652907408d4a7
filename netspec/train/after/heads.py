"""Where a class score comes from: the end of a net, read backwards from its output to the last maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from netspec.graph.graph import Graph, Node, Value


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The end of a net whose class scores are sums over positions: maps, their mean, and one linear layer at most.

    score_c = b_c + sum_k w_ck mean(maps_k); `linear` is None where each class has a map of its own, as in Network In
    Network: then w is the identity and b is 0.
    """

    maps: Value
    linear: Node | None


def scores(graph: Graph, output: Value) -> Value:
    """The class scores behind an output, before a softmax that ends the net."""
    node = _source(graph, output)
    while node is not None and (node.layer.idle_in_eval or node.layer.keeps_the_largest):
        output = node.inputs[0]
        node = _source(graph, output)
    return output


def head(graph: Graph, output: Value) -> Head | None:
    """The end of a net whose scores are `output`, where it is global average pooling and a linear layer at most.

    Source: Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016, section 2.
    """
    linear: Node | None = None
    node = _source(graph, output)
    while node is not None:
        if node.layer.is_global_mean(*node.shapes):
            return Head(node.inputs[0], linear)
        if linear is None and node.layer.is_linear_map(*node.shapes):
            linear = node
        elif not (node.layer.idle_in_eval or node.layer.keeps_elements):
            return None
        node = _source(graph, node.inputs[0])
    return None


def last_maps(graph: Graph, output: Value) -> Value | None:
    """What the last convolution with more than one place makes, after all that is done to it place by place.

    None where no convolution leads to `output`. Source: Selvaraju et al., "Grad-CAM", ICCV 2017, section 3: the last
    convolutional layer is where maps mean most and still know where.
    """
    before = ancestors(graph, output)
    convolutions = [node for node in before if node.layer.family == "convolution" and positions(node.output) > 1]
    if not convolutions:
        return None
    maps = convolutions[-1].output
    local_values = {maps}
    for node in before:
        local = not node.layer.mixes_positions and node.output.shape.spatial == maps.shape.spatial
        if local and not local_values.isdisjoint(node.inputs):
            local_values.add(node.output)
            maps = node.output
    return maps


def ancestors(graph: Graph, value: Value) -> list[Node]:
    """The nodes that a value depends on, in the order of the text."""
    makers = {value.node}
    stages: list[Node] = []
    for node in reversed(graph.nodes):
        if node.index in makers:
            stages.append(node)
            makers.update(each.node for each in node.inputs)
    return stages[::-1]


def positions(value: Value) -> int:
    """How many places a map has; 1 for features."""
    return prod(size for size in value.shape.spatial if isinstance(size, int))


def is_map(value: Value) -> bool:
    """Whether a value has channels and more than one place."""
    return value.shape.rank > 1 and positions(value) > 1 and value.shape.dtype == "float"


def _source(graph: Graph, value: Value) -> Node | None:
    return None if value.node is None else graph.nodes[value.node]


def names(graph: Graph) -> Iterator[str]:
    """The stages whose output is a map, as they can be named."""
    yield from (node.name for node in graph.nodes if is_map(node.output))
