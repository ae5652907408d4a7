"""Expressions whose value is known: the many ways in which a spec can write a number."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from netspec.shapes.shape import Shape
from netspec.syntax import tree

Number = tuple[tree.Expr, int]
Value = tuple[tree.Expr, Shape]


def literal(value: Any) -> tree.Expr:
    """A Python value as a spec writes it."""
    match value:
        case bool() | None:
            return tree.Constant(value)
        case str():
            return tree.String(value)
        case int() | float() if math.copysign(1, value) < 0:
            return tree.Unary("-", literal(-value))
        case int() | float():
            return tree.Number(value)
        case list() | tuple():
            return tree.List(tuple(map(literal, value)))
    raise TypeError(value)


def call(name: str, *positional: tree.Expr, **named: tree.Expr) -> tree.Call:
    """`name(a, b, key=c)`."""
    arguments = [tree.Argument(None, value) for value in positional]
    return tree.Call(tree.Name(name), (*arguments, *(tree.Argument(key, value) for key, value in named.items())))


def number(draw: st.DrawFn, wanted: int, known: list[Number], values: list[Value]) -> tree.Expr:
    """An expression that is `wanted`, of the numbers and values in sight."""
    same = [expression for expression, value in known if value == wanted]
    if same and draw(st.integers(0, 3)):
        return draw(st.sampled_from(same))
    if draw(st.integers(0, 3)):
        return literal(wanted)
    ways = [_sum, _product, _chosen, _indexed, _extreme, _counted, _measured]
    written = draw(st.sampled_from(ways))(draw, wanted, values)
    return written if written is not None else literal(wanted)


def _sum(draw: st.DrawFn, wanted: int, values: list[Value]) -> tree.Expr:
    part = draw(st.integers(-3, 9))
    if draw(st.booleans()):
        return tree.Binary("-", literal(wanted + part), literal(part))
    return call("sum", tree.List((literal(part), literal(wanted - part))))


def _product(draw: st.DrawFn, wanted: int, values: list[Value]) -> tree.Expr:
    factor = draw(st.integers(1, 5))
    if wanted > 0 and wanted & (wanted - 1) == 0 and draw(st.booleans()):
        return tree.Binary("**", literal(2), literal(wanted.bit_length() - 1))
    if wanted % factor == 0 and draw(st.booleans()):
        return tree.Binary("*", literal(factor), literal(wanted // factor))
    whole = tree.Binary("//", literal(wanted * factor + (factor - 1)), literal(factor))
    return whole if wanted < 0 or draw(st.booleans()) else tree.Binary("%", literal(wanted), literal(wanted + 1))


def _chosen(draw: st.DrawFn, wanted: int, values: list[Value]) -> tree.Expr:
    known, truth = condition(draw, values)
    sides = (literal(wanted), literal(draw(st.integers(0, 9))))
    return tree.Conditional(sides[not truth], known, sides[truth])


def _indexed(draw: st.DrawFn, wanted: int, values: list[Value]) -> tree.Expr:
    items = draw(st.lists(st.integers(0, 64), min_size=1, max_size=3))
    place = draw(st.integers(0, len(items) - 1))
    items[place] = wanted
    whole = literal(items)
    match draw(st.integers(0, 2)):
        case 0:
            return tree.Index(whole, literal(place))
        case 1:
            return tree.Index(whole, literal(place - len(items)))
        case _:
            return tree.Index(tree.Slice(whole, literal(place), None, None), literal(0))


def _extreme(draw: st.DrawFn, wanted: int, values: list[Value]) -> tree.Expr:
    apart = draw(st.integers(0, 5))
    if draw(st.booleans()):
        return call("max", literal(wanted - apart), literal(wanted))
    return call("min", tree.List((literal(wanted), literal(wanted + apart))))


def _counted(draw: st.DrawFn, wanted: int, values: list[Value]) -> tree.Expr | None:
    if not 0 <= wanted <= 20:
        return None
    start = draw(st.integers(0, 3))
    return call("len", call("range", literal(start), literal(start + wanted)))


def _measured(draw: st.DrawFn, wanted: int, values: list[Value]) -> tree.Expr | None:
    """A size of a value in sight."""
    fitting = [
        (expression, shape, axis)
        for expression, shape in values
        for axis, size in enumerate(shape.dims)
        if isinstance(size, int) and size == wanted
    ]
    if not fitting:
        return None
    expression, shape, axis = draw(st.sampled_from(fitting))
    named = {0: "channels", shape.rank - 1: "width" if shape.rank in (3, 4) else "features" if shape.rank < 3 else ""}
    if named.get(axis) and draw(st.booleans()):
        return tree.Attribute(expression, named[axis])
    return tree.Index(tree.Attribute(expression, "shape"), literal(axis))


def condition(draw: st.DrawFn, values: list[Value]) -> tuple[tree.Expr, bool]:
    """A condition, and whether it holds."""
    kind = draw(st.integers(0, 4))
    if kind == 0:
        truth = draw(st.booleans())
        return tree.Constant(truth), truth
    if kind == 1:
        inner, truth = condition(draw, values)
        return tree.Unary("not", inner), not truth
    if kind == 2:
        (left, a), (right, b) = condition(draw, values), condition(draw, values)
        word = draw(st.sampled_from(("and", "or")))
        return tree.Binary(word, left, right), (a and b) if word == "and" else (a or b)
    if kind == 3 and values:
        expression, shape = draw(st.sampled_from(values))
        rank = draw(st.integers(1, 4))
        return tree.Compare(("==",), (tree.Attribute(expression, "rank"), literal(rank))), shape.rank == rank
    low, middle, high = (draw(st.integers(0, 4)) for _ in range(3))
    return tree.Compare(("<", "<="), (literal(low), literal(middle), literal(high))), low < middle <= high
