"""W0204: an input that seems to have its channels last.

Why: a shape begins with its channels, as PyTorch has it. `input x [224, 224, 3]` declares 224 channels of 224 x 3
positions, and what is wrong shows two layers later only.
Example: `input x [224, 224, 3]`.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.elaborate.mistakes.pictures import has_channels_last
from netspec.syntax import tree
from netspec.syntax.source import Span
from netspec.syntax.walk import parts
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for part in parts(subject.file):
        if not isinstance(part, tree.Input):
            continue
        *sides, channels = sizes = [size.value if isinstance(size, tree.Number) else None for size in part.shape]
        if not has_channels_last(sizes):
            continue
        span = part.shape[0].span.to(part.shape[-1].span)
        text = ", ".join(size.span.text for size in (part.shape[-1], *part.shape[:-1]))
        yield Diagnostic(
            "W0204",
            f"this input has {sides[0]} channels of {sides[1]} x {channels} positions",
            Span(subject.source, span.start - 1, span.end + 1),
            "channels come first",
            help=f"write [{text}]",
            mend=(span, text),
        )
