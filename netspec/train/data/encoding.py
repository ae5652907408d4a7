"""How samples enter a net: as real numbers, indices or truth values, or one-hot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.train.data import Dims


@dataclass(frozen=True, slots=True)
class Encoding:
    """How samples enter a net: `dtype` is what its input takes, "float", "int" or "bool".

    Bytes that become real numbers are brightness, from 0 to 1. With `levels`, samples are indices below it and enter
    one-hot, on a new first axis; with `blank`, index 0 is a sample's place with nothing in it, and has no channel.
    """

    dtype: str = "float"
    levels: int | None = None
    blank: bool = False

    def shape(self, shape: Dims) -> Dims:
        """The shape of a sample that is sent in `shape`."""
        return shape if self.levels is None else (self.levels - self.blank, *shape)

    def __call__(self, x: Tensor) -> Tensor:
        import torch

        if self.levels is not None:
            hot = torch.zeros(len(x), self.levels, *x.shape[1:], device=x.device)
            hot.scatter_(1, x.long().unsqueeze(1), 1.0)
            return hot[:, 1:] if self.blank else hot
        if self.dtype == "int":
            return x.long()
        if self.dtype == "bool":
            return x.bool()
        return x.float().div_(255) if x.dtype == torch.uint8 else x.float()
