"""The value of an expression, by the kind of its node."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import truth
from netspec.elaborate.state import Frame
from netspec.syntax import tree


def evaluate(elaborator: Elaborator, expression: tree.Expr, frame: Frame) -> Any:
    """The value of an expression; raises Problem, or Spoilt where an earlier mistake is behind it."""
    elaborator.state.work(expression.span)
    return elaborator.expressions[type(expression)](elaborator, expression, frame)


def literal_value(
    elaborator: Elaborator, expression: tree.Number | tree.String | tree.Constant, frame: Frame
) -> int | float | str | bool | None:
    """A number, text or constant is what it says."""
    return expression.value


def label_value(elaborator: Elaborator, expression: tree.Label, frame: Frame) -> Any:
    """What a label stands for, as the name that it is."""
    name = tree.Name(elaborator.label(expression, frame), span=expression.span)
    return elaborator.expressions[tree.Name](elaborator, name, frame)


def conditional(elaborator: Elaborator, expression: tree.Conditional, frame: Frame) -> Any:
    """`a if c else b`: one side alone is evaluated."""
    chosen = expression.then if truth(elaborator, expression.condition, frame) else expression.otherwise
    return elaborator.evaluate(chosen, frame)
