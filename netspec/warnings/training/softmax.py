"""W0601: an output that ends as the loss begins.

Why: `cross_entropy` takes scores and applies the softmax itself. Of an output that has passed one already it takes the
softmax of probabilities: the loss has a floor far above 0, and gradients are small. Where the data are known when the
spec is checked, this is an error (E0621).
Example: `linear(10) -> softmax` with `loss cross_entropy` and data from a file.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph, Output
from netspec.syntax import tree
from netspec.warnings.subject import Subject

REPEATED = ("softmax", "sigmoid")
"""The layers that a loss may do by itself."""


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    section = next((item for item in subject.file.items if isinstance(item, tree.Train)), None)
    nets = [definition.name for definition in subject.definitions if definition.kind == "net"]
    graph = next((graph for graph in subject.graphs if graph.name == nets[-1]), None)
    if section is None or graph is None or not any(_ending(graph, output) in REPEATED for output in graph.outputs):
        return
    from netspec.train.section.settings import settings

    try:
        chosen = settings(section)
    except NetspecError:
        return
    if chosen.data.outline() is not None:
        return
    for term in chosen.loss:
        output = next((output for output in graph.outputs if output.name == term.output), graph.outputs[0])
        ending = _ending(graph, output)
        if ending not in REPEATED or not term.loss.squashes() or (term.loss.takes == "classes" and ending != "softmax"):
            continue
        node = graph.nodes[output.value.node or 0]
        warning = Diagnostic(
            "W0601",
            f"{term.loss.name} does by itself what {node.layer.name} does, and this output has passed one",
            node.span,
            f"{node.layer.name} here",
            related=((term.span, f"and inside {term.loss.name}"),),
            help=f"leave {node.layer.name} out of the net",
        )
        yield subject.at(graph, node, warning)


def _ending(graph: Graph, output: Output) -> str:
    """The layer that makes an output, by name; empty where it is an input."""
    return graph.nodes[output.value.node].layer.name if output.value.node is not None else ""
