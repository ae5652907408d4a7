"""Numbers, lists and words: the operators and functions of expressions, with their bounds."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from netspec.elaborate.values.environment import Modules
from netspec.elaborate.values.values import Function, Word
from netspec.shapes.sizes import OpenSize, TooComplexError

LARGEST_NUMBER = 2**63
LONGEST_LIST = 100_000
DEEPEST_LIST = 8
LONGEST_TEXT = 10_000
"""The largest number, the most items of a list with all lists in it, how deep these may be, and the longest text."""


class OperandError(Exception):
    """The operands do not go with the operator; the text says why."""


class TooLarge(Exception):
    """A number or list beyond the limits."""


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, OpenSize):
        if isinstance(right, int) and 1 <= right <= 8:
            return math.prod([left] * right)
        raise OperandError("an open size can only be raised to a whole power from 1 to 8")
    whole = isinstance(left, int) and isinstance(right, int)
    if whole and right > 0 and abs(left) > 1 and right * (abs(left).bit_length() - 1) > 64:
        raise TooLarge(f"{left}**{right}")
    result = left**right
    if isinstance(result, complex):
        raise OperandError("the result is not a real number")
    return result


def _divide(left: Any, right: Any) -> Any:
    if isinstance(left, OpenSize) or isinstance(right, OpenSize):
        raise OperandError("an open size can be divided with // only")
    return left / right


def _multiply(left: Any, right: Any) -> Any:
    if isinstance(left, list) and len(left) * right > LONGEST_LIST:
        raise TooLarge(f"a list of {len(left) * right:,} items")
    return left * right


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": _multiply,
    "/": _divide,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": _power,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda left, right: left in right,
    "not in": lambda left, right: left not in right,
}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | OpenSize) and not isinstance(value, bool)


def kind(value: Any) -> str:
    """What a value is, in words for messages."""
    match value:
        case bool():
            return "a truth value"
        case int() | float():
            return f"the number {value}"
        case OpenSize():
            return f"the open size {value}"
        case str():
            return f'the text "{value}"'
        case list() | range() | tuple():
            return "a list"
        case None:
            return "none"
        case Word():
            return f"the word {value}"
        case Modules():
            return "a container, whose stages are read one by one"
        case Function():
            return "a function of numbers"
        case _:
            return "a tensor"


def arithmetic(symbol: str, left: Any, right: Any) -> Any:
    """`left symbol right` as Python has it; raises OperandError, TooLarge."""
    lists = isinstance(left, list) and isinstance(right, list) and symbol == "+"
    repeats = symbol == "*" and isinstance(left, list) and isinstance(right, int)
    texts = symbol == "+" and isinstance(left, str) and isinstance(right, str)
    if not (is_number(left) and is_number(right)) and not lists and not repeats and not texts:
        raise OperandError(f"{symbol} does not go with {kind(left)} and {kind(right)}")
    if (isinstance(left, OpenSize) and isinstance(right, float)) or (
        isinstance(right, OpenSize) and isinstance(left, float)
    ):
        raise OperandError(f"{symbol} does not go with {kind(left)} and {kind(right)}: sizes are whole")
    try:
        return bounded(ARITHMETIC[symbol](left, right))
    except ZeroDivisionError:
        raise OperandError("division by zero") from None
    except OverflowError:
        raise TooLarge(f"{left} {symbol} {right}") from None
    except TooComplexError as error:
        raise TooLarge(str(error)) from None
    except TypeError:
        raise OperandError(f"{symbol} does not go with {kind(left)} and {kind(right)}") from None


def compare(symbol: str, left: Any, right: Any) -> bool:
    """`left symbol right`; raises OperandError, also where an open size leaves the answer open."""
    if symbol in {"in", "not in"} and not isinstance(right, list | range):
        raise OperandError(f"{symbol} needs a list on its right, not {kind(right)}")
    if isinstance(left, list) and isinstance(right, list) and left != right and (_is_open(left) or _is_open(right)):
        raise OperandError(f"whether these lists are equal depends on {kind(next(_open_sizes([left, right])))}")
    if isinstance(left, OpenSize) or isinstance(right, OpenSize):
        difference = left - right if is_number(left) and is_number(right) else left
        if isinstance(difference, OpenSize):
            raise OperandError(f"whether {left} {symbol} {right} depends on the size")
        left, right = difference, 0
    try:
        return bool(COMPARISONS[symbol](left, right))
    except TypeError:
        raise OperandError(f"{symbol} does not go with {kind(left)} and {kind(right)}") from None


def bounded(value: Any) -> Any:
    """The value, unless it is beyond the limits."""
    match value:
        case int() if abs(value) > LARGEST_NUMBER:
            raise TooLarge(f"{value:,}" if value.bit_length() < 100 else "the result")
        case float() if not math.isfinite(value):
            raise TooLarge("the result")
        case str() if len(value) > LONGEST_TEXT:
            raise TooLarge(f"a text of {len(value):,} characters")
        case list():
            items(value)
    return value


def items(value: Any) -> int:
    """How many items a list has with all lists in it; 1 for what is none."""
    if not isinstance(value, list | range):
        return 1
    count = _length(value)
    stack = [(value, 1)] if isinstance(value, list) else []
    while stack and count <= LONGEST_LIST:
        part, depth = stack.pop()
        inner = [item for item in part if isinstance(item, list | range)]
        count += sum(map(_length, inner))
        if depth > DEEPEST_LIST:
            raise TooLarge(f"a list of lists, {DEEPEST_LIST} deep,")
        stack.extend((item, depth + 1) for item in inner if isinstance(item, list))
    if count > LONGEST_LIST:
        raise TooLarge(f"a list of more than {LONGEST_LIST:,} items")
    return max(count, 1)


def _length(value: list[Any] | range) -> int:
    if isinstance(value, range) and abs(value.stop - value.start) // abs(value.step) > LONGEST_LIST:
        return LONGEST_LIST + 1
    return len(value)


def _open_sizes(values: list[Any]) -> Iterator[OpenSize]:
    for value in values:
        if isinstance(value, OpenSize):
            yield value
        elif isinstance(value, list):
            yield from _open_sizes(value)


def _is_open(values: list[Any]) -> bool:
    return next(_open_sizes(values), None) is not None


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise OperandError(f"{name} needs whole numbers, not {kind(value)}")
    return value


def _items(name: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, list | range):
        raise OperandError(f"{name} needs a list, not {kind(value)}")
    if _length(value) > LONGEST_LIST:
        raise TooLarge(f"a list of more than {LONGEST_LIST:,} items")
    return value


def _range(*bounds: Any) -> Any:
    if not 1 <= len(bounds) <= 3:
        raise OperandError("range takes one to three whole numbers")
    whole = [_whole("range", bound) for bound in bounds]
    if len(whole) == 3 and whole[2] == 0:
        raise OperandError("range needs a step other than 0")
    start, stop = whole[0] if len(whole) > 1 else 0, whole[min(1, len(whole) - 1)]
    if abs(stop - start) > LARGEST_NUMBER // 2:
        raise TooLarge(f"a range of {abs(stop - start):,} numbers")
    return range(*whole)


def _enumerate(items: Any, start: Any = 0) -> list[Any]:
    return [[index, item] for index, item in enumerate(_items("enumerate", items), _whole("enumerate", start))]


def _zip(*lists: Any) -> list[Any]:
    columns = [_items("zip", column) for column in lists]
    if len({len(column) for column in columns}) > 1:
        raise OperandError(f"zip needs lists of one length, not {', '.join(str(len(column)) for column in columns)}")
    return [list(row) for row in zip(*columns, strict=True)]


def _extreme(name: str, choose: Callable[..., Any]) -> Callable[..., Any]:
    def function(*values: Any) -> Any:
        numbers = _items(name, values[0]) if len(values) == 1 else values
        if not numbers:
            raise OperandError(f"{name} of nothing")
        for number in numbers:
            if not is_number(number) or isinstance(number, OpenSize):
                raise OperandError(f"{name} needs numbers, not {kind(number)}")
        return choose(numbers)

    return function


def _sum(items: Any) -> Any:
    terms = _items("sum", items)
    if isinstance(terms, range):
        return bounded(sum(terms))
    if all(type(item) is int for item in terms):
        return bounded(sum(terms))
    total: Any = 0
    for item in terms:
        total = arithmetic("+", total, item)
    return total


def _len(items: Any) -> int:
    return len(_items("len", items))


def _rounding(name: str, function: Callable[[Any], int]) -> Callable[[Any], Any]:
    def apply(value: Any) -> Any:
        if not is_number(value):
            raise OperandError(f"{name} needs a number, not {kind(value)}")
        return value if isinstance(value, OpenSize) else function(value)

    return apply


def _reversed(items: Any) -> list[Any]:
    return list(reversed(_items("reversed", items)))


def _absolute(value: Any) -> Any:
    if not is_number(value) or isinstance(value, OpenSize):
        raise OperandError(f"abs needs a number, not {kind(value)}")
    return abs(value)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "range": _range,
    "len": _len,
    "zip": _zip,
    "enumerate": _enumerate,
    "reversed": _reversed,
    "min": _extreme("min", min),
    "max": _extreme("max", max),
    "sum": _sum,
    "abs": _absolute,
    "round": _rounding("round", round),
    "ceil": _rounding("ceil", math.ceil),
    "floor": _rounding("floor", math.floor),
    "int": _rounding("int", int),
}
"""The functions of expressions; `sum`, `max`, `min` and `abs` of tensors are layers."""
SIGNATURES: dict[str, tuple[str, str]] = {
    "range": ("range(stop), range(start, stop, step=1)", "whole numbers, from start or 0 to before stop"),
    "len": ("len(xs)", "how many items a list has"),
    "zip": ("zip(xs, ys, ...)", "a list of lists, of the items of lists of one length side by side"),
    "enumerate": ("enumerate(xs, start=0)", "a list of pairs: the number of an item, and the item; start by its place"),
    "reversed": ("reversed(xs)", "the list from its end"),
    "min": ("min(a, b, ...), min(xs)", "the least"),
    "max": ("max(a, b, ...), max(xs)", "the largest"),
    "sum": ("sum(xs)", "the sum of numbers or open sizes"),
    "abs": ("abs(a)", "without its sign"),
    "round": ("round(a)", "to the nearest whole number, halves to the even one"),
    "ceil": ("ceil(a)", "up to a whole number"),
    "floor": ("floor(a)", "down to a whole number"),
    "int": ("int(a)", "towards 0, to a whole number"),
}
"""How each is called, and what it is."""
