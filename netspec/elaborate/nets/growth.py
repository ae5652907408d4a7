"""A net from its first statement to its last, with all that must hold of the whole."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from netspec.elaborate.bodies.stages import sequence
from netspec.elaborate.bodies.statements import run_body
from netspec.elaborate.draft import DraftOutput, DraftScope
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.names import current_value
from netspec.elaborate.nets.bounds import ENORMOUS, heaviest
from netspec.elaborate.nets.parameters import bind_parameters, split_arguments, with_layers
from netspec.elaborate.problems import Problem, Spoilt, Stop
from netspec.elaborate.state import MOST_STAGES, STEPS_OF_A_NET, Frame, State
from netspec.elaborate.values.environment import Template
from netspec.elaborate.values.numbering import is_chain_body
from netspec.elaborate.values.types import fits_type, not_of_type
from netspec.graph.graph import Fit
from netspec.shapes.requirements import LARGEST, describe, satisfiable
from netspec.spelling import nearest
from netspec.syntax import tree
from netspec.syntax.settings import SETTINGS

MOST_TRIED = 64
"""Of requirements that exclude each other, how many are tried for whether they have a part in it."""


@contextmanager
def reporting(state: State, definition: tree.Definition) -> Iterator[None]:
    """Has what goes wrong in the elaboration of a net among the state's diagnostics, in place of raising it."""
    try:
        yield
    except Problem as problem:
        state.report(problem)
    except Stop as stop:
        state.report(stop.problem)
    except Spoilt:
        pass
    except RecursionError:
        message = f"{definition.name} is nested too deep to be unrolled"
        state.report(Problem("E0505", message, definition.signature))


def grow(elaborator: Elaborator, template: Template, arguments: dict[str, Any], root: DraftScope) -> None:
    """Fills `root`, the scope of a net, with its stages.

    Raises Problem, Stop or Spoilt, and leaves what else is wrong with the elaborator's state; the stages before are
    in the scope in every case.
    """
    state, definition = elaborator.state, template.definition
    environment = template.environment.module()
    arguments = with_layers(elaborator, definition, arguments, environment)
    _check_arguments(definition, arguments)
    state.work(definition.signature, STEPS_OF_A_NET)
    bind_parameters(elaborator, definition, arguments, environment, definition.signature)
    _check_inputs(definition, elaborator.shapes)
    _check_size(template)
    root.definition = definition.signature
    root.arguments, _ = split_arguments(definition, environment)
    frame = Frame(environment, root, None, outermost="net")
    state.open_blocks = {id(definition): definition}
    root.numbered = is_chain_body(definition.body, environment)
    run_body(elaborator, definition.body, frame, sequence)
    if state.diagnostics:
        return
    if not state.inputs:
        raise Problem(
            "E0216",
            f"the net {definition.name} has no input",
            definition.signature,
            help="declare one first: input image [3, 224, 224]",
        )
    if all(output.when_training for output in state.outputs):
        last = current_value(frame, definition.signature)
        state.outputs.insert(0, DraftOutput(None, last, False))
    root.outputs = tuple(output.tensor for output in state.outputs)
    if state.fits and not _together(state.fits):
        raise _never_fits(state, definition)


def _check_arguments(definition: tree.Definition, arguments: dict[str, Any]) -> None:
    parameters = {parameter.name: parameter for parameter in definition.parameters}
    for name, value in arguments.items():
        if name not in parameters:
            raise Problem(
                "E0210",
                f"the net {definition.name} has no parameter {name}",
                definition.signature,
                help=_advice(name, value, parameters),
            )
        if not fits_type(value, parameters[name].type):
            raise not_of_type(definition, parameters[name], value, parameters[name].span)


def _advice(name: str, value: Any, parameters: Mapping[str, tree.Parameter]) -> str:
    """What to set in place of a parameter that the net does not have."""
    if name in SETTINGS:
        return f"it is a setting of the train section: --set train.{name}={value}"
    near = nearest(name, parameters)
    if near is not None:
        return f"did you mean {near}?"
    return f"its parameters are {', '.join(parameters)}" if parameters else "it has none"


def _check_size(template: Template) -> None:
    """Raises Stop where the net certainly has more stages than it may have."""
    least, heaviest_part = heaviest(template)
    if least > MOST_STAGES and heaviest_part is not None:
        many = f"at least {least:,} stages" if least < ENORMOUS else "far too many stages"
        raise Stop(
            Problem(
                "E0502",
                f"{template.definition.name} unrolls to {many}; the limit is {MOST_STAGES:,}",
                heaviest_part.span,
                "most of them are in here",
                help="make the repeats or the blocks that use blocks smaller",
            )
        )


def _check_inputs(definition: tree.Definition, shapes: Mapping[str, list[Any]]) -> None:
    declared = [s.name for s in definition.body.statements if isinstance(s, tree.Input)]
    for name in shapes:
        if name not in declared:
            near = nearest(name, declared)
            raise Problem(
                "E0210",
                f"the net {definition.name} has no input {name}",
                definition.signature,
                help=f"did you mean {near}?" if near else f"its inputs are {', '.join(declared)}",
            )


def _never_fits(state: State, definition: tree.Definition) -> Problem:
    """The first requirement that cannot be met together with those before it, and one that it contradicts, if one."""
    last = bisect(range(len(state.fits)), False, key=lambda i: not _together(state.fits[: i + 1]))
    against = state.fits[last]
    alone = (fit for fit in state.fits[:last] if not _together([fit, against]))
    others = [fit for fit in [next(alone, None)] if fit is not None] or state.fits[:last]
    for fit in others[:MOST_TRIED]:
        rest = [other for other in others if other is not fit]
        others = others if _together([*rest, against]) else rest
    return Problem(
        "E0401",
        f"no sizes of the open dimensions up to {LARGEST:,} fit all of {definition.name}",
        against.span,
        f"here {_said_of(against)}",
        related=tuple((fit.span, _said_of(fit)) for fit in others[-3:]),
    )


def _together(fits: Sequence[Fit]) -> bool:
    return satisfiable([fit.requirement for fit in fits])


def _said_of(fit: Fit) -> str:
    return " and ".join(describe([fit.requirement]))
