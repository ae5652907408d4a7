"""The graph of a net, with the arguments for its parameters and the shapes of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from netspec.diagnostics import NetspecError
from netspec.elaborate.draft import DraftScope, freeze
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.graph_elaborator import GraphElaborator
from netspec.elaborate.nets.documentation import comment_on
from netspec.elaborate.nets.fitting import with_sizes
from netspec.elaborate.nets.growth import grow, reporting
from netspec.elaborate.problems import in_order
from netspec.elaborate.state import State
from netspec.elaborate.values.environment import Template
from netspec.graph.blueprint import Blueprint
from netspec.graph.graph import Graph


def elaborate(
    template: Template,
    arguments: Mapping[str, Any] | None = None,
    inputs: Mapping[str, list[Any]] | None = None,
    state: State | None = None,
) -> Graph:
    """The graph of a net with the given arguments for its parameters and shapes for its inputs.

    `state` is one in which nothing has grown yet, where some of the work has been spent already.
    Raises NetspecError with everything that was found wrong.
    """
    state = state or State()
    values, shapes = dict(arguments or {}), dict(inputs or {})
    graph = _attempt(template, values, shapes, state)
    if graph is None:
        diagnostics = in_order(state.diagnostics, template.definition.span.source)
        raise NetspecError(
            with_sizes(
                diagnostics,
                state.inputs,
                lambda others, trial: _attempt(template, values, {**shapes, **others}, trial),
                state,
            )
        )
    return replace(graph, origin=partial(blueprint_of, template, values, shapes))


def _attempt(template: Template, arguments: dict[str, Any], inputs: dict[str, list[Any]], state: State) -> Graph | None:
    """The graph of a net; None where something is wrong, which is then among the state's diagnostics."""
    graph: Graph | None = None
    with reporting(state, template.definition):
        graph = _net(GraphElaborator(state, inputs), template, arguments)
    return None if state.diagnostics else graph


def blueprint_of(
    template: Template, arguments: dict[str, Any], inputs: dict[str, list[Any]], graph: Graph
) -> Blueprint | None:
    """The blueprint of a net that has been elaborated to `graph` with these arguments; None where it cannot be said."""
    from netspec.elaborate.blueprint.blueprints import Blueprints

    return Blueprints().net(template, arguments, inputs, graph)


def _net(elaborator: Elaborator, template: Template, arguments: dict[str, Any]) -> Graph | None:
    state, definition = elaborator.state, template.definition
    root = DraftScope("net", definition.name, definition.signature)
    grow(elaborator, template, arguments, root)
    if state.diagnostics:
        return None
    graph = freeze(root, tuple(state.inputs), state.outputs, state.fits, comment_on(definition))
    return replace(graph, budgets=tuple(state.budgets)) if state.budgets else graph
