"""What warnings look at: a file's tree and the graphs of its nets, with what several rules ask of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Graph, Node, Value
from netspec.syntax import tree
from netspec.syntax.source import Source, Span
from netspec.syntax.walk import parts


@dataclass(frozen=True, eq=False)
class Subject:
    """One file and its nets."""

    source: Source
    file: tree.File
    graphs: tuple[Graph, ...]

    @cached_property
    def definitions(self) -> tuple[tree.Definition, ...]:
        return tuple(item for item in self.file.items if isinstance(item, tree.Definition))

    @cached_property
    def calls(self) -> dict[tuple[int, int], tree.Call]:
        """The calls of the file by their place."""
        return {_place(part.span): part for part in parts(self.file) if isinstance(part, tree.Call)}

    @cached_property
    def statements(self) -> dict[tuple[int, int], tree.Stage | tree.Let]:
        """The labelled stages and side values of the file by the place of their last element."""
        statements = (part for part in parts(self.file) if isinstance(part, tree.Stage | tree.Let))
        return {_place(statement.flow.elements[-1].span): statement for statement in statements}

    @cached_property
    def consumers(self) -> dict[int, list[Node]]:
        """The nodes that take a value, by its identity."""
        taken: dict[int, list[Node]] = {}
        for graph in self.graphs:
            for node in graph.nodes:
                for value in node.inputs:
                    taken.setdefault(id(value), []).append(node)
        return taken

    def nodes(self) -> Iterator[tuple[Graph, Node]]:
        """The nodes of all nets."""
        return ((graph, node) for graph in self.graphs for node in graph.nodes)

    def users(self, value: Value) -> list[Node]:
        return self.consumers.get(id(value), [])

    def call(self, span: Span) -> tree.Call | None:
        """The call that a node's span is, where it stands in this file."""
        return self.calls.get(_place(span)) if span.source is self.source else None

    def statement(self, span: Span) -> tree.Stage | tree.Let | None:
        """The statement that ends with the element at `span`, where it stands in this file."""
        return self.statements.get(_place(span)) if span.source is self.source else None

    def at(self, graph: Graph, node: Node, warning: Diagnostic) -> Diagnostic:
        """The warning about a node of a graph, at a place of this file.

        Where the node's stage is in a file that this one imports, that is the call that has led there.
        """
        if node.span.source is self.source:
            return warning
        scope = graph.scopes[node.scope]
        while scope.span.source is not self.source and scope.parent is not None:
            scope = graph.scopes[scope.parent]
        related = ((warning.span, warning.label), *warning.related)
        return Diagnostic(warning.code, warning.message, scope.span, "", related, warning.notes, warning.help)


def _place(span: Span) -> tuple[int, int]:
    return span.start, span.end
