"""Inlay hints at the ends of lines: the shape after every stage; parameters, MACs and fields where asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from lsprotocol import types

from netspec.analysis import counts
from netspec.analysis.columns import field_text
from netspec.analysis.receptive_field import fields_of
from netspec.graph.graph import Graph, Node, Scope
from netspec.lsp.document import Document
from netspec.syntax.source import Span

Place: TypeAlias = tuple[int, int]
MOST_SHOWN = 3
"""How many shapes stand beside a stage that is at work on several; of more, the first and the last."""


def hints(document: Document, first: int, last: int, figures: Iterable[str]) -> list[types.InlayHint]:
    """The hints between two places of the text, one a line: of the stage that ends last on it."""
    tables = [_FIGURES[name](document) for name in figures if name in _FIGURES]
    texts = {place: [table[place] for table in tables if place in table] for place in _lines(document, tables)}
    return [
        types.InlayHint(
            document.places.position(place[1]), "  ".join(text), types.InlayHintKind.Type, padding_left=True
        )
        for place, text in texts.items()
        if first <= place[1] <= last and text
    ]


def _lines(document: Document, tables: list[dict[Place, str]]) -> Iterator[Place]:
    """The last place of each line that something is known of; the widest where several end there."""
    last: dict[int, Place] = {}
    for place in sorted({place for table in tables for place in table}, key=lambda place: (place[1], -place[0])):
        last[document.source.position(place[1])[0]] = place
    yield from last.values()


def shapes(document: Document) -> dict[Place, str]:
    """The shapes that each stage of the text gives, wherever it is at work."""
    texts_at: dict[Place, list[str]] = {}
    for sketch in document.sketches:
        end = document.readable_to(sketch)
        for span, outputs in sketch.shapes():
            if span.source is document.source and span.end <= end:
                texts_at.setdefault((span.start, span.end), []).append(", ".join(map(str, outputs)))
    return {place: together(texts) for place, texts in texts_at.items()}


def together(texts: Iterable[str]) -> str:
    """The different ones: `[64, 56, 56] | [128, 28, 28]`."""
    different = list(dict.fromkeys(texts))
    if len(different) <= MOST_SHOWN:
        return " | ".join(different)
    return f"{different[0]} ... {different[-1]}"


def _counted(document: Document, text: Callable[[counts.Counts], str]) -> dict[Place, str]:
    """A figure of every stage and scope of the nets that fit, by place."""
    texts_at: dict[Place, list[str]] = {}
    for graph in document.graphs:
        nodes = list(map(counts.of_node, graph.nodes))
        scopes = counts.of_scopes(graph, nodes)
        spans = [*((scope.span, scopes[scope.index]) for scope in graph.scopes[1:] if scope.kind != "iteration")]
        spans += [(node.span, nodes[node.index]) for node in graph.nodes]
        for span, figures in spans:
            if span.source is document.source and text(figures):
                texts_at.setdefault((span.start, span.end), []).append(text(figures))
    return {place: together(texts) for place, texts in texts_at.items()}


def _parameters(document: Document) -> dict[Place, str]:
    return _counted(document, lambda own: f"{own.parameters:,} parameters" if own.parameters else "")


def _macs(document: Document) -> dict[Place, str]:
    return _counted(document, lambda own: f"{own.macs:,} MACs" if isinstance(own.macs, int) and own.macs else "")


def _fields(document: Document) -> dict[Place, str]:
    texts_at: dict[Place, list[str]] = {}
    for graph in document.graphs:
        for span, text in _fields_of(graph):
            if span.source is document.source:
                texts_at.setdefault((span.start, span.end), []).append(text)
    return {place: f"sees {together(texts)}" for place, texts in texts_at.items()}


def _fields_of(graph: Graph) -> Iterator[tuple[Span, str]]:
    fields = fields_of(graph, None)
    stages: list[Scope | Node] = [*graph.scopes[1:], *graph.nodes]
    yield from ((stage.span, field_text(fields.of(stage.output))) for stage in stages if stage.outputs)


_FIGURES: dict[str, Callable[[Document], dict[Place, str]]] = {
    "shape": shapes,
    "parameters": _parameters,
    "macs": _macs,
    "field": _fields,
}
FIGURES = tuple(_FIGURES)
"""What hints can say; an editor is given the shape if it asks for nothing else."""
