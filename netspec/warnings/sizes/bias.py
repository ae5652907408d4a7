"""W0301: a bias before a normalisation that takes it away again.

Why: `batchnorm` and `instancenorm` subtract the mean of each channel, and with it any bias of the layer before them.
The bias costs memory and a gradient, and stays where it began but for weight decay. Where published weights hold one,
`bias=true` says that it is meant.
Example: `conv(64, 3) -> batchnorm`.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Node
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for graph, node in subject.nodes():
        if not _has_unsaid_bias(node):
            continue
        users = subject.users(node.output)
        if not users or not all(type(user.layer).centres for user in users):
            continue
        call = subject.call(node.span)
        inside = ", bias=false)" if call is not None and call.arguments else "(bias=false)"
        mend = (node.span, node.span.text.removesuffix(")").removesuffix("(").rstrip(", ") + inside) if call else None
        warning = Diagnostic(
            "W0301",
            f"the {users[0].layer.name} after this {node.layer.name} takes its bias away",
            node.span,
            related=() if users[0].span.source is not node.span.source else ((users[0].span, "subtracts the mean"),),
            help="write bias=false, or bias=true where published weights have it",
            mend=mend,
        )
        yield subject.at(graph, node, warning)


def _has_unsaid_bias(node: Node) -> bool:
    """Whether a layer has a bias that no call and no default has asked for."""
    layer = node.layer
    return getattr(layer, "bias", False) is True and "bias" not in layer.model_fields_set and not type(layer).centres
