"""Sources: learned tensors and constants, which have no batch until something needs one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netspec.graph.blueprint import Choice, LayerUse, Loop, Region, Use, Wire


def expanded(region: Region, inputs: Sequence[Wire], outputs: Sequence[Wire]) -> Region:
    """The region with sources expanded over the batch where broadcasting would not do."""
    sources = [item for item in _uses(region) if _is_source(item)]
    if not sources or not inputs:
        return region
    batchless = {id(use.outputs[0]) for use in sources}
    demanded = {id(wire) for wire in outputs}
    origin: dict[int, set[int]] = {id(use.outputs[0]): {id(use.outputs[0])} for use in sources}
    for use in _uses(region):
        if use in sources:
            continue
        plain = [wire for wire in use.inputs if id(wire) in batchless]
        if not plain:
            continue
        roots = set().union(*(origin[id(wire)] for wire in plain))
        if not (isinstance(use.what, LayerUse) and use.what.layer.broadcasts):
            demanded |= roots
        elif len(plain) == len(use.inputs):
            batchless.add(id(use.outputs[0]))
            origin[id(use.outputs[0])] = roots
    for wire in outputs:
        demanded |= origin.get(id(wire), set())
    asked = {id(wire) for use in _uses(region) for wire in use.inputs} | {id(wire) for wire in outputs}
    demanded |= _held(region, origin, asked | _handed(region))
    return _rewritten(region, demanded, inputs[0])


def _is_source(use: Use) -> bool:
    return isinstance(use.what, LayerUse) and not use.what.layer.tensors and bool(use.what.call.parameter)


def _uses(region: Region) -> list[Use]:
    found: list[Use] = []
    for item in region.items:
        match item:
            case Use():
                found.append(item)
            case Choice():
                for inner in item.regions:
                    found.extend(_uses(inner))
            case Loop():
                found.extend(_uses(item.region))
    return found


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


def _held(region: Region, origin: dict[int, set[int]], asked: set[int]) -> set[int]:
    """The sources that conditions and loops hand on, to somebody who asks for them."""
    found: set[int] = set()
    for item in region.items:
        match item:
            case Choice():
                for merge in item.merges:
                    for source in merge.sources:
                        found |= origin.get(id(source), set())
                for inner in item.regions:
                    found |= _held(inner, origin, asked)
            case Loop():
                for carry in item.carries:
                    found |= origin.get(id(carry.first), set()) | origin.get(id(carry.last), set())
                for gather in item.gathers:
                    found |= origin.get(id(gather.inner), set())
                for result in item.results:
                    if id(result.output) in asked:
                        found |= origin.get(id(result.sources[0]), set())
                found |= _held(item.region, origin, asked)
    return found


def _rewritten(region: Region, demanded: set[int], batch: Wire) -> Region:
    items = []
    for item in region.items:
        match item:
            case Use() if _is_source(item) and id(item.outputs[0]) in demanded:
                assert isinstance(item.what, LayerUse)
                sizes = ", -1" * item.outputs[0].shape.rank
                call = replace(item.what.call, apply=f"{{module}}.expand({{0}}.shape[0]{sizes})")
                item.what = LayerUse(item.what.layer, call)
                item.inputs = (batch,)
            case Choice():
                for inner in item.regions:
                    _rewritten(inner, demanded, batch)
            case Loop():
                _rewritten(item.region, demanded, batch)
        items.append(item)
    region.items = items
    return region
