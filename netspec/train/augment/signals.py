"""What is done to signals [channels, length]: moved along, louder or softer, bent in time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from netspec.layers.declaration.base import NonNegative
from netspec.train.augment.base import AUGMENTS, Augment, AugmentError, Share, Step, moved, per_sample, some
from netspec.train.augment.crops import cutout
from netspec.train.batch import Batch
from netspec.train.data import Dims
from netspec.train.parts import Real


@AUGMENTS("shift")
class Shift(Augment):
    """Moved by up to `most` places either way; what leaves at one end comes in at the other, or else `fill` does."""

    ranks = (1,)
    moves = True
    most: NonNegative
    fill: Literal["around", "zeros", "edge", "reflect"] = "around"
    p: Share = 1.0

    def resized(self, shape: Dims) -> Dims:
        if self.most >= shape[1]:
            raise AugmentError(f"shift moves by up to {self.most} places, and the signals have {shape[1]}")
        return shape

    def build(self) -> Step:
        import torch

        def shift(batch: Batch) -> Batch:
            count, device, length = len(batch), batch.x.device, batch.x.shape[-1]
            by = torch.randint(-self.most, self.most + 1, (count,), device=device)
            by = by * (torch.rand(count, device=device) < self.p)
            if self.fill != "around":
                fill = self.fill
                return moved(batch, lambda tensor: cutout(tensor, [by], (length,), fill))
            places = (by[:, None] + torch.arange(length, device=device)) % length
            return moved(
                batch,
                lambda tensor: tensor.take_along_dim(places.view(count, *(1,) * (tensor.ndim - 2), length), -1),
            )

        return shift


@AUGMENTS("scale")
class Scale(Augment):
    """Multiplied by `low` to `high`, one number a sample."""

    ranks = (1, 2, 3)
    low: Real = 0.8
    high: Real = 1.2
    p: Share = 1.0

    @model_validator(mode="after")
    def _in_order(self) -> Scale:
        if self.low > self.high:
            raise ValueError("low is at most high")
        return self

    def build(self) -> Step:
        import torch

        def scale(batch: Batch) -> Batch:
            x = batch.x
            factors = self.low + (self.high - self.low) * torch.rand(len(x), device=x.device)
            return some(batch, self.p, x * per_sample(factors, x))

        return scale


@AUGMENTS("mask_time")
class MaskTime(Augment):
    """A stretch of up to the share `most` of each signal set to zero. Source: Park et al., "SpecAugment", 2019."""

    ranks = (1,)
    most: Annotated[float, Field(ge=0, le=1)] = 0.1
    p: Share = 1.0

    def build(self) -> Step:
        import torch

        def mask(batch: Batch) -> Batch:
            x = batch.x
            length = x.shape[-1]
            width = torch.rand(len(x), 1, 1, device=x.device) * self.most * length
            start = torch.rand(len(x), 1, 1, device=x.device) * (length - width)
            places = torch.arange(length, device=x.device)
            return some(batch, self.p, x.masked_fill((places >= start) & (places < start + width), 0))

        return mask
