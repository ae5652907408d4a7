"""The state dict of a net without torch: its keys in order, with the shape and the type of each tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Literal

from netspec.graph.graph import Graph


@dataclass(frozen=True, slots=True)
class Key:
    name: str
    shape: tuple[int, ...]
    kind: Literal["parameter", "buffer"]


def keys(graph: Graph) -> Iterator[Key]:
    """Every tensor of the state dict, a shared module's once, in the order of the spec."""
    for node in graph.nodes:
        if node.first_use:
            for name, shape in node.layer.parameters(*node.shapes).items():
                yield Key(f"{node.key}.{name}" if name else node.key, shape, "parameter")
            for name, shape in node.layer.buffers(*node.shapes).items():
                yield Key(f"{node.key}.{name}" if name else node.key, shape, "buffer")


def text(graph: Graph) -> str:
    """A line a tensor: key, shape, number of elements; buffers say that they are."""
    rows = [(key.name, str(list(key.shape)), f"{prod(key.shape):,}", key.kind) for key in keys(graph)]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    return "\n".join(
        f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {count:>{widths[2]}}{'  buffer' if kind == 'buffer' else ''}"
        for name, shape, count, kind in rows
    )
