"""Values that know the expression behind them, beside the numbers that do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netspec.elaborate.expressions.sayings import lifted
from netspec.elaborate.values.values import Word
from netspec.layers.declaration.symbols import Symbolic, expression_of, plain, symbolic
from netspec.syntax import tree


@dataclass(slots=True, eq=False)
class Said:
    """A value that knows its expression and is no number: a text, none, or a parameter's checked value."""

    value: Any
    expression: tree.Expr


def bare(value: Any) -> Any:
    """The value without its expression, a text or a checked parameter too."""
    return plain(value.value) if isinstance(value, Said) else plain(value)


def expression_behind(value: Any) -> tree.Expr:
    match value:
        case Said():
            return value.expression
        case Word():
            return tree.String(value.text)
        case list() | tuple() | range():
            return tree.List(tuple(map(expression_behind, value)))
    return expression_of(value)


def has_expression(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(has_expression, value))
    if isinstance(value, dict):
        return any(map(has_expression, value.values()))
    return isinstance(value, Symbolic | Said)


def as_field(checked: Any, value: Any) -> Any:
    """A field of a layer as pydantic has it, with its expression; raises Unsayable for what is no number."""
    if isinstance(value, Said):
        return lifted(checked, value.expression)
    if isinstance(value, list | tuple):
        return tuple(as_field(a, b) for a, b in zip(checked, value, strict=True))
    if isinstance(value, dict):
        return {name: as_field(checked[name], part) for name, part in value.items()}
    return symbolic(checked, value.expression) if isinstance(value, Symbolic) else checked


def is_data(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(is_data, value))
    return isinstance(value, bool | int | float)
