"""Comprehensions: lists that are made of lists."""

from __future__ import annotations

from collections.abc import Iterator
from keyword import iskeyword
from typing import Any

from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import as_list, mistaken, truth, weighed
from netspec.elaborate.problems import Problem
from netspec.elaborate.state import Frame
from netspec.elaborate.values import operators
from netspec.elaborate.values.environment import UNBOUND, Environment
from netspec.elaborate.values.operators import FUNCTIONS
from netspec.layers.declaration.symbols import Spelled, expression_of, names, substituted
from netspec.syntax import tree
from netspec.syntax.source import Span

COSTLY = 256
"""A table that takes more steps is remembered."""
SHORT = 64
"""Longer lists of numbers that a comprehension makes are known by it, so that what is emitted can say it."""


def matched(targets: tuple[tree.Target, ...], item: Any, span: Span) -> dict[str, Any]:
    """The names of a `for` with their values for one item; raises Problem where it has other parts."""
    if len(targets) == 1 and isinstance(targets[0], str):
        return {targets[0]: item}
    parts = as_list(item)
    if not isinstance(parts, list) or len(parts) != len(targets):
        raise Problem(
            "E0219",
            f"{len(targets)} variables, but an item of the list is {operators.kind(item)}",
            span,
            help="enumerate(list) and zip(a, b) make lists of pairs; (a, b) takes a pair apart",
        )
    names: dict[str, Any] = {}
    for target, part in zip(targets, parts, strict=True):
        names |= matched((target,) if isinstance(target, str) else target, part, span)
    return names


def comprehension(elaborator: Elaborator, expression: tree.Comprehension, frame: Frame) -> list[Any]:
    """`[f(x) for x in xs if c]`: its names hold inside of it alone. A table of the same numbers is made once."""
    state = elaborator.state
    spelled = closed(expression, frame.environment)
    settled = elaborator.remembers or is_settled(expression, frame.environment)
    key = (spelled or of_tables(expression, frame.environment, state.memory.numbers)) if settled else None
    before = state.steps
    if key is not None and key in state.memory.tables:
        state.work(expression.span, len(expression.span.text) // 4)
        return state.memory.tables[key]
    local = frame.copy()
    local.environment = frame.environment.body()
    items: list[Any] = []
    go_round(elaborator, expression, 0, local, items)
    weighed(elaborator, items, expression.span)
    if spelled is not None and len(items) > SHORT and all(type(item) in (int, float) for item in items):
        items = Spelled.of(items, spelled)
    if key is not None and state.steps > before + COSTLY:
        state.memory.tables[key] = items
        state.memory.numbers.add(id(items))
    return items


def go_round(
    elaborator: Elaborator, expression: tree.Comprehension, depth: int, frame: Frame, items: list[Any]
) -> None:
    """The rounds of a comprehension from one `for` on inwards."""
    if depth == len(expression.rounds):
        items.append(elaborator.evaluate(expression.item, frame))
        return
    for _ in elaborator.expressions[tree.Round](elaborator, expression.rounds[depth], frame):
        go_round(elaborator, expression, depth + 1, frame, items)


def rounds(elaborator: Elaborator, round_: tree.Round, frame: Frame) -> Iterator[Any]:
    """The items of a comprehension's list that its condition lets through, each under its names."""
    values = as_list(elaborator.evaluate(round_.sequence, frame))
    if not isinstance(values, list | range):
        raise mistaken(elaborator, values, "a list", round_.sequence.span)
    for value in weighed(elaborator, values, round_.sequence.span):
        frame.environment.names.update(matched(round_.targets, value, round_.sequence.span))
        if round_.condition is None or truth(elaborator, round_.condition, frame):
            yield value


def closed(expression: tree.Comprehension, environment: Environment) -> tree.Expr | None:
    """The comprehension with numbers for the names that it asks for, where it is arithmetic; None where it is not."""
    own = {name for round_ in expression.rounds for name in tree.bound(round_.targets)}
    inner = set(_bound_in(expression)) - own
    if any(environment.get(name) is not UNBOUND for name in inner):  # it may be meant outside of the inner one
        return None
    own |= inner
    values: dict[str, tree.Expr] = {}
    for name in names(expression) - own:
        value = environment.get(name)
        if type(value) not in (int, float):
            return None
        values[name] = expression_of(value)
    if any(map(iskeyword, own)) or not _is_arithmetic(expression):
        return None
    whole: tree.Expr = substituted(expression, values)
    return whole


def is_settled(expression: tree.Comprehension, environment: Environment) -> bool:
    """Whether nothing that it asks for is said by more than a number: who elaborates for all arguments learns nothing
    from making it again.
    """
    said = (environment.expression(name) for name in names(expression))
    return all(each is None or isinstance(each, tree.Number) for each in said)


def of_tables(
    expression: tree.Comprehension, environment: Environment, tables: set[int]
) -> tuple[tree.Expr, tuple[tuple[str, float], ...]] | None:
    """What a comprehension hangs on, where that is numbers and tables that are remembered; None where there is more.

    A table stands for itself: it stays the same, and the state keeps it.
    """
    own = {*_bound_in(expression)}
    values: list[tuple[str, float]] = []
    for name in sorted(names(expression) - own):
        value = environment.get(name)
        if type(value) in (int, float):
            values.append((name, value))
        elif isinstance(value, list) and id(value) in tables:
            values.append((name, id(value)))
        else:
            return None
    return (expression, tuple(values)) if _is_plain(expression) else None


def _is_plain(part: Any) -> bool:
    """Whether an expression is made of numbers, lists, their items, and functions of these."""
    match part:
        case tree.Call(tree.Name(name), arguments):
            return name in FUNCTIONS and _is_plain(tuple(argument.value for argument in arguments))
        case tree.Round(_, sequence, condition):
            return _is_plain(sequence) and (condition is None or _is_plain(condition))
        case tree.Tree():
            plain = isinstance(part, _PLAIN | tree.List | tree.Index)
            return plain and all(_is_plain(value) for _, value in part.content())
        case tuple():
            return all(map(_is_plain, part))
    return True


def _bound_in(part: Any) -> Iterator[str]:
    """The names that comprehensions in an expression bind."""
    match part:
        case tree.Round(targets, _, _):
            yield from tree.bound(targets)
    if isinstance(part, tree.Tree):
        yield from (name for _, value in part.content() for name in _bound_in(value))
    elif isinstance(part, tuple):
        yield from (name for value in part for name in _bound_in(value))


_PLAIN = tree.Number | tree.Name | tree.Unary | tree.Binary | tree.Compare | tree.Conditional | tree.Comprehension
_RANGES = frozenset({"range", "min", "max", "abs"})
"""Functions that are Python's own."""


def _is_arithmetic(part: Any) -> bool:
    """Whether an expression is made of numbers and of what goes through ranges of them."""
    match part:
        case tree.Call(tree.Name(name), arguments):
            return name in _RANGES and _is_arithmetic(tuple(argument.value for argument in arguments))
        case tree.Round(_, sequence, condition):
            return _is_arithmetic(sequence) and (condition is None or _is_arithmetic(condition))
        case tree.Tree():
            return isinstance(part, _PLAIN) and all(_is_arithmetic(value) for _, value in part.content())
        case tuple():
            return all(map(_is_arithmetic, part))
    return True
