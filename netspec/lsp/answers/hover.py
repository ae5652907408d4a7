"""Hover and signature help: what stands at the cursor, and where its numbers come from."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from netspec.analysis.explanation import explanation
from netspec.graph.graph import Graph, Node, Scope
from netspec.layers import REGISTRY
from netspec.lsp.answers import callees, hints
from netspec.lsp.answers.callees import Callee
from netspec.lsp.context import context
from netspec.lsp.document import Document
from netspec.lsp.names import Use
from netspec.reference import layers as reference
from netspec.syntax.lexer import Token
from netspec.syntax.source import Span

MOST_NAMES = 4


def hover(document: Document, offset: int) -> types.Hover | None:
    """The derivation of the numbers of the stage at a place, and the page of the word at it; None where neither is."""
    token = next((t for t in document.tokens if t.start <= offset < t.end), None)
    if token is None:
        return None
    parts = [*_word(document, token), *_stage(document, token)]
    if not parts:
        return None
    span = Span(document.source, token.start, token.end)
    text = "\n\n---\n\n".join(parts)
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), document.places.range(span))


def _word(document: Document, token: Token) -> Iterator[str]:
    """The page of what a word names: an argument, a layer, a block, a part or a setting; else what it stands for."""
    here = context(document, token.end)
    if here.call is not None and token.kind == "NAME" and _is_keyword(document, token):
        callee = callees.callee(document, here.call.name, here.setting)
        arguments = [argument for argument in callee.arguments if argument.name == token.text] if callee else []
        for argument in arguments:
            default = f" = {argument.default}" if argument.default is not None else ""
            described = f"\n\n{argument.description}" if argument.description else ""
            yield f"```netspec\n{token.text}: {argument.type}{default}\n```{described}"
        return
    use = document.names.at(token.start)
    if here.role != "key" and (use is None or use.symbol.kind in ("layer", "block", "net", "import")):
        callee = callees.callee(document, token.text, here.setting)
        if callee is not None:
            yield _page(callee)
            return
    if use is not None:
        yield _symbol(document, use)


def _is_keyword(document: Document, token: Token) -> bool:
    following = next((t for t in document.tokens if t.start >= token.end), None)
    return following is not None and following.kind == "EQUAL"


def _page(callee: Callee) -> str:
    head = f"```netspec\n{callee.signature}\n```"
    if callee.name in REGISTRY:
        return (
            f"{head}\n\n{reference.markdown_page(reference.page(REGISTRY[callee.name])).partition(chr(10))[2].strip()}"
        )
    return f"{head}\n\n{callee.page}".rstrip()


def _symbol(document: Document, use: Use) -> str:
    """What a name is, and the value that it has in the net."""
    values = [
        repr(value)
        for sketch in document.sketches
        for name, value in sketch.root.arguments
        if name == use.symbol.name and use.symbol.kind == "parameter"
    ]
    value = f" = {hints.together(values)}" if values else ""
    return f"```netspec\n{use.symbol.name}{value}\n```\n\n{_KINDS[use.symbol.kind]}"


_KINDS = {
    "net": "A net.",
    "block": "A block.",
    "import": "A block of another file.",
    "parameter": "A parameter.",
    "label": "A labelled stage.",
    "value": "A side value.",
    "loop": "The variable of a loop.",
    "input": "An input of the net.",
    "output": "An output of the net.",
    "shared": "A module that is applied where it is called.",
    "layer": "A layer.",
}


def _stage(document: Document, token: Token) -> Iterator[str]:
    """Every number of the innermost stage around a word, as `netspec explain` derives them."""
    around = [pair for pair in _stages(document) if pair[1].span.start <= token.start < pair[1].span.end]
    if not around:
        shapes = [text for place, text in hints.shapes(document).items() if place[0] <= token.start < place[1]]
        yield from shapes[:1]
        return
    width = min(_width(stage) for _, stage in around)
    (graph, first), *others = (pair for pair in around if _width(pair[1]) == width)
    names = [stage.name for other, stage in others if other is graph and stage.name != first.name]
    more = f"\nas in       {', '.join(names[:MOST_NAMES])}{' ...'[: 4 * (len(names) > MOST_NAMES)]}" if names else ""
    yield f"```text\n{explanation(graph, first.name)}{more}\n```"


def _stages(document: Document) -> Iterator[tuple[Graph, Scope | Node]]:
    """The stages of the nets that fit, as far as they are written in the document and can be named."""
    for graph in document.graphs:
        stages: list[Scope | Node] = [*(scope for scope in graph.scopes[1:] if scope.is_module), *graph.nodes]
        yield from ((graph, stage) for stage in stages if stage.span.source is document.source)


def _width(stage: Scope | Node) -> int:
    return stage.span.end - stage.span.start


def signature_help(document: Document, offset: int) -> types.SignatureHelp | None:
    """The signature of the call around the cursor, with the argument that stands there."""
    here = context(document, offset)
    callee = callees.callee(document, here.call.name, here.setting) if here.call is not None else None
    if here.call is None or callee is None:
        return None
    names = [argument.name for argument in callee.arguments]
    active = names.index(here.call.keyword) if here.call.keyword in names else here.call.index
    parameters = [
        types.ParameterInformation(argument.name, f"{argument.type}. {argument.description}".rstrip(". "))
        for argument in callee.arguments
    ]
    page = types.MarkupContent(types.MarkupKind.Markdown, callee.page)
    signature = types.SignatureInformation(callee.signature, page, parameters, active)
    return types.SignatureHelp([signature], 0, active)
