"""What a source says between its tokens: comments, and where its lines end."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

from netspec.syntax.source import Source

_COMMENT = re.compile(r"""#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""")


@dataclass(frozen=True, slots=True)
class Comment:
    """`text` begins with its `#`; `column` counts from 0; `alone` is whether it has its line to itself."""

    start: int
    end: int
    text: str
    column: int
    alone: bool


class Trivia:
    """The comments and line ends of one source, by offsets into its text; it has no mistakes in it."""

    def __init__(self, source: Source) -> None:
        self.text = source.text
        self.comments = [
            _comment(source, comment.start(), comment.group())
            for comment in _COMMENT.finditer(source.text)
            if comment.group().startswith("#")
        ]
        self._starts = [comment.start for comment in self.comments]

    def between(self, start: int, end: int) -> list[Comment]:
        """The comments that begin in [start, end)."""
        return self.comments[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def code_before(self, offset: int) -> int:
        """Where the last token before `offset` ends."""
        index = bisect_left(self._starts, offset)
        while True:
            while offset and self.text[offset - 1].isspace():
                offset -= 1
            if not index or self.comments[index - 1].end < offset:
                return offset
            index -= 1
            offset = self.comments[index].start

    def line_ends(self, start: int, end: int) -> bool:
        """Whether a line ends in [start, end)."""
        return self.text.find("\n", start, end) >= 0

    def blank_before(self, offset: int) -> bool:
        """Whether the line above that of `offset` is empty, and nothing stands on its own line before it."""
        end = self.text.rfind("\n", 0, offset)
        start = self.text.rfind("\n", 0, max(end, 0))
        return end >= 0 and not self.text[start + 1 : end].strip() and not self.text[end + 1 : offset].strip()

    def blank_between(self, start: int, end: int) -> bool:
        """Whether an empty line stands between the two offsets."""
        return re.search(r"\n[ \t\r\f]*\n", self.text[start:end]) is not None


def _comment(source: Source, start: int, text: str) -> Comment:
    line, column = source.position(start)
    comment = text.rstrip()
    if comment[1:2] not in ("", " ", "#", "!"):
        comment = f"# {comment[1:].lstrip()}"
    return Comment(
        start, start + len(text), comment, column - 1, not source.line(line)[: column - 1].strip("\ufeff \t\r\f")
    )
