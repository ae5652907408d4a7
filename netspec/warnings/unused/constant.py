"""W0104: an output that is the same whatever enters the net.

Why: it can be trained and learns nothing. Either the output depends on no input, or a layer on the way to it leaves one
value only: a softmax over one class is 1.
Example: `linear(1) -> softmax`.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Graph
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for graph in subject.graphs:
        fixed = _fixed(graph)
        for output in graph.outputs:
            if output.value.node is None or output.value.node not in fixed:
                continue
            node = graph.nodes[fixed[output.value.node]]
            what = f"the output {output.name}" if output.name else "the output"
            message = f"{what} of {graph.name} is the same whatever enters"
            label = f"what {node.layer.name} makes here does not depend on the input"
            help = "let it start from an input; for a single class use sigmoid"
            yield subject.at(graph, node, Diagnostic("W0104", message, node.span, label, help=help))


def _fixed(graph: Graph) -> dict[int, int]:
    """The nodes whose value depends on no input, by index, each with the one that it comes from."""
    fixed: dict[int, int] = {}
    for node in graph.nodes:
        makers = [value.node for value in node.inputs]
        if node.layer.constant(*node.shapes):
            fixed[node.index] = node.index
        elif all(index is not None and index in fixed for index in makers):
            fixed[node.index] = fixed[makers[0]] if makers and makers[0] is not None else node.index
    return fixed
