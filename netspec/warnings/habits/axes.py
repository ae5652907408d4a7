"""W0205: an axis that seems to count the batch.

Why: in PyTorch the channels are axis 1, and `flatten(1)` keeps the batch. Here the batch is not counted: the channels
are axis 0, `concat(a, b, axis=1)` joins maps by their height, and `flatten(1)` keeps the channels apart, so that the
linear layer after it works on each of them.
Example: `concat(skip, _, axis=1)`; `flatten(1) -> linear(10)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Node
from netspec.layers.declaration.axes import axis_name
from netspec.syntax import tree
from netspec.syntax.source import Span
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for _, node in subject.nodes():
        call = subject.call(node.span)
        if call is None or not node.inputs:
            continue
        rank = node.shapes[0].rank
        if type(node.layer).along_channels and getattr(node.layer, "axis", 0) == 1 and rank > 2:
            message = f"axis 1 of {node.shapes[0]} is the {axis_name(1, rank)}"
        elif node.layer.name == "flatten" and getattr(node.layer, "start", 0) == 1 and _is_mixed(subject, node):
            message = f"flatten(1) keeps the {node.shapes[0].channels} channels apart: it makes {node.output.shape}"
        else:
            continue
        place, text = _without(call, "axis" if type(node.layer).along_channels else "start")
        help = f"axes do not count the batch; write {text}"
        yield Diagnostic("W0205", message, place, help=help, mend=(call.span, text))


def _is_mixed(subject: Subject, node: Node) -> bool:
    """Whether the value goes to a layer that mixes features, as a classifier does."""
    users = subject.users(node.output)
    return any("features" in type(user.layer).model_fields for user in users)


def _without(call: tree.Call, name: str) -> tuple[Span, str]:
    """The argument that says the axis, and the call without it."""
    keyword = next((argument for argument in call.arguments if argument.name == name), None)
    chosen = keyword or next(argument for argument in reversed(call.arguments) if argument.name is None)
    others = [argument.span.text for argument in call.arguments if argument is not chosen]
    callee = call.callee.span.text
    return chosen.span, f"{callee}({', '.join(others)})" if others else callee
