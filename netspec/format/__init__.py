"""The one way to write a spec: `format_source` keeps comments and the lines that statements share.

Its tree stays the same, and formatting again changes nothing. `print_tree` writes a tree that was read from nowhere.
"""

from __future__ import annotations

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.format.page import Page
from netspec.format.trivia import Trivia
from netspec.syntax import tree
from netspec.syntax.parser import LARGEST_FILE, parse
from netspec.syntax.source import Source

__all__ = ["format_source", "print_tree"]

_ROUNDS = 10
"""How often a text is formatted at most, until nothing changes: a comment within an expression moves to the end of a
line, where it may hold another bracket open. Two rounds do, where none moves.
"""


def format_source(source: Source) -> str:
    """The text of a spec as it is to be written.

    Raises NetspecError with what is wrong with its syntax, and where the text would be larger than a spec may be.
    """
    file, mistakes = parse(source)
    if mistakes:
        raise NetspecError(tuple(mistakes))
    for _ in range(_ROUNDS):
        text = Page(Trivia(source)).file(file)
        if len(text.encode()) > LARGEST_FILE:
            message = f"formatted, this file would be larger than a spec may be ({LARGEST_FILE // 1024:,} KiB)"
            raise NetspecError((Diagnostic("E0107", message, source.beginning, help="part it into several files"),))
        if text == source.text:
            break
        source = Source(source.name, text)
        file, mistakes = parse(source)
        assert not mistakes, mistakes
    return source.text


def print_tree(file: tree.File) -> str:
    """The text of a tree: a statement a line, each body broken."""
    return Page(None).file(file)
