"""What goes into and out of each class: values read from inside of blocks, values that containers take from around."""

from __future__ import annotations

from typing import Any

from netspec.codegen.regions.liveness import consumed, results
from netspec.graph.blueprint import Blueprint, Choice, Container, Instance, Loop, Region, Use, Wire
from netspec.shapes.shape import COUNT


def connect(root: Blueprint) -> list[Blueprint]:
    """All blueprints, callers before what they call, with their taps and the ports of their containers."""
    order = _callers_first(root)
    for blueprint in order:
        operands = consumed(blueprint.region) | {id(wire) for wire in (*blueprint.outputs, *tapped(blueprint))}
        for use in every_use(blueprint.region):
            if isinstance(use.what, Instance):
                for wire, path, place in use.what.taps:
                    if id(wire) in operands and (path, place) not in use.what.blueprint.taps:
                        use.what.blueprint.taps.append((path, place))
    _spare_counts(order)
    for blueprint in order:
        _ports(blueprint.region, {id(wire) for wire in (*blueprint.outputs, *tapped(blueprint))})
    return order


def _spare_counts(order: list[Blueprint]) -> None:
    """Blocks are handed how many members the sets of their values have where they ask for it, and nowhere else."""
    kept: dict[int, list[int]] = {}
    for blueprint in reversed(order):
        for use in every_use(blueprint.region):
            if isinstance(use.what, Instance):
                use.inputs = tuple(use.inputs[place] for place in kept[id(use.what.blueprint)])
        taken = consumed(blueprint.region) | {id(wire) for wire in tapped(blueprint)}
        inputs = blueprint.inputs
        kept[id(blueprint)] = [p for p, wire in enumerate(inputs) if wire.shape is not COUNT or id(wire) in taken]
        blueprint.inputs = tuple(inputs[place] for place in kept[id(blueprint)])


def tapped(blueprint: Blueprint) -> tuple[Wire, ...]:
    """The values inside of a block that somebody reads."""
    return tuple(_inside(blueprint.inside, path, place) for path, place in blueprint.taps)


def _inside(labels: dict[str, tuple[list[Any], Any]], path: tuple[str, ...], place: int) -> Wire:
    wires, inner = labels[path[0]]
    wire: Wire = wires[place] if len(path) == 1 else _inside(inner, path[1:], place)
    return wire


def _callers_first(root: Blueprint) -> list[Blueprint]:
    """Depth first, each after all that call it."""
    blueprints: list[Blueprint] = []
    seen: set[int] = set()

    def visit(blueprint: Blueprint) -> None:
        if id(blueprint) in seen:
            return
        seen.add(id(blueprint))
        for use in reversed(every_use(blueprint.region)):
            if isinstance(use.what, Instance):
                visit(use.what.blueprint)
        blueprints.append(blueprint)

    visit(root)
    return blueprints[::-1]


def every_use(region: Region) -> list[Use]:
    """All uses in a region, in the order of the text, those in containers too."""
    uses: list[Use] = []
    for item in region.items:
        match item:
            case Use():
                uses.append(item)
                if isinstance(item.what, Container):
                    uses.extend(every_use(item.what.region))
            case Choice():
                for inner in item.regions:
                    uses.extend(every_use(inner))
            case Loop():
                uses.extend(every_use(item.region))
    return uses


def _ports(region: Region, outer: set[int]) -> None:
    """Gives every container of a region its inputs and outputs; `outer` are values that are used outside."""
    containers = _containers(region)
    for use in containers:
        container = use.what
        assert isinstance(container, Container)
        outside = outer | _consumed_but(region, use)
        products = _products(container.region)
        own = {id(wire) for wire in container.outputs}
        escapes = [wire for wire in products if id(wire) in outside and id(wire) not in own]
        container.escapes = list({id(wire): wire for wire in escapes}.values())
        _ports(container.region, {id(wire) for wire in (*container.outputs, *container.escapes)})
        inside = {id(wire) for wire in products}
        operands = _operands(container.region)
        operands += [wire for wire in (*container.outputs, *container.escapes) if id(wire) not in inside]
        ports = list({id(wire): wire for wire in operands if id(wire) not in inside}.values())
        entering, outside_of = container.inputs[:1], use.inputs[:1]
        rest = [wire for wire in ports if not any(wire is first for first in entering)]
        is_entered = len(rest) < len(ports) or not rest
        container.inputs = (*(entering if is_entered else ()), *rest)
        use.inputs = (*(outside_of if is_entered else ()), *rest)


def _containers(region: Region) -> list[Use]:
    """The containers directly in a module, those of its conditions and loops too."""
    containers: list[Use] = []
    for item in region.items:
        match item:
            case Use() if isinstance(item.what, Container):
                containers.append(item)
            case Choice():
                for inner in item.regions:
                    containers.extend(_containers(inner))
            case Loop():
                containers.extend(_containers(item.region))
    return containers


def _products(region: Region) -> list[Wire]:
    """All values that a region makes, those inside of its containers too."""
    products: list[Wire] = []
    for item in region.items:
        match item:
            case Use():
                if isinstance(item.what, Container):
                    products.extend(wire for wire in item.outputs if not any(wire is w for w in item.inputs))
                    products.extend(_products(item.what.region))
                    products.extend(wire for wire in item.what.inputs if not any(wire is w for w in item.inputs))
                else:
                    products.extend(results(item))
            case Choice():
                for inner in item.regions:
                    products.extend(_products(inner))
                products.extend(merge.output for merge in item.merges)
            case Loop():
                products.extend(_products(item.region))
                products.extend(wire for carry in item.carries for wire in (carry.inner, carry.output))
                products.extend(merge.output for merge in item.results)
                products.extend(gather.output for gather in item.gathers)
    return products


def _operands(region: Region) -> list[Wire]:
    """All values that a region takes, in order."""
    operands: list[Wire] = []
    for item in region.items:
        match item:
            case Use():
                operands.extend(item.inputs)
                if isinstance(item.what, Container):
                    operands.extend(_operands(item.what.region))
                    operands.extend(item.what.outputs)
            case Choice():
                for inner in item.regions:
                    operands.extend(_operands(inner))
                operands.extend(source for merge in item.merges for source in merge.sources if source is not None)
            case Loop():
                operands.extend(_operands(item.region))
                for carry in item.carries:
                    operands.extend((carry.first, carry.last))
                operands.extend(source for merge in item.results for source in merge.sources if source is not None)
                operands.extend(gather.inner for gather in item.gathers)
    return operands


def _consumed_but(region: Region, use: Use) -> set[int]:
    """What a region takes outside of one of its containers."""
    operands: set[int] = set()
    for item in region.items:
        if item is use:
            continue
        match item:
            case Use():
                operands |= consumed(Region([item]))
            case Choice():
                for inner in item.regions:
                    operands |= _consumed_but(inner, use)
                operands.update(id(s) for merge in item.merges for s in merge.sources if s is not None)
            case Loop():
                operands |= _consumed_but(item.region, use)
                operands |= {id(wire) for carry in item.carries for wire in (carry.first, carry.last)}
                operands |= {id(gather.inner) for gather in item.gathers}
                operands |= {id(s) for merge in item.results for s in merge.sources if s is not None}
    return operands
