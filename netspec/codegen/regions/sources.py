"""Sources: learned tensors and constants, which have no batch until something needs one.

A source is `bare` where torch aligns it by itself, as in a sum; it has a batch of `ONE` where layers that keep samples
apart make something of it and other sources; and it is repeated for the `WHOLE` batch where something else needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from netspec.graph.blueprint import Choice, LayerUse, Loop, Region, Use, Wire

BARE, ONE, WHOLE = range(3)


def expanded(region: Region, inputs: Sequence[Wire], outputs: Sequence[Wire]) -> Region:
    """The region with sources given a batch where broadcasting would not do."""
    sources = [item for item in _uses(region) if _is_source(item)]
    if not sources or not inputs:
        return region
    origin: dict[int, set[int]] = {id(use.outputs[0]): {id(use.outputs[0])} for use in sources}
    batch = {id(use.outputs[0]): BARE for use in sources}

    def demand(wires: Iterable[Wire], extent: int) -> None:
        for wire in wires:
            for root in origin.get(id(wire), ()):
                batch[root] = max(batch[root], extent)

    for use in _uses(region):
        plain = [wire for wire in use.inputs if id(wire) in origin]
        if use in sources or not plain:
            continue
        if len(plain) == len(use.inputs) and _keeps_samples_apart(use):
            origin[id(use.outputs[0])] = set().union(*(origin[id(wire)] for wire in plain))
            demand(plain, BARE if _broadcasts(use) else ONE)
        elif not _broadcasts(use):
            for place, wire in enumerate(use.inputs):
                demand((wire,), ONE if _serves_all(use, place) else WHOLE)
    demand(outputs, WHOLE)
    operands = {id(wire) for use in _uses(region) for wire in use.inputs} | {id(wire) for wire in outputs}
    whole = _carried_sources(region, origin, operands | _handed(region))
    batch.update(dict.fromkeys(whole, WHOLE))
    return _rewritten(region, batch, inputs[0])


def _is_source(use: Use) -> bool:
    return isinstance(use.what, LayerUse) and not use.what.layer.tensors and bool(use.what.call.parameter)


def _broadcasts(use: Use) -> bool:
    return isinstance(use.what, LayerUse) and use.what.layer.broadcasts


def _keeps_samples_apart(use: Use) -> bool:
    """Whether it is an expression, without weights, statistics or chance: of a batch of one it makes a batch of one."""
    return isinstance(use.what, LayerUse) and not use.what.call.target and len(use.outputs) == 1


def _serves_all(use: Use, place: int) -> bool:
    return isinstance(use.what, LayerUse) and use.what.layer.takes_one_for_all(place, len(use.inputs))


def _uses(region: Region) -> list[Use]:
    uses: list[Use] = []
    for item in region.items:
        match item:
            case Use():
                uses.append(item)
            case Choice():
                for inner in item.regions:
                    uses.extend(_uses(inner))
            case Loop():
                uses.extend(_uses(item.region))
    return uses


def _handed(region: Region) -> set[int]:
    """The values that conditions and loops take from their bodies."""
    handed: set[int] = set()
    for item in region.items:
        match item:
            case Choice():
                handed |= {id(source) for merge in item.merges for source in merge.sources}
                handed = handed.union(*map(_handed, item.regions))
            case Loop():
                handed |= {id(wire) for carry in item.carries for wire in (carry.first, carry.last)}
                handed |= {id(gather.inner) for gather in item.gathers} | {id(r.sources[0]) for r in item.results}
                handed |= _handed(item.region)
    return handed


def _carried_sources(region: Region, origin: dict[int, set[int]], operands: set[int]) -> set[int]:
    """The sources that conditions and loops hand on, to somebody who asks for them."""
    sources: set[int] = set()
    for item in region.items:
        match item:
            case Choice():
                for merge in item.merges:
                    for source in merge.sources:
                        sources |= origin.get(id(source), set())
                for inner in item.regions:
                    sources |= _carried_sources(inner, origin, operands)
            case Loop():
                for carry in item.carries:
                    sources |= origin.get(id(carry.first), set()) | origin.get(id(carry.last), set())
                for gather in item.gathers:
                    sources |= origin.get(id(gather.inner), set())
                for result in item.results:
                    if id(result.output) in operands:
                        sources |= origin.get(id(result.sources[0]), set())
                sources |= _carried_sources(item.region, origin, operands)
    return sources


def _rewritten(region: Region, batch: dict[int, int], first: Wire) -> Region:
    items = []
    for item in region.items:
        match item:
            case Use() if _is_source(item) and batch[id(item.outputs[0])] != BARE:
                assert isinstance(item.what, LayerUse)
                if batch[id(item.outputs[0])] == ONE:
                    apply = "{module}[None]"
                else:
                    apply = f"{{module}}.expand({{0}}.shape[0]{', -1' * item.outputs[0].shape.rank})"
                    item.inputs = (first,)
                item.what = LayerUse(item.what.layer, replace(item.what.call, apply=apply))
            case Choice():
                for inner in item.regions:
                    _rewritten(inner, batch, first)
            case Loop():
                _rewritten(item.region, batch, first)
        items.append(item)
    region.items = items
    return region
