"""What a forward has to compute: the items that its outputs depend on, and those that only training needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from netspec.graph.blueprint import Carry, Choice, Container, Instance, Loop, Merge, Region, Use, Wire


@dataclass(slots=True, eq=False)
class Needs:
    """The items that are needed, by identity, and what is needed of conditions and loops."""

    items: set[int] = field(default_factory=set)
    merges: dict[int, list[Merge]] = field(default_factory=dict)
    carries: dict[int, list[Carry]] = field(default_factory=dict)


def results(use: Use) -> tuple[Wire, ...]:
    """All that a call of a module leaves: its outputs, and what is read from inside of it."""
    match use.what:
        case Instance(blueprint, _, taps):
            by_path = {(path, place): wire for wire, path, place in taps}
            return (*use.outputs, *(by_path[tap] for tap in blueprint.taps))
        case Container():
            return (*use.outputs, *use.what.escapes)
    return use.outputs


def needs(region: Region, outputs: Iterable[Wire]) -> Needs:
    """What a region has to compute for these values."""
    demand = Needs()
    _backwards(region, set(map(id, outputs)), demand)
    return demand


def _backwards(region: Region, live: set[int], demand: Needs) -> None:
    for item in reversed(region.items):
        match item:
            case Use():
                if any(id(wire) in live for wire in results(item)):
                    demand.items.add(id(item))
                    live.update(map(id, item.inputs))
            case Choice():
                _choice(item, live, demand)
            case Loop():
                _loop(item, live, demand)


def _choice(choice: Choice, live: set[int], demand: Needs) -> None:
    merges = [merge for merge in choice.merges if id(merge.output) in live]
    if not merges:
        return
    demand.items.add(id(choice))
    demand.merges[id(choice)] = merges
    before = set(live)
    for place, region in enumerate(choice.regions):
        inside = before | {id(merge.sources[place]) for merge in merges if merge.sources[place] is not None}
        _backwards(region, inside, demand)
        live |= inside


def _loop(loop: Loop, live: set[int], demand: Needs) -> None:
    results = [merge for merge in loop.results if id(merge.output) in live]
    gathers = [gather for gather in loop.gathers if id(gather.output) in live]
    carries = [carry for carry in loop.carries if id(carry.output) in live]
    if not (results or gathers or carries):
        return
    demand.items.add(id(loop))
    while True:
        inside = {id(carry.last) for carry in carries} | {id(merge.sources[0]) for merge in results}
        inside |= {id(gather.inner) for gather in gathers}
        _backwards(loop.region, inside, demand)
        more = [c for c in loop.carries if c not in carries and id(c.inner) in inside]
        if not more:
            break
        carries += more
    demand.merges[id(loop)] = results
    demand.carries[id(loop)] = [carry for carry in loop.carries if carry in carries]
    live |= inside | {id(carry.first) for carry in carries}


def consumed(region: Region) -> set[int]:
    """All values that anything in a region takes, by identity."""
    operands: set[int] = set()
    for item in region.items:
        match item:
            case Use():
                operands.update(map(id, item.inputs))
                if isinstance(item.what, Container):
                    operands |= consumed(item.what.region)
                    operands.update(map(id, item.what.outputs))
            case Choice():
                for inner in item.regions:
                    operands |= consumed(inner)
                operands.update(id(source) for merge in item.merges for source in merge.sources if source is not None)
            case Loop():
                operands |= consumed(item.region)
                operands.update(id(wire) for carry in item.carries for wire in (carry.first, carry.last))
                operands.update(id(merge.sources[0]) for merge in item.results)
                operands.update(id(gather.inner) for gather in item.gathers)
    return operands
