"""A batch: samples on the device, what is to be said about them, and how much each place of it counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """`x` (n, *shape), `y` (n, *target); `weight` (n, *target) where a loss weighs places, as U-Net's does.

    `more` is what the further inputs of a net are given, each (n, *shape).

    Where samples are blended with others (mixup, cutmix), `blend` is the batch of the others and `share` is what this
    one has of the blend: the loss is that of `y` and of `blend.y` in those shares. `x` is blended already.
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None = None
    blend: Batch | None = None
    share: float = 1.0
    more: tuple[Tensor, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What each input of a net is given."""
        return (self.x, *self.more)

    @property
    def most(self) -> Tensor:
        """What is to be said about the samples; about blended ones, what is to be said about the larger part."""
        return self.y if self.blend is None or self.share >= 0.5 else self.blend.y

    def with_x(self, x: Tensor) -> Batch:
        """The batch with other samples about which the same is to be said."""
        return replace(self, x=x)
