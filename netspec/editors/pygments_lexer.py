"""A Pygments lexer, for documentation, notebooks and LaTeX's minted: `pygmentize -l netspec`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pygments.lexer import Lexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, Text, _TokenType

from netspec.diagram.page.highlight import pieces
from netspec.layers import REGISTRY
from netspec.syntax.source import Source

__all__ = ["NetspecLexer"]

_TOKENS: dict[str, _TokenType] = {
    "": Text,
    "keyword": Keyword,
    "call": Name.Function,
    "label": Name.Variable,
    "number": Number,
    "string": String,
    "comment": Comment.Single,
    "operator": Operator,
}


class NetspecLexer(Lexer):  # type: ignore[misc]  # pygments says nothing of types
    """The words as the parser of specs tells them apart; text that is no spec is as plain as need be."""

    name = "netspec"
    aliases: ClassVar[list[str]] = ["netspec", "net"]
    filenames: ClassVar[list[str]] = ["*.net"]
    mimetypes: ClassVar[list[str]] = ["text/x-netspec"]

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        """Every piece of the text with its place and kind; together they are the text."""
        offset = 0
        for kind, piece in pieces(Source("<text>", text)):
            known = kind == "" and piece in REGISTRY
            yield offset, Name.Builtin if known else _TOKENS[kind], piece
            offset += len(piece)
