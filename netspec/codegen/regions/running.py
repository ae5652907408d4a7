"""Running numbers of loops that need no variable of their own: they go on where another one ends.

`for n in blocks: channels2 = channels; for _ in range(n): ...; channels2 = width` then `channels = channels2` is one
variable, as is a parameter of which a loop starts and nothing asks afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netspec.codegen.regions.chains import is_sequential
from netspec.codegen.regions.regions import free_names
from netspec.graph.blueprint import Choice, Container, Let, Loop, Region, Running, Use
from netspec.layers.declaration.symbols import names, substituted
from netspec.syntax import tree


def continued(region: Region, parameters: Iterable[str]) -> dict[str, str]:
    """The running numbers of a class's region, each with the parameter or running number that it goes on with."""
    return dict(_continued(region, frozenset(parameters)))


def _continued(region: Region, ending: frozenset[str]) -> Iterator[tuple[str, str]]:
    """`ending` are the variables that may be overwritten where nothing in the region asks for them any more."""
    for place, item in enumerate(region.items):
        match item:
            case Loop():
                later = set(free_names(Region(region.items[place + 1 :])))
                for running in item.running:
                    first = running.first
                    if isinstance(first, tree.Name) and first.id in ending - later and _is_left(first.id, item):
                        yield running.name, first.id
                twins = dict(_twins(item))
                yield from twins.items()
                yield from _continued(item.region, frozenset(_overwritten(item)) - twins.keys() - set(twins.values()))
            case Choice():
                for inner in item.regions:
                    yield from _continued(inner, frozenset())
            case Use(what=Container() as container) if is_sequential(item):
                yield from _continued(container.region, frozenset())


def _twins(loop: Loop) -> Iterator[tuple[str, str]]:
    """Running numbers that are the same as another one in every round, as height and width of square maps are."""
    lasts = last_lets(loop)

    def update(running: Running) -> tree.Expr | None:
        expression = running.update
        return lasts.get(expression.id, expression) if isinstance(expression, tree.Name) else expression

    for place, running in enumerate(loop.running):
        for other in loop.running[:place]:
            mine, its = update(running), update(other)
            if running.first != other.first or mine is None or its is None:
                continue
            if substituted(mine, {running.name: tree.Name(other.name)}) == its:
                yield running.name, other.name
                break


def _is_left(name: str, loop: Loop) -> bool:
    """Whether a loop asks for a name only to start one of its running numbers."""
    firsts = [running for running in loop.running if name in names(running.first)]
    updates = [running for running in loop.running if running.update is not None and name in names(running.update)]
    return len(firsts) == 1 and not updates and name not in set(free_names(loop.region))


def _overwritten(loop: Loop) -> Iterator[str]:
    """The running numbers of a loop that each round ends with a number which does not ask for them."""
    references = set().union(*(names(running.update) for running in loop.running if running.update is not None))
    yield from (
        running.name for running in loop.running if running.update is not None and running.name not in references
    )


def is_kept(name: str, update: tree.Expr, loop: Loop, one: dict[str, str]) -> bool:
    """Whether a loop within a round leaves a running number as the round would, so that no line is needed, or another
    running number has its variable.
    """
    if name in one and one[name] in {running.name for running in loop.running}:
        return True
    for item in loop.region.items:
        if isinstance(item, Loop) and item.has_rounds:
            for inner in item.running:
                if one.get(inner.name) == name and inner.update is not None:
                    lasts = last_lets(item)
                    last = inner.update
                    if (lasts.get(last.id, last) if isinstance(last, tree.Name) else last) == update:
                        return True
    return False


def last_lets(loop: Loop) -> dict[str, tree.Expr]:
    """The lets of a round that only say what becomes of one running number: they need no line of their own."""
    updates = [running.update for running in loop.running if running.update is not None]
    lets: dict[str, tree.Expr] = {}
    for place, item in enumerate(loop.region.items):
        if not isinstance(item, Let) or sum(item.name in names(update) for update in updates) != 1:
            continue
        if tree.Name(item.name) in updates and item.name not in set(free_names(Region(loop.region.items[place + 1 :]))):
            lets[item.name] = item.value
    return lets
