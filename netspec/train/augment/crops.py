"""Parts and mirror images of samples: nothing is interpolated, so classes and values stay what they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from netspec.layers.declaration.base import NonNegative, Size
from netspec.train.augment.base import (
    AUGMENTS,
    Augment,
    AugmentError,
    Fill,
    Share,
    Sized,
    Step,
    check_fill,
    follows,
    moved,
    per_sample,
    sizes,
)
from netspec.train.augment.carrying import Points
from netspec.train.batch import Batch
from netspec.train.data.base import IGNORED

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.train.data import Dims


@AUGMENTS("random_crop")
class RandomCrop(Sized):
    """A part of each sample of this size, from anywhere in it with a border of `pad` around it.

    Of pictures of unlike sizes, one that is smaller lies anywhere in the part. Outside training the part in the middle.
    Source: the border of 4 around 32 x 32 is that of He et al., "Deep residual learning for image recognition", 2016,
    section 4.2.
    """

    ranks = (1, 2, 3)
    moves = True
    pad: NonNegative = 0
    fill: Fill = "zeros"

    def check_objects(self, *, masks: bool) -> None:
        check_fill(self, self.fill)

    def resized(self, shape: Dims) -> Dims:
        target_sizes = sizes(self.size, len(shape) - 1)
        if any(part > own + 2 * self.pad for part, own in zip(target_sizes, shape[1:], strict=True)):
            have, want = (" x ".join(map(str, axes)) for axes in (shape[1:], target_sizes))
            raise AugmentError(f"{self.name} cannot take {want} out of {have}", "a smaller size, or a pad around it")
        if self.fill == "reflect" and self.pad >= min(shape[1:]):
            raise AugmentError(f"a border of {self.pad} is no mirror image of {min(shape[1:])} places")
        return (shape[0], *target_sizes)

    def build(self) -> Step:
        import torch

        def crop(batch: Batch) -> Batch:
            axes = batch.x.shape[2:]
            parts = sizes(self.size, len(axes))
            ends = [sorted((-self.pad, own + self.pad - part)) for own, part in zip(axes, parts, strict=True)]
            starts = [torch.randint(low, high + 1, (len(batch),), device=batch.x.device) for low, high in ends]
            return moved(batch, lambda tensor: cutout(tensor, starts, parts, self.fill), beginning(starts))

        return crop

    def tested(self) -> Augment:
        return CenterCrop(size=self.size)


@AUGMENTS("center_crop")
class CenterCrop(Sized):
    """The part in the middle of each sample of this size; a smaller sample gets a border of zeros."""

    ranks = (1, 2, 3)

    def resized(self, shape: Dims) -> Dims:
        return self.of_unlike(shape)

    def build(self) -> Step:
        import torch

        def crop(batch: Batch) -> Batch:
            axes = batch.x.shape[2:]
            parts = sizes(self.size, len(axes))
            starts = [
                torch.full((len(batch),), (own - part) // 2, device=batch.x.device)
                for own, part in zip(axes, parts, strict=True)
            ]
            if parts == axes:
                return batch
            return moved(batch, lambda tensor: cutout(tensor, starts, parts, "zeros"), beginning(starts))

        return crop

    def tested(self) -> Augment:
        return self


@AUGMENTS("frame")
class Frame(Augment):
    """The middle of each mask of this size, the sample as it is: for a net that says nothing about a sample's border.

    It comes last, and where the net's output is smaller than the masks, by itself. Source: the valid convolutions of
    Ronneberger et al., "U-Net", 2015, section 2, where tiles of 572 x 572 have masks of 388 x 388.
    """

    ranks = (1, 2, 3)
    size: Size

    def build(self) -> Step:
        import torch

        def frame(batch: Batch) -> Batch:
            axes = batch.x.shape[2:]
            parts = sizes(self.size, len(axes))
            starts = [
                torch.full((len(batch),), (own - part) // 2, device=batch.x.device)
                for own, part in zip(axes, parts, strict=True)
            ]
            y, *further = (
                cutout(target, starts, parts, "zeros") if follows(target, batch.x) else target
                for target in batch.targets
            )
            weight = None if batch.weight is None else cutout(batch.weight, starts, parts, "zeros")
            return replace(batch, y=y, weight=weight, further=tuple(further))

        return frame

    def tested(self) -> Augment:
        return self


def beginning(starts: list[Tensor]) -> Points:
    """Where points of a picture come to lie in the part that begins at these starts (1), down and along."""
    import torch

    return lambda points: points - torch.cat(starts[::-1])


def cutout(tensor: Tensor, starts: list[Tensor], parts: tuple[int, ...], fill: Fill) -> Tensor:
    """Of each entry (n, ..., *S) the part that begins at its start (n) on every axis of S, which may lie outside.

    What lies outside of classes and is filled with nothing does not count.
    """
    import torch

    blank = 0 if tensor.is_floating_point() else IGNORED

    for axis, (start, size) in enumerate(zip(starts, parts, strict=True), tensor.ndim - len(parts)):
        last = tensor.shape[axis] - 1
        places = start[:, None] + torch.arange(size, device=tensor.device)
        inside = last - (last - places.abs()).abs() if fill == "reflect" else places.clamp(0, last)
        along = (len(tensor), *(size if other == axis else 1 for other in range(1, tensor.ndim)))
        tensor = tensor.take_along_dim(inside.view(along), axis)
        if fill == "zeros":
            tensor = tensor.masked_fill((places != inside).view(along), blank)
    return tensor


class Flip(Augment):
    """Base of the mirror images. `axis` counts from the last."""

    moves = True
    axis: ClassVar[int]
    p: Share = 0.5

    def build(self) -> Step:
        import torch

        def flip(batch: Batch) -> Batch:
            which = torch.rand(len(batch), device=batch.x.device) < self.p
            if batch.objects and not bool(which):  # a single picture
                return batch
            side = batch.x.shape[self.axis]

            def points(points: Tensor) -> Tensor:
                along = torch.tensor([self.axis == -1, self.axis == -2], device=points.device)
                return torch.where(which & along, side - points, points)

            return moved(
                batch, lambda tensor: torch.where(per_sample(which, tensor), tensor.flip(self.axis), tensor), points
            )

        return flip


@AUGMENTS("hflip", "RandomHorizontalFlip", "horizontal_flip", "random_flip")
class HFlip(Flip):
    """Left and right changed over, with probability `p`; in a signal, first and last."""

    ranks = (1, 2, 3)
    axis = -1


@AUGMENTS("vflip", "RandomVerticalFlip", "vertical_flip")
class VFlip(Flip):
    """Top and bottom changed over, with probability `p`."""

    ranks = (2, 3)
    axis = -2


@AUGMENTS("rot90")
class Rot90(Augment):
    """A turn by 0, 90, 180 or 270 degrees, each as likely."""

    moves = True

    def resized(self, shape: Dims) -> Dims:
        if shape[1] != shape[2]:
            raise AugmentError(f"{self.name} takes images as high as wide, and these are {shape[1]} x {shape[2]}")
        return shape

    def of_unlike(self, shape: Dims) -> Dims:
        raise AugmentError(f"{self.name} takes images as high as wide, and these are of unlike sizes")

    def build(self) -> Step:
        import torch

        def turn(batch: Batch) -> Batch:
            turns = torch.randint(4, (len(batch),), device=batch.x.device)

            def turned(tensor: Tensor) -> Tensor:
                result = tensor
                for number in range(1, 4):
                    result = torch.where(per_sample(turns == number, tensor), tensor.rot90(number, (-2, -1)), result)
                return result

            def points(points: Tensor) -> Tensor:
                for _ in range(int(turns)):
                    points = torch.stack([points[:, 1], batch.x.shape[3] - points[:, 0]], 1)
                return points

            return moved(batch, turned, points)

        return turn
