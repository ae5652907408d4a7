"""Stages in a row of which one number grows evenly: `for i in range(3) { Block(0.1 * i / 17) }`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from netspec.syntax import tree

FEWEST = 3
LARGEST = 200
"""A number is that part at the least of a short one."""
TOLERANCE = 1e-6
"""So far may what is said be from what was found, in parts of it: the numbers are probabilities of dropping."""


def growing(statements: Sequence[tree.Statement]) -> tuple[tree.For | None, int]:
    """The loop over the stages from the first on that differ in one probability alone, and how many these are."""
    numbers: list[float] = []
    for statement in statements[1:]:
        pair = _difference(statements[0], statement) if is_bare(statement) and is_bare(statements[0]) else None
        if pair is None:
            break
        numbers = [*(numbers or [pair[0]]), pair[1]]
    while len(numbers) >= FEWEST:
        said = _said(numbers)
        if said is not None:
            body = tree.Body((_with(statements[0], numbers[0], said),))
            count = tree.Argument(None, tree.Number(len(numbers)))
            return tree.For(("i",), tree.Call(tree.Name("range"), (count,)), body), len(numbers)
        numbers.pop()
    return None, 0


def is_bare(statement: tree.Statement) -> bool:
    """Whether a stage has no label, nowhere inside either, and takes nothing by name."""
    return isinstance(statement, tree.Stage) and not statement.labels and _has_no_labels(statement.flow)


def _has_no_labels(part: Any) -> bool:
    match part:
        case tree.Label() | tree.Let():
            return False
        case tree.Tree():
            return all(_has_no_labels(value) for _, value in part.content())
        case tuple():
            return all(map(_has_no_labels, part))
    return True


def _difference(one: tree.Statement, other: tree.Statement) -> tuple[float, float] | None:
    """The one number in which stages differ, which is no whole one in all of them."""
    pairs = set(_differences(one, other))
    match list(pairs):
        case [(tree.Number(left), tree.Number(right))] if isinstance(left, float) and isinstance(right, float):
            return left, right
    return None


def _differences(one: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    if one == other:
        return
    if isinstance(one, tree.Number) or type(one) is not type(other):
        yield one, other
    elif isinstance(one, tree.Tree):
        for (_, left), (_, right) in zip(one.content(), other.content(), strict=True):
            yield from _differences(left, right)
    elif isinstance(one, tuple) and len(one) == len(other):
        for left, right in zip(one, other, strict=True):
            yield from _differences(left, right)
    else:
        yield one, other


def _said(numbers: Sequence[float]) -> tree.Expr | None:
    """`0.1 * (i + 6) / 17`, for i from 0: a short number, how far it is gone, and in how many steps."""
    step = (numbers[-1] - numbers[0]) / (len(numbers) - 1)
    if step <= 0:
        return None
    first = round(numbers[0] / step)
    if first < 0:
        return None
    for parts in range(1, LARGEST):
        whole = round(step * parts, 4)
        found = (whole * (first + place) / parts for place in range(len(numbers)))
        if whole and all(abs(a - b) <= TOLERANCE * whole for a, b in zip(found, numbers, strict=True)):
            index: tree.Expr = tree.Name("i")
            if first:
                index = tree.Binary("+", index, tree.Number(first))
            product = tree.Binary("*", tree.Number(whole), index)
            return product if parts == 1 else tree.Binary("/", product, tree.Number(parts))
    return None


def _with(part: Any, number: float, expression: tree.Expr) -> Any:
    """A stage in which an expression stands for a number."""
    match part:
        case tree.Number(value) if isinstance(value, float) and value == number:
            return expression
        case tree.Tree():
            return type(part)(*(_with(value, number, expression) for _, value in part.content()))
        case tuple():
            return tuple(_with(item, number, expression) for item in part)
    return part
