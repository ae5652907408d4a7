"""The lines of a page, and what stands below each other on them: statements in columns, comments at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from netspec.format.trivia import Comment

WIDTH = 120
"""The widest line, but for a comment at its end, which nothing can break."""

INDENT = "  "
GAP = "  "
"""What stands after a `;`, and at least before a comment at the end of a line."""


@dataclass(slots=True)
class Row:
    """One line: the statements on it, each but the last ended by `;`, or a comment that has it to itself.

    `item` numbers the definition or other item of the file that it is part of, `blank` is whether an empty line stands
    before it.
    """

    indent: int
    cells: tuple[str, ...]
    item: int
    blank: bool = False
    comment: Comment | None = None

    @property
    def text(self) -> str:
        return INDENT * self.indent + f";{GAP}".join(self.cells)


def page_text(rows: Sequence[Row]) -> str:
    """The text of the rows."""
    texts = list(_in_columns(rows))
    columns = _comment_columns(rows, texts)
    lines = []
    for index, (row, text) in enumerate(zip(rows, texts, strict=True)):
        if row.blank and index:
            lines.append("")
        lines.append(f"{text:<{columns[index]}}{row.comment.text}" if row.comment is not None else text)
    return "".join(line + "\n" for line in lines)


def _in_columns(rows: Sequence[Row]) -> Iterator[str]:
    """The statements of neighbouring lines that hold several, each below that of the line before."""
    start = 0
    while start < len(rows):
        end = start + 1
        while end < len(rows) and rows[end].indent == rows[start].indent and not rows[end].blank:
            if len(rows[end].cells) < 2 or len(rows[start].cells) < 2:
                break
            end += 1
        yield from _aligned(rows[start:end])
        start = end


def _aligned(rows: Sequence[Row]) -> list[str]:
    """These lines in columns; as they are where that makes one of them too wide."""
    padded = [list(row.cells) for row in rows]
    for column in range(max(len(row.cells) for row in rows) - 1):
        ended = [len(cells) > column + 1 for cells in padded]
        for several, run in groupby(range(len(rows)), ended.__getitem__):
            if several:
                lines = [padded[index] for index in run]
                width = max(len(cells[column]) for cells in lines) + 1
                for cells in lines:
                    cells[column] = f"{cells[column] + ';':<{width}}"
    texts = [INDENT * row.indent + GAP.join(cells) for row, cells in zip(rows, padded, strict=True)]
    return texts if max(map(len, texts)) <= WIDTH else [row.text for row in rows]


def _comment_columns(rows: Sequence[Row], texts: Sequence[str]) -> dict[int, int]:
    """Where the comment at the end of each line begins, by the line's index.

    Comments of lines that follow each other stand in one column; so do those of one item that stood in one column.
    A column is where its comments stood, or further right where the text needs that. One that leaves the page in any
    case goes its own way.
    """
    comments = {index: row.comment for index, row in enumerate(rows) if row.comment is not None}
    own = {index: max(comment.column, len(texts[index]) + len(GAP)) for index, comment in comments.items()}
    parent = {index: index for index, comment in comments.items() if own[index] + len(comment.text) <= WIDTH}

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    firsts: dict[tuple[int, int], int] = {}
    for index in parent:
        if index - 1 in parent and not rows[index].blank:
            parent[index] = root(index - 1)
        parent[root(index)] = root(firsts.setdefault((rows[index].item, comments[index].column), index))
    shared: dict[int, int] = {}
    for index in parent:
        shared[root(index)] = max(own[index], shared.get(root(index), 0))
    return {index: shared[root(index)] if index in parent else column for index, column in own.items()}
