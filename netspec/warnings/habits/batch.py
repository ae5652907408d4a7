"""W0203: an input that seems to count the batch.

Why: the batch is implied. `input x [32, 3, 224, 224]` declares volumes of 32 channels, 3 deep, and `conv` slides over
their depth as well.
Example: `input x [32, 3, 224, 224]`.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.elaborate.mistakes.pictures import has_batch
from netspec.syntax import tree
from netspec.syntax.source import Span
from netspec.syntax.walk import parts
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for part in parts(subject.file):
        numbers = _number_sizes(part.shape) if isinstance(part, tree.Input) else ()
        if not isinstance(part, tree.Input) or len(numbers) != 4 or not has_batch(numbers):
            continue
        sizes = [size.span.text for size in part.shape[1:]]
        span = part.shape[0].span.to(part.shape[-1].span)
        text = ", ".join(sizes)
        yield Diagnostic(
            "W0203",
            f"this input is a volume of {part.shape[0].span.text} channels, {sizes[0]} deep",
            Span(subject.source, span.start - 1, span.end + 1),
            "the batch is implied",
            help=f"for pictures write [{text}]",
            mend=(span, text),
        )


def _number_sizes(shape: tuple[tree.Expr, ...]) -> list[int | None]:
    return [size.value if isinstance(size, tree.Number) and isinstance(size.value, int) else None for size in shape]
