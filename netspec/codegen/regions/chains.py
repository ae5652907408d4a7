"""Chains: regions that `nn.Sequential` says whole, each stage fed what the one before leaves and that alone."""

from __future__ import annotations

from netspec.codegen.regions.liveness import Needs, needs, results
from netspec.codegen.text.naming import SEQUENTIAL_ATTRIBUTES, is_hidden
from netspec.graph.blueprint import Choice, Container, Instance, LayerUse, Let, Loop, Region, Use, Wire
from netspec.layers.declaration.symbols import binary, constant
from netspec.syntax import tree

ZERO = tree.Number(0)


def is_chain(region: Region, inputs: tuple[Wire, ...], outputs: tuple[Wire, ...], alive: Needs) -> bool:
    """Whether a module of these inputs and outputs is a chain."""
    if len(inputs) != 1 or len(outputs) != 1 or not any(not isinstance(item, Let) for item in region.items):
        return False
    labels: list[str] = []
    return _leaves(region, inputs[0], alive, labels) is outputs[0] and len(set(labels)) == len(labels)


def is_sequential(use: Use) -> bool:
    """Whether a container is written as an `nn.Sequential`."""
    container = use.what
    if not isinstance(container, Container):
        return False
    outputs = (*container.outputs, *container.escapes)
    return is_chain(container.region, container.inputs, outputs, needs(container.region, outputs))


def _leaves(region: Region, flowing: Wire | None, alive: Needs, labels: list[str]) -> Wire | None:
    """What a region leaves of what enters it; None where it is no chain."""
    for item in region.items:
        match item:
            case Use():
                flowing = item.outputs[0] if _is_stage(item, flowing, labels) else None
            case Choice():
                flowing = _through_choice(item, flowing, alive, labels)
            case Loop():
                flowing = _through_loop(item, flowing, alive, labels)
        if flowing is None:
            return None
    return flowing


def _is_stage(use: Use, flowing: Wire | None, labels: list[str]) -> bool:
    if use.inputs != (flowing,) or len(results(use)) != 1 or use.first is not None or use.when_training:
        return False
    if use.label is not None:
        text = "".join(part if isinstance(part, str) else "{}" for part in use.label.parts)
        if text in SEQUENTIAL_ATTRIBUTES or is_hidden(text) or "." in text:
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


def _through_choice(choice: Choice, flowing: Wire | None, alive: Needs, labels: list[str]) -> Wire | None:
    merges = alive.merges.get(id(choice), [])
    if len(merges) > 1 or (len(choice.merges) > len(merges) and any(m.output is None for m in choice.merges)):
        return None
    branches: list[list[str]] = []
    for place, region in enumerate(choice.regions):
        if place in choice.refusals:
            continue
        mine: list[str] = []
        end = _leaves(region, flowing, alive, mine)
        expected = merges[0].sources[place] if merges else flowing
        if end is None or end is not expected or len(set(mine)) != len(mine):
            return None
        branches.append(mine)
    labels.extend(dict.fromkeys(label for mine in branches for label in mine))
    return merges[0].output if merges else flowing


def _through_loop(loop: Loop, flowing: Wire | None, alive: Needs, labels: list[str]) -> Wire | None:
    if len(loop.carries) != 1 or loop.gathers or alive.merges.get(id(loop)) or loop.carries[0].first is not flowing:
        return None
    carry = loop.carries[0]
    mine: list[str] = []
    if _leaves(loop.region, carry.inner, alive, mine) is not carry.last:
        return None
    if any("{}" not in label for label in mine):
        return None
    labels.extend(mine)
    return carry.output


def number_stages(region: Region, start: tree.Expr = ZERO) -> tree.Expr:
    """Gives the stages of a counted chain that cannot be an `nn.Sequential` the labels that they would have there.

    Returns the number of the stage after the region.
    """
    for item in region.items:
        match item:
            case Use():
                number = constant(start)
                item.label = tree.Label((str(number),) if number is not None else (start,))
                item.chosen = True
                start = _plus(start, 1)
            case Choice():
                ends = [number_stages(inner, start) for inner in item.regions]
                whole = ends[-1]
                for condition, end in zip(reversed(item.conditions[:-1]), reversed(ends[:-1]), strict=True):
                    assert condition is not None
                    whole = whole if end == whole else tree.Conditional(end, condition, whole)
                start = whole
            case Loop():
                per_round = number_stages(item.region)
                index = _index(item)
                _moved(item.region, binary("+", start, binary("*", per_round, index)))
                start = binary("+", start, binary("*", per_round, _rounds(item)))
    return start


def _plus(expression: tree.Expr, count: int) -> tree.Expr:
    number = constant(expression)
    return tree.Number(number + count) if number is not None else binary("+", expression, tree.Number(count))


def _moved(region: Region, start: tree.Expr) -> None:
    """Numbers of a round, counted on from where the round begins."""
    for item in region.items:
        match item:
            case Use():
                assert item.label is not None
                (part,) = item.label.parts
                number = tree.Number(int(part)) if isinstance(part, str) else part
                item.label = tree.Label((binary("+", start, number),))
            case Choice():
                for inner in item.regions:
                    _moved(inner, start)
            case Loop():
                _moved(item.region, start)


def _index(loop: Loop) -> tree.Expr:
    match loop.sequence:
        case tree.Call(tree.Name("range"), arguments) if len(arguments) == 1 and loop.names:
            return tree.Name(loop.names[0])
    loop.index = loop.index or f"i#{id(loop)}"
    return tree.Name(loop.index)


def _rounds(loop: Loop) -> tree.Expr:
    match loop.sequence:
        case tree.Call(tree.Name("range"), arguments) if len(arguments) == 1:
            return arguments[0].value
        case _ if not loop.names:
            return loop.sequence
    return tree.Call(tree.Name("len"), (tree.Argument(None, loop.sequence),))
