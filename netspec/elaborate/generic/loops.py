"""Loops: as one where a round holds for all of them, else written out."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.bodies.control import bind_variables, loop_over, repeat
from netspec.elaborate.bodies.lets import in_loop
from netspec.elaborate.bodies.statements import Each, still_sound
from netspec.elaborate.expressions.kinds import as_list
from netspec.elaborate.expressions.sayings import Unsayable, elements, holds_tensors, is_constant, literal
from netspec.elaborate.generic.choices import body_run, in_place
from netspec.elaborate.generic.expressions import translation
from netspec.elaborate.generic.generic import Generic
from netspec.elaborate.generic.lets import keep
from netspec.elaborate.generic.numbers import is_data
from netspec.elaborate.generic.rounds import Rounds
from netspec.elaborate.state import Frame
from netspec.syntax import tree
from netspec.syntax.source import Span

FEW_ROUNDS = 4
"""A loop of so many rounds or fewer, over a list of known length, is written out where its stages have labels."""


def in_loop_for_all(generic: Generic, frame: Frame) -> bool:
    return generic.written_out > 0 or in_loop(generic, frame)


def _written_round(generic: Generic, body: tree.Body, frame: Frame, each: Each) -> None:
    """A round of a loop that is written out."""
    generic.written_out += 1
    try:
        in_place(body_run(generic, body, each), frame)
    finally:
        generic.written_out -= 1


def loop_for_all(generic: Generic, loop: tree.For, frame: Frame, each: Each) -> None:
    if generic.concrete:
        loop_over(generic, loop, frame, each)
        return
    sequence_value = as_list(generic.evaluate(loop.sequence, frame))
    if not isinstance(sequence_value, list | range):
        loop_over(generic, loop, frame, each)
        return
    values = list(sequence_value)
    structural = any(not is_data(value) for value in values)
    if structural:
        _unrolled_values(generic, loop, values, frame, each)
        return
    sequence = translation(generic, loop.sequence, frame)
    items = elements(sequence, generic.lets)
    if items is not None and len(items) == len(values) and _is_written_out(loop.body, len(items)):
        _unrolled(generic, loop, values, items, frame, each)
        return
    try:
        if loop_key(loop) in generic.unrolled_loops:
            raise Unsayable
        _rolled(generic, loop.targets, sequence, values, loop.body, loop.span, frame, each)
    except Unsayable:
        if items is None or len(items) != len(values):
            raise
        _unrolled(generic, loop, values, items, frame, each)


def _is_written_out(body: tree.Body, rounds: int) -> bool:
    """Whether a loop of few rounds has labels that hang on the round, which read better one by one."""
    return rounds <= FEW_ROUNDS and any(
        isinstance(s, tree.Stage) and any(not label.is_plain for label in s.labels) for s in body.statements
    )


def _unrolled_values(generic: Generic, loop: tree.For, values: list[Any], frame: Frame, each: Each) -> None:
    """A loop over values, layers or blocks, each round for itself; the list is the same for all arguments."""
    for item in values:
        bind_variables(loop, item, frame)
        for name in loop.names:
            value = frame.environment.names[name]
            frame.environment.expressions.pop(name, None)
            if not holds_tensors(value):
                frame.environment.expressions[name] = literal(value)
        _written_round(generic, loop.body, frame, each)
        still_sound(generic)


def _unrolled(
    generic: Generic, loop: tree.For, values: list[Any], items: list[tree.Expr], frame: Frame, each: Each
) -> None:
    """A loop written out, each round with the expression of its item."""
    for item, expression in zip(values, items, strict=True):
        bind_variables(loop, item, frame)
        _say_variables(generic, loop.targets, item, expression, frame)
        _written_round(generic, loop.body, frame, each)
        still_sound(generic)


def _say_variables(
    generic: Generic, targets: tuple[tree.Target, ...], item: Any, expression: tree.Expr, frame: Frame
) -> None:
    if len(targets) == 1 and isinstance(targets[0], str):
        keep(generic, targets[0], item, expression, frame)
        return
    for place, target in enumerate(targets):
        parts = expression.items if isinstance(expression, tree.List) else None
        part = parts[place] if parts else tree.Index(expression, tree.Number(place))
        inner = (target,) if isinstance(target, str) else target
        _say_variables(generic, inner, item[place], part, frame)


def repeat_for_all(generic: Generic, statement: tree.Repeat, frame: Frame, each: Each) -> None:
    if generic.concrete:
        repeat(generic, statement, frame, each)
        return
    count = generic.evaluate(statement.count, frame)
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        repeat(generic, statement, frame, each)
        return
    formula = translation(generic, statement.count, frame)
    try:
        if is_constant(formula) and (count < 2 or loop_key(statement) in generic.unrolled_loops):
            raise Unsayable
        _rolled(generic, (), formula, [None] * int(count), statement.body, statement.span, frame, each)
    except Unsayable:
        if not is_constant(formula):
            raise
        for _ in range(int(count)):
            _written_round(generic, statement.body, frame, each)
            still_sound(generic)


def _rolled(
    generic: Generic,
    targets: tuple[tree.Target, ...],
    sequence: tree.Expr,
    values: list[Any],
    body: tree.Body,
    span: Span,
    frame: Frame,
    each: Each,
) -> None:
    """A loop that stays one: a round that holds for all of them."""
    items = len(frame.scope.items)
    before = generic.snapshot(frame)
    claimed, lets = set(generic.variables), dict(generic.lets)
    try:
        Rounds(generic, targets, sequence, values, body, span, each).run(frame)
    except BaseException:
        del frame.scope.items[items:]
        generic.restore(frame, before)
        generic.variables, generic.lets = claimed, lets
        raise


def loop_key(loop: tree.For | tree.Repeat) -> str:
    """Stands for a loop among the names that something hangs on: it can be written out instead."""
    return f"loop at {loop.span.start}"
