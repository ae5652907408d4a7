"""Numbers that know the expression behind them: what a layer computes from them is an expression, too.

A block is elaborated once for all arguments with numbers of the file's call, so that every check and branch is taken as
there; each number carries the expression over the block's parameters that it stands for. Arithmetic gives both. A
question that Python decides by the number alone (`if stride == 1`) is noted as a guard: what follows from it holds only
where the answer is the same.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from netspec.syntax import tree

OPAQUE = tree.Name("@")
"""Stands for a number that follows from heights and widths: its expression is nobody's business. `@width,stride` is one
that follows from these names as well.
"""
LARGEST = 40
"""An expression of more parts is opaque."""

Guard: TypeAlias = tuple[tree.Expr, bool]
Divisions: TypeAlias = set[tree.Expr]
_divisions: ContextVar[Divisions | None] = ContextVar("divisions", default=None)
_guards: ContextVar[list[Guard] | None] = ContextVar("guards", default=None)


@contextmanager
def guarded() -> Iterator[list[Guard]]:
    """Collects the questions that are decided meanwhile, with their answers."""
    guards: list[Guard] = []
    token = _guards.set(guards)
    try:
        yield guards
    finally:
        _guards.reset(token)


@contextmanager
def divisions(*, within: bool = False) -> Iterator[None]:
    """Keeps, meanwhile, what is known to be divisible: `2 * (n // 2)` is `n` where a layer asks for halves of it.

    `within` a body of a condition or loop, what is known around it holds, and what it adds holds there only.
    """
    token = _divisions.set(set(_divisions.get() or ()) if within else set())
    try:
        yield
    finally:
        _divisions.reset(token)


def note_divisor(question: tree.Expr, answer: bool) -> None:
    """Notes that one number divides another, where the answer to a question says so."""
    quotients = _divisions.get()
    match question:
        case tree.Compare(("==" | "!=" as symbol,), (tree.Binary("%", left, right), tree.Number(0))):
            if quotients is not None and answer == (symbol == "=="):
                quotients.add(tree.Binary("//", left, right))


class Symbolic:
    """Base of all values with an expression."""

    __slots__ = ()
    expression: tree.Expr


MOST_MARKS = 100_000
"""Expressions that are kept for their marks: far more than one block has."""
_MARKED: dict[int, tree.Expr] = {}
"""The expressions that were written into texts last, by the number of their mark; no number is used twice."""
_NUMBERS = itertools.count()
MARK = re.compile("\ue000(\\d+)\ue001")
"""Where a symbolic number stands in a text: `f"chunk({parts})"` holds a mark in its place."""


def marked(expression: tree.Expr) -> str:
    """The mark of an expression in a text."""
    place = next(_NUMBERS)
    _MARKED[place] = expression
    _MARKED.pop(place - MOST_MARKS, None)
    return f"\ue000{place}\ue001"


def expression_at(mark: re.Match[str]) -> tree.Expr:
    """The expression that a mark stands for; marks are read soon after they are written."""
    return _MARKED[int(mark[1])]


def expression_of(value: Any) -> tree.Expr:
    """The expression of a value: its own, or a literal."""
    match value:
        case Symbolic():
            return value.expression
        case bool() | None:
            return tree.Constant(value)
        case int() | float():
            return number(value)
        case str():
            return tree.String(value)
        case list() | tuple() | range():
            return tree.List(tuple(map(expression_of, value)))
    raise TypeError(f"{type(value).__name__} has no literal")


def number(value: int | float) -> tree.Expr:
    """A number as a tree: a negative one has its sign before it."""
    return tree.Unary("-", tree.Number(-value)) if value < 0 else tree.Number(value)


def constant(expression: tree.Expr) -> Any:
    """The number that an expression is; None where it is none."""
    match expression:
        case tree.Number(value):
            return value
        case tree.Unary("-", tree.Number(value)):
            return -value
    return None


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is asked of expressions again and again; `expression` is kept, so that its identity stays its own."""

    expression: Any
    names: frozenset[str]
    hanging: frozenset[str]
    is_opaque: bool
    size: int


_KNOWN: dict[int, _Facts] = {}
MOST_KNOWN = 100_000


