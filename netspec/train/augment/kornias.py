"""What kornia does: its augmentations at work on batches, their random numbers drawn where the batch is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from netspec.train.augment.base import Augment, AugmentError, Share, Step, check_fill, warped
from netspec.train.augment.carrying import Points
from netspec.train.batch import Batch

if TYPE_CHECKING:
    from torch import Tensor


class Kornia(Augment):
    """Base of those that kornia does. `p` is how likely it is done to a sample; own arguments come before it."""

    package = "kornia"
    p: Share = 1.0

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        last = [name for name in ("p", "fill") if name in cls.model_fields]
        return (*(name for name in cls.model_fields if name not in last), *last)

    def kornia(self) -> Any:
        """The augmentation as kornia has it: a module."""
        raise NotImplementedError


class Warp(Kornia):
    """Base of those that move places."""

    moves = True
    straight: ClassVar[bool] = True
    """Whether lines stay lines, so that it has a matrix, and boxes follow by their corners."""

    def check_objects(self, *, masks: bool) -> None:
        check_warp(self, masks=masks)

    def build(self) -> Step:
        return warping(self.kornia(), straight=self.straight)


class Change(Kornia):
    """Base of those that change values."""

    def build(self) -> Step:
        module = self.kornia()

        def change(batch: Batch) -> Batch:
            module.set_rng_device_and_dtype(batch.x.device, batch.x.dtype)
            return batch.with_x(module(batch.x))

        return change


def check_warp(warp: Augment, *, masks: bool) -> None:
    """Raises AugmentError where a warp mirrors objects, or bends places so that boxes without masks cannot follow."""
    check_fill(warp, getattr(warp, "fill", "zeros"))
    if not (masks or getattr(warp, "straight", False)):
        raise AugmentError(f"{warp.name} bends places, and only objects with masks can follow", "rotate, zoom or shear")


def warping(module: Any, *, straight: bool) -> Step:
    """A kornia module that moves places, done alike to samples and to what follows them.

    Boxes follow masks where there are any, else by their corners through the matrix of what is `straight`.
    """
    from kornia.constants import Resample

    def warp(batch: Batch) -> Batch:
        module.set_rng_device_and_dtype(batch.x.device, batch.x.dtype)
        parameters = module.forward_parameters(batch.x.shape)

        def along(tensor: Tensor, nearest: bool) -> Tensor:
            result: Tensor = module(tensor, params=parameters, **({"resample": Resample.NEAREST} if nearest else {}))
            return result.round() if nearest else result

        masked = all(each.masks is not None for each in batch.objects)
        return warped(batch, along, None if masked or not straight else through(module))

    return warp


def through(module: Any) -> Points:
    """Where points come to lie by the matrix of what a kornia module has just done; kornia's are middles of pixels."""
    import torch

    def points(points: Tensor) -> Tensor:
        at = torch.cat([points - 0.5, torch.ones_like(points[:, :1])], 1)
        x, y, depth = (module.transform_matrix[0].to(at) @ at.T).unbind()
        return torch.stack([x / depth, y / depth], 1) + 0.5

    return points
