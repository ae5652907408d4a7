"""What is done to pictures with objects: other sizes, parts that hold an object, more ground around it.

Each gives every picture a size of its own. Numbers are drawn as torchvision draws them, in the same order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import Field, model_validator

from netspec.layers.declaration.base import Bool, Positive, Size
from netspec.train.augment.base import AUGMENTS, Augment, Share, Step, moved, sizes
from netspec.train.augment.carrying import overlap, sides_of
from netspec.train.augment.crops import beginning, cutout
from netspec.train.augment.geometry import scaled
from netspec.train.batch import Batch
from netspec.train.parts import AboveZero, AtLeastZero

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.train.data import Dims

Scale: TypeAlias = tuple[AboveZero, AboveZero]


class Varying(Augment):
    """Base of those that give each picture a size of its own."""

    varies = True

    def resized(self, shape: Dims) -> Dims:
        return (shape[0], 0, 0)


@AUGMENTS("resize_shorter", "RandomShortestSize", "ResizeShortestEdge")
class ResizeShorter(Varying):
    """The shorter side of each picture brought to `size`, of several to one of them; the longer to `longer` at most.

    Outside training to the last of them. Where pictures shrink they are smoothed, unless `smooth` says no, as the
    detectors of torchvision do not. Source: Ren et al., "Faster R-CNN", 2015, section 3.3.
    """

    size: Positive | Annotated[tuple[Positive, ...], Field(min_length=1)]
    longer: Positive | None = None
    smooth: Bool = True

    def build(self) -> Step:
        import torch

        choices = (self.size,) if isinstance(self.size, int) else self.size

        def resize(batch: Batch) -> Batch:
            height, width = batch.x.shape[2:]
            ratio = choices[int(torch.randint(len(choices), ()))] / min(height, width)
            if self.longer is not None:
                ratio = min(ratio, self.longer / max(height, width))
            size = max(1, int(height * ratio)), max(1, int(width * ratio))
            return scaled(batch, size, smooth=self.smooth)

        return resize

    def tested(self) -> Augment:
        return self if isinstance(self.size, int) else self.model_copy(update={"size": self.size[-1]})


@AUGMENTS("scale_jitter", "ScaleJitter", "large_scale_jitter")
class ScaleJitter(Varying):
    """Each picture larger or smaller: `low` to `high` times what just fits into `size`, its shape kept.

    A `random_crop` after it brings all to one size. Outside training they are as large as just fits into `size`.
    Source: Ghiasi et al., "Simple copy-paste is a strong data augmentation method for instance segmentation", 2021.
    """

    size: Size
    low: AboveZero = 0.1
    high: AboveZero = 2.0

    @model_validator(mode="after")
    def _in_order(self) -> ScaleJitter:
        if self.low > self.high:
            raise ValueError("low is at most high")
        return self

    def build(self) -> Step:
        import torch

        high, wide = sizes(self.size, 2)

        def jitter(batch: Batch) -> Batch:
            height, width = batch.x.shape[2:]
            scale = self.low + torch.rand(1) * (self.high - self.low)
            ratio = min(high / height, wide / width) * scale
            return scaled(batch, (max(1, int(height * ratio)), max(1, int(width * ratio))))

        return jitter

    def tested(self) -> Augment:
        return self.model_copy(update={"low": 1.0, "high": 1.0})


@AUGMENTS("iou_crop", "RandomIoUCrop", "ssd_crop")
class IoUCrop(Varying):
    """A part of each picture of `low` to `high` of either side, and of shapes from 1:2 to 2:1, that holds an object.

    That is one whose middle is in the part and whose IoU with it is at least what is drawn of `iou`; of 1 the picture
    stays. Objects whose middle is outside are left out. Outside training nothing is done.
    Source: Liu et al., "SSD", 2016, section 2.2.
    """

    low: AboveZero = 0.3
    high: Share = 1.0
    iou: Annotated[tuple[AtLeastZero, ...], Field(min_length=1)] = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
    trials: Positive = 40

    @model_validator(mode="after")
    def _in_order(self) -> IoUCrop:
        if self.low > self.high:
            raise ValueError("low is at most high")
        return self

    def build(self) -> Step:
        import torch

        def crop(batch: Batch) -> Batch:
            (objects,) = batch.objects
            selection = self._part(objects.boxes, *batch.x.shape[2:])
            if selection is None:
                return batch
            (left, top, right, bottom), inside = selection
            starts = [inside.new_full((1,), start, dtype=torch.long) for start in (top, left)]
            chosen = replace(batch, objects=(objects.chosen(inside),))
            size = bottom - top, right - left
            return moved(chosen, lambda tensor: cutout(tensor, starts, size, "zeros"), beginning(starts))

        return crop

    def _part(self, boxes: Tensor, height: int, width: int) -> tuple[tuple[int, int, int, int], Tensor] | None:
        """A part of a picture, and which boxes (n) have their middle in it; None for all of the picture."""
        import torch

        while len(boxes):
            least = self.iou[int(torch.randint(len(self.iou), (1,)))]
            if least >= 1:
                return None
            for _ in range(self.trials):
                scale = self.low + (self.high - self.low) * torch.rand(2)
                wide, high = int(width * scale[0]), int(height * scale[1])
                if not (wide and high and 0.5 <= wide / high <= 2):
                    continue
                share = torch.rand(2)
                left, top = int((width - wide) * share[0]), int((height - high) * share[1])
                part = left, top, left + wide, top + high
                inside = _middles_inside(boxes, part)
                if inside.any() and float(_iou(boxes[inside], boxes.new_tensor([part])).max()) >= least:
                    return part, inside
        return None


def _middles_inside(boxes: Tensor, part: tuple[int, int, int, int]) -> Tensor:
    """Which boxes (n) have their middle in a part of the picture."""
    left, top, right, bottom = part
    x, y = (0.5 * (boxes[:, :2] + boxes[:, 2:])).unbind(1)
    return (left < x) & (x < right) & (top < y) & (y < bottom)


def _iou(boxes: Tensor, part: Tensor) -> Tensor:
    """Intersection over union of boxes (n, 4) with one (1, 4)."""
    shared = sides_of(overlap(boxes, part)).clamp(min=0).prod(1)
    return shared / (sides_of(boxes).prod(1) + sides_of(part).prod(1) - shared)


@AUGMENTS("zoom_out", "RandomZoomOut", "expand")
class ZoomOut(Varying):
    """A picture put anywhere on ground of `low` to `high` times its sides, with zeros around it, with probability `p`.

    Outside training nothing is done. Source: Liu et al., "SSD", 2016, section 3.6.
    """

    low: Annotated[float, Field(ge=1)] = 1.0
    high: Annotated[float, Field(ge=1, le=16)] = 4.0
    p: Share = 0.5

    @model_validator(mode="after")
    def _in_order(self) -> ZoomOut:
        if self.low > self.high:
            raise ValueError("low is at most high")
        return self

    def build(self) -> Step:
        import torch

        def zoom(batch: Batch) -> Batch:
            if torch.rand(1) >= self.p:
                return batch
            height, width = batch.x.shape[2:]
            ratio = self.low + torch.rand(1) * (self.high - self.low)
            wide, high = int(width * ratio), int(height * ratio)
            share = torch.rand(2)
            left, top = int((wide - width) * share[0]), int((high - height) * share[1])
            starts = [torch.tensor([-start], device=batch.x.device) for start in (top, left)]
            return moved(batch, lambda tensor: cutout(tensor, starts, (high, wide), "zeros"), beginning(starts))

        return zoom
