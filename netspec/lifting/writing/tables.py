"""Tables of numbers to expressions: `range(49)`, a comprehension of what grows evenly, sums of rows and columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce
from itertools import groupby
from math import prod
from typing import Any, TypeAlias

from netspec.layers.declaration.tables import table_shape
from netspec.syntax import tree

LONGEST = 10_000
"""So many numbers that follow no rule are written one by one."""
SHORTEST = 8
"""So few are always."""
MOST_NUMBERS = 60_000
"""So many a list may hold."""
MOST_RUNS = 12

Level: TypeAlias = tuple[int, Any]
"""How often a piece comes, and by how much it grows each time."""


def table_of(numbers: Any) -> Any:
    """A tensor as nested tuples; numbers that are not whole as short as their type tells them apart."""
    if numbers.dtype.is_floating_point:
        return _shortened(numbers.detach().float().numpy())
    return _tuples(numbers.tolist())


def _shortened(array: Any) -> Any:
    return tuple(map(_shortened, array)) if array.ndim else float(str(array))


def _tuples(part: Any) -> Any:
    return tuple(map(_tuples, part)) if isinstance(part, list) else part


def formula_of(table: Any) -> tree.Expr | None:
    """The expression of a table of numbers; None where it is longer than a spec may say, or not finite."""
    flat = list(_flat(table))
    if not flat or any(number != number or abs(number) == float("inf") for number in flat):
        return None
    return ruled(table) or (_literal(table) if len(flat) <= LONGEST else None)


@lru_cache(256)
def ruled(table: Any) -> tree.Expr | None:
    """The short expression of a table, which is small or follows a rule; None where it does neither."""
    if not isinstance(table, tuple):
        return _literal(table)
    flat, shape = list(_flat(table)), table_shape(table)
    if len(flat) > MOST_NUMBERS:
        return None
    if len(flat) <= SHORTEST:
        return _literal(table)
    levels = _levels(flat, shape)
    if levels is not None:
        return _evenly(flat[0], levels)
    if len(shape) == 1 and len(flat) > 2 * SHORTEST and len(runs := _runs(flat)) <= MOST_RUNS:
        return _in_runs(runs)
    return _sums(table) or _distances(table) or _bordered(table) if len(shape) == 2 else None


def _flat(table: Any) -> Iterator[Any]:
    if isinstance(table, tuple):
        for row in table:
            yield from _flat(row)
    else:
        yield table


def _literal(table: Any) -> tree.Expr:
    if isinstance(table, tuple):
        return tree.List(tuple(map(_literal, table)))
    if isinstance(table, bool):
        return tree.Constant(table)
    return tree.Unary("-", tree.Number(-table)) if table < 0 else tree.Number(table)


def _levels(flat: Sequence[Any], shape: tuple[int, ...]) -> list[list[Level]] | None:
    """For each axis the levels, outer ones first, by which a table grows evenly; None where it does not."""
    if any(isinstance(number, bool | float) for number in flat):
        return None
    axes: list[list[Level]] = []
    for axis in reversed(range(len(shape))):
        own: list[Level] = []
        block, end = prod(shape[axis + 1 :]), prod(shape[axis:])
        while block < end:
            growth = flat[block] - flat[0]
            times = 1
            while (times + 1) * block <= end and all(
                flat[times * block + place] == flat[place] + times * growth for place in range(block)
            ):
                times += 1
            if times == 1 or end % (block * times):
                return None
            own.insert(0, (times, growth))
            block *= times
        axes.insert(0, own)
    return axes


_INDICES = "ijklmnpqrstuvwxyz"


def _evenly(start: Any, axes: Sequence[Sequence[Level]]) -> tree.Expr:
    """`[[i - j + 6 for j in range(7)] for i in range(7)]`, `range(3, 52)`."""
    if len(axes) == 1 and len(axes[0]) == 1 and axes[0][0][1] > 0:
        return _range(start, *axes[0][0])
    names = iter(_INDICES)
    loops = [[(next(names), *level) for level in levels] for levels in axes]
    expression = _sum([(growth, name) for levels in loops for name, _, growth in levels if growth], start)
    for levels in reversed(loops):
        rounds = tuple(tree.Round((name,), _range(0, times, 1), None) for name, times, _ in levels)
        expression = tree.Comprehension(expression, rounds) if rounds else tree.List((expression,))
    return expression


def _range(start: int, times: int, step: int) -> tree.Expr:
    ends = [times] if (start, step) == (0, 1) else [start, start + times * step, *([step] if step > 1 else [])]
    return tree.Call(tree.Name("range"), tuple(tree.Argument(None, _literal(end)) for end in ends))


def _sum(terms: Sequence[tuple[int, str]], start: int) -> tree.Expr:
    """The terms that grow, those that shrink, and what all begin with: `13 * i + j - k + 84`."""
    expression: tree.Expr | None = None
    for growth, name in sorted(terms, key=lambda term: term[0] < 0):
        factor = _times(abs(growth), tree.Name(name))
        if expression is None and growth < 0:
            expression, start = tree.Number(start), 0
        expression = factor if expression is None else tree.Binary("+" if growth > 0 else "-", expression, factor)
    if expression is None:
        return _literal(start)
    return tree.Binary("+" if start > 0 else "-", expression, tree.Number(abs(start))) if start else expression


def _runs(flat: Sequence[Any]) -> list[tuple[Any, int]]:
    return [(value, len(list(run))) for value, run in groupby(flat)]


def _in_runs(runs: Sequence[tuple[Any, int]]) -> tree.Expr:
    """`[0] * 49 + [1] * 4 + [2] * 3`."""
    parts: list[tree.Expr] = [
        tree.Binary("*", tree.List((_literal(value),)), tree.Number(count)) for value, count in runs
    ]
    return reduce(lambda one, other: tree.Binary("+", one, other), parts)


def _sums(table: tuple[tuple[Any, ...], ...]) -> tree.Expr | None:
    """A table whose entry is that of its row and that of its column, each of which come in runs."""
    if any(isinstance(number, bool) for number in table[0]):
        return None
    rows = [row[0] for row in table]
    columns = [entry - table[0][0] for entry in table[0]]
    if any(table[i][j] != row + column for i, row in enumerate(rows) for j, column in enumerate(columns)):
        return None
    row_runs, column_runs = _runs(rows), _runs(columns)
    if len(row_runs) > MOST_RUNS or len(column_runs) > MOST_RUNS:
        return None
    entry = tree.Binary("+", tree.Name("row"), tree.Name("column"))
    inner = tree.Comprehension(entry, (tree.Round(("column",), _in_runs(column_runs), None),))
    return tree.Comprehension(inner, (tree.Round(("row",), _in_runs(row_runs), None),))


def _distances(table: tuple[tuple[Any, ...], ...]) -> tree.Expr | None:
    """A table of what grows with the distances of two places of a map along both of its axes, whichever comes first."""
    size, first = len(table), table[0]
    if len(first) != size or any(isinstance(number, bool | float) for number in first):
        return None
    for width in range(2, size // 2 + 1):
        down, across = first[width] - first[0], first[1] - first[0]
        places = range(size) if size % width == 0 else ()
        if places and all(
            table[a][b] == first[0] + down * abs(a // width - b // width) + across * abs(a % width - b % width)
            for a in (1, width, *places)
            for b in places
        ):
            return _of_distances(first[0], (size // width, down), (width, across))
    return None


def _of_distances(start: int, rows: Level, columns: Level) -> tree.Expr:
    """`[[14 * max(i - k, k - i) + max(j - l, l - j) for k in ...] for i in ...]`."""
    terms = [_times(rows[1], _distance("i", "k")), _times(columns[1], _distance("j", "l"))]
    if start:
        terms.append(_literal(start))
    total = reduce(lambda one, other: tree.Binary("+", one, other), terms)
    inner, outer = (
        tuple(
            tree.Round((name,), _range(0, times, 1), None)
            for name, (times, _) in zip(names, (rows, columns), strict=True)
        )
        for names in ("kl", "ij")
    )
    return tree.Comprehension(tree.Comprehension(total, inner), outer)


def _distance(one: str, other: str) -> tree.Expr:
    """`max(i - k, k - i)`."""
    ways = ((one, other), (other, one))
    both = tuple(tree.Argument(None, tree.Binary("-", tree.Name(a), tree.Name(b))) for a, b in ways)
    return tree.Call(tree.Name("max"), both)


def _times(factor: int, expression: tree.Expr) -> tree.Expr:
    return expression if factor == 1 else tree.Binary("*", tree.Number(factor), expression)


def _bordered(table: tuple[tuple[Any, ...], ...]) -> tree.Expr | None:
    """A table that grows evenly, but for its first row and column, as where a class token comes before positions."""
    (corner, *top), *rows = table
    firsts = {row[0] for row in rows}
    levels = _levels([entry for row in rows for entry in row[1:]], (len(rows), len(top)))
    if levels is None or len(firsts) > 1 or len(set(top)) > 1:
        return None
    inner = _evenly(rows[0][1], levels)
    if not isinstance(inner, tree.Comprehension):
        return None
    first = tree.Binary("+", tree.List((_literal(corner),)), _in_runs([(top[0], len(top))]))
    row = tree.Binary("+", tree.List((_literal(firsts.pop()),)), inner.item)
    return tree.Binary("+", tree.List((first,)), tree.Comprehension(row, inner.rounds))
