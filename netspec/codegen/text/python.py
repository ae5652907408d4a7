"""Expressions of a spec as Python: the same operators and functions, in the form that formatters leave alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from netspec.codegen.text.naming import literal, quoted
from netspec.layers.declaration.base import Code
from netspec.layers.declaration.symbols import MARK, Symbolic, expression_at
from netspec.syntax import tree
from netspec.syntax.printer import print_targets

Naming = Callable[[str], str]
"""What a name of the spec is called where the expression stands."""

_LEVELS = {"or": 1, "and": 2, "not": 3, "+": 6, "-": 6, "*": 7, "/": 7, "//": 7, "%": 7, "**": 9}
_CONDITIONAL, _COMPARE, _UNARY, _ATOM = 0, 4, 8, 10
_SIMPLE = re.compile(r"-?[\w.]+\Z")
_LISTS = frozenset({"enumerate", "zip", "reversed"})
"""Functions that make lists in a spec and iterators in Python."""


def python(expression: tree.Expr, naming: Naming, *, iterated: bool = False, sequence: str = "[]") -> str:
    """The text of an expression; `iterated` where only a `for` goes through it, `sequence` the brackets of lists."""
    return _Printer(naming, sequence).text(expression, iterated=iterated)[0]


def argument(value: Any, naming: Naming) -> str:
    """An argument of a torch module or function: a literal, or the expression behind it; lists are tuples."""
    match value:
        case Code(text):
            return text
        case Symbolic():
            return python(value.expression, naming, sequence="()")
        case tuple() | list():
            inner = ", ".join(argument(part, naming) for part in value)
            return f"({inner},)" if len(value) == 1 else f"({inner})"
    return literal(value)


def unmarked(text: str, naming: Naming, *, bare: bool = True) -> str:
    """A text of a layer with the expressions that stand in it."""

    def fill(mark: re.Match[str]) -> str:
        inner = python(expression_at(mark), naming)
        return inner if bare or _SIMPLE.match(inner) else f"({inner})"

    return MARK.sub(fill, text)


class _Printer:
    def __init__(self, naming: Naming, sequence: str) -> None:
        self.naming, self.sequence = naming, sequence

    def text(self, expression: tree.Expr, *, iterated: bool = False) -> tuple[str, int]:
        """The text, and how tightly its outermost operator binds."""
        match expression:
            case tree.Number(value):
                return repr(value), _ATOM
            case tree.String(value):
                return quoted(value), _ATOM
            case tree.Constant(value):
                return repr(value), _ATOM
            case tree.Name(name):
                return self.naming(name), _ATOM
            case tree.List(items):
                return self.listed(items), _ATOM
            case tree.Unary(operator, operand):
                level = _LEVELS["not"] if operator == "not" else _UNARY
                return f"{operator}{' ' if operator == 'not' else ''}{self.inner(operand, level)}", level
            case tree.Binary(operator, left, right):
                return self.binary(operator, left, right)
            case tree.Compare(operators, operands):
                return self.compare(operators, operands), _COMPARE
            case tree.Conditional(then, condition, otherwise):
                parts = (self.inner(then, 1), self.inner(condition, 1), self.inner(otherwise, _CONDITIONAL))
                return "{} if {} else {}".format(*parts), _CONDITIONAL
            case tree.Call(tree.Name(name), arguments):
                return self.call(name, arguments, iterated=iterated), _ATOM
            case tree.Index(value, index):
                return f"{self.inner(value, _ATOM)}[{self.text(index)[0]}]", _ATOM
            case tree.Slice(value, start, stop, step):
                ends = ["" if part is None else self.text(part)[0] for part in (start, stop)]
                last = "" if step is None else f":{self.text(step)[0]}"
                return f"{self.inner(value, _ATOM)}[{ends[0]}:{ends[1]}{last}]", _ATOM
            case tree.Comprehension(item, rounds):
                return self.comprehension(item, rounds), _ATOM
        raise TypeError(f"{type(expression).__name__} is no expression of numbers")

    def inner(self, expression: tree.Expr, level: int) -> str:
        text, binds = self.text(expression)
        return text if binds >= level else f"({text})"

    def listed(self, items: tuple[tree.Expr, ...]) -> str:
        inner = ", ".join(self.text(item)[0] for item in items)
        comma = "," if len(items) == 1 and self.sequence == "()" else ""
        return f"{self.sequence[0]}{inner}{comma}{self.sequence[1]}"

    def comprehension(self, item: tree.Expr, rounds: tuple[tree.Round, ...]) -> str:
        """A list that is spelled out of ranges; what it goes through has the names of the spec."""
        own = {name for round_ in rounds for name in tree.bound(round_.targets)}
        inner = _Printer(lambda name: name if name in own else self.naming(name), self.sequence)
        text = inner.text(item)[0]
        for round_ in rounds:
            text += f" for {print_targets(round_.targets)} in {inner.inner(round_.sequence, 1)}"
            text += "" if round_.condition is None else f" if {inner.inner(round_.condition, 1)}"
        return f"[{text}]"

    def binary(self, operator: str, left: tree.Expr, right: tree.Expr) -> tuple[str, int]:
        level = _LEVELS[operator]
        if operator == "**":
            a, b = self.inner(left, _ATOM), self.inner(right, _UNARY)
            close = _SIMPLE.match(a) and _SIMPLE.match(b)
            return f"{a}**{b}" if close else f"{a} ** {b}", level
        return f"{self.inner(left, level)} {operator} {self.inner(right, level + 1)}", level

    def compare(self, operators: tuple[str, ...], operands: tuple[tree.Expr, ...]) -> str:
        texts = [self.inner(operand, _COMPARE + 1) for operand in operands]
        text = texts[0]
        for operator, operand, right in zip(operators, operands[1:], texts[1:], strict=True):
            singleton = operand in (tree.Constant(None), tree.Constant(True), tree.Constant(False))
            word = {"==": "is", "!=": "is not"}.get(operator, operator) if singleton else operator
            text += f" {word} {right}"
        return text

    def call(self, name: str, arguments: tuple[tree.Argument, ...], *, iterated: bool) -> str:
        inner = [self.text(argument.value, iterated=name in _LISTS)[0] for argument in arguments]
        if name == "zip":
            inner.append("strict=True")
        if name in ("ceil", "floor"):
            name = f"math.{name}"
        text = f"{name}({', '.join(inner)})"
        return f"list({text})" if name in _LISTS and not iterated else text
