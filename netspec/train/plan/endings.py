"""Whether a net ends in what its loss takes: scores, probabilities or their logarithms."""

from __future__ import annotations

from netspec.elaborate.problems import Problem
from netspec.graph.graph import Graph, Output
from netspec.train.losses import Form, Term

SQUASHING = {"sigmoid": ("binary", "one_hot"), "softmax": ("classes", "one_hot")}
"""Layers whose output is a probability, and the forms in which a loss cannot take it for a score."""
UNBOUNDED = frozenset({"linear", "conv", "batchnorm", "identity"})
"""Layers whose output may be any number: neither a probability nor the logarithm of one."""


def check_ending(term: Term, output: Output, form: Form, graph: Graph) -> None:
    """Raises Problem where the net's last layer and the loss do the same (E0621), or neither does what one must."""
    node = None if output.value.node is None else graph.nodes[output.value.node]
    if node is None:
        return
    name, loss = node.layer.name, term.loss
    probabilities = "logits" in type(loss).model_fields
    if loss.squashes() and form in SQUASHING.get(name, ()):
        leave = f"leave {name} out of the net"
        raise Problem(
            "E0621",
            f"{graph.name} ends in {name}, and {loss.name} does that by itself",
            node.span,
            f"{name} here",
            related=((term.span, f"and inside {loss.name}"),),
            help=f"leave it out of the net, or write {loss.name}(logits=false)" if probabilities else leave,
        )
    if loss.of_logarithms and name in UNBOUNDED | {"softmax", "sigmoid"}:
        help = "end the net in log_softmax, or take cross_entropy"
        message = f"{loss.name} takes logarithms of probabilities, and {graph.name} ends in {name}"
        raise Problem(
            "E0608", message, node.span, f"{name} here", related=((term.span, "takes log_softmax"),), help=help
        )
    if probabilities and not loss.squashes() and name in UNBOUNDED:
        activation = "sigmoid" if form == "binary" else "softmax"
        message = f"{loss.name}(logits=false) takes probabilities, and {graph.name} ends in {name}"
        help = f"write {loss.name} without logits=false, or end the net in {activation}"
        raise Problem("E0608", message, node.span, f"{name} here", related=((term.span, "takes 0 to 1"),), help=help)
