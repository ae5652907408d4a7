"""What the author says of a net or block."""

from __future__ import annotations

from itertools import takewhile

from netspec.syntax import tree


def comment_on(definition: tree.Definition) -> str:
    """What the author says of a definition: the comment lines directly above it; of a net without any, those that the
    file begins with.
    """
    source, number = definition.span.source, definition.span.line - 1
    while number >= 1 and source.line(number).strip().startswith("#"):
        number -= 1
    lines = [source.line(line) for line in range(number + 1, definition.span.line)]
    if not lines and definition.kind == "net":
        numbers = range(1, definition.span.line)
        lines = list(takewhile(lambda line: line.strip().startswith("#"), map(source.line, numbers)))
    return "\n".join(line.strip().lstrip("#").strip() for line in lines)
