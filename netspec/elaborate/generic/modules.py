"""Containers and shared modules, and what can be read from inside of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netspec.elaborate.bodies.scopes import readable_inside
from netspec.elaborate.bodies.sharing import apply_shared
from netspec.elaborate.bodies.stages import container
from netspec.elaborate.control import DraftChoice, DraftLoop
from netspec.elaborate.draft import DraftNode, DraftScope, Tensor
from netspec.elaborate.expressions.access import stage_inside
from netspec.elaborate.expressions.sayings import Unsayable
from netspec.elaborate.generic.expressions import demand
from netspec.elaborate.generic.generic import Generic
from netspec.elaborate.generic.lets import settle
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import Environment, Modules
from netspec.elaborate.values.values import Result, SharedModule
from netspec.layers.declaration.symbols import guarded, names
from netspec.syntax import tree
from netspec.syntax.source import Span


def container_for_all(
    generic: Generic,
    name: str,
    flow: tree.Flow,
    stages: tuple[tree.Element, ...],
    starts: int,
    span: Span,
    frame: Frame,
) -> Result:
    before = set(generic.lets)
    if len(stages) == 1 and isinstance(stages[0], tree.Wiring) and isinstance(frame.current, Tensor) and not starts:
        settle(generic, frame.current, frame, parts_left=1)
    steady, written_out, generic.written_out = set(generic.steady), generic.written_out, 0
    result = container(generic, name, flow, stages, starts, span, frame)
    generic.written_out = written_out
    generic.steady = {name for name in generic.steady if name in steady or name in generic.everywhere}
    inside = {
        variable: formula
        for variable, formula in generic.lets.items()
        if variable not in before and variable not in generic.everywhere
    }
    for tensor in result.outputs:
        settle(generic, tensor, frame, inside)
    return result


def readable_for_all(generic: Generic, scope: DraftScope, environment: Environment) -> dict[str, Any]:
    """The stages of a chain have numbers where no loop and no condition stands among them."""
    if not deciders(scope):
        return readable_inside(generic, scope, environment)
    numbered, scope.numbered = scope.numbered, False
    inside = readable_inside(generic, scope, environment)
    scope.numbered = numbered
    return inside


def stage_for_all(generic: Generic, value: Any, label: str, expression: tree.Member | tree.Index, frame: Frame) -> Any:
    inside = value.inside if isinstance(value, Result | Modules) else None
    if label.isdigit() and label not in (inside or {}) and isinstance(value, Result) and not generic.concrete:
        raise Unsayable(deciders(value.maker) if isinstance(value.maker, DraftScope) else ())
    if isinstance(expression, tree.Index) and not generic.concrete:
        demand(generic, expression.index, frame)
    return stage_inside(generic, value, label, expression, frame)


def deciders(scope: DraftScope) -> set[str]:
    """What decides how many stages stand in a module's body: its loops, and the names that its conditions ask for."""
    reasons: set[str] = set()
    stack: list[Any] = list(scope.items)
    while stack:
        item = stack.pop()
        if not isinstance(item, DraftScope) or item.is_module:
            continue
        match item.control:
            case DraftLoop(start=start):
                reasons.add(f"loop at {start}")
            case DraftChoice(conditions):
                reasons |= set().union(*(names(condition) for condition in conditions if condition is not None))
        stack.extend(item.items)
    return reasons


def any_weights(generic: Generic, shared: SharedModule, first: Any, again: Any, span: Span) -> None:
    """The graph has been elaborated: a shared module fits all that it is applied to."""


def apply_shared_for_all(generic: Generic, shared: SharedModule, entering: Tensor, span: Span, frame: Frame) -> Result:
    if generic.symbolic_depth:
        raise Unsayable
    alias = Tensor(entering.shape, entering.span, None, 0, entering.name)
    generic.aliases[id(alias)] = alias, entering
    result = apply_shared(generic, shared, alias, span, frame)
    maker = result.maker
    if maker is not None and maker.first is not None:
        for one, other in zip(_nodes(maker.first), _nodes(maker), strict=True):
            _for_both(generic, one, other)
    kind = type(result.outputs)
    return replace(result, outputs=kind(entering if output is alias else output for output in result.outputs))


def _for_both(generic: Generic, one: DraftNode, other: DraftNode) -> None:
    """The PyTorch form of a shared layer, which is one for all that it is applied to."""
    shapes = generic.input_shapes.setdefault(id(one), tuple(tensor.shape for tensor in one.inputs))
    shapes = tuple(a | b.shape for a, b in zip(shapes, other.inputs, strict=True))
    generic.input_shapes[id(one)] = shapes
    with guarded():
        one.call = one.layer.torch(*shapes)


def _nodes(stage: DraftNode | DraftScope) -> list[DraftNode]:
    if isinstance(stage, DraftNode):
        return [stage]
    return [node for item in stage.items if isinstance(item, DraftNode | DraftScope) for node in _nodes(item)]
