"""Joins to wirings: an add, a product or a concat whose operands come of one value by branches of their own.

They are looked for from the inside out: what is a wiring is one item for those around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from netspec.lifting.items import Box, Item, Join, Leaf, leaves

_JOINS: dict[str, Literal["add", "mul", "concat"]] = {"add": "add", "mul": "mul", "concat": "concat"}


def wired(items: Sequence[Item], outside: frozenset[int]) -> tuple[Item, ...]:
    """The items with their wirings. `outside` are the values that are used elsewhere."""
    body = [
        replace(item, items=wired(item.items, frozenset((item.result,)))) if isinstance(item, Box) else item
        for item in items
    ]
    place = 0
    while place < len(body):
        item = body[place]
        if isinstance(item, Leaf) and item.step.layer in _JOINS and len(item.reads) > 1:
            body, place = _joined(body, place, outside)
        place += 1
    return tuple(body)


def _joined(body: list[Item], place: int, outside: frozenset[int]) -> tuple[list[Item], int]:
    """The body in which the join at a place is a wiring, if it can be one, and where that stands."""
    leaf = body[place]
    assert isinstance(leaf, Leaf)
    step = leaf.step
    if step.arguments or len(set(step.inputs)) < len(step.inputs):
        return body, place
    makers = {value: index for index, item in enumerate(body[:place]) for value in item.made}
    dense = _dense(body, place, makers, outside)
    if dense is not None:
        return dense
    for entry in _entries(body, step.inputs, makers):
        branches = [_branch(body, operand, entry, makers) for operand in step.inputs]
        if not _apart(body, branches, entry, place, outside):
            continue
        removals = {index for branch in branches if branch for index in branch}
        parts = tuple(tuple(body[index] for index in sorted(branch or ())) for branch in branches)
        rest = [item for index, item in enumerate(body) if index not in removals and index != place]
        new = place - len(removals)
        rest.insert(new, _wiring(_JOINS[step.layer], parts, entry, step.outputs[0]))
        return rest, new
    return body, place


def _entries(body: Sequence[Item], operands: Sequence[int], makers: dict[int, int]) -> list[int]:
    """The values that all operands hang on, the latest first."""
    common: set[int] | None = None
    for operand in operands:
        seen = {operand}
        pending = [operand]
        while pending:
            maker = makers.get(pending.pop())
            if maker is not None:
                fresh = [value for value in body[maker].reads if value not in seen]
                seen.update(fresh)
                pending.extend(fresh)
        common = seen if common is None else common & seen
    return sorted(common or (), key=lambda value: (makers.get(value, -1), value), reverse=True)[:6]


def _branch(body: Sequence[Item], operand: int, entry: int, makers: dict[int, int]) -> set[int] | None:
    """The items between the entry and an operand; None where it takes another value from outside, or not the entry."""
    if operand == entry:
        return set()
    branch: set[int] = set()
    pending, enters = [operand], False
    while pending:
        value = pending.pop()
        if value == entry:
            enters = True
            continue
        maker = makers.get(value)
        if maker is None:
            return None
        if maker not in branch:
            branch.add(maker)
            pending.extend(body[maker].reads)
    return branch if enters else None


def _apart(
    body: Sequence[Item], branches: Sequence[set[int] | None], entry: int, place: int, outside: frozenset[int]
) -> bool:
    """Whether the branches share nothing, and nothing in them is used but by themselves and the join."""
    if any(branch is None for branch in branches) or sum(not branch for branch in branches) > 1:
        return False
    inside = [branch or set() for branch in branches]
    if sum(map(len, inside)) != len(set().union(*inside)):
        return False
    for branch in inside:
        outputs = {value for index in branch for value in body[index].made}
        if outputs & outside:
            return False
        for index, item in enumerate(body):
            if index not in branch and index != place and outputs.intersection(item.reads):
                return False
    return True


def _wiring(
    keyword: Literal["add", "mul", "concat"], branches: tuple[tuple[Item, ...], ...], entry: int, result: int
) -> Join:
    if keyword != "add":
        return Join(keyword, branches, entry, result)
    first = branches[0][-1] if len(branches[0]) == 1 else None
    if isinstance(first, Join) and first.keyword == "add" and first.entry == entry:
        return Join("add", (*first.branches, *branches[1:]), entry, result)
    main, shortcut = sorted(branches, key=lambda branch: -len(list(leaves(branch))))
    if isinstance(first, Join) and first.keyword == "residual" and first.entry == entry and len(first.branches) > 1:
        return Join("add", (*first.branches, *branches[1:]), entry, result)
    return Join("residual", (main, shortcut) if shortcut else (main,), entry, result)


def _dense(
    body: list[Item], place: int, makers: dict[int, int], outside: frozenset[int]
) -> tuple[list[Item], int] | None:
    """The wiring of a concat of x, f(x), g(concat(x, f(x))), ...: the items, and where it stands."""
    last = body[place]
    assert isinstance(last, Leaf)
    entry, *parts = last.step.inputs
    if last.step.layer != "concat" or len(parts) < 2 or last.step.arguments:
        return None
    uses = Counter(value for item in body for value in item.reads)
    stages: list[int] = []
    removals: set[int] = {place}
    for number, part in enumerate(parts):
        maker = makers.get(part)
        if maker is None or part in outside or uses[part] != len(parts) - number:
            return None
        (value, *more) = body[maker].reads or (None,)
        if more or value is None:
            return None
        if number == 0:
            if value != entry:
                return None
        else:
            joint = body[makers[value]] if value in makers else None
            if not isinstance(joint, Leaf) or joint.step.layer != "concat" or uses[value] != 1 or value in outside:
                return None
            if joint.step.inputs != (entry, *parts[:number]) or joint.step.arguments:
                return None
            removals.add(makers[value])
        stages.append(maker)
    removals.update(stages)
    join = Join("dense", tuple((body[index],) for index in stages), entry, last.step.outputs[0])
    rest = [item for index, item in enumerate(body) if index not in removals]
    new = place + 1 - len(removals)
    rest.insert(new, join)
    return rest, new
