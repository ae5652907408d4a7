"""Chains: regions that `nn.Sequential` says whole, each stage fed what the one before leaves and that alone."""

from __future__ import annotations

from netspec.codegen.liveness import Needs, results
from netspec.codegen.naming import SEQUENTIAL_ATTRIBUTES, is_hidden
from netspec.graph.blueprint import Choice, Container, Instance, LayerUse, Let, Loop, Region, Use, Wire


def is_chain(region: Region, inputs: tuple[Wire, ...], outputs: tuple[Wire, ...], needs: Needs) -> bool:
    """Whether a module of these inputs and outputs is a chain."""
    if len(inputs) != 1 or len(outputs) != 1 or not any(not isinstance(item, Let) for item in region.items):
        return False
    labels: list[str] = []
    return _leaves(region, inputs[0], needs, labels) is outputs[0] and len(set(labels)) == len(labels)


def is_sequential(use: Use, needs: Needs) -> bool:
    """Whether a container is written as an `nn.Sequential`."""
    container = use.what
    return isinstance(container, Container) and is_chain(
        container.region, container.inputs, (*container.outputs, *container.escapes), needs
    )


def _leaves(region: Region, flowing: Wire | None, needs: Needs, labels: list[str]) -> Wire | None:
    """What a region leaves of what enters it; None where it is no chain."""
    for item in region.items:
        match item:
            case Use():
                flowing = item.outputs[0] if _is_stage(item, flowing, needs, labels) else None
            case Choice():
                flowing = _through_choice(item, flowing, needs, labels)
            case Loop():
                flowing = _through_loop(item, flowing, needs, labels)
        if flowing is None:
            return None
    return flowing


def _is_stage(use: Use, flowing: Wire | None, needs: Needs, labels: list[str]) -> bool:
    if use.inputs != (flowing,) or len(results(use)) != 1 or use.first is not None or use.when_training:
        return False
    if use.label is not None:
        text = "".join(part if isinstance(part, str) else "{}" for part in use.label.parts)
        if text in SEQUENTIAL_ATTRIBUTES or is_hidden(text):
            return False
        labels.append(text)
    match use.what:
        case LayerUse(_, call):
            if call.parameter or (call.target and not call.is_plain):
                return False
            return bool(call.target) or "{1}" not in call.apply
        case Instance(blueprint):
            return len(blueprint.inputs) == 1
        case Container():
            return len(use.what.inputs) == 1
    return False


def _through_choice(choice: Choice, flowing: Wire | None, needs: Needs, labels: list[str]) -> Wire | None:
    merges = needs.merges.get(id(choice), [])
    if len(merges) > 1 or len(choice.merges) > len(merges) and any(m.output is None for m in choice.merges):
        return None
    branches: list[list[str]] = []
    for place, region in enumerate(choice.regions):
        if place in choice.refusals:
            continue
        mine: list[str] = []
        end = _leaves(region, flowing, needs, mine)
        expected = merges[0].sources[place] if merges else flowing
        if end is None or end is not expected or len(set(mine)) != len(mine):
            return None
        branches.append(mine)
    labels.extend(dict.fromkeys(label for mine in branches for label in mine))
    return merges[0].output if merges else flowing


def _through_loop(loop: Loop, flowing: Wire | None, needs: Needs, labels: list[str]) -> Wire | None:
    if len(loop.carries) != 1 or loop.gathers or needs.merges.get(id(loop)) or loop.carries[0].first is not flowing:
        return None
    carry = loop.carries[0]
    mine: list[str] = []
    if _leaves(loop.region, carry.inner, needs, mine) is not carry.last:
        return None
    if any("{}" not in label for label in mine):
        return None
    labels.extend(mine)
    return carry.output