def _facts(expression: Any) -> _Facts:
    """The facts of an expression, from those of its parts; trees are never changed, so that they are found out once."""
    memo = _KNOWN.get(id(expression))
    if memo is not None and memo.expression is expression:
        return memo
    match expression:
        case tree.Name(name):
            own_names = frozenset(name[1:].split(",")) - {""} if name.startswith("@") else frozenset({name})
            facts = _Facts(expression, own_names if name[:1] != "@" else frozenset(), own_names, name[:1] == "@", 1)
        case tree.Call(_, arguments):
            facts = _together(expression, arguments, 2)
        case tree.Tree():
            facts = _together(expression, [value for _, value in expression.content()], 1)
        case tuple():
            facts = _together(expression, expression, 0)
        case _:
            return _Facts(expression, frozenset(), frozenset(), False, 0)
    if len(_KNOWN) >= MOST_KNOWN:
        _KNOWN.clear()
    _KNOWN[id(expression)] = facts
    return facts


def _together(expression: Any, inner: Iterable[Any], size: int) -> _Facts:
    own_names = hanging = frozenset[str]()
    is_opaque = False
    for part in inner:
        if isinstance(part, tree.Tree | tuple):
            facts = _facts(part)
            own_names, hanging = own_names | facts.names, hanging | facts.hanging
            is_opaque, size = is_opaque or facts.is_opaque, size + facts.size
    return _Facts(expression, own_names, hanging, is_opaque, size)


def names(expression: tree.Expr) -> frozenset[str]:
    """The names that an expression asks for."""
    return _facts(expression).names


def is_opaque(expression: tree.Expr) -> bool:
    """Whether an expression has a part that is not told."""
    return _facts(expression).is_opaque


def hanging(expression: tree.Expr) -> frozenset[str]:
    """The names that a number follows from, opaque as it may be."""
    return _facts(expression).hanging


def size_of(expression: tree.Expr) -> int:
    """How many parts an expression has."""
    return _facts(expression).size


def opaque(*expressions: tree.Expr) -> tree.Expr:
    """A number that follows from these in a way that is not told."""
    return tree.Name(f"@{','.join(sorted(frozenset().union(*map(hanging, expressions))))}")


def binary(symbol: str, left: tree.Expr, right: tree.Expr) -> tree.Expr:
    """`left symbol right`, without what adds nothing."""
    if is_opaque(left) or is_opaque(right):
        return opaque(left, right)
    a, b = constant(left), constant(right)
    match symbol:
        case "+" if a == 0:
            return right
        case "+" | "-" if b == 0:
            return left
        case "*" if a == 1:
            return right
        case "*" | "//" | "**" if b == 1:
            return left
        case "+" if b is not None and b < 0:
            return binary("-", left, number(-b))
        case "-" if b is not None and b < 0:
            return binary("+", left, number(-b))
        case "+" | "-" if b is not None and isinstance(left, tree.Binary) and left.operator in ("+", "-"):
            c = constant(left.right)
            if c is not None:
                total = (c if left.operator == "+" else -c) + (b if symbol == "+" else -b)
                return binary("+", left.left, number(total))
        case "-" if left == right:
            return tree.Number(0)
        case "//" if left == right:
            return tree.Number(1)
        case "//" if isinstance(left, tree.Binary) and left.operator == "*" and right in (left.left, left.right):
            return left.left if right == left.right else left.right
    quotients = _divisions.get()
    if symbol == "*" and quotients:
        for divided, factor in ((left, right), (right, left)):
            if isinstance(divided, tree.Binary) and divided in quotients and divided.right == factor:
                return divided.left
    if symbol in ("+", "-") and names(left) & names(right):
        together = _summed(tree.Binary(symbol, left, right))
        if together is not None:
            return together
    result = tree.Binary(symbol, left, right)
    return result if size_of(result) <= LARGEST else opaque(result)


def _summed(expression: tree.Expr) -> tree.Expr | None:
    """A sum of whole numbers in which a part stands more than once, put together: `n - (d - (d + 1))` is `n + 1`. None
    where each part stands once.
    """
    parts: list[tuple[int, tree.Expr | None]] = []
    _terms(expression, 1, parts)
    total: dict[tree.Expr | None, int] = {}
    for count, part in parts:
        total[part] = total.get(part, 0) + count
    if len(total) == len(parts):
        return None
    rest = total.pop(None, 0)
    whole: tree.Expr = tree.Number(0)
    for sign in (1, -1):
        for part, count in total.items():
            if count * sign > 0 and part is not None:
                whole = _plain_sum(whole, sign, binary("*", tree.Number(abs(count)), part))
    return _plain_sum(whole, 1 if rest >= 0 else -1, tree.Number(abs(rest)))


