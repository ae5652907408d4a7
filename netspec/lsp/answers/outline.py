"""The outline of a file, and what can be folded"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lsprotocol import types

from netspec.lsp.document import Document
from netspec.syntax import tree
from netspec.syntax.lexer import Token
from netspec.syntax.printer import print_label
from netspec.syntax.source import Span


def symbols(document: Document) -> list[types.DocumentSymbol]:
    """Nets, blocks and the train section, with their labelled stages."""
    return [symbol for item in document.file.items for symbol in _of_item(document, item)]


def _of_item(document: Document, item: tree.Item) -> Iterator[types.DocumentSymbol]:
    match item:
        case tree.Definition(kind, name):
            inside = list(_of_body(document, item.body, 0))
            what = types.SymbolKind.Class if kind == "net" else types.SymbolKind.Function
            yield _symbol(document, name, what, item.span, item.signature, kind, inside)
        case tree.Train(settings):
            head = Span(item.span.source, item.span.start, item.span.start + len("train"))
            inside = [_symbol(document, s.key, types.SymbolKind.Property, s.span, s.span) for s in settings]
            yield _symbol(document, "train", types.SymbolKind.Namespace, item.span, head, "", inside)


def _of_body(document: Document, body: tree.Body, depth: int) -> Iterator[types.DocumentSymbol]:
    """The labelled stages of a body, those of its wirings, loops and conditions among them."""
    for statement in body.statements:
        match statement:
            case tree.Stage(labels, flow) if labels:
                name = ", ".join(map(print_label, labels))
                inside = list(_of_bodies(document, flow, depth + 1))
                yield _symbol(document, name, types.SymbolKind.Field, statement.span, labels[0].span, "", inside)
            case tree.Shared(label, flow):
                inside = list(_of_bodies(document, flow, depth + 1))
                kind = types.SymbolKind.Module
                yield _symbol(document, print_label(label), kind, statement.span, label.span, "shared", inside)
            case tree.Input(name=name):
                yield _symbol(document, name, types.SymbolKind.Interface, statement.span, statement.span, "input")
            case tree.Output(label=tree.Label() as label):
                name = print_label(label)
                yield _symbol(document, name, types.SymbolKind.Interface, statement.span, statement.span, "output")
            case _:
                yield from _of_bodies(document, statement, depth)


def _of_bodies(document: Document, part: tree.Tree, depth: int) -> Iterator[types.DocumentSymbol]:
    pending: list[object] = [value for _, value in part.content()]
    while pending:
        match pending.pop(0):
            case tree.Body() as body:
                yield from _of_body(document, body, depth)
            case tree.Flow() | tree.Group() | tree.Wiring() | tree.Clause() | tree.Branch() as inner:
                pending[:0] = [value for _, value in inner.content()]
            case tuple(items):
                pending[:0] = list(items)


def _symbol(
    document: Document,
    name: str,
    kind: types.SymbolKind,
    whole: Span,
    chosen: Span,
    detail: str = "",
    inside: list[types.DocumentSymbol] | None = None,
) -> types.DocumentSymbol:
    ranges = document.places.range(whole), document.places.range(chosen)
    return types.DocumentSymbol(name or "?", kind, *ranges, detail=detail or None, children=inside or None)


def folds(document: Document) -> list[types.FoldingRange]:
    """Bodies, lists and calls of several lines, and comments of several lines."""
    ranges: list[types.FoldingRange] = []
    opened: list[Token] = []
    for token in document.tokens:
        if token.kind in ("LBRACE", "LPAR", "LSQB"):
            opened.append(token)
        elif token.kind in ("RBRACE", "RPAR", "RSQB") and opened:
            first, last = _line(document, opened.pop().start), _line(document, token.start)
            if last > first:
                ranges.append(types.FoldingRange(first, last - 1 if last - first > 1 else last))
    for block in re.finditer(r"(?:^[ \t]*#[^\n]*\n){2,}", document.source.text, re.MULTILINE):
        first, last = _line(document, block.start()), _line(document, block.end() - 1)
        ranges.append(types.FoldingRange(first, last, kind=types.FoldingRangeKind.Comment))
    return sorted(ranges, key=lambda fold: (fold.start_line, -fold.end_line))


def _line(document: Document, offset: int) -> int:
    return document.source.position(offset)[0] - 1
