"""Semantic tokens: the kind of every word, by what it is where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netspec.lsp.document import Document
from netspec.syntax.brackets import TooDeepError, balance
from netspec.syntax.layout import lay_out
from netspec.syntax.lexer import Token, scan
from netspec.syntax.report import Report

KINDS = (
    "keyword", "class", "function", "parameter", "variable", "property", "enumMember", "number", "string", "operator",
    "comment",
)  # fmt: skip
MODIFIERS = ("declaration", "readonly", "defaultLibrary")
_OF_TOKENS = {"NUMBER": "number", "QUANTITY": "number", "STRING": "string", "CONSTANT": "keyword"}
_OPERATORS = frozenset(("ARROW", "SIGN", "TIMES", "POWER", "COMPARE", "EQUAL", "BAR"))
_PLAIN = frozenset(("NAME", "PART", "HOLE", "TAIL", "SEP", "COMMA", "COLON", "DOT", "NEWLINE", "END", "ERROR", "ELIF"))
_BRACKETS = frozenset(("LPAR", "RPAR", "LSQB", "RSQB", "LBRACE", "RBRACE", "LHOLE", "RHOLE"))
_OF_SYMBOLS = {
    "net": "class", "block": "class", "import": "class", "parameter": "parameter", "loop": "parameter",
    "label": "property", "input": "property", "output": "property", "shared": "property", "value": "variable",
    "layer": "function",
}  # fmt: skip


def colours(document: Document) -> list[int]:
    """The semantic tokens, as the protocol packs them: line and column from the one before, length, kind, modifiers."""
    data: list[int] = []
    line = column = 0
    for start, end, kind, modifiers in sorted(_coloured(document)):
        place = document.places.position(start)
        length = document.places.position(end).character - place.character
        data += [place.line - line, place.character - (column if place.line == line else 0), length]
        data += [KINDS.index(kind), modifiers]
        line, column = place.line, place.character
    return data


def _coloured(document: Document) -> Iterator[tuple[int, int, str, int]]:
    """Each word with its kind; what lies on several lines is left to the grammar of the editor."""
    uses = {use.span.start: use for use in document.names.uses}
    for token in _terminals(document):
        use = uses.get(token.start)
        kind = _OF_TOKENS.get(token.kind)
        if use is not None and token.kind in ("NAME", "PART") and use.span.end >= token.end:
            library = use.symbol.kind == "layer"
            yield token.start, token.end, _OF_SYMBOLS[use.symbol.kind], (use.binds << 0) | (library << 2)
        elif kind is not None:
            yield token.start, token.end, kind, 0
        elif token.kind in _OPERATORS:
            yield token.start, token.end, "operator", 0
        elif token.kind not in _PLAIN and token.kind not in _BRACKETS and token.start < token.end:
            yield token.start, token.end, "keyword", 0
    yield from _comments(document)


def _terminals(document: Document) -> list[Token]:
    """The words with the keywords that they are where they stand; raw words where the brackets cannot be told."""
    report = Report(document.source)
    raw = scan(document.source.text, report)
    try:
        terminals = lay_out(balance(raw, report), report)
    except TooDeepError:
        terminals = raw
    text = document.source.text
    return [token for token in terminals if "\n" not in text[token.start : token.end]]


def _comments(document: Document) -> Iterator[tuple[int, int, str, int]]:
    """What stands between the words and begins with #."""
    last = 0
    ends = [*document.tokens, Token("END", "", len(document.source.text), len(document.source.text))]
    for token in ends:
        for comment in re.finditer(r"#[^\n]*", document.source.text[last : token.start]):
            yield last + comment.start(), last + comment.end(), "comment", 0
        last = max(last, token.end)
