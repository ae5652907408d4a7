"""The plan for weights: which tensors of one net's state dict another one takes over, and under which names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netspec.compare.alignment import Pair
from netspec.graph.graph import Node


@dataclass(frozen=True, slots=True)
class Move:
    """A tensor that is taken over: its key before and after."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Loose:
    """A tensor that has no counterpart, with its shape; `other` is the shape that its counterpart has instead."""

    key: str
    shape: tuple[int, ...]
    other: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of the tensors of the first state dict, and where those of the second come from."""

    kept: tuple[Move, ...]
    renamed: tuple[Move, ...]
    new: tuple[Loose, ...]
    lost: tuple[Loose, ...]

    @property
    def moves(self) -> tuple[Move, ...]:
        """All that are taken over."""
        return (*self.kept, *self.renamed)


def plan(pairs: Sequence[Pair]) -> Plan:
    """The plan of stages that are paired; a tensor is taken over where its layer is paired and its shape the same."""
    kept: list[Move] = []
    renamed: list[Move] = []
    new: list[Loose] = []
    lost: list[Loose] = []
    for pair in pairs:
        before, after = _tensors(pair.old), _tensors(pair.new)
        for name, (key, shape) in after.items():
            source = before.pop(name, None)
            if source is not None and source[1] == shape:
                (kept if source[0] == key else renamed).append(Move(source[0], key))
                continue
            new.append(Loose(key, shape, source[1] if source is not None else None))
            if source is not None:
                lost.append(Loose(*source, shape))
        lost.extend(Loose(key, shape) for key, shape in before.values())
    return Plan(tuple(kept), tuple(renamed), tuple(new), tuple(lost))


def _tensors(stage: object) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The tensors of a layer by their names in it, with their keys and shapes; a shared module has them once."""
    if not isinstance(stage, Node) or not stage.first_use:
        return {}
    return dict(_weights_by_name(stage))


def _weights_by_name(node: Node) -> Iterator[tuple[str, tuple[str, tuple[int, ...]]]]:
    for name, shape in (node.layer.parameters(*node.shapes) | node.layer.buffers(*node.shapes)).items():
        yield name, (f"{node.key}.{name}" if name else node.key, shape)
