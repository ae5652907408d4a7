"""Loops, conditions and the return of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from netspec.elaborate.bodies.scopes import open_scope, rejoin
from netspec.elaborate.bodies.statements import Each, run_body, still_sound
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.comprehensions import matched
from netspec.elaborate.expressions.kinds import as_list, as_tensor, truth, unknown_name
from netspec.elaborate.problems import Problem, Stop
from netspec.elaborate.state import MOST_STAGES, Frame
from netspec.elaborate.values import operators
from netspec.elaborate.values.values import Listed, Word
from netspec.syntax import tree
from netspec.syntax.source import Span


def loop_over(elaborator: Elaborator, loop: tree.For, frame: Frame, each: Each) -> None:
    items = as_list(elaborator.evaluate(loop.sequence, frame))
    if isinstance(items, Word):
        raise unknown_name(elaborator, items.text, items.span)
    if not isinstance(items, list | range):
        raise Problem(
            "E0219",
            f"for goes through a list, and this is {operators.kind(items)}",
            loop.sequence.span,
            help="for i in range(n) { ... } counts from 0 to n - 1",
        )
    with counted_rounds(elaborator, len(items), loop.sequence.span):
        scope = open_scope(elaborator, "for", "", loop.span, frame)
        scope.count = len(items)
        local = frame.copy()
        local.scope = scope
        for item in items:
            bind_variables(loop, item, frame)
            one_round(elaborator, loop.body, local, each)
            still_sound(elaborator)
        rejoin(scope, local, frame)


def bind_variables(loop: tree.For, item: Any, frame: Frame) -> None:
    """The loop's variables for one round."""
    frame.environment.names.update(matched(loop.targets, item, loop.sequence.span))


def repeat(elaborator: Elaborator, repeat: tree.Repeat, frame: Frame, each: Each) -> None:
    count = elaborator.evaluate(repeat.count, frame)
    if isinstance(count, bool) or not isinstance(count, int):
        if isinstance(count, Word):
            raise unknown_name(elaborator, count.text, count.span)
        raise Problem("E0219", f"repeat needs a whole number, and this is {operators.kind(count)}", repeat.count.span)
    if count < 0:
        raise Problem("E0219", f"nothing can be repeated {count} times", repeat.count.span)
    with counted_rounds(elaborator, count, repeat.count.span):
        scope = open_scope(elaborator, "repeat", "", repeat.span, frame)
        scope.count = count
        local = frame.copy()
        local.scope = scope
        for _ in range(count):
            one_round(elaborator, repeat.body, local, each)
            still_sound(elaborator)
        rejoin(scope, local, frame)


def one_round(elaborator: Elaborator, body: tree.Body, frame: Frame, each: Each) -> None:
    """One round of a loop, unrolled in place."""
    entering = frame.current
    scope = open_scope(elaborator, "iteration", "", body.span, frame)
    local = frame.copy()
    local.environment, local.scope, local.depth = frame.environment.in_place(), scope, frame.depth + 1
    run_body(elaborator, body, local, each)
    rejoin(scope, local, frame, entering)


@contextmanager
def counted_rounds(elaborator: Elaborator, count: int, span: Span) -> Iterator[None]:
    """Refuses loops, alone or in one another, of more rounds than a net may have stages."""
    before = elaborator.state.rounds
    elaborator.state.rounds = before * max(1, count)
    if elaborator.state.rounds > MOST_STAGES:
        raise Stop(
            Problem(
                "E0501",
                f"this loop unrolls to {elaborator.state.rounds:,} rounds; the limit is {MOST_STAGES:,}",
                span,
                help="a net of so many stages could not be built; make the count smaller",
            )
        )
    try:
        yield
    finally:
        elaborator.state.rounds = before


def take_branch(elaborator: Elaborator, condition: tree.If, frame: Frame, each: Each) -> None:
    """The body whose condition holds, in place."""
    chosen = condition.otherwise
    for branch in condition.branches:
        if truth(elaborator, branch.condition, frame):
            chosen = branch.body
            break
    if chosen is None:
        return
    local = frame.copy()
    local.environment, local.depth = frame.environment.in_place(), frame.depth + 1
    run_body(elaborator, chosen, local, each)
    frame.current, frame.returned = local.current, local.returned
    frame.entered, frame.inputs = local.entered, local.inputs


def leave(elaborator: Elaborator, statement: tree.Return, frame: Frame) -> None:
    if frame.outermost != "block":
        raise _misplaced_return(statement, frame)
    values = [elaborator.evaluate(value, frame) for value in statement.values]
    results = as_list(values[0]) if len(values) == 1 else None
    if isinstance(results, list):
        if not results:
            raise Problem("E0215", "this list is empty, and a block results in something", statement.span)
        frame.returned = Listed(as_tensor(elaborator, value, statement.values[0].span) for value in results)
        return
    pairs = zip(values, statement.values, strict=True)
    frame.returned = tuple(as_tensor(elaborator, value, element.span) for value, element in pairs)


def _misplaced_return(statement: tree.Return, frame: Frame) -> Problem:
    if frame.outermost == "net" or frame.scope.module.kind == "net":
        help = "a net names its results: output logits = ..."
        return Problem("E0215", "only a block returns", statement.span, help=help)
    help = "label what is to be returned, and return it at the end of the block"
    return Problem("E0215", "return belongs in the outermost body of a block", statement.span, help=help)
