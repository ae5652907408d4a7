"""The scopes that stages go to, and what can be read from one that is complete."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.draft import DraftNode, DraftScope, Tensor, members
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.names import current_value
from netspec.elaborate.mistakes import misfits
from netspec.elaborate.problems import Problem, Stop
from netspec.elaborate.state import DEEPEST, Frame
from netspec.elaborate.values.environment import Environment, Poison
from netspec.elaborate.values.numbering import holds_value
from netspec.elaborate.values.values import Result
from netspec.graph.graph import ScopeKind
from netspec.syntax.source import Span


def open_scope(elaborator: Elaborator, kind: ScopeKind, title: str, span: Span, frame: Frame) -> DraftScope:
    """A new scope inside the frame's."""
    if frame.depth > DEEPEST:
        raise Stop(
            Problem(
                "E0505",
                f"blocks and wirings are nested more than {DEEPEST} deep here",
                span,
                notes=misfits.way_here(frame.scope, span),
                help="the limit counts what is inside what once every block is unrolled",
            )
        )
    elaborator.state.spend(span)
    scope = DraftScope(kind, title, span, parent=frame.scope)
    frame.scope.items.append(scope)
    return scope


def close_scope(
    elaborator: Elaborator,
    scope: DraftScope,
    entering: Tensor | Poison | None,
    local: Frame,
    environment: Environment | None,
) -> Result:
    """The result of a scope that is complete."""
    outputs = (current_value(local, scope.span),)
    scope.inputs = (entering,) if isinstance(entering, Tensor) else ()
    scope.outputs = outputs
    if environment is not None:
        scope.inside = elaborator.readable(scope, environment)
    return Result(outputs, scope.inside, scope)


def readable_inside(elaborator: Elaborator, scope: DraftScope, environment: Environment) -> dict[str, Any]:
    """What can be read from a module: its labels and side values, and its stages by number where they have one."""
    sides = {n: v for n, v in environment.names.items() if n not in environment.parameters and holds_value(v)}
    stages = {} if not scope.numbered else dict(enumerate(members(scope)))
    numbered = {str(n): Result(stage.outputs, _inside(stage), stage) for n, stage in stages.items()}
    return {**sides, **numbered, **environment.labels}


def _inside(stage: DraftNode | DraftScope) -> dict[str, Any] | None:
    return stage.inside if isinstance(stage, DraftScope) else None


def rejoin(scope: DraftScope, local: Frame, frame: Frame, entering: Tensor | Poison | None = None) -> None:
    """The flow goes on after an in-place body where the body left it."""
    entering = frame.current if entering is None else entering
    scope.inputs = (entering,) if isinstance(entering, Tensor) else ()
    scope.outputs = (local.current,) if isinstance(local.current, Tensor) else ()
    frame.current, frame.returned = local.current, local.returned
    frame.entered, frame.inputs = local.entered, local.inputs
