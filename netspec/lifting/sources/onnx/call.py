"""A node as the function of its operator sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor

from netspec.lifting.sources.onnx.graph import Array, Node

Value: TypeAlias = Tensor | Array
"""What a node takes: a tensor of the run, or numbers that are known."""


class Unsupported(Exception):
    """A node does what no layer does; the message says what."""


@dataclass(frozen=True)
class Call:
    """A node as its operator sees it: the attributes, the version of the operators, and whether it is trained."""

    node: Node
    opset: int
    training: bool
    samples: int | None
    """The batch that is written into the file, None where it is open."""
    batch: int
    """The batch of this run."""
    places: dict[str, int | None]
    """The axis that the samples are on in the shapes that the file says, by the value of that shape."""

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        return self.node.attributes.get(name, default)

    def ints(self, name: str, default: Any = ()) -> tuple[int, ...]:
        """An attribute that is a list of whole numbers; raises Unsupported where it is none."""
        value = self.get(name, default)
        if not isinstance(value, tuple) or not all(isinstance(part, int) for part in value):
            raise Unsupported(f"its {name} is no list of whole numbers")
        return value

    def numbers(self, value: Value | None, what: str) -> tuple[int, ...]:
        """Whole numbers that are known; raises Unsupported where they are computed from samples."""
        if not isinstance(value, np.ndarray):
            raise Unsupported(f"its {what} hangs on the values of samples")
        return tuple(int(number) for number in value.reshape(-1).tolist())

    def number(self, value: Value | None, what: str) -> float:
        """One number that is known."""
        if not isinstance(value, np.ndarray) or value.size != 1:
            raise Unsupported(f"its {what} is no number")
        return float(value.reshape(-1)[0])
