"""What is asked about a graph more than once while it is drawn, found once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from netspec.analysis.counts import Counts, of_node
from netspec.graph.graph import Graph

T = TypeVar("T")


def once(function: Callable[[Graph], T]) -> Callable[[Graph], T]:
    """The function, which is asked about a graph once while the graph is there."""
    answers: WeakKeyDictionary[Graph, T] = WeakKeyDictionary()

    @wraps(function)
    def remembering(graph: Graph) -> T:
        if graph not in answers:
            answers[graph] = function(graph)
        return answers[graph]

    return remembering


@once
def counts(graph: Graph) -> list[Counts]:
    return [of_node(node) for node in graph.nodes]


@once
def reuses(graph: Graph) -> list[bool]:
    """For each node, whether its weights are those of a node before it."""
    return [not node.first_use and bool(node.layer.parameters(*node.shapes)) for node in graph.nodes]


@once
def node_spans(graph: Graph) -> list[tuple[int, int]]:
    """The nodes [first, end) of each scope with all inside it; (0, 0) where it has none."""
    firsts: list[list[int]] = [[] for _ in graph.scopes]
    for node in graph.nodes:
        firsts[node.scope] += (node.index, node.index + 1)
    spans = [(0, 0)] * len(graph.scopes)
    for scope in reversed(graph.scopes):
        own = firsts[scope.index]
        if own:
            spans[scope.index] = (min(own), max(own))
            if scope.parent is not None:
                firsts[scope.parent] += spans[scope.index]
    return spans


@once
def users(graph: Graph) -> list[list[list[int]]]:
    """Who reads each output of each node: node indices, and numbers above them for the outputs of the net."""
    users: list[list[list[int]]] = [[[] for _ in node.outputs] for node in graph.nodes]
    readers = [(node.index, value) for node in graph.nodes for value in node.inputs]
    readers += [(len(graph.nodes) + place, output.value) for place, output in enumerate(graph.outputs)]
    for reader, value in readers:
        if value.node is not None:
            users[value.node][value.index].append(reader)
    return users


@once
def telling_arguments(graph: Graph) -> dict[str, frozenset[str]]:
    """By block: the first argument, and those that are not the same for all of its instances; all of a single one's."""
    values: dict[str, list[dict[str, str]]] = {}
    for scope in graph.scopes:
        values.setdefault(scope.title, []).append({name: repr(value) for name, value in scope.arguments})
    return {
        title: frozenset(
            name
            for place, name in enumerate(calls[0])
            if place == 0 or len(calls) == 1 or any(arguments.get(name) != calls[0][name] for arguments in calls)
        )
        for title, calls in values.items()
    }
