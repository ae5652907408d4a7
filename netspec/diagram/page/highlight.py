"""A spec's text in the kinds of its words, for showing it in colour. Nothing is lost: the pieces make up the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

from netspec.syntax.brackets import TooDeepError, balance
from netspec.syntax.layout import lay_out
from netspec.syntax.lexer import Token, scan
from netspec.syntax.report import Report
from netspec.syntax.source import Source

Kind: TypeAlias = Literal["", "keyword", "call", "label", "number", "string", "comment", "operator"]
Line: TypeAlias = tuple[tuple[Kind, str], ...]

_KEYWORDS = (
    *("NET", "BLOCK", "TRAIN", "FROM", "IMPORT", "LET", "SHARED", "DEFAULT", "INPUT", "OUTPUT", "RETURN", "ASSERT"),
    *("REPEAT", "FOR", "IN", "IF", "ELSE", "WHEN", "WIRING", "CLAUSE", "KEY", "STEP", "DRAW", "AND", "OR", "NOT"),
)
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_KEYWORDS, "keyword"),
    **dict.fromkeys(("NUMBER", "QUANTITY", "CONSTANT"), "number"),
    **dict.fromkeys(("ARROW", "EQUAL", "SIGN", "TIMES", "POWER", "COMPARE", "BAR"), "operator"),
    **dict.fromkeys(("PART", "HOLE", "TAIL"), "label"),
    "STRING": "string",
}
_AFTER_NAME: dict[str, Kind] = {"LPAR": "call", "EQUAL": "label"}
"""What a name is, by the terminal that follows it."""


def highlighted(source: Source) -> tuple[Line, ...]:
    """The lines of a spec, each as pieces of text with their kinds; text that is no spec comes as plain as need be."""
    lines: list[list[tuple[Kind, str]]] = [[]]
    for kind, text in pieces(source):
        first, *rest = text.split("\n")
        lines[-1].extend([(kind, first)] if first else [])
        lines.extend([(kind, line)] if line else [] for line in rest)
    return tuple(map(tuple, lines))


def pieces(source: Source) -> Iterator[tuple[Kind, str]]:
    """The text in pieces, each with its kind; together they are the text."""
    text, position = source.text, 0
    for token, kind in _tokens(source):
        if token.start < position or token.end <= token.start:
            continue  # a token put in by the parser's recovery stands for no text
        yield from _between(text[position : token.start])
        yield kind, text[token.start : token.end]
        position = token.end
    yield from _between(text[position:])


def _tokens(source: Source) -> list[tuple[Token, Kind]]:
    report = Report(source)
    raw = scan(source.text, report)
    try:
        tokens = [token for token in lay_out(balance(raw, report), report) if token.kind != "SEP" or token.text == ";"]
    except TooDeepError:
        tokens = raw
    following = [token.kind for token in tokens[1:]] + ["END"]
    return [
        (token, _AFTER_NAME.get(after, "") if token.kind == "NAME" else _KINDS.get(token.kind, ""))
        for token, after in zip(tokens, following, strict=True)
    ]


def _between(text: str) -> Iterator[tuple[Kind, str]]:
    """What no token stands for: spaces, line ends and comments."""
    for piece in re.split(r"(#[^\n]*)", text):
        if piece:
            yield ("comment" if piece.startswith("#") else ""), piece
