"""W0201: a layer whose first number is what enters it, as PyTorch's class is told.

Why: `nn.Conv2d(3, 64, 3)` is in channels, out channels, kernel. Here the channels that enter are derived, so that
`conv(3, 64, 3)` makes 3 channels with a kernel of 64 and a stride of 3: it fits, and is another net.
Example: `conv(3, 64, 3)` on [3, 224, 224].
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.elaborate.mistakes.slips import rewritten
from netspec.graph.graph import Node
from netspec.syntax import tree
from netspec.warnings.subject import Subject

UNUSUAL = 6
"""A kernel from here on is seldom even; from twice that on it is seldom at all. The kernel is where PyTorch's class is
told the channels that it makes."""


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for _, node in subject.nodes():
        call = subject.call(node.span)
        if call is None or not _begins_with_channels(node, call) or not _is_unusual(getattr(node.layer, "kernel", 0)):
            continue
        text = rewritten(type(node.layer), call.arguments, foreign=True)
        yield Diagnostic(
            "W0201",
            f"{node.layer.name} makes {node.output.shape.channels} channels here, with a kernel of "
            f"{getattr(node.layer, 'kernel', 0)}",
            node.span,
            "the channels that enter are derived",
            help=f"write {text}" if text else "",
            mend=(node.span, text) if text else None,
        )


def _begins_with_channels(node: Node, call: tree.Call) -> bool:
    """Whether the call says three numbers by position, the first of them the channels that enter."""
    positional = [argument.value for argument in call.arguments if argument.name is None]
    derived = type(node.layer).pytorch[:1] == ("",) and bool(node.inputs)
    if len(positional) < 3 or not derived or (isinstance(positional[0], tree.Name) and len(positional) < 4):
        return False
    return getattr(node.layer, "channels", None) == node.shapes[0].channels


def _is_unusual(kernel: object) -> bool:
    return isinstance(kernel, int) and kernel >= UNUSUAL and (kernel % 2 == 0 or kernel >= 2 * UNUSUAL)
