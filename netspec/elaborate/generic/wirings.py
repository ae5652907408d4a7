"""Wirings whose branches are made by loops, and residuals under a condition."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.bodies.scopes import close_scope, open_scope
from netspec.elaborate.bodies.stages import sequence
from netspec.elaborate.bodies.statements import run_body
from netspec.elaborate.bodies.wirings import branches, clauses_of, join, part, residual_if
from netspec.elaborate.draft import DraftNode, Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import truth
from netspec.elaborate.expressions.sayings import Unsayable, folded, is_constant
from netspec.elaborate.generic.choices import choose
from netspec.elaborate.generic.expressions import translation
from netspec.elaborate.generic.generic import Generic
from netspec.elaborate.mistakes.misfits import Side
from netspec.elaborate.problems import Problem
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import POISON, Poison
from netspec.elaborate.values.values import Result
from netspec.layers import REGISTRY
from netspec.layers.declaration.base import ShapeError
from netspec.layers.declaration.symbols import Whole, binary, expression_of, guarded, names, plain
from netspec.shapes.shape import Shape
from netspec.syntax import tree
from netspec.syntax.source import Span


def residual_for_all(
    generic: Generic, wiring: tree.Wiring, condition: tree.Expr, keyword: Span, frame: Frame
) -> Result:
    formula = None if generic.concrete else translation(generic, condition, frame)
    if formula is None or is_constant(formula):
        return residual_if(generic, wiring, condition, keyword, frame)
    entering = frame.current
    scope = open_scope(generic, "residual", "", wiring.span, frame)
    local = frame.inside(frame.environment.body(), scope)
    through = part(generic, wiring.body, "body", local)
    shortcut = clauses_of(wiring).get("shortcut")

    def added(here: Frame) -> None:
        here.current = entering
        around = entering if shortcut is None else part(generic, shortcut, "shortcut", here)
        here.current = join(generic, "residual", "add", [Side("F(x)", through), Side("x", around)], keyword, here)

    local.current = through
    actual = 0 if truth(generic, condition, frame) else 1
    choose(generic, [(formula, added), (None, lambda here: None)], actual, local, wiring.span)
    return close_scope(generic, scope, entering, local, None)


def branches_for_all(
    generic: Generic, wiring: tree.Wiring, clauses: dict[str, tree.Body], keyword: Span, frame: Frame
) -> Tensor | Poison:
    if generic.concrete:
        return branches(generic, wiring, clauses, keyword, frame)
    entering = frame.current
    sides: list[Side] = []
    generic.collected.append(sides)

    def branch(_: Elaborator, stage: tree.Stage, here: Frame) -> None:
        scope = open_scope(generic, "branch", "", stage.span, here)
        local = here.inside(here.environment, scope)
        local.current = entering
        sequence(generic, stage, local)
        sides.append(Side("", local.current, stage.span))

    try:
        run_body(generic, wiring.body, frame, branch)
    finally:
        generic.collected.pop()
    if isinstance(frame.current, Poison) or any(isinstance(side.value, Poison) for side in sides):
        return POISON
    frame.current = entering
    if not sides:
        raise Problem("E0208", f"{wiring.keyword} joins branches, and this one has none", keyword)
    return joined_sides(generic, wiring.keyword, sides, keyword, frame)


def joined_sides(generic: Generic, what: str, sides: list[Side], keyword: Span, frame: Frame) -> Tensor | Poison:
    """The layer that joins branches of which loops have made some: all rounds' values of one are a list."""
    tensors: list[Tensor] = []
    place = 0
    shapes: list[tuple[Shape, tree.Expr | None]] = []
    while place < len(sides):
        tensor = sides[place].value
        assert isinstance(tensor, Tensor)
        origin = generic.rounds_of.get(id(tensor))
        if origin is None:
            tensors.append(tensor)
            shapes.append((tensor.shape, None))
            place += 1
            continue
        loop, inner, first = origin
        values = [generic.rounds_of.get(id(side.value)) for side in sides[place : place + loop.rounds]]
        if first != 0 or [v and (v[0] is loop, v[1] is inner, v[2]) for v in values] != [
            (True, True, number) for number in range(loop.rounds)
        ]:
            raise Unsayable
        output = loop.gathers.setdefault(id(inner), (Tensor(inner.shape, inner.span, None, 0, inner.name), inner))[0]
        tensors.append(output)
        shapes.append((inner.shape, loop.length))
        place += loop.rounds
    if all(count is None for _, count in shapes):
        return join(generic, what, what, sides, keyword, frame)
    return _join(generic, what, tensors, shapes, [side.value for side in sides], keyword, frame)


def _join(
    generic: Generic,
    what: str,
    tensors: list[Tensor],
    shapes: list[tuple[Shape, tree.Expr | None]],
    values: list[Any],
    keyword: Span,
    frame: Frame,
) -> Tensor:
    layer = REGISTRY[what]()
    try:
        with guarded():
            (sample,) = layer.outputs(*(value.shape for value in values))
            call = layer.torch(*(value.shape for value in values))
    except ShapeError as error:
        raise Problem(error.code, error.message, keyword) from None
    shape = sample
    first = shapes[0][0]
    if what == "concat":
        total: tree.Expr = tree.Number(0)
        for part, count in shapes:
            size = expression_of(part.dims[0])
            total = folded(binary("+", total, size if count is None else binary("*", count, size)))
        inner_names = {name for loop, _ in generic.traces for name in loop.names}
        if names(total) & inner_names:
            raise Unsayable
        dims = (Whole(int(plain(sample.dims[0])), total) if not is_constant(total) else sample.dims[0], *first.dims[1:])
        shape = sample.with_dims(*dims)
    else:
        shape = sample.with_dims(*first.dims)
    node = DraftNode(layer, tuple(tensors), keyword)
    node.call = call
    node.outputs = (Tensor(shape, keyword, node, 0),)
    generic.state.add(node, frame.scope)
    return node.outputs[0]
