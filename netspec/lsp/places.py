"""Places as editors count them, lines and units of their encoding from 0, and as spans do, in characters."""

from __future__ import annotations

from dataclasses import dataclass

from lsprotocol.types import Position, Range
from pygls.workspace import PositionCodec

from netspec.syntax.source import Source, Span


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one text. `codec` counts characters as the editor has agreed to, in UTF-16 if nothing is said."""

    source: Source
    codec: PositionCodec

    def offset(self, position: Position) -> int:
        """The character at a position; the end of its line, or of the text, where the position lies beyond it."""
        text, number = self.source.text, position.line + 1
        start = self.source.start(number)
        line = self.source.line(number)
        if start is None:
            return len(text)
        units = 0
        for index, character in enumerate(line):
            if units >= position.character:
                return start + index
            units += self.codec.client_num_units(character)
        return start + len(line)

    def position(self, offset: int) -> Position:
        line, column = self.source.position(min(offset, len(self.source.text)))
        before = self.source.text[offset - column + 1 : offset]
        return Position(line - 1, len(before) if before.isascii() else self.codec.client_num_units(before))

    def range(self, span: Span) -> Range:
        return Range(self.position(span.start), self.position(span.end))

    def between(self, start: int, end: int) -> Range:
        return Range(self.position(start), self.position(end))

    def whole(self) -> Range:
        """The whole text."""
        return self.between(0, len(self.source.text))
