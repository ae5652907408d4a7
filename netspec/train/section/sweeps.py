"""What a sweep tries: for each name values to choose from, or a range that they are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from netspec.elaborate.problems import Problem
from netspec.elaborate.values.operators import is_number
from netspec.syntax import tree
from netspec.train.literals import Word, evaluate
from netspec.train.parts import written

Scale: TypeAlias = Literal["log", "uniform", "whole"]
SCALES: tuple[Scale, ...] = ("log", "uniform", "whole")
EXAMPLE = "sweep over(lr=log(1e-4, 1e-1), width=[16, 32, 64])"


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, as likely everywhere, or everywhere on a logarithmic scale, or whole ones."""

    scale: Scale
    low: float
    high: float

    def written(self) -> str:
        """The range as a spec would write it."""
        return f"{self.scale}({self.low}, {self.high})"


@dataclass(frozen=True, slots=True)
class Sweep:
    """The values and ranges to try, by name: of a setting, of an argument of the optimizer, or of a net's parameter."""

    over: Mapping[str, tuple[Any, ...] | Range]

    def written(self) -> str:
        """The setting as a spec would write it."""
        values = (
            f"{name}={value.written() if isinstance(value, Range) else written(value)}"
            for name, value in self.over.items()
        )
        return f"over({', '.join(values)})"


def read_sweep(expression: tree.Expr) -> Sweep:
    """The reader of `over(lr=log(1e-4, 1e-1), width=[16, 32])`; raises Problem (E0604)."""
    if not isinstance(expression, tree.Call) or getattr(expression.callee, "id", "") != "over":
        raise Problem("E0604", "a sweep says what it goes over", expression.span, help=EXAMPLE)
    over: dict[str, tuple[Any, ...] | Range] = {}
    for argument in expression.arguments:
        if argument.name is None:
            raise Problem("E0604", "what a sweep goes over has a name", argument.span, help=EXAMPLE)
        over[argument.name] = _values(argument.value)
    if not over:
        raise Problem("E0604", "this sweep goes over nothing", expression.span, help=EXAMPLE)
    return Sweep(over)


def _values(expression: tree.Expr) -> tuple[Any, ...] | Range:
    if isinstance(expression, tree.List):
        values = tuple(_plain(item) for item in expression.items)
        if values:
            return values
    if isinstance(expression, tree.Call) and getattr(expression.callee, "id", "") in SCALES:
        scale: Scale = expression.callee.id  # type: ignore[union-attr, assignment]
        ends = [evaluate(argument.value) for argument in expression.arguments]
        if len(ends) != 2 or not all(map(is_number, ends)) or not ends[0] < ends[1]:
            raise Problem("E0604", f"{scale} goes from a number to a larger one", expression.span, help=EXAMPLE)
        if scale == "log" and ends[0] <= 0:
            raise Problem("E0604", "a logarithmic range begins above 0", expression.span, help=EXAMPLE)
        if scale == "whole" and not all(isinstance(end, int) for end in ends):
            raise Problem("E0604", "whole goes from one whole number to another", expression.span)
        return Range(scale, *ends)
    message = f"a sweep goes over a list of values, or a range: {', '.join(SCALES)}"
    raise Problem("E0604", message, expression.span, help=EXAMPLE)


def _plain(expression: tree.Expr) -> Any:
    """A value; of the name of a part, with or without arguments, its text."""
    if isinstance(expression, tree.Call):
        return expression.span.text
    value = evaluate(expression)
    return value.text if isinstance(value, Word) else tuple(value) if isinstance(value, list) else value
