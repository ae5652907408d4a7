"""Expressions that span lines, broken as Black breaks them: after a bracket, at commas, before operators and `else`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netspec.format.rows import INDENT, WIDTH
from netspec.format.trivia import Trivia
from netspec.syntax import tree
from netspec.syntax.brackets import DEEPEST
from netspec.syntax.layout import LONGEST
from netspec.syntax.printer import (
    BINARY,
    OR,
    SUM,
    TERNARY,
    print_argument,
    print_expression,
    print_parameter,
    print_round,
    print_within,
)

Parameters: TypeAlias = tuple[tree.Parameter, ...]
Breakable: TypeAlias = tree.Expr | Parameters


@dataclass(frozen=True, slots=True)
class Item:
    """What stands between two commas, or an operand with the operator before it; `expr` may be broken further."""

    text: str
    start: int
    end: int
    expr: tree.Expr | None = None


@dataclass(frozen=True, slots=True)
class Bracket:
    """A bracket with the text before its items and after them; `added` where the expression has none of its own, and
    `joined` where no commas part its items.
    """

    head: str
    items: tuple[Item, ...]
    tail: str
    added: bool = False
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an expression, `indent` steps deeper than its first; [start, end) is its range of the source."""

    indent: int
    text: str
    start: int
    end: int


def text_of(part: Breakable) -> str:
    """The expression, or the parameters in their brackets, on one line."""
    return f"({', '.join(map(print_parameter, part))})" if isinstance(part, tuple) else print_expression(part)


def lines(part: Breakable, indent: int, trivia: Trivia | None) -> list[Line]:
    """The lines of an expression whose first line is indented by `indent` steps; one where nothing can be broken."""
    bracket = _bracket(part, indent)
    if bracket is None:
        return []
    first, last = bracket.items[0].start, bracket.items[-1].end
    if trivia is not None:
        first, last = trivia.code_before(first), _closing(last, trivia).end()
    inner = _inner(bracket, indent + 1, trivia)
    return [Line(0, bracket.head, first, first), *inner, Line(0, bracket.tail, last, last)]


def stays_open(part: Breakable, trivia: Trivia) -> bool:
    """Whether a bracket in it is broken even where it fits a line: for a comment in it, or a comma at its end."""
    bracket = _bracket(part, 0)
    return bracket is not None and _stays_open(bracket, trivia)


def _stays_open(bracket: Bracket, trivia: Trivia) -> bool:
    if bracket.added:
        return False
    return _open(bracket, trivia) or any(item.expr and stays_open(item.expr, trivia) for item in bracket.items)


def _open(bracket: Bracket, trivia: Trivia) -> bool:
    first, last = trivia.code_before(bracket.items[0].start), bracket.items[-1].end
    closing = _closing(last, trivia)
    comma = closing[1] and trivia.line_ends(last, closing.end())
    return bool(comma or trivia.between(first, closing.end()))


_CLOSING = re.compile(r"(?:\s|#[^\n]*)*(,?)(?:\s|#[^\n]*)*")


def _closing(last: int, trivia: Trivia) -> re.Match[str]:
    """What stands between the last item of a bracket, which ends at `last`, and its end; group 1 is the comma."""
    closing = _CLOSING.match(trivia.text, last)
    assert closing is not None
    return closing


def _bracket(part: Breakable, indent: int) -> Bracket | None:
    """The outermost bracket of an expression that can be broken there."""
    match part:
        case tuple():
            return Bracket("(", tuple(Item(print_parameter(p), p.span.start, p.span.end) for p in part), ")")
        case tree.Call(callee, arguments) if arguments:
            items = tuple(Item(print_argument(a), a.span.start, a.span.end, a.value) for a in arguments)
            return Bracket(print_expression(tree.Call(callee, ()))[:-1], items, ")")
        case tree.List(values) if values:
            return Bracket("[", tuple(Item(print_expression(v), v.span.start, v.span.end, v) for v in values), "]")
        case tree.Comprehension(item, rounds):
            return Bracket("[", tuple(_rounds(item, rounds)), "]", joined=True)
        case tree.Attribute(value) | tree.Member(value) | tree.Index(value) | tree.Slice(value) if inner := _bracket(
            value, indent
        ):
            rest = print_expression(part).removeprefix(print_expression(value))
            return None if inner.added else Bracket(inner.head, inner.items, inner.tail + rest, joined=inner.joined)
        case tree.Conditional() | tree.Binary() | tree.Compare() if _may_grow(part, indent):
            return Bracket("(", tuple(_operands(part)), ")", added=True)
    return None


