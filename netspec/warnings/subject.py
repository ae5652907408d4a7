"""What warnings look at: a file's tree and the graphs of its nets, with what several rules ask of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Graph, Node, Value
from netspec.layers.declaration.base import Reach
from netspec.shapes.shape import Shape
from netspec.syntax import tree
from netspec.syntax.source import Source, Span
from netspec.syntax.walk import names, parts


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
    def mentioned(self) -> frozenset[str]:
        """Every bare name in the file."""
        return frozenset(name.id for name in names(self.file))

    @cached_property
    def calls(self) -> dict[tuple[int, int], tree.Call]:
        """The calls of the file by their place."""
        return {_place(part.span): part for part in parts(self.file) if isinstance(part, tree.Call)}

    @cached_property
    def statements(self) -> dict[tuple[int, int], tree.Stage | tree.Let]:
        """The labelled stages and side values of the file by their place and by that of their last element."""
        statements = [part for part in parts(self.file) if isinstance(part, tree.Stage | tree.Let)]
        targets = [part for part in statements if isinstance(part, tree.Let) or part.labels]
        places = {_place(statement.span): statement for statement in targets}
        return {_place(statement.flow.elements[-1].span): statement for statement in targets} | places

    @cached_property
    def bodies(self) -> tuple[tree.Body, ...]:
        return tuple(part for part in parts(self.file) if isinstance(part, tree.Body))

    @cached_property
    def consumers(self) -> dict[int, list[Node]]:
        """The nodes that take a value, by its identity."""
        consumers: dict[int, list[Node]] = {}
        for graph in self.graphs:
            for node in graph.nodes:
                for value in node.inputs:
                    consumers.setdefault(id(value), []).append(node)
        return consumers

    def nodes(self) -> Iterator[tuple[Graph, Node]]:
        """The nodes of all nets."""
        return ((graph, node) for graph in self.graphs for node in graph.nodes)

    @cached_property
    def _reaches(self) -> dict[tuple[int, tuple[Shape, ...]], Reach | str | None]:
        return {}

    def windows(self, node: Node) -> Reach | None:
        """The windows that a layer slides over its input, an entry an axis; None for one that has none.

        Equal calls are one layer, and are asked once.
        """
        if "kernel" not in type(node.layer).model_fields or not node.inputs:
            return None
        key = id(node.layer), node.shapes
        if key not in self._reaches:
            self._reaches[key] = node.layer.reach(*node.shapes)
        reach = self._reaches[key]
        return reach if isinstance(reach, Reach) else None

    def users(self, value: Value) -> list[Node]:
        return self.consumers.get(id(value), [])

    def call(self, span: Span) -> tree.Call | None:
        """The call that a node's span is, where it stands in this file."""
        return self.calls.get(_place(span)) if span.source is self.source else None

    def statement(self, graph: Graph, node: Node) -> tree.Stage | tree.Let | None:
        """The statement of this file that names the value of a node, by itself or as that of what it is in."""
        statement = self._statement(node.span)
        scope: int | None = node.scope
        while scope is not None and any(value is node.output for value in graph.scopes[scope].outputs):
            statement = self._statement(graph.scopes[scope].span) or statement
            scope = graph.scopes[scope].parent
        return statement

    def _statement(self, span: Span) -> tree.Stage | tree.Let | None:
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
