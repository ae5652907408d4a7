"""Where the stages of the parser put what they find wrong."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from netspec.diagnostics import Diagnostic
from netspec.syntax.source import Source, Span

MOST = 20
"""A file gets at most this many diagnostics: who has more mends these first."""


def hides_the_rest(mistake: Diagnostic) -> bool:
    """Whether a mistake leaves open where a body ends, so that what follows it cannot be told apart.

    A `(` or `[` that is never closed ends with its line, a `{` with its net or block.
    """
    return mistake.code in ("E0105", "E0106", "E0107") or (mistake.code == "E0103" and mistake.span.text == "}")


class Report:
    """The diagnostics of one file, and where they lie, so that a second one for the same statement is not made."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._found: list[Diagnostic] = []
        self._starts: list[int] = []
        self._sorted = True

    @property
    def full(self) -> bool:
        """Whether nothing more will be taken: then there is no need to look for it."""
        return len(self._found) >= MOST

    def add(self, code: str, message: str, start: int, end: int, **details: Any) -> None:
        """One more diagnostic; `mend` and `related` give their places as (start, end)."""
        if self.full:
            return
        self.mark(start)
        if details.get("mend"):
            (first, last), text = details["mend"]
            details["mend"] = (Span(self.source, first, last), text)
        if "related" in details:
            details["related"] = tuple((Span(self.source, *place), text) for place, text in details["related"])
        self._found.append(Diagnostic(code, message, Span(self.source, start, end), **details))

    def mark(self, offset: int) -> None:
        """Note that the statement around `offset` is known to be wrong."""
        if self.full:
            return
        self._sorted = self._sorted and not (self._starts and offset < self._starts[-1])
        self._starts.append(offset)

    def covers(self, start: int, end: int) -> bool:
        """Whether something within [start, end] is known to be wrong."""
        if not self._sorted:
            self._starts.sort()
            self._sorted = True
        index = bisect_left(self._starts, start)
        return index < len(self._starts) and self._starts[index] <= end

    def diagnostics(self) -> list[Diagnostic]:
        """What was found, in the order of the text."""
        return sorted(self._found, key=lambda diagnostic: diagnostic.span.start)
