"""What an ONNX file says, checked: nodes in the order that they run in, with stored tensors that are really there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netspec.lifting.capture.tape import Place

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Stored:
    """A tensor of the file; its numbers are read when they are asked for."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], Array]

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        count = 1
        for extent in self.shape:
            count *= extent
        return count

    @property
    def is_weight(self) -> bool:
        """Whether it may be learned: real numbers, and more than one."""
        return self.dtype.kind == "f" and self.size > 1

    def turned(self, name: str) -> Stored:
        """The matrix transposed, under another name."""
        return Stored(name, self.shape[::-1], self.dtype, lambda: np.ascontiguousarray(self.read().T))

    def copied(self, name: str) -> Stored:
        """The same numbers under another name."""
        return Stored(name, self.shape, self.dtype, self.read)


@dataclass(frozen=True, eq=False)
class Node:
    """One call of an operator. `inputs` and `outputs` are names, empty where an optional one is left out.

    `scopes` are the paths of the modules that it ran in, outermost first, and `classes` their classes, where the file
    says so. `place` is its line in the listing of the file.
    """

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    place: Place
    scopes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def input(self, index: int) -> str:
        """The name of an input, empty where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else ""


@dataclass(frozen=True)
class Entrance:
    """An input: its sizes with the batch first, None where they are open, and `float`, `int` or `bool`."""

    name: str
    sizes: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class Graph:
    """A checked file. `opset` is the version of the operators."""

    file: str
    opset: int
    nodes: tuple[Node, ...]
    inputs: tuple[Entrance, ...]
    outputs: tuple[str, ...]
    stored: dict[str, Stored]

    def __deepcopy__(self, memo: object) -> Graph:
        """Itself: nothing in it changes, and names of its nodes are kept by their identity."""
        return self

    def makers(self) -> dict[str, Node]:
        """The node that makes each value."""
        return {name: node for node in self.nodes for name in node.outputs if name}

    def takers(self) -> dict[str, list[Node]]:
        """The nodes that take each value."""
        takers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                takers.setdefault(name, []).append(node)
        return takers

    def weights(self) -> Iterator[Stored]:
        """The stored tensors that may be learned and that a node takes, in the order in which they are taken."""
        names = dict.fromkeys(name for node in self.nodes for name in node.inputs)
        return (self.stored[name] for name in names if name in self.stored and self.stored[name].is_weight)
