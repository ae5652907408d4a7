"""Source text and the spans that point into it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one file under the name that messages give it (a path, or `<text>`)."""

    name: str
    text: str = field(repr=False)
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = [0]
        starts.extend(i + 1 for i, character in enumerate(self.text) if character == "\n")
        object.__setattr__(self, "_starts", tuple(starts))

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column, both counted from 1, of the character at `offset`."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def start(self, line: int) -> int | None:
        """Where a line (from 1) begins; None past the last."""
        return self._starts[line - 1] if 1 <= line <= len(self._starts) else None

    @property
    def beginning(self) -> Span:
        """The place of what is so of the file as a whole, or of what it lacks: its first character, and none of it."""
        return Span(self, 0, 0)

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its line end; empty past the last."""
        if not 1 <= number <= len(self._starts):
            return ""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters, `[start, end)`, of one source."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`."""
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))


def place_outside(name: object, text: str = "") -> Span:
    """The place of what is wrong outside of any spec: a path, a command, or an option with its text, all of it.

    A diagnostic wants a place in a source. What has no text of its own is an empty one under its name, so that the
    message begins with the name, and no line is shown.
    """
    return Span(Source(str(name), text), 0, len(text))


NOWHERE = place_outside("<built in>")
"""The span of what no file wrote."""
