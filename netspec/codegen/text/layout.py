"""Expressions of emitted source, and how they are broken into lines.

An expression is text, a bracket with items, or a comprehension. What does not fit on a line gets one item a line and a
comma after the last one, which formatters leave as it is at any line length.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 88
"""ruff's and Black's default."""
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Bracket:
    """`head(item, item)`; `head` may be empty and the brackets those of a list. Items carry their `name=` or `*`."""

    head: str
    items: tuple[tuple[str, Expr], ...]
    brackets: str = "()"
    tall: bool = False
    """Whether it gets one item a line even where it would fit on one."""

    @property
    def is_tall(self) -> bool:
        return self.tall or any(not isinstance(item, str) and item.is_tall for _, item in self.items)


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`(element for ... in ...)`, or `(name for ... in ... for name in (item, item))` where there are `inner` items.

    Where there are several clauses, each is a line of `clause`.
    """

    element: Expr
    clause: str
    inner: Bracket | None = None
    brackets: str = "()"

    @property
    def is_tall(self) -> bool:
        return any(not isinstance(part, str) and part.is_tall for part in (self.element, self.inner or ""))


Expr: TypeAlias = str | Bracket | Comprehension


def call(head: str, *items: Expr) -> Bracket:
    """`head(item, item)`."""
    return Bracket(head, tuple(("", item) for item in items))


def flat(expr: Expr) -> str:
    """The expression on one line."""
    match expr:
        case str():
            return expr
        case Bracket(head, items, brackets):
            inner = ", ".join(prefix + flat(item) for prefix, item in items)
            return f"{head}{brackets[0]}{inner}{brackets[1]}"
        case Comprehension(element, clause, None, brackets):
            return f"{brackets[0]}{flat(element)} {' '.join(clause.splitlines())}{brackets[1]}"
        case Comprehension(element, clause, inner_items):
            assert inner_items is not None
            return f"({flat(element)} {clause} for {flat(element)} in {flat(inner_items)})"


def lines(prefix: str, expr: Expr, depth: int, suffix: str = "", comment: str = "") -> list[str]:
    """`prefix` + expression + `suffix` at an indentation of `depth`, with a comment where there is room for it."""
    margin = INDENT * depth
    note = f"  # {comment}" if comment else ""
    if isinstance(expr, str) or not expr.is_tall:
        whole = f"{margin}{prefix}{flat(expr)}{suffix}"
        if len(whole) + len(note) <= WIDTH:
            return [whole + note]
        if len(whole) <= WIDTH:
            return [whole]
    if isinstance(expr, str):
        start, rest = _chain(prefix, expr, WIDTH - len(margin))
        if rest:
            return [f"{margin}{prefix}{start}", *lines(prefix, rest, depth, suffix, comment)]
        expr = _structured(expr)
    if isinstance(expr, Comprehension):
        result = _tall_comprehension(prefix, expr, depth, suffix)
    elif isinstance(expr, str) or not expr.items:
        result = [f"{margin}{prefix}{flat(expr)}{suffix}"]
    else:
        result = [f"{margin}{prefix}{expr.head}{expr.brackets[0]}"]
        for item_prefix, item in expr.items:
            result.extend(lines(item_prefix, item, depth + 1, ","))
        result.append(f"{margin}{expr.brackets[1]}{suffix}")
    if len(result[-1]) + len(note) <= WIDTH:
        result[-1] += note
    return result


def _tall_comprehension(prefix: str, expr: Comprehension, depth: int, suffix: str) -> list[str]:
    margin, inside = INDENT * depth, INDENT * (depth + 1)
    element = expr.element
    if isinstance(element, Bracket) and expr.inner is None:
        element = Bracket(element.head, element.items, element.brackets, tall=True)
    result = [f"{margin}{prefix}{expr.brackets[0]}", *lines("", element, depth + 1)]
    result += [f"{inside}{clause}" for clause in expr.clause.splitlines()]
    if expr.inner is not None:
        inner = Bracket("", expr.inner.items, expr.inner.brackets, tall=True)
        result.extend(lines(f"for {flat(element)} in ", inner, depth + 1))
    return [*result, f"{margin}{expr.brackets[1]}{suffix}"]


def _chain(prefix: str, text: str, room: int) -> tuple[str, str]:
    """The calls of `x.view(...).permute(...)` that fit behind `name = `, and `name` with the rest of them, if any.

    A chain that is too long becomes two statements, which formatters leave as they are at any line length.
    """
    name = prefix.removesuffix(" = ")
    links: list[ast.Call] = []
    node = ast.parse(text, mode="eval").body
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        links.append(node)
        node = node.func.value
    if len(links) < 2 or prefix == name or not name.isidentifier():
        return text, ""
    for place, link in enumerate(links[1:]):
        start, rest = text[: link.end_col_offset], text[link.end_col_offset :]
        passed = [part for later in links[: place + 1] for argument in later.args for part in ast.walk(argument)]
        if any(isinstance(part, ast.Name) and part.id == name for part in passed):
            break
        if len(prefix) + len(start) <= room:
            return start, f"{name}{rest}"
    return text, ""


def _structured(text: str) -> Expr:
    """A call or list that is too long for a line, as a bracket with its items; other text as it is."""
    node = ast.parse(text, mode="eval").body
    return _bracket(node, text)


def _bracket(node: ast.expr, text: str) -> Expr:
    def source(part: ast.expr) -> str:
        return text[part.col_offset : part.end_col_offset]

    match node:
        case ast.Call(func, args, keywords):
            items = [("", _bracket(argument, text)) for argument in args]
            items += [(f"{k.arg}=" if k.arg else "**", _bracket(k.value, text)) for k in keywords]
            return Bracket(source(func), tuple(items))
        case ast.List(elements):
            return Bracket("", tuple(("", _bracket(element, text)) for element in elements), "[]")
        case ast.ListComp(element, rounds):
            starts: list[int] = []
            for round_ in rounds:
                starts += [round_.target.col_offset - len("for "), *(c.col_offset - len("if ") for c in round_.ifs)]
            ends = [*starts[1:], node.col_offset + len(source(node)) - 1]
            clauses = [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]
            return Comprehension(_bracket(element, text), "\n".join(clauses), brackets="[]")
        case ast.Tuple(elements) if len(elements) > 1:
            return Bracket("", tuple(("", _bracket(element, text)) for element in elements))
        case _:
            return source(node)
