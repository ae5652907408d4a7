"""What an expression of a spec says, as one over the names that a class has: parameters, lets, sizes asked for.

The same expression is evaluated beside it with the numbers of one call. Whatever is decided by such a number, and not
by what is said, holds for that call only: it is Unsayable, with the names that it hangs on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netspec.elaborate.draft import Tensor
from netspec.elaborate.values.environment import Modules, Poison, Template
from netspec.elaborate.values.operators import (
    ARITHMETIC,
    COMPARISONS,
    FUNCTIONS,
    OperandError,
    TooLarge,
    bounded,
    items,
)
from netspec.elaborate.values.values import Function, Result, SharedModule, Word
from netspec.layers.declaration.symbols import expression_of, hanging, is_opaque, names, substituted, symbolic
from netspec.shapes.sizes import OpenSize
from netspec.syntax import tree


class Unsayable(Exception):
    """Something holds for the numbers of one call only; `names` are those that it hangs on, none where that is open."""

    def __init__(self, deciders: Iterable[str] = ()) -> None:
        super().__init__()
        self.names = frozenset(deciders)


NO_NUMBER = (ArithmeticError, LookupError, OperandError, TooLarge, TypeError, ValueError)
"""What `computed` raises where an expression has no value, or asks for a name that has none."""


def is_constant(expression: tree.Expr) -> bool:
    """Whether an expression asks for no name."""
    return not names(expression)


def lifted(value: Any, expression: tree.Expr) -> Any:
    """The value with its expression; raises Unsayable where a value of its kind can have none."""
    if is_constant(expression):
        return value
    match value:
        case bool() | int() | float():
            return symbolic(value, expression)
        case list() | tuple() | range():
            if isinstance(expression, tree.List) and len(expression.items) == len(value):
                return [lifted(item, part) for item, part in zip(value, expression.items, strict=True)]
            parts = (tree.Index(expression, tree.Number(index)) for index in range(len(value)))
            return [lifted(item, part) for item, part in zip(value, parts, strict=True)]
    raise Unsayable(names(expression))


def holds_tensors(value: Any) -> bool:
    """Whether a value is a tensor, a result or a shared module, or a list with one in it."""
    return isinstance(value, Tensor | Result | Modules | SharedModule | Function) or (
        isinstance(value, list) and any(map(holds_tensors, value))
    )


def literal(value: Any) -> tree.Expr:
    """Plain data as an expression; raises Unsayable for what is none."""
    if isinstance(value, Word):
        return tree.String(value.text)
    if isinstance(value, OpenSize | Template | Poison) or holds_tensors(value):
        raise Unsayable
    if isinstance(value, list | tuple):
        return tree.List(tuple(map(literal, value)))
    return expression_of(value)


def folded(expression: tree.Expr) -> tree.Expr:
    """The expression with its parts that ask for nothing computed; a fraction stays as it is written."""
    if isinstance(expression, tree.Number | tree.String | tree.Constant | tree.Name | tree.List):
        return expression
    if is_opaque(expression) or not is_constant(expression):
        return expression
    if isinstance(expression, tree.Call) and expression.callee == tree.Name("range"):
        return expression
    if isinstance(expression, tree.Call) and expression.callee in (tree.Name("enumerate"), tree.Name("zip")):
        return expression
    try:
        value = computed(expression, {})
    except NO_NUMBER:  # whoever evaluates it says what is wrong
        return expression
    return literal(value) if not isinstance(value, float) else expression


def written_out(expression: tree.Expr, lets: Mapping[str, tree.Expr]) -> tree.Expr:
    """The expression with what its lets stand for in their place."""
    while hanging(expression) & lets.keys():
        expression = substituted(expression, lets)
    return expression


def computed(expression: tree.Expr, values: dict[str, Any]) -> Any:
    """The value of an expression whose names have these values; what Python would raise is raised."""
    return _COMPUTE[type(expression)](expression, values)


def _compare(expression: tree.Compare, values: dict[str, Any]) -> bool:
    operands = [computed(operand, values) for operand in expression.operands]
    pairs = zip(expression.operators, operands, operands[1:], strict=False)
    return all(COMPARISONS[symbol](left, right) for symbol, left, right in pairs)


def _binary(expression: tree.Binary, values: dict[str, Any]) -> Any:
    left = computed(expression.left, values)
    if expression.operator in ("and", "or"):
        return bool(computed(expression.right, values)) if bool(left) == (expression.operator == "and") else bool(left)
    return bounded(ARITHMETIC[expression.operator](left, computed(expression.right, values)))


def _call(expression: tree.Call, values: dict[str, Any]) -> Any:
    assert isinstance(expression.callee, tree.Name)
    return FUNCTIONS[expression.callee.id](*(computed(argument.value, values) for argument in expression.arguments))


def _slice(expression: tree.Slice, values: dict[str, Any]) -> Any:
    parts = (expression.start, expression.stop, expression.step)
    start, stop, step = (None if part is None else computed(part, values) for part in parts)
    return list(computed(expression.value, values)[start:stop:step])


def _unary(expression: tree.Unary, values: dict[str, Any]) -> Any:
    value = computed(expression.operand, values)
    return not value if expression.operator == "not" else -value if expression.operator == "-" else value


_COMPUTE: dict[type[tree.Tree], Any] = {
    tree.Number: lambda expression, values: expression.value,
    tree.String: lambda expression, values: expression.value,
    tree.Constant: lambda expression, values: expression.value,
    tree.Name: lambda expression, values: values[expression.id],
    tree.List: lambda expression, values: [computed(item, values) for item in expression.items],
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.Compare: _compare,
    tree.Conditional: lambda expression, values: computed(
        expression.then if computed(expression.condition, values) else expression.otherwise, values
    ),
    tree.Call: _call,
    tree.Index: lambda expression, values: computed(expression.value, values)[computed(expression.index, values)],
    tree.Slice: _slice,
}


def elements(expression: tree.Expr, lets: dict[str, tree.Expr]) -> list[tree.Expr] | None:
    """The items of a list whose length is the same for all arguments; None where it is not, or not known to be."""
    match expression:
        case tree.List(parts):
            return list(parts)
        case tree.Name(name) if name in lets:
            inner = elements(lets[name], lets)
            if inner is None or all(map(is_constant, inner)):
                return inner
            return [tree.Index(expression, tree.Number(index)) for index in range(len(inner))]
        case tree.Conditional(then, _, otherwise):
            left, right = elements(then, lets), elements(otherwise, lets)
            if left is None or right is None or len(left) != len(right):
                return None
            return [
                a if a == b else tree.Index(expression, tree.Number(index))
                for index, (a, b) in enumerate(zip(left, right, strict=True))
            ]
        case tree.Binary("+", left_list, right_list):
            left, right = elements(left_list, lets), elements(right_list, lets)
            return None if left is None or right is None else left + right
        case tree.Call(tree.Name("enumerate"), arguments):
            inner = elements(arguments[0].value, lets)
            start = arguments[1].value if len(arguments) > 1 else tree.Number(0)
            if inner is None:
                return None
            counted = (folded(tree.Binary("+", start, tree.Number(index))) for index in range(len(inner)))
            return [tree.List((number, item)) for number, item in zip(counted, inner, strict=True)]
        case tree.Call(tree.Name("zip"), arguments):
            columns = [elements(argument.value, lets) for argument in arguments]
            if any(column is None for column in columns):
                return None
            return [tree.List(row) for row in zip(*(c for c in columns if c is not None), strict=True)]
        case tree.Call(tree.Name("reversed"), arguments):
            inner = elements(arguments[0].value, lets)
            return inner and inner[::-1]
    if not is_constant(expression) or is_opaque(expression):
        return None
    value = computed(expression, {})
    try:
        return [literal(item) for item in value] if items(value) <= 1000 else None
    except TooLarge:
        return None
