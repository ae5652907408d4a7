"""W0103: a parameter, or a number named by `let`, that nothing reads.

Why: setting it changes nothing, though who sets it believes so. Often the body still says a number that the parameter
was meant to replace.
Example: `net N(classes = 10) { ... linear(1000) }`.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.syntax import tree
from netspec.syntax.source import Span
from netspec.syntax.walk import names, parts
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for definition in subject.definitions:
        read = {name.id for name in names(definition)}
        for parameter in definition.parameters:
            if parameter.name not in read:
                message = f"nothing in {definition.name} reads its parameter {parameter.name}"
                yield Diagnostic("W0103", message, parameter.span, help="use it in the body, or leave it out")
        for part in parts(definition):
            if isinstance(part, tree.Let) and not read & {*part.names} and _is_plain(part):
                start = part.span.start + part.span.text.index(part.names[0], len("let"))
                span = Span(subject.source, start, start + len(part.names[0]))
                left_out = (part.span, "")
                yield Diagnostic(
                    "W0103", f"nothing reads {part.names[0]}", span, help="use it, or leave it out", mend=left_out
                )


def _is_plain(let: tree.Let) -> bool:
    """Whether a side value makes no stage: what stages make is the business of W0101."""
    return not any(
        isinstance(part, tree.Call | tree.Group | tree.Wiring) or part == tree.Name("_") for part in parts(let)
    )
