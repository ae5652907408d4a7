"""A block, or a net used as one, at work on a value."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.bodies.scopes import open_scope
from netspec.elaborate.bodies.stages import sequence
from netspec.elaborate.bodies.statements import run_body
from netspec.elaborate.draft import Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.names import current_value
from netspec.elaborate.nets.parameters import bind_parameters, split_arguments
from netspec.elaborate.problems import Problem, Stop
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import Template
from netspec.elaborate.values.numbering import is_chain_body
from netspec.elaborate.values.values import Result
from netspec.syntax import tree
from netspec.syntax.source import Span


def instantiate(
    elaborator: Elaborator, template: Template, entering: Tensor, arguments: dict[str, Any], span: Span, frame: Frame
) -> Result:
    """A block, or a net used as one, at work on a value."""
    definition = template.definition
    not_inside_itself(elaborator, definition, span)
    environment = template.environment.module()
    bind_parameters(elaborator, definition, arguments, environment, span)
    scope = open_scope(elaborator, "block", definition.name, span, frame)
    scope.definition = definition.signature
    scope.arguments, scope.tensors = split_arguments(definition, environment)
    local = Frame(
        environment,
        scope,
        entering,
        entering,
        depth=frame.depth + 1,
        inputs=0,
        outermost=definition.kind,
    )
    key = id(definition)
    if key not in elaborator.state.chains:  # whatever its arguments are, what of them is a value is the same
        elaborator.state.chains[key] = is_chain_body(definition.body, environment)
    scope.numbered = elaborator.state.chains[key]
    elaborator.state.open_blocks[id(definition)] = definition
    results, elaborator.results = elaborator.results, []
    run_body(elaborator, definition.body, local, sequence)
    outputs, elaborator.results = elaborator.results, results
    del elaborator.state.open_blocks[id(definition)]
    elaborator.state.frame = frame
    scope.inputs = (entering,)
    scope.outputs = tuple(outputs) or local.returned or (current_value(local, span),)
    scope.inside = elaborator.readable(scope, environment)
    return Result(scope.outputs, scope.inside, scope)


def not_inside_itself(elaborator: Elaborator, definition: tree.Definition, span: Span) -> None:
    opened = elaborator.state.open_blocks
    if id(definition) in opened:
        names = [around.name for around in list(opened.values())[list(opened).index(id(definition)) :]]
        raise Stop(
            Problem(
                "E0503",
                f"{definition.name} is built from itself: {' -> '.join([*names, definition.name])}",
                span,
                related=((definition.signature, "defined here"),),
                help="blocks cannot be recursive; use repeat or for",
            )
        )
