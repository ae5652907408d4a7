"""W0202: a normalisation whose only number is taken for its eps.

Why: `nn.BatchNorm2d(64)` is told the channels. Here they are derived, and the first argument is what is added to the
variance: `batchnorm(1)` adds 1 to it, which is another net.
Example: `batchnorm(1)` on [1, 28, 28].
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.elaborate.mistakes.slips import rewritten
from netspec.syntax import tree
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for _, node in subject.nodes():
        cls = type(node.layer)
        call = subject.call(node.span) if next(iter(cls.model_fields), "") == "eps" and cls.pytorch else None
        first = next((a.value for a in call.arguments if a.name is None), None) if call is not None else None
        if call is None or not isinstance(first, tree.Number) or not isinstance(first.value, int):
            continue
        text = rewritten(cls, call.arguments, foreign=True)
        yield Diagnostic(
            "W0202",
            f"{first.value} is the eps of this {node.layer.name}, which is added to the variance",
            first.span,
            "the channels are derived",
            help=f"write {text}" if text else "",
            mend=(node.span, text) if text else None,
        )
