"""What is so of numbers for all arguments: that they are positive, and which side of a condition is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netspec.elaborate.expressions.sayings import NO_NUMBER, computed, elements, folded, is_constant
from netspec.syntax import tree

ZERO = tree.Number(0)
DEEPEST = 24
"""An expression that is nested deeper is not looked into."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """What is known of the names in a block: the expressions of lets, the items that loop variables are in turn."""

    lets: Mapping[str, tree.Expr]
    items: Mapping[str, Sequence[tree.Expr]]

    def is_positive(self, number: tree.Expr, depth: int = 0) -> bool:
        """Whether it is more than 0 for all arguments; false where that is not known."""
        if depth > DEEPEST:
            return False

        def positive(part: tree.Expr) -> bool:
            return self.is_positive(part, depth + 1)

        match number:
            case tree.Number(value):
                return value > 0
            case tree.Conditional(then, _, otherwise):
                return positive(then) and positive(otherwise)
            case tree.Name(name) if name in self.lets:
                return positive(self.lets[name])
            case tree.Name(name) if name in self.items:
                return all(map(positive, self.items[name]))
            case tree.Binary("+" | "*", left, right):
                return positive(left) and positive(right)
            case tree.Call(tree.Name("ceil"), (argument,)):
                return positive(argument.value)
            case tree.Call(tree.Name("max"), arguments):
                return any(positive(argument.value) for argument in arguments)
            case tree.Call(tree.Name("len"), (argument,)):
                return bool(elements(argument.value, dict(self.lets)))
            case tree.Index(value, index):
                parts = self.items_of(value)
                if isinstance(index, tree.Number):
                    parts = (
                        [parts[index.value]] if isinstance(index.value, int) and 0 <= index.value < len(parts) else []
                    )
                return bool(parts) and all(map(positive, parts))
        return False

    def items_of(self, sequence: tree.Expr) -> Sequence[tree.Expr]:
        """The items of a list as they are written; none where they are not known."""
        while isinstance(sequence, tree.Name) and sequence.id in self.lets:
            sequence = self.lets[sequence.id]
        return elements(sequence, dict(self.lets)) or []

    def decided(self, expression: Any) -> Any:
        """The expression without the sides of conditions that are never taken."""
        match expression:
            case tree.Conditional(then, condition, otherwise):
                answer = self.answer(self.decided(condition))
                if answer is None:
                    return tree.Conditional(self.decided(then), self.decided(condition), self.decided(otherwise))
                return self.decided(then if answer else otherwise)
            case tree.Name() | tree.Number() | tree.String() | tree.Constant():
                return expression
            case tree.Argument(name, value):
                return tree.Argument(name, self.decided(value))
            case tree.Tree():
                parts: Any = (self.decided(part) for _, part in expression.content())
                whole: Any = type(expression)(*parts)
                return folded(whole)
            case tuple():
                return tuple(map(self.decided, expression))
        return expression

    def answer(self, condition: tree.Expr) -> bool | None:
        """Whether a condition holds, where that is the same for all arguments."""
        match condition:
            case tree.Compare((">",), (number, zero)) if zero == ZERO and self.is_positive(number):
                return True
        if not is_constant(condition):
            return None
        try:
            return bool(computed(condition, {}))
        except NO_NUMBER:
            return None