def _plain_sum(left: tree.Expr, sign: int, right: tree.Expr) -> tree.Expr:
    if constant(right) == 0:
        return left
    if constant(left) == 0:
        return right if sign > 0 else tree.Unary("-", right)
    return tree.Binary("+" if sign > 0 else "-", left, right)


def _terms(expression: tree.Expr, count: int, parts: list[tuple[int, tree.Expr | None]]) -> None:
    """The parts of a sum, each with how often it is taken; numbers as how often 1 is."""
    match expression:
        case tree.Binary("+" | "-" as symbol, left, right):
            _terms(left, count, parts)
            _terms(right, count if symbol == "+" else -count, parts)
        case tree.Unary("-", operand):
            _terms(operand, -count, parts)
        case tree.Binary("*", tree.Number(int(factor)), part) | tree.Binary("*", part, tree.Number(int(factor))):
            _terms(part, count * factor, parts)
        case tree.Number(int(value)):
            parts.append((count * value, None))
        case _:
            parts.append((count, expression))


def substituted(expression: Any, values: Mapping[str, tree.Expr]) -> Any:
    """The expression with other expressions in place of its names, sums and products put together again."""
    match expression:
        case tree.Name(name) if name.startswith("@"):
            return opaque(*(values.get(name, tree.Name(name)) for name in hanging(expression)))
        case tree.Name(name):
            return values.get(name, expression)
        case tree.Binary(operator, left, right) if operator not in ("and", "or"):
            return binary(operator, substituted(left, values), substituted(right, values))
        case tree.Call(function, arguments):  # whose name is none of a value, though one may be called the same
            return tree.Call(function, substituted(arguments, values))
        case tree.Tree():
            parts = [substituted(part, values) for _, part in expression.content()]
            return type(expression)(*parts)
        case tuple():
            return tuple(substituted(part, values) for part in expression)
    return expression


def _ask(question: tree.Expr, answer: bool) -> bool:
    guards = _guards.get()
    if guards is not None and not is_opaque(question):
        guards.append((question, answer))
    return answer


