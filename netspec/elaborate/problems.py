"""Mistakes found while elaborating, and how they travel: raised where they are seen, caught at the stage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netspec.diagnostics import Diagnostic
from netspec.syntax.source import Source, Span

LONGEST = 1_000
"""The most characters of a message or a note: names and texts of a spec stand in them."""


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


class Problem(Exception):
    """A mistake in the spec; the stage that it is in leaves a poisoned value."""

    def __init__(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        related: tuple[tuple[Span, str], ...] = (),
        notes: tuple[str, ...] = (),
        help: str = "",
        mend: tuple[Span, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(
            code, _clipped(message), span, _clipped(label), related, tuple(map(_clipped, notes)), _clipped(help), mend
        )


class Spoilt(Exception):
    """A poisoned value was touched: the stage is poisoned too, and nothing is said."""


class Stop(Exception):
    """The work would not end (a limit, recursion): elaboration stops with what has been found."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def in_order(diagnostics: Iterable[Diagnostic], source: Source) -> tuple[Diagnostic, ...]:
    """Each diagnostic once, in the order of the text: those of `source` first, then those of the files it imports."""
    unique = {(d.code, d.span.source.name, d.span.start, d.span.end): d for d in reversed(list(diagnostics))}
    return tuple(sorted(unique.values(), key=lambda d: (d.span.source is not source, d.span.source.name, d.span.start)))


def counted(number: int, noun: str) -> str:
    """`1 argument`, `2 arguments`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def whole(value: Any, span: Span) -> str:
    """The help for a fraction where a whole number belongs; empty for other values."""
    if isinstance(value, float) and span.text.count("/") == 1 and "//" not in span.text:
        return f"// divides to a whole number: {span.text.replace('/', '//')}"
    return f"{int(value)} is the whole number" if isinstance(value, float) and value == int(value) else ""
