"""Operators: arithmetic with numbers, and layers where a tensor is on one side or both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netspec.elaborate.draft import Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import (
    as_list,
    as_tensor,
    fail,
    is_listed,
    mistaken,
    sound,
    truth,
    unknown_name,
    weighed,
)
from netspec.elaborate.problems import Problem
from netspec.elaborate.state import Frame
from netspec.elaborate.values import operators
from netspec.elaborate.values.operators import OperandError, TooLarge
from netspec.elaborate.values.values import Result, SharedModule, Word
from netspec.syntax import tree

COPIED_AT_ONCE = 100
"""How many items of a list that grows are copied in the time that one takes otherwise."""
TENSOR_OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow"}


def unary(elaborator: Elaborator, expression: tree.Unary, frame: Frame) -> Any:
    if expression.operator == "not":
        return not truth(elaborator, expression.operand, frame)
    value = elaborator.evaluate(expression.operand, frame)
    if isinstance(value, Tensor | Result):
        tensor = as_tensor(elaborator, value, expression.operand.span)
        return (
            tensor
            if expression.operator == "+"
            else elaborator.apply_layer("neg", (tensor,), {}, expression.span, frame)[0]
        )
    if not operators.is_number(value):
        raise mistaken(elaborator, value, "a number or a tensor", expression.operand.span)
    return -value if expression.operator == "-" else value


def binary(elaborator: Elaborator, expression: tree.Binary, frame: Frame) -> Any:
    symbol = expression.operator
    if symbol in {"and", "or"}:
        left = truth(elaborator, expression.left, frame)
        return truth(elaborator, expression.right, frame) if left == (symbol == "and") else left
    left, right = elaborator.evaluate(expression.left, frame), elaborator.evaluate(expression.right, frame)
    for side, value in ((expression.left, left), (expression.right, right)):
        if isinstance(value, Word):
            raise unknown_name(elaborator, value.text, value.span)
        sound(value)
        if isinstance(value, SharedModule):
            raise mistaken(elaborator, value, "a value", side.span)
    if symbol == "+" and any(isinstance(value, list) or is_listed(value) for value in (left, right)):
        left, right = as_list(left), as_list(right)
    if isinstance(left, Tensor | Result) or isinstance(right, Tensor | Result):
        return combine(elaborator, expression, left, right, frame)
    try:
        value = operators.arithmetic(symbol, left, right)
        if symbol == "+" and isinstance(value, list):  # what a list grows by is new, and all of it is copied
            elaborator.state.handle(expression.span, operators.items(right) + len(value) // COPIED_AT_ONCE)
            return value
        return weighed(elaborator, value, expression.span)
    except (OperandError, TooLarge) as error:
        fail(error, expression.span)


def combine(elaborator: Elaborator, expression: tree.Binary, left: Any, right: Any, frame: Frame) -> Tensor:
    """Arithmetic with a tensor on one side or both: a layer."""
    left = elaborator.operand(left, expression.left, frame)
    right = elaborator.operand(right, expression.right, frame)
    layer = TENSOR_OPERATORS.get(expression.operator)
    for side, value in ((expression.left, left), (expression.right, right)):
        if not isinstance(value, Tensor | Result | int | float) or isinstance(value, bool):
            raise mistaken(elaborator, value, "a tensor or a number", side.span)
    if layer is None:
        raise Problem(
            "E0206",
            f"{expression.operator} does not go with tensors like this",
            expression.span,
            help="tensors know + - * / and **",
        )
    span = expression.span
    if isinstance(left, Tensor | Result) and isinstance(right, Tensor | Result):
        both = (as_tensor(elaborator, left, expression.left.span), as_tensor(elaborator, right, expression.right.span))
        try:
            return elaborator.apply_layer(layer, both, {}, span, frame)[0]
        except Problem as problem:
            raise _with_axes(problem, expression, both) from None
    if isinstance(left, Tensor | Result):
        key = "exponent" if layer == "pow" else "value"
        return elaborator.apply_layer(layer, (as_tensor(elaborator, left, span),), {key: right}, span, frame)[0]
    key = "exponent" if layer == "pow" else "value"
    arguments = {key: left} | ({"reverse": True} if layer in {"sub", "div", "pow"} else {})
    return elaborator.apply_layer(layer, (as_tensor(elaborator, right, span),), arguments, span, frame)[0]


def _with_axes(problem: Problem, expression: tree.Binary, both: tuple[Tensor, Tensor]) -> Problem:
    """The problem of sides of different rank, with the mend that gives the lower one the axes that it lacks."""
    left, right = (tensor.shape for tensor in both)
    if problem.diagnostic.code != "E0301" or left.rank == right.rank or left.is_open or right.is_open:
        return problem
    side, shape = (expression.left, left) if left.rank < right.rank else (expression.right, right)
    missing = abs(left.rank - right.rank)
    text = f"reshape({side.span.text}, [{', '.join(['1'] * missing + [str(size) for size in shape.dims])}])"
    problem.diagnostic = replace(problem.diagnostic, help=f"give it the missing axes: {text}", mend=(side.span, text))
    return problem


def operand(elaborator: Elaborator, value: Any, expression: tree.Expr, frame: Frame) -> Any:
    """A side of an operator on tensors, as its layer takes it."""
    return value
