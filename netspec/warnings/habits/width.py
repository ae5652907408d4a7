"""W0206: a linear layer along the width of a map.

Why: a linear layer mixes the last axis, as in PyTorch. A map has its channels first, so that the last axis is the
width: where a classifier follows convolutions, `flatten` is missing between them, and the net has an answer for each
row of each channel.
Example: `conv(8, 3) -> relu -> linear(10)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Graph, Node, Value
from netspec.syntax import tree
from netspec.syntax.source import Span
from netspec.warnings.subject import Subject

COLOURS = 4
"""An input of no more channels than this is taken for an image."""


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for graph, node in subject.nodes():
        if not (node.inputs and type(node.layer).along_features and node.shapes[0].rank > 2):
            continue
        if _is_map(graph, node.inputs[0]):
            before = Span(node.span.source, node.span.start, node.span.start)
            warning = Diagnostic(
                "W0206",
                f"this {node.layer.name} works along the width of a map",
                node.span,
                f"this value is {node.shapes[0]}",
                help="put flatten, or global_avgpool -> flatten, before it",
                mend=(before, "flatten -> ") if _takes_the_flow(subject, node) else None,
            )
            yield subject.at(graph, node, warning)


def _is_map(graph: Graph, value: Value) -> bool:
    """Whether a value has its channels first: it comes from a layer of maps, through others that keep its axes."""
    while value.node is not None:
        node = graph.nodes[value.node]
        ranks = type(node.layer).ranks
        if type(node.layer).mixes_positions:
            return ranks is not None and min(ranks) > 1 and max(ranks) > 2
        if not node.inputs or type(node.layer).rearranges or value.shape.rank != node.shapes[0].rank:
            return False
        value = node.inputs[0]
    channels = value.shape.channels
    return isinstance(channels, int) and channels <= COLOURS


def _takes_the_flow(subject: Subject, node: Node) -> bool:
    """Whether the layer is a stage that takes the value that flows, and names none."""
    call = subject.call(node.span)
    first = call.arguments[0].value if call is not None and call.arguments else None
    before = node.span.source.text[: node.span.start].rstrip(" ")
    return isinstance(first, tree.Number) and before.endswith(("\n", ";", "{", "->", "="))
