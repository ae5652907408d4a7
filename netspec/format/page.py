"""Trees to rows: which statements share a line, which bodies are broken, and where each comment goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from netspec.format.breaking import Breakable, Line, lines, stays_open, text_of
from netspec.format.parts import Arrow, Braces, Statement, parts
from netspec.format.rows import GAP, INDENT, WIDTH, Row, page_text
from netspec.format.trivia import Comment, Trivia
from netspec.syntax import tree
from netspec.syntax.source import Span


@dataclass(slots=True)
class Segment:
    """What a statement puts on one line, as long as no bracket is broken; after its `{` may follow a body.

    [start, end) is the range of the source that it stands for.
    """

    indent: int
    start: int
    end: int = 0
    content: list[str | Breakable] = field(default_factory=list)
    body: Braces | None = None

    @property
    def fits(self) -> bool:
        text = "".join(part if isinstance(part, str) else text_of(part) for part in self.content)
        return len(INDENT) * self.indent + len(text) <= WIDTH


class Page:
    """The rows of one file. Without trivia each statement has a line to itself, and each body is broken."""

    def __init__(self, trivia: Trivia | None) -> None:
        self.trivia = trivia
        self.rows: list[Row] = []
        self._comments = trivia.comments[::-1] if trivia else []
        self._item = 0
        self._opened = True
        self._apart = False
        self._broken_from: dict[int, bool] = {}
        """Whether bodies that are broken where one is are, by where the first begins: there may be thousands."""

    def file(self, file: tree.File) -> str:
        """The text of a whole file."""
        self._list(file.items, 0)
        if self.trivia:
            self._comments_until(len(self.trivia.text), 0)
        return page_text(self.rows)

    def _list(self, statements: Sequence[Statement], indent: int) -> None:
        """The statements of a body, or the items of the file, where `indent` is 0."""
        keys = max((len(one.key) for one in statements if isinstance(one, tree.Setting)), default=0)
        above: Statement | None = None
        for group in self._by_line(statements):
            if len(group) > 1 and self._share_a_line(group, indent):
                self._begin(above, group[0], indent)
                self._row(indent, tuple(map(_flat, group)), group[0].span.start, group[-1].span.end, first=True)
                above = group[-1]
            else:
                for statement in group:
                    self._begin(above, statement, indent)
                    self._statement(statement, indent, keys)
                    above = statement

    def _begin(self, above: Statement | None, below: Statement, indent: int) -> None:
        """A new item of the file, if `below` is one, with an empty line before it where there has to be one."""
        if indent == 0:
            self._item += 1
            self._apart = above is not None and self._stand_apart(above, below)

    def _by_line(self, statements: Sequence[Statement]) -> list[list[Statement]]:
        """The statements that stood on a line together; settings have a line each."""
        groups: list[list[Statement]] = []
        for statement in statements:
            alone = isinstance(statement, tree.Setting | tree.Step)
            above = groups[-1][-1] if groups and not alone else None
            if above and self.trivia and not self.trivia.line_ends(above.span.end, statement.span.start):
                groups[-1].append(statement)
            else:
                groups.append([statement])
        return groups

    def _share_a_line(self, group: Sequence[Statement], indent: int) -> bool:
        segments = [segment for one in group for segment in self._segments(one, indent, 0)]
        if len(segments) > len(group) or any(map(self._held_open, segments)):
            return False
        return len(INDENT) * indent + len(f";{GAP}".join(map(_flat, group))) <= WIDTH

    def _stand_apart(self, above: Statement, below: Statement) -> bool:
        """Whether an empty line has to be put between two items: around definitions, and after the imports."""
        imports = isinstance(above, tree.Import) and isinstance(below, tree.Import)
        short = tree.Let | tree.Function | tree.Default
        if imports or (isinstance(above, short) and isinstance(below, short)):
            return False
        return not (self.trivia and self.trivia.blank_between(above.span.end, below.span.start))

    def _statement(self, statement: Statement, indent: int, keys: int) -> None:
        """A statement on as few lines as it fits on: its bodies are broken first, then its flows, then its brackets."""
        for breaks in range(3):
            segments = list(self._segments(statement, indent, breaks, keys))
            if all(segment.fits for segment in segments):
                break
        for index, segment in enumerate(segments):
            for place, line in enumerate(self._lines(segment)):
                first = index == place == 0
                self._row(segment.indent + line.indent, (line.text,), line.start, line.end, first=first)
            if segment.body is not None:
                self._list(segment.body.statements, segment.indent + 1)
                self._comments_until(segment.body.end - 1, segment.indent + 1)

    def _segments(self, statement: Statement, indent: int, breaks: int, keys: int = 0) -> Iterator[Segment]:
        """The lines of a statement, where `breaks` is how much is broken: 1 all bodies, 2 all flows as well."""
        segment = Segment(indent, statement.span.start)
        for part in parts(statement, keys):
            if isinstance(part, Arrow) and (breaks > 1 or self._line_ends(part.start, part.end)):
                segment.end = part.start
                yield segment
                segment = Segment(indent + 1, part.end, content=["-> "])
            elif isinstance(part, Braces) and not self._empty(part) and (breaks > 0 or self._broken(part)):
                segment.content.append("{")
                segment.end, segment.body = part.start + 1, part
                yield segment
                segment = Segment(segment.indent, part.end - 1, content=["}"])
            else:
                segment.content.append(_flat_part(part) if isinstance(part, Arrow | Braces) else part)
        segment.end = statement.span.end
        yield segment

    def _line_ends(self, start: int, end: int) -> bool:
        return self.trivia is not None and self.trivia.line_ends(start, end)

    def _empty(self, braces: Braces) -> bool:
        return not (braces.statements or (self.trivia and self.trivia.between(braces.start, braces.end)))

    def _broken(self, braces: Braces) -> bool:
        """Whether the body, or another of the same wiring or condition, stood on several lines."""
        first = braces.peers[0].start
        if first not in self._broken_from:
            self._broken_from[first] = self.trivia is None or any(map(self._holds_lines, braces.peers))
        return self._broken_from[first]

    def _holds_lines(self, body: Span) -> bool:
        return body.text[1:-1].strip() != "" and self._line_ends(body.start, body.end)

    def _held_open(self, segment: Segment) -> bool:
        return self.trivia is not None and any(
            stays_open(part, self.trivia) for part in segment.content if not isinstance(part, str)
        )

    def _lines(self, segment: Segment) -> Iterator[Line]:
        """The line of a segment; several where a bracket in it is broken."""
        text, start, fits = "", segment.start, segment.fits
        for part in segment.content:
            if isinstance(part, str):
                text += part
                continue
            open_ = not fits or (self.trivia is not None and stays_open(part, self.trivia))
            broken = lines(part, segment.indent, self.trivia) if open_ else []
            if not broken:
                text += text_of(part)
                continue
            first, *inner, last = broken
            yield Line(0, text + first.text, start, first.end)
            yield from inner
            text, start = last.text, last.start
        yield Line(0, text, start, segment.end)

    def _row(self, indent: int, cells: tuple[str, ...], start: int, end: int, *, first: bool) -> None:
        """One line, after the comments that come before it; one from within it goes to its end."""
        self._comments_until(start, indent)
        trailing: list[Comment] = []
        while self._comments and self._comments[-1].start < end:
            comment = self._comments.pop()
            if comment.alone or trailing:
                self._comment(comment, indent + cells[0].startswith("}"))
            else:
                trailing.append(comment)
        blank = first and self.trivia is not None and self.trivia.blank_before(start)
        self._append(Row(indent, cells, self._item, blank, trailing[0] if trailing else None))

    def _comments_until(self, end: int, indent: int) -> None:
        """The comments before `end`: those behind something on its line stay there, the others have a line each."""
        while self._comments and self._comments[-1].start < end:
            comment = self._comments.pop()
            last = self.rows[-1] if self.rows else None
            if last is None or comment.alone or last.comment or last.cells[0].startswith("#"):
                self._comment(comment, indent)
            else:
                last.comment = comment

    def _comment(self, comment: Comment, indent: int) -> None:
        assert self.trivia is not None
        self._append(Row(indent, (comment.text,), self._item, self.trivia.blank_before(comment.start)))

    def _append(self, row: Row) -> None:
        row.blank = (row.blank or self._apart) and not self._opened
        self._opened = row.cells[-1].endswith(("{", "(", "["))
        self._apart = False
        self.rows.append(row)


def _flat(statement: Statement) -> str:
    """The statement on one line."""
    return "".join(map(_flat_part, parts(statement)))


def _flat_part(part: str | Breakable | Arrow | Braces) -> str:
    match part:
        case str():
            return part
        case Arrow():
            return " -> "
        case Braces(statements):
            return f"{{ {f';{GAP}'.join(map(_flat, statements))} }}" if statements else "{ }"
    return text_of(part)
