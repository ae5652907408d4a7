"""Calls that take a block into a body of a condition that its own call does not reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, TypeAlias

from netspec.elaborate.expressions.sayings import NO_NUMBER, computed
from netspec.layers.declaration.symbols import hanging, is_opaque
from netspec.syntax import tree

MOST_CALLS = 256
"""How many calls are held against the conditions of a body."""

Assumption: TypeAlias = tuple[tree.Expr, bool]
"""A condition, and whether it holds."""


def reaching(
    assumptions: Sequence[Assumption], values: Mapping[str, Any], choices: Mapping[str, Sequence[Any]]
) -> Iterator[dict[str, Any]]:
    """Values of a block's names with which all of the assumptions come true, those nearest to `values` first.

    `choices` are the values that a name may have, where these are few. Whole numbers are tried about the constants of
    the conditions, and as large as others are.
    """
    deciders = sorted(set().union(*(hanging(condition) for condition, _ in assumptions)) & set(values))
    ranges = [_candidates(name, values, choices, assumptions) for name in deciders]
    for tried in islice(product(*ranges), MOST_CALLS):
        call = {**values, **dict(zip(deciders, tried, strict=True))}
        if all(_comes_true(condition, holds, call) for condition, holds in assumptions):
            yield call


def is_decidable(assumptions: Sequence[Assumption], values: Mapping[str, Any]) -> bool:
    """Whether the assumptions are about these names only."""
    return all(not is_opaque(condition) and hanging(condition) <= set(values) for condition, _ in assumptions)


def _candidates(
    name: str, values: Mapping[str, Any], choices: Mapping[str, Sequence[Any]], assumptions: Sequence[Assumption]
) -> list[Any]:
    own = values[name]
    if name in choices:
        return list(dict.fromkeys([own, *choices[name]]))
    if isinstance(own, bool):
        return [own, not own]
    if not isinstance(own, int | float):
        return [own]
    compared = sorted({number for condition, _ in assumptions for number in _constants(condition)})
    if isinstance(own, float):
        return list(dict.fromkeys([own, *(number + 0.5 for number in (*compared, 0)), *map(float, compared)]))
    others = [value for value in values.values() if type(value) is int]
    about = [number + step for number in compared for step in (0, 1, -1)]
    return [n for n in dict.fromkeys([own, *about, *others, 1, 2]) if n >= 0]


def _constants(part: Any) -> Iterator[int]:
    """The whole numbers that stand in an expression."""
    match part:
        case tree.Number(value) if isinstance(value, int):
            yield value
        case tree.Tree():
            for _, inner in part.content():
                yield from _constants(inner)
        case tuple():
            for inner in part:
                yield from _constants(inner)


def _comes_true(condition: tree.Expr, holds: bool, values: dict[str, Any]) -> bool:
    if is_opaque(condition) or not hanging(condition) <= set(values):
        return True
    try:
        return bool(computed(condition, values)) is holds
    except NO_NUMBER:
        return False
