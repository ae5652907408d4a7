"""Samples blended with one another, and what is to be said about them likewise."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING

from netspec.train.augment.base import AUGMENTS, Augment, AugmentError, Share, Step, follows
from netspec.train.batch import Batch
from netspec.train.parts import AboveZero

if TYPE_CHECKING:
    from torch import Tensor


class Blend(Augment):
    """Base of the blends: the share of a batch in its blend comes from a Beta(alpha, alpha) distribution."""

    alpha: AboveZero = 1.0
    p: Share = 1.0

    def check_objects(self, *, masks: bool) -> None:
        raise AugmentError(
            f"{self.name} blends samples, and objects cannot be blended", "scale_jitter, iou_crop, zoom_out"
        )

    def blend(self, batch: Batch, others: Tensor, share: float) -> Batch:
        """The batch blended with itself in another order."""
        raise NotImplementedError

    def build(self) -> Step:
        import torch
        from torch.distributions import Beta

        distribution = Beta(self.alpha, self.alpha)

        def blend(batch: Batch) -> Batch:
            share, is_due = float(distribution.sample()), float(torch.rand(())) < self.p
            others = torch.randperm(len(batch)).to(batch.x.device, non_blocking=True)
            return self.blend(batch, others, share) if is_due else batch

        return blend


@AUGMENTS("mixup")
class Mixup(Blend):
    """Each sample and another one added in shares that sum to 1, and their losses likewise. Zhang et al. 2018."""

    ranks = (1, 2, 3)
    alpha: AboveZero = 0.2

    def blend(self, batch: Batch, others: Tensor, share: float) -> Batch:
        x = share * batch.x + (1 - share) * batch.x[others]
        return replace(batch, x=x, blend=_others(batch, others), share=share)


@AUGMENTS("cutmix")
class Cutmix(Blend):
    """A rectangle of each image comes from another one; losses in the shares of the areas, masks with the images.

    Source: Yun et al., "CutMix", 2019.
    """

    def blend(self, batch: Batch, others: Tensor, share: float) -> Batch:
        import torch

        inside, covered = torch.ones((), dtype=torch.bool, device=batch.x.device), 1.0
        for axis, size in enumerate(batch.x.shape[2:], 2 - batch.x.ndim):
            half = sqrt(1 - share) * size / 2
            middle = int(torch.randint(size, ()))
            places = torch.arange(size, device=batch.x.device)
            start, stop = max(0, round(middle - half)), min(size, round(middle + half))
            along = (places >= start) & (places < stop)
            inside = inside & along.view(-1, *(1,) * (-1 - axis))
            covered *= (stop - start) / size

        def cut(tensor: Tensor) -> Tensor:
            return torch.where(inside, tensor[others], tensor)

        if follows(batch.y, batch.x):
            weight = None if batch.weight is None else cut(batch.weight)
            further = tuple(cut(tensor) if follows(tensor, batch.x) else tensor for tensor in batch.further)
            return replace(batch, x=cut(batch.x), y=cut(batch.y), weight=weight, further=further)
        return replace(batch, x=cut(batch.x), blend=_others(batch, others), share=1 - covered)


def _others(batch: Batch, others: Tensor) -> Batch:
    weight = None if batch.weight is None else batch.weight[others]
    further = tuple(tensor[others] for tensor in batch.further)
    return Batch(batch.x[others], batch.y[others], weight, further=further)
