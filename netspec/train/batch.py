"""A batch: samples on the device, what is to be said about them, and how much each place of it counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Reference:
    """What an output is compared with: the target of that index, what the input of that index is given, or a number."""

    kind: Literal["target", "input", "number"] = "target"
    index: int = 0
    number: float = 0.0


TARGET = Reference()
"""The first target of the data, which most losses are about."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """`x` (n, *shape), `y` (n, *target); `weight` (n, *target) where a loss weighs places, as U-Net's does.

    `more` is what the further inputs of a net are given, each (n, *shape), and `further` what else is to be said, each
    (n, *target).

    Where samples are blended with others (mixup, cutmix), `blend` is the batch of the others and `share` is what this
    one has of the blend: the loss is that of `y` and of `blend.y` in those shares. `x` is blended already.
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None = None
    blend: Batch | None = None
    share: float = 1.0
    more: tuple[Tensor, ...] = ()
    further: tuple[Tensor, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What each input of a net is given."""
        return (self.x, *self.more)

    @property
    def targets(self) -> tuple[Tensor, ...]:
        """All that is to be said about the samples."""
        return (self.y, *self.further)

    @property
    def most(self) -> Batch:
        """The batch itself; where it is blended, the one that has the larger part in it."""
        return self if self.blend is None or self.share >= 0.5 else self.blend

    def reference(self, reference: Reference, output: Tensor, *, classes: bool) -> Tensor:
        """What an output (n, ...) is compared with; `classes` says that it gives scores of these, (n, classes, *S)."""
        match reference.kind:
            case "target":
                return self.targets[reference.index]
            case "input":
                return self.inputs[reference.index]
            case "number":
                if classes:
                    return output.new_full((len(output), *output.shape[2:]), reference.number).long()
                return output.new_full(output.shape, reference.number)

    def with_x(self, x: Tensor) -> Batch:
        """The batch with other samples about which the same is to be said."""
        return replace(self, x=x)
