"""A network without names: what comes again becomes blocks, and weights get the keys that the spec gives them."""

from __future__ import annotations

from dataclasses import replace

from netspec.lifting.items import leaves
from netspec.lifting.spec import leaving, text_of
from netspec.lifting.steps import Network
from netspec.lifting.structure.nest import nest
from netspec.lifting.structure.regions import regions
from netspec.lifting.structure.wirings import wired
from netspec.lifting.translation.peepholes import tidied
from netspec.spec import parse


def unnamed(network: Network, *, plain: bool = False) -> tuple[str, dict[str, str]]:
    """The text of the spec, and its key for each key of the network's weights."""
    network = tidied(network)
    nest(network)  # what is applied twice is refused by the keys
    bare = replace(network, steps=tuple(replace(step, key="", path="", hint="") for step in network.steps), classes={})
    items = wired(nest(bare), leaving(bare))
    if not plain:
        items = regions(items, leaving(bare))
    text = text_of(bare, items, plain=plain)
    weighted = {step.outputs: step.key for step in network.steps if step.key}
    before = [weighted[leaf.step.outputs] for leaf in leaves(items) if leaf.step.outputs in weighted]
    graph = parse(text, "<lifted>").graph()
    nodes = [node for node in graph.nodes if node.layer.parameters(*node.shapes) or node.layer.buffers(*node.shapes)]
    return text, dict(_pairs(before, [node.key for node in nodes]))


def _pairs(before: list[str], after: list[str]) -> dict[str, str]:
    return dict(zip(before, after, strict=True))
