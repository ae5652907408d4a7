"""Values of a train section: pure data out of expressions, nothing of the text is ever run as Python."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.problems import Problem
from netspec.elaborate.values.operators import OperandError, TooLarge, arithmetic, is_number, kind
from netspec.elaborate.values.values import Word
from netspec.syntax import tree

__all__ = ["Word", "evaluate"]


def evaluate(expression: tree.Expr) -> Any:
    """A number, text, truth value, none, list, or a Word where a bare name stands; raises Problem (E0604)."""
    match expression:
        case tree.Number(value) | tree.String(value) | tree.Constant(value):
            return value
        case tree.Name(name):
            return Word(name, expression.span)
        case tree.List(items):
            return [evaluate(item) for item in items]
        case tree.Unary("-" | "+" as sign, operand):
            value = evaluate(operand)
            if not is_number(value):
                raise Problem("E0604", f"{sign} needs a number, not {description(value)}", operand.span)
            return -value if sign == "-" else value
        case tree.Binary(symbol, left, right) if symbol not in {"and", "or"}:
            try:
                return arithmetic(symbol, evaluate(left), evaluate(right))
            except (OperandError, TooLarge) as error:
                raise Problem("E0604", f"this cannot be computed: {error}", expression.span) from None
        case _:
            raise Problem(
                "E0604",
                "a train section holds plain values, and this has to be worked out",
                expression.span,
                help="write a number, a text, a list, true, false or a word",
            )


def description(value: Any) -> str:
    """What a value is, in words for messages."""
    return f"the word {value}" if isinstance(value, Word) else kind(value)