def _rounds(item: tree.Expr, rounds: tuple[tree.Round, ...]) -> Iterator[Item]:
    """What a comprehension makes, and each `for ... in ...` of it."""
    yield Item(print_expression(item), item.span.start, item.span.end, item)
    for round_ in rounds:
        yield Item(print_round(round_).lstrip(), round_.span.start, round_.span.end)


def _operands(expr: tree.Conditional | tree.Binary | tree.Compare) -> Iterator[Item]:
    """The operands of an expression, each with the operator or `else` before it."""
    match expr:
        case tree.Conditional():
            yield from _choices(expr)
        case tree.Compare(operators, operands):
            for operator, operand in zip(("", *operators), operands, strict=True):
                yield _operand(operator, operand, SUM)
        case tree.Binary():
            yield from _terms(expr)


def _operand(operator: str, operand: tree.Expr, lowest: int) -> Item:
    text = print_within(operand, lowest)
    return Item(f"{operator} {text}".lstrip(), operand.span.start, operand.span.end)


def _choices(expr: tree.Conditional) -> Iterator[Item]:
    """`a if b`, `else c if d`, `else e`."""
    rest: tree.Expr = expr
    while isinstance(rest, tree.Conditional):
        text = f"{print_within(rest.then, OR)} if {print_within(rest.condition, OR)}"
        yield Item(text if rest is expr else f"else {text}", rest.then.span.start, rest.condition.span.end)
        rest = rest.otherwise
    yield _operand("else", rest, TERNARY)


def _terms(expr: tree.Binary) -> Iterator[Item]:
    """The terms of a sum, the factors of a product, and so on, with the signs of that level before them."""
    level, lowest_left, lowest_right, _ = BINARY[expr.operator]
    terms: list[tuple[str, tree.Expr]] = []
    left: tree.Expr = expr
    while isinstance(left, tree.Binary) and BINARY[left.operator][0] == level and lowest_left == level:
        terms.append((left.operator, left.right))
        left = left.left
    yield _operand("", left, lowest_left) if terms else Item(print_expression(expr), expr.span.start, expr.span.end)
    for operator, term in reversed(terms):
        yield _operand(operator, term, lowest_right)


def _may_grow(expr: tree.Expr, indent: int) -> bool:
    """Whether brackets around the expression leave it within what may be written: its tokens, its depth."""
    text = print_expression(expr)
    tokens = len(re.findall(r"\w+|[^\w\s]", text))
    return tokens + 2 * indent + 8 < LONGEST and sum(map(text.count, "([{")) + indent + 1 < DEEPEST


def _inner(bracket: Bracket, indent: int, trivia: Trivia | None) -> Iterator[Line]:
    """The items all on one line where they fit; else on the lines that they stood on, or a line each."""
    items = bracket.items
    room = WIDTH - len(INDENT) * indent
    joined = bracket.added or bracket.joined
    between, after = (" ", "") if joined else (", ", ",")
    whole = between.join(item.text for item in items)
    if len(whole) <= room and not (trivia and _stays_open(bracket, trivia)):
        yield Line(1, whole, items[0].start, items[-1].end)
        return
    for line in [[item] for item in items] if joined else _as_they_stood(items, trivia):
        text = between.join(item.text for item in line) + after
        if len(text) <= room and not any(item.expr and trivia and stays_open(item.expr, trivia) for item in line):
            yield Line(1, text, line[0].start, line[-1].end)
        else:
            for item in line:
                yield from _alone(item, after, indent, trivia)


def _as_they_stood(items: Sequence[Item], trivia: Trivia | None) -> list[list[Item]]:
    """The items by the lines of the source, if these are several; else one by one."""
    rows: list[list[Item]] = []
    for item in items:
        if rows and trivia and not trivia.line_ends(rows[-1][-1].end, item.start):
            rows[-1].append(item)
        else:
            rows.append([item])
    return rows if len(rows) > 1 else [[item] for item in items]


def _alone(item: Item, after: str, indent: int, trivia: Trivia | None) -> Iterator[Line]:
    """An item on a line of its own, or broken further where it is too long for one."""
    long = len(item.text + after) > WIDTH - len(INDENT) * indent
    broken = item.expr is not None and (long or (trivia is not None and stays_open(item.expr, trivia)))
    inner = lines(item.expr, indent, trivia) if broken and item.expr is not None else []
    if not inner:
        yield Line(1, item.text + after, item.start, item.end)
        return
    assert item.expr is not None
    lead = item.text.removesuffix(print_expression(item.expr))
    for index, line in enumerate(inner):
        text = (lead if index == 0 else "") + line.text + (after if index == len(inner) - 1 else "")
        yield Line(line.indent + 1, text, line.start, line.end)
