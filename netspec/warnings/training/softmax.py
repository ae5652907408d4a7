"""W0601: an output that ends as the loss begins.

Why: `cross_entropy` takes scores and applies the softmax itself. Of an output that has passed one already it takes the
softmax of probabilities: the loss has a floor far above 0, and gradients are small. Where the data are known when the
spec is checked, this is an error (E0621).
Example: `linear(10) -> softmax` with `loss cross_entropy` and data from a file.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.syntax import tree
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    section = next((item for item in subject.file.items if isinstance(item, tree.Train)), None)
    nets = [definition.name for definition in subject.definitions if definition.kind == "net"]
    graph = next((graph for graph in subject.graphs if graph.name == nets[-1]), None)
    if section is None or graph is None:
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
        node = graph.nodes[output.value.node] if output.value.node is not None else None
        if node is None or node.layer.name not in _UNDONE[term.loss.takes] or not term.loss.squashes():
            continue
        warning = Diagnostic(
            "W0601",
            f"{term.loss.name} does by itself what {node.layer.name} does, and this output has passed one",
            node.span,
            f"{node.layer.name} here",
            related=((term.span, f"and inside {term.loss.name}"),),
            help=f"leave {node.layer.name} out of the net",
        )
        yield subject.at(graph, node, warning)


_UNDONE = {"classes": ("softmax",), "values": ("softmax", "sigmoid")}
"""The layers that a loss repeats, by what it is given beside scores."""
