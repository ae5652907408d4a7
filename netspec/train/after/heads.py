"""Where a class score comes from: the end of a net, read backwards from its output to the last maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from netspec.graph.graph import Graph, Node, Value

UNCHANGED = frozenset({"identity", "dropout", "channel_dropout", "alpha_dropout", "drop_path"})
"""Layers that leave a value as it is outside training."""
RESHAPED = frozenset({"flatten", "squeeze", "reshape"})
"""Layers that leave the elements of a value as they are, in their order."""
NORMALISED = frozenset({"softmax", "log_softmax"})
"""Layers that turn scores into probabilities, the largest into the largest."""
CONVOLUTIONS = frozenset({"conv", "depthwise_conv", "separable_conv", "upconv"})
MIXING = frozenset({"convolution", "pooling", "recurrent", "attention", "linear"})
"""Families of layers that do more than work on each place by itself."""


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
    while node is not None and node.layer.name in UNCHANGED | NORMALISED:
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
        if _is_mean(node):
            return Head(node.inputs[0], linear)
        if linear is None and _is_linear(node):
            linear = node
        elif node.layer.name not in UNCHANGED | RESHAPED:
            return None
        node = _source(graph, node.inputs[0])
    return None


def last_maps(graph: Graph, output: Value) -> Value | None:
    """What the last convolution with more than one place makes, after all that is done to it place by place.

    None where no convolution leads to `output`. Source: Selvaraju et al., "Grad-CAM", ICCV 2017, section 3: the last
    convolutional layer is where maps mean most and still know where.
    """
    before = ancestors(graph, output)
    convolutions = [node for node in before if node.layer.name in CONVOLUTIONS and positions(node.output) > 1]
    if not convolutions:
        return None
    maps = convolutions[-1].output
    local_values = {maps}
    for node in before:
        local = node.layer.family not in MIXING and node.output.shape.spatial == maps.shape.spatial
        if local and not local_values.isdisjoint(node.inputs):
            local_values.add(node.output)
            maps = node.output
    return maps


def ancestors(graph: Graph, value: Value) -> list[Node]:
    """The nodes that a value depends on, in the order of the text."""
    wanted = {value.node}
    stages: list[Node] = []
    for node in reversed(graph.nodes):
        if node.index in wanted:
            stages.append(node)
            wanted.update(each.node for each in node.inputs)
    return stages[::-1]


def positions(value: Value) -> int:
    """How many places a map has; 1 for features."""
    return prod(size for size in value.shape.spatial if isinstance(size, int))


def is_map(value: Value) -> bool:
    """Whether a value has channels and more than one place."""
    return value.shape.rank > 1 and positions(value) > 1 and value.shape.dtype == "float"


def _is_mean(node: Node) -> bool:
    """Whether a node is the mean of each channel over all positions."""
    before, after = node.inputs[0], node.output
    spatial = before.shape.spatial
    if before.shape.rank < 2 or positions(after) != 1 or after.shape.channels != before.shape.channels:
        return False
    match node.layer.name:
        case "global_avgpool" | "adaptive_avgpool":
            return True
        case "mean":
            axes = getattr(node.layer, "axes", None)
            counted = axes if isinstance(axes, tuple) else (axes,)
            return axes is None or {axis % before.shape.rank for axis in counted} == set(range(1, before.shape.rank))
        case "avgpool":
            kernel = getattr(node.layer, "kernel", None)
            whole = kernel if isinstance(kernel, tuple) else (kernel,) * len(spatial)
            return whole == spatial and getattr(node.layer, "pad", None) == 0
    return False


def _is_linear(node: Node) -> bool:
    """Whether a node is a matrix applied to the channels of a single place."""
    layer, before = node.layer, node.inputs[0]
    if layer.name == "linear":
        return before.shape.rank == 1
    single = positions(before) == 1 and positions(node.output) == 1
    return layer.name == "conv" and single and getattr(layer, "groups", 0) == 1 and _is_pointwise(node)


def _is_pointwise(node: Node) -> bool:
    kernel = getattr(node.layer, "kernel", None)
    return kernel == 1 or (isinstance(kernel, tuple) and set(kernel) == {1})


def _source(graph: Graph, value: Value) -> Node | None:
    return None if value.node is None else graph.nodes[value.node]


def names(graph: Graph) -> Iterator[str]:
    """The stages whose output is a map, as they can be named."""
    yield from (node.name for node in graph.nodes if is_map(node.output))
