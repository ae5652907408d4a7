"""Comparisons, of numbers and words, and of tensors element by element."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.draft import Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import as_tensor, fail, mistaken, weighed
from netspec.elaborate.problems import Problem
from netspec.elaborate.state import Frame
from netspec.elaborate.values import operators
from netspec.elaborate.values.environment import Template
from netspec.elaborate.values.operators import OperandError
from netspec.elaborate.values.values import Result, SharedModule, Word
from netspec.syntax import tree

TENSOR_COMPARISONS = {
    "==": ("equal", "equal"),
    "!=": ("not_equal", "not_equal"),
    "<": ("less", "greater"),
    "<=": ("less_equal", "greater_equal"),
    ">": ("greater", "less"),
    ">=": ("greater_equal", "less_equal"),
}
"""The layer of a comparison, and that of the one with its sides exchanged."""


def compare(elaborator: Elaborator, expression: tree.Compare, frame: Frame) -> Any:
    values = [comparable(elaborator, operand, frame) for operand in expression.operands]
    if any(isinstance(value, Tensor | Result) for value in values):
        return compare_tensors(elaborator, expression, values, frame)
    for symbol, left, right in zip(expression.operators, values, values[1:], strict=False):
        try:
            if not operators.compare(symbol, left, right):
                return False
        except OperandError as error:
            fail(error, expression.span)
    return True


def compare_tensors(elaborator: Elaborator, expression: tree.Compare, values: list[Any], frame: Frame) -> Tensor:
    """A comparison with a tensor on one side or both: a layer, whose value is true or false at each element."""
    values = [elaborator.operand(*pair, frame) for pair in zip(values, expression.operands, strict=True)]
    span, symbol = expression.span, expression.operators[0]
    if len(values) > 2 or symbol not in TENSOR_COMPARISONS:
        raise Problem(
            "E0206",
            "tensors are compared by twos",
            span,
            help="two comparisons, one after the other: where(x > 0, where(x < 1, x, 1), 0)",
        )
    for operand, value in zip(expression.operands, values, strict=True):
        if not isinstance(value, Tensor | Result | int | float) or isinstance(value, bool):
            raise mistaken(elaborator, value, "a tensor or a number", operand.span)
    (left, right), (layer, exchanged) = values, TENSOR_COMPARISONS[symbol]
    if isinstance(left, Tensor | Result) and isinstance(right, Tensor | Result):
        return elaborator.apply_layer(
            layer, (as_tensor(elaborator, left, span), as_tensor(elaborator, right, span)), {}, span, frame
        )[0]
    if isinstance(left, Tensor | Result):
        return elaborator.apply_layer(layer, (as_tensor(elaborator, left, span),), {"value": right}, span, frame)[0]
    return elaborator.apply_layer(exchanged, (as_tensor(elaborator, right, span),), {"value": left}, span, frame)[0]


def comparable(elaborator: Elaborator, operand: tree.Expr, frame: Frame) -> Any:
    """A side of a comparison; a word is compared as text, so that a parameter can be a choice of words."""
    value = elaborator.evaluate(operand, frame)
    if isinstance(value, SharedModule | Template):
        raise mistaken(elaborator, value, "a value", operand.span)
    if isinstance(value, Tensor | Result):
        return value
    return value.text if isinstance(value, Word) else weighed(elaborator, value, operand.span)