class _Arithmetic(Symbolic):
    """What whole and other numbers have in common."""

    __slots__ = ()
    plain: ClassVar[type]

    def _binary(self, symbol: str, other: Any, *, swapped: bool = False) -> Any:
        if not isinstance(other, int | float):
            return NotImplemented
        mine, its = self.plain(self), _plain(other)
        a, b = (its, mine) if swapped else (mine, its)
        left, right = expression_of(self), expression_of(other)
        if swapped:
            left, right = right, left
        value = _OPERATIONS[symbol](a, b)
        return symbolic(value, binary(symbol, left, right))

    def __add__(self, other: Any) -> Any:
        return self._binary("+", other)

    def __radd__(self, other: Any) -> Any:
        return self._binary("+", other, swapped=True)

    def __sub__(self, other: Any) -> Any:
        return self._binary("-", other)

    def __rsub__(self, other: Any) -> Any:
        return self._binary("-", other, swapped=True)

    def __mul__(self, other: Any) -> Any:
        return self._binary("*", other)

    def __rmul__(self, other: Any) -> Any:
        return self._binary("*", other, swapped=True)

    def __floordiv__(self, other: Any) -> Any:
        return self._binary("//", other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._binary("//", other, swapped=True)

    def __truediv__(self, other: Any) -> Any:
        return self._binary("/", other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._binary("/", other, swapped=True)

    def __mod__(self, other: Any) -> Any:
        return self._binary("%", other)

    def __rmod__(self, other: Any) -> Any:
        return self._binary("%", other, swapped=True)

    def __pow__(self, other: Any) -> Any:
        return self._binary("**", other)

    def __rpow__(self, other: Any) -> Any:
        return self._binary("**", other, swapped=True)

    def __neg__(self) -> Any:
        value = -self.plain(self)
        return symbolic(
            value, opaque(self.expression) if is_opaque(self.expression) else tree.Unary("-", self.expression)
        )

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        plain = self.plain(self)
        return self if self >= 0 else -self if plain else self

    def _compare(self, symbol: str, other: Any) -> Any:
        if not isinstance(other, int | float):
            return NotImplemented
        mine, its = self.expression, expression_of(other)
        if mine == its and not is_opaque(mine):
            return symbol in ("==", "<=", ">=")
        answer = _COMPARISONS[symbol](self.plain(self), _plain(other))
        return _ask(tree.Compare((symbol,), (mine, its)), answer)

    def __eq__(self, other: object) -> Any:
        return self._compare("==", other)

    def __ne__(self, other: object) -> Any:
        return self._compare("!=", other)

    def __lt__(self, other: Any) -> Any:
        return self._compare("<", other)

    def __le__(self, other: Any) -> Any:
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> Any:
        return self._compare(">", other)

    def __ge__(self, other: Any) -> Any:
        return self._compare(">=", other)

    def __bool__(self) -> bool:
        return bool(_ask(tree.Compare(("!=",), (self.expression, tree.Number(0))), self.plain(self) != 0))

    def __str__(self) -> str:
        return marked(self.expression)

    __repr__ = __str__

    def __format__(self, _: str) -> str:
        return marked(self.expression)


class Whole(_Arithmetic, int):  # type: ignore[misc]
    """A whole number with its expression."""

    plain: ClassVar[type] = int
    expression: tree.Expr

    def __new__(cls, value: int, expression: tree.Expr) -> Whole:
        whole = int.__new__(cls, value)
        whole.expression = expression
        return whole

    def __hash__(self) -> int:
        return int.__hash__(self)


class Real(_Arithmetic, float):  # type: ignore[misc]
    """A number that is not whole, with its expression."""

    plain: ClassVar[type] = float
    expression: tree.Expr

    def __new__(cls, value: float, expression: tree.Expr) -> Real:
        real = float.__new__(cls, value)
        real.expression = expression
        return real

    def __hash__(self) -> int:
        return float.__hash__(self)


class Truth(Symbolic):
    """A truth value with its expression. It is no bool, which nothing can be made of; asked as one it is a guard."""

    __slots__ = ("expression", "value")

    def __init__(self, value: bool, expression: tree.Expr) -> None:
        self.value, self.expression = value, expression

    def __bool__(self) -> bool:
        return _ask(self.expression, self.value)

    def __eq__(self, other: object) -> Any:
        if isinstance(other, Truth) and other.expression == self.expression:
            return True
        if isinstance(other, bool | Truth):
            return _ask(self.expression, self.value) == bool(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return marked(self.expression)

    __repr__ = __str__


class Listed(tuple[Any, ...], Symbolic):
    """A list of numbers, one an axis, that is handed on as it is."""

    expression: tree.Expr

    @staticmethod
    def of(entries: tuple[Any, ...]) -> Any:
        """The list that the entries are the items of, where they are all of one; else the entries."""
        bases = [entry.expression for entry in entries if isinstance(entry, Symbolic)]
        match bases:
            case [tree.Index(base, _), *_] if all(
                expression == tree.Index(base, tree.Number(place)) for place, expression in enumerate(bases)
            ) and len(bases) == len(entries):
                listed = Listed(entries)
                listed.expression = base
                return listed
        return entries


def following(number: int, *sources: Any) -> int:
    """A number that follows from these; how, is not told where they are symbolic."""
    expressions = [expression_of(source) for source in sources if isinstance(source, Symbolic)]
    return Whole(number, opaque(*expressions)) if expressions else number


def is_number(value: Any, number: float | None) -> bool:
    """Whether a value is this number for all arguments."""
    return not isinstance(value, Symbolic) and value == number


def symbolic(value: Any, expression: tree.Expr) -> Any:
    """The value with its expression; a literal is the plain value."""
    literal = constant(expression)
    if literal is not None:  # where a condition holds, it may be another number than that of the call
        return type(value)(literal) if type(value) in (int, float) else value
    if isinstance(expression, tree.Constant):
        return expression.value if isinstance(value, bool) else value
    if isinstance(expression, tree.String):
        return value
    match value:
        case bool():
            return Truth(value, expression)
        case int():
            return Whole(value, expression)
        case float():
            return Real(value, expression)
    return value


class Spelled(list[Any]):
    """A long list of plain numbers with the comprehension that makes it, which asks for no names of others."""

    __slots__ = ("expression",)
    expression: tree.Expr

    @staticmethod
    def of(items: Iterable[Any], expression: tree.Expr) -> Spelled:
        spelled = Spelled(items)
        spelled.expression = expression
        return spelled


def plain(value: Any) -> Any:
    """The value without its expression; lists with all in them."""
    match value:
        case Truth():
            return value.value
        case Spelled():
            return value
        case tuple() | list():
            return type(value)(map(plain, value))
    return _plain(value)


def _plain(value: Any) -> Any:
    return value.plain(value) if isinstance(value, _Arithmetic) else value


_OPERATIONS: dict[str, Any] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
}
_COMPARISONS: dict[str, Any] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
