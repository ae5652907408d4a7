"""Hypothesis strategies that make trees by construction, and a walk over a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from hypothesis import strategies as st

from netspec.syntax import tree
from netspec.syntax.layout import CLAUSES, WIRINGS

SOFT = ("input", "output", "let", "shared", "default", "train", "net", "block", "return", "repeat", "from", "when")
names = st.sampled_from(
    ["a", "b", "conv", "x1", "_", "_y", "Block", "training", "same", *SOFT, *sorted(WIRINGS), *sorted(CLAUSES)]
)
plain = names.filter(lambda name: name not in ("_", "import"))
numbers = st.one_of(
    st.integers(0, 2**63), st.integers(0, 9), st.floats(min_value=0, allow_infinity=False, allow_nan=False)
)
strings = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def some(strategy: st.SearchStrategy[Any], least: int = 0, most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


def _targets(least: int = 1) -> st.SearchStrategy[tuple[Any, ...]]:
    """What a `for` binds: names, or names in parentheses."""
    return some(st.one_of(plain, some(plain, 2, 2)), least)


targets = _targets()


def _compare(side: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"])
    pairs = st.lists(st.tuples(signs, side), min_size=1, max_size=3)
    return st.builds(
        lambda first, rest: tree.Compare(tuple(s for s, _ in rest), (first, *(o for _, o in rest))), side, pairs
    )


def _arguments(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.lists(plain, unique=True, max_size=2)
    return st.builds(
        lambda positional, keys, values: (
            *(tree.Argument(None, v) for v in positional),
            *(tree.Argument(k, v) for k, v in zip(keys, values, strict=False)),
        ),
        st.lists(value, max_size=2),
        named,
        st.lists(value, min_size=2, max_size=2),
    )


def _larger(expr: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    maybe = st.none() | expr
    binary = st.sampled_from(["or", "and", "+", "-", "*", "/", "//", "%", "**"])
    return st.one_of(
        st.builds(tree.List, some(expr)),
        st.builds(tree.Unary, st.sampled_from(["-", "+", "not"]), expr),
        st.builds(tree.Binary, binary, expr, expr),
        _compare(expr),
        st.builds(tree.Conditional, expr, expr, expr),
        st.builds(tree.Call, expr, _arguments(expr)),
        st.builds(tree.Attribute, expr, plain),
        st.builds(lambda name, hole: tree.Label((name, hole)), plain, expr),
        st.builds(lambda name, hole, tail: tree.Label((name, hole, tail)), plain, expr, plain),
        st.builds(lambda hole: tree.Label((hole,)), expr),
        st.builds(lambda value, hole: tree.Member(value, tree.Label(("layer", hole))), expr, expr),
        st.builds(lambda value, number: tree.Member(value, tree.Label((str(number),))), expr, st.integers(0, 99)),
        st.builds(lambda value: tree.Member(value, tree.Label(("a-b",))), expr),
        st.builds(tree.Comprehension, expr, some(st.builds(tree.Round, targets, expr, maybe), 1, 2)),
        st.builds(tree.Index, expr, expr),
        st.builds(tree.Slice, expr, maybe, maybe, maybe),
    )


exprs = st.recursive(
    st.one_of(
        st.builds(tree.Number, numbers),
        st.builds(tree.String, strings),
        st.builds(tree.Constant, st.sampled_from([True, False, None])),
        st.builds(tree.Name, names | st.just("in")),
    ),
    _larger,
    max_leaves=6,
)


@st.composite
def _labels(draw: st.DrawFn) -> tree.Label:
    around = draw(st.none() | st.builds(lambda name: tree.Label((name,)), plain))
    match draw(st.sampled_from(["name", "number", "quoted", "hole"])):
        case "number":
            return tree.Label((str(draw(st.integers(0, 99))),), around)
        case "quoted":
            hole_ = draw(st.builds(tree.Name, plain))
            return tree.Label(draw(st.sampled_from([("a-b",), ("1x1",), ("a-", hole_), ("a", hole_, "-1")])), around)
        case "hole":
            named = st.builds(tree.Name, plain)
            return tree.Label((draw(named | st.builds(tree.Binary, st.sampled_from("+-*"), named, named)),), around)
    parts: list[Any] = [draw(plain)]
    for hole in draw(st.lists(exprs, max_size=2)):
        parts.append(hole)
        if draw(st.booleans()):
            parts.append(draw(st.sampled_from(["_b", "1", "x", "if"])))
    return tree.Label(tuple(parts), around)


def _wirings(body: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def clauses(*keywords: str) -> st.SearchStrategy[tuple[Any, ...]]:
        some_of = st.lists(st.sampled_from(keywords), unique=True)
        return st.builds(
            lambda words, bodies: tuple(tree.Clause(w, b) for w, b in zip(words, bodies, strict=False)),
            some_of,
            st.tuples(body, body),
        )

    return st.one_of(
        st.builds(tree.Wiring, st.sampled_from(["concat", "add", "mul", "dense"]), body),
        st.builds(tree.Wiring, st.just("residual"), body, clauses("shortcut"), st.none() | exprs),
        st.builds(tree.Wiring, st.just("highway"), body, clauses("gate", "carry")),
    )


def _flows(body: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(tree.Flow, some(st.one_of(exprs, st.builds(tree.Group, body), _wirings(body)), 1))


_figures = st.builds(tree.Name, plain) | st.builds(tree.Call, st.builds(tree.Name, plain), _arguments(exprs))
_limits = st.builds(tree.Number, numbers) | st.builds(
    tree.Quantity, st.integers(0, 999), st.sampled_from(["k", "M", "G", "T", "B", "kB", "MiB", "GB", "TiB"])
)


def _statements(body: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    flow = _flows(body)
    defaults = _arguments(exprs).map(lambda all_: tuple(a for a in all_ if a.name is not None))
    return st.one_of(
        st.builds(tree.Stage, some(_labels()), flow),
        st.builds(tree.Let, some(names, 1), flow),
        st.builds(tree.Shared, _labels(), flow),
        st.builds(tree.Default, plain, defaults),
        st.builds(tree.Function, plain, functions, exprs),
        st.builds(tree.For, targets, exprs, body),
        st.builds(tree.Repeat, exprs, body),
        st.builds(tree.If, some(st.builds(tree.Branch, exprs, body), 1), st.none() | body),
        st.builds(tree.Return, some(exprs, 1)),
        st.builds(tree.Input, plain, st.none() | plain, some(exprs)),
        st.builds(tree.Output, st.none() | _labels(), flow, st.booleans()),
        st.builds(tree.Assert, _figures, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), _limits),
    )


functions = st.lists(
    st.builds(tree.Parameter, plain, st.none(), st.none() | exprs), unique_by=lambda p: p.name, min_size=1, max_size=2
).map(tuple)
_leaf = st.builds(tree.Body, some(_statements(st.just(tree.Body(()))), 0, 2))
bodies = st.builds(tree.Body, some(_statements(_leaf), 0, 2))
statements = _statements(_leaf)
choices = st.builds(tree.Number, numbers) | st.builds(tree.String, strings)
types = st.builds(tree.TypeName, plain, st.none() | plain) | st.builds(tree.Choice, some(choices, 1))
parameters = st.lists(
    st.builds(tree.Parameter, plain, st.none() | types, st.none() | exprs), unique_by=lambda p: p.name, max_size=3
).map(tuple)
dotted = st.lists(plain, min_size=1, max_size=3).map(lambda parts: tree.Name(".".join(parts)))
_settings = st.builds(tree.Setting, plain | plain.map("draw {}".format), _flows(_leaf))
items = st.one_of(
    st.builds(tree.Import, dotted | st.builds(tree.String, strings), some(st.builds(tree.Name, plain), 1)),
    st.builds(tree.Let, some(names, 1), _flows(_leaf)),
    st.builds(tree.Function, plain, functions, exprs),
    st.builds(tree.Default, plain, _arguments(exprs).map(lambda all_: tuple(a for a in all_ if a.name is not None))),
    st.builds(tree.Definition, st.sampled_from(["block", "net"]), plain, parameters, bodies),
    st.builds(tree.Train, some(_settings | st.builds(tree.Step, plain, some(_settings)))),
)
files = st.builds(tree.File, some(items))


def walk(node: Any) -> Iterator[tree.Tree]:
    """`node` and all nodes in it."""
    if isinstance(node, tree.Tree):
        yield node
        for field in fields(node):
            yield from walk(getattr(node, field.name))
    elif isinstance(node, tuple):
        for part in node:
            yield from walk(part)
