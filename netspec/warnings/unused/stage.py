"""W0101: a stage whose value nothing uses.

Why: it is no part of what the net computes, but its weights are in the module and in every checkpoint. Mostly it is a
skip connection that was forgotten, or a flow that begins at the wrong value. A stage in a block or loop is told only
where no instance of it is used.
Example: `e1 = conv(8, 3)` and then `x -> conv(16, 3)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import prod

from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Graph, Node
from netspec.layers import REGISTRY
from netspec.syntax import tree
from netspec.syntax.source import Span
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    dependencies = {id(graph): _dependencies(graph) for graph in subject.graphs}
    live = {_key(node.span) for graph, node in subject.nodes() if node.index in dependencies[id(graph)]}
    for graph, node in subject.nodes():
        if _key(node.span) in live or any(subject.users(value) for value in node.outputs):
            continue
        name, span = _name(subject, graph, node)
        weights = sum(map(prod, node.layer.parameters(*node.shapes).values()))
        begun = _begun_anew(subject, node)
        warning = Diagnostic(
            "W0101",
            f"nothing uses {name}",
            span,
            f"it does not run, but its {weights:,} weights are in the module" if weights else "it does not run",
            related=((begun, f"the flow goes on with the value {begun.text}"),) if begun else (),
            help=f"the layer is applied to what flows by {begun.text}(_)"
            if begun
            else "use it, make it an output, or leave it out",
            mend=(begun, f"{begun.text}(_)") if begun else _left_out(subject, subject.statement(graph, node)),
        )
        yield subject.at(graph, node, warning)


def _dependencies(graph: Graph) -> set[int]:
    """The nodes that the outputs depend on, by index."""
    dependencies: set[int] = set()
    pending = [output.value.node for output in graph.outputs]
    while pending:
        index = pending.pop()
        if index is not None and index not in dependencies:
            dependencies.add(index)
            pending.extend(value.node for value in graph.nodes[index].inputs)
    return dependencies


def _begun_anew(subject: Subject, node: Node) -> Span | None:
    """The value, labelled as a layer is called, that begins the statement after a node: the layer may be meant."""
    around = [body for body in subject.bodies if body.span.start <= node.span.start and node.span.end <= body.span.end]
    for body in sorted(around, key=lambda body: body.span.end - body.span.start):
        for here, after in pairwise(body.statements):
            if here.span.start <= node.span.start and node.span.end <= here.span.end:
                first = after.flow.elements[0] if isinstance(after, tree.Stage) else None
                if isinstance(first, tree.Name) and first.id in REGISTRY and first.id in _values(body):
                    return first.span
    return None


def _values(body: tree.Body) -> Iterator[str]:
    """What the statements of a body name."""
    for statement in body.statements:
        match statement:
            case tree.Stage(labels):
                yield from (label.text for label in labels)
            case tree.Let(names=names):
                yield from names


def _name(subject: Subject, graph: Graph, node: Node) -> tuple[str, Span]:
    """What the spec calls a node's value, and where."""
    match subject.statement(graph, node):
        case tree.Stage(labels=(label, *_)):
            return label.span.text, label.span
        case tree.Let(names=(name, *_)) as let:
            start = let.span.start + let.span.text.index(name, len("let"))
            return name, Span(subject.source, start, start + len(name))
    return f"what {node.layer.name} makes here", node.span


def _left_out(subject: Subject, statement: tree.Stage | tree.Let | None) -> tuple[Span, str] | None:
    """The file without a statement, whose names nothing mentions: not even their shapes are asked for."""
    match statement:
        case tree.Stage(labels):
            own_names = {label.span.text for label in labels}
        case tree.Let(names=names_):
            own_names = {*names_}
        case None:
            return None
    return None if own_names & subject.mentioned else (statement.span, "")


def _key(span: Span) -> tuple[str, int, int]:
    return span.source.name, span.start, span.end
