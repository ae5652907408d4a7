"""What kornia does: its augmentations at work on batches, their random numbers drawn where the batch is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.train.augment.base import Augment, Share, Step, warped
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

    def build(self) -> Step:
        return warping(self.kornia())


class Change(Kornia):
    """Base of those that change values."""

    def build(self) -> Step:
        module = self.kornia()

        def change(batch: Batch) -> Batch:
            module.set_rng_device_and_dtype(batch.x.device, batch.x.dtype)
            return batch.with_x(module(batch.x))

        return change


def warping(module: Any) -> Step:
    """A kornia module that moves places, done alike to samples and to what follows them."""
    from kornia.constants import Resample

    def warp(batch: Batch) -> Batch:
        module.set_rng_device_and_dtype(batch.x.device, batch.x.dtype)
        parameters = module.forward_parameters(batch.x.shape)

        def along(tensor: Tensor, nearest: bool) -> Tensor:
            result: Tensor = module(tensor, params=parameters, **({"resample": Resample.NEAREST} if nearest else {}))
            return result.round() if nearest else result

        return warped(batch, along)

    return warp
