"""The table of ONNX's operators, each as what torch computes: https://onnx.ai/onnx/operators/."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netspec.lifting.sources.onnx.call import Unsupported, Value

Result = Tensor | tuple[Tensor, ...]
Operator = Callable[..., Result]
OPERATORS: dict[str, Operator] = {}


def operator(*names: str) -> Callable[[Operator], Operator]:
    """Registers what operators of these names do: called with the node and what it takes, None for what is left out."""

    def register(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return register


def tensor(value: Value | None) -> Tensor:
    """A value as a tensor; numbers that are known become a constant."""
    if value is None:
        raise Unsupported("an input is left out")
    return value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))


def operand(value: Value, rank: int) -> Any:
    """A value that joins with one of this rank: a number where it is one and adds no axes."""
    if isinstance(value, np.ndarray) and value.size == 1 and value.ndim <= rank:
        return value.reshape(-1)[0].item()
    return tensor(value)


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front; raises Unsupported where there is none of this number."""
    if not -rank <= axis < max(rank, 1):
        raise Unsupported(f"it has no axis {axis}")
    return axis % rank if rank else 0
