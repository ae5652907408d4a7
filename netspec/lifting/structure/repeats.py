"""Statements that come again to `repeat` and `for`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from netspec.lifting.structure.progressions import growing, is_bare
from netspec.syntax import tree

LONGEST = 4
"""So many statements a round has at most."""


def folded(part: Any) -> Any:
    """A tree whose bodies say once what comes several times in a row."""
    match part:
        case tree.Body(statements):
            return tree.Body(_folded([folded(statement) for statement in statements]))
        case tree.Wiring("add" | "mul" | "concat" as keyword, body):
            return tree.Wiring(keyword, tree.Body(tuple(map(folded, body.statements))))
        case tree.Tree():
            return type(part)(*(folded(value) for _, value in part.content()))
        case tuple():
            return tuple(map(folded, part))
    return part


def _folded(statements: Sequence[tree.Statement]) -> tuple[tree.Statement, ...]:
    made: list[tree.Statement] = []
    place = 0
    while place < len(statements):
        length, rounds = _longest(statements, place)
        if rounds > 1:
            made.append(tree.Repeat(tree.Number(rounds), tree.Body(tuple(statements[place : place + length]))))
            place += length * rounds
            continue
        count = _numbered(statements, place)
        if count > 2:
            made.append(_loop(statements[place : place + count]))
            place += count
            continue
        loop, count = growing(statements[place:])
        if loop is not None:
            made.append(loop)
            place += count
            continue
        made.append(statements[place])
        place += 1
    return tuple(made)


def _longest(statements: Sequence[tree.Statement], place: int) -> tuple[int, int]:
    """The length of a round that begins here, and how many there are of it in a row."""
    best = 1, 1
    for length in range(1, LONGEST + 1):
        first = statements[place : place + length]
        if len(first) < length or not all(map(is_bare, first)):
            break
        rounds = 1
        while list(statements[place + rounds * length : place + (rounds + 1) * length]) == list(first):
            rounds += 1
        if rounds > 1 and rounds * length > best[0] * best[1]:
            best = length, rounds
    return best


_NUMBERED = re.compile(r"(.*?)(\d+)")


def _number(statement: tree.Statement) -> tuple[str, int] | None:
    """The stem and the number of a stage's only label: `encoder_layer_3`, `block4`, `7`."""
    match statement:
        case tree.Stage((tree.Label((str(text),), None),), _) if (found := _NUMBERED.fullmatch(text)) and (
            found[2] == str(int(found[2]))
        ):
            return found[1], int(found[2])
    return None


def _numbered(statements: Sequence[tree.Statement], place: int) -> int:
    """How many stages from here on differ in the number of their label alone, which goes up by one."""
    first = statements[place]
    named = _number(first)
    if named is None or not isinstance(first, tree.Stage) or _mentions(statements, named[0]):
        return 0
    count = 1
    for statement in statements[place + 1 :]:
        same = isinstance(statement, tree.Stage) and statement.flow == first.flow
        if not same or _number(statement) != (named[0], named[1] + count):
            break
        count += 1
    return count


def _mentions(statements: Sequence[tree.Statement], stem: str) -> bool:
    """Whether something takes a value by a name with this stem."""
    pending: list[Any] = list(statements)
    while pending:
        match pending.pop():
            case tree.Name(name) if stem and (found := _NUMBERED.fullmatch(name)) and found[1] == stem:
                return True
            case tree.Tree() as part:
                pending.extend(value for _, value in part.content())
            case tuple() as items:
                pending.extend(items)
    return False


def _loop(stages: Sequence[tree.Statement]) -> tree.For:
    first = stages[0]
    named = _number(first)
    assert named is not None
    assert isinstance(first, tree.Stage)
    stem, start = named
    sequence = tree.Call(tree.Name("range"), (tree.Argument(None, tree.Number(len(stages))),))
    index = tree.Name("i")
    number = tree.Binary("+", index, tree.Number(start)) if start else index
    label = tree.Label((stem, number) if stem else (number,))
    return tree.For(("i",), sequence, tree.Body((tree.Stage((label,), first.flow),)))
