"""The keys that a blueprint gives for some arguments: what is compared with the graph before anything is emitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netspec.elaborate.expressions.sayings import computed
from netspec.graph.blueprint import Blueprint, Choice, Container, Instance, LayerUse, Let, Loop, Region, Use

Values = dict[str, Any]


class Mismatch(Exception):
    """The arguments take the block where its blueprint refuses, or does not know the way."""


def keys(blueprint: Blueprint, values: Values, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The key of every stage that keeps weights, with its layer's name; raises Mismatch."""
    yield from _module(blueprint.region, values, prefix, counted=blueprint.counted)


def _module(region: Region, values: Values, prefix: str, *, counted: bool) -> Iterator[tuple[str, str]]:
    yield from _region(region, dict(values), prefix, [0] if counted else None)


def _region(region: Region, values: Values, prefix: str, count: list[int] | None) -> Iterator[tuple[str, str]]:
    for item in region.items:
        match item:
            case Let(name, value):
                values[name] = computed(value, values)
            case Use():
                yield from _use(item, values, prefix, count)
            case Choice():
                place = next(
                    i for i, condition in enumerate(item.conditions) if condition is None or computed(condition, values)
                )
                if place in item.refusals:
                    raise Mismatch
                yield from _region(item.regions[place], values, prefix, count)
            case Loop():
                yield from _loop(item, values, prefix, count)


def _loop(loop: Loop, values: Values, prefix: str, count: list[int] | None) -> Iterator[tuple[str, str]]:
    sequence = computed(loop.sequence, values)
    values |= {running.name: computed(running.first, values) for running in loop.running}
    for number, item in enumerate(range(sequence) if not loop.names else sequence):
        if loop.names:
            values |= dict(zip(loop.names, [item] if len(loop.names) == 1 else item, strict=True))
        if loop.index:
            values[loop.index] = number
        yield from _region(loop.region, values, prefix, count)
        values |= {r.name: computed(r.update, values) for r in loop.running if r.update is not None}


def _use(use: Use, values: Values, prefix: str, count: list[int] | None) -> Iterator[tuple[str, str]]:
    label = use.label
    if count is not None and not use.chosen and use.first is None:
        text, count[0] = str(count[0]), count[0] + 1
    elif label is None:
        text = ""
    else:
        text = "".join(part if isinstance(part, str) else str(computed(part, values)) for part in label.parts)
    key = f"{prefix}{text}"
    match use.what:
        case LayerUse(layer):
            if use.first is None and use.keeps_state:
                yield key, layer.name
        case Instance(blueprint, arguments):
            inner = {p.name: computed(p.default, {}) for p in blueprint.parameters if p.default is not None}
            inner |= {name: computed(expression, values) for name, expression in arguments.items()}
            if use.first is None:
                yield from keys(blueprint, inner, f"{key}.")
        case Container(region, _, _, counted):
            if use.first is None:
                yield from _module(region, values, f"{key}.", counted=counted)
