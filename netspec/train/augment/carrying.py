"""Objects of a picture carried along where its places move: boxes by their corners, masks as pictures are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from netspec.train.batch import Batch

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.train.data.objects.objects import Objects

Move: TypeAlias = "Callable[[Tensor], Tensor]"
"""Takes the places of pictures (n, channels, H, W) from elsewhere."""
Points: TypeAlias = "Callable[[Tensor], Tensor]"
"""Where points (n, 2) of a picture come to lie: x and y, in pixels from its upper left corner."""

LEFT = 0.1
"""An object of which less than this share of its box is left, or less than a pixel, is there no longer."""


def carried(batch: Batch, x: Tensor, move: Move, points: Points | None) -> tuple[Objects[Tensor], ...]:
    """The objects of a batch of one picture, which has become `x` (1, C, H, W).

    With `points`, a box becomes the smallest box of where its corners come to lie, and of what is cut off that of the
    mask that is left. Without, boxes are those of the masks.
    """
    if batch.more or not batch.objects:
        return batch.objects
    (objects,) = batch.objects
    boxes, masks = objects.boxes, objects.masks
    if masks is not None:
        masks = move(masks[None].float())[0].round().to(masks.dtype) if len(masks) else masks.new_zeros(0, *x.shape[2:])
    if points is not None:
        corners = points(boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)).reshape(-1, 4, 2)
        boxes = _joined(corners.amin(1), corners.amax(1))
    elif masks is not None:
        boxes = boxes_of(masks).to(boxes)
    inside = within(boxes, x.shape[2], x.shape[3])
    cut = (inside != boxes).any(1, keepdim=True)
    if points is not None and masks is not None and bool(cut.any()):
        inside = inside.where(~cut, overlap(inside, boxes_of(masks).to(inside)))
    moved = replace(objects, boxes=inside, masks=masks)
    left = _left(moved, boxes)
    return (moved if bool(left.all()) else moved.chosen(left),)


def _left(objects: Objects[Tensor], whole: Tensor) -> Tensor:
    """Which objects (n) are there yet, of those that would have these boxes if nothing of them was cut off."""
    sides, all_of_them = sides_of(objects.boxes), sides_of(whole)
    there = (sides >= 1).all(1) & (sides.prod(1) >= LEFT * all_of_them.prod(1))
    return there if objects.masks is None else there & objects.masks.flatten(1).any(1).bool()


def sides_of(boxes: Tensor) -> Tensor:
    """Width and height of boxes (n, 4), as (n, 2)."""
    return boxes[:, 2:] - boxes[:, :2]


def within(boxes: Tensor, height: int, width: int) -> Tensor:
    """What of boxes (n, 4) is in a picture."""
    most = boxes.new_tensor([width, height, width, height])
    return boxes.clamp(min=0).minimum(most)


def overlap(one: Tensor, other: Tensor) -> Tensor:
    """What is in both of two boxes (n, 4), row by row; sides below 0 where nothing is."""
    return _joined(one[:, :2].maximum(other[:, :2]), one[:, 2:].minimum(other[:, 2:]))


def _joined(low: Tensor, high: Tensor) -> Tensor:
    import torch

    return torch.cat([low, high], 1)


def boxes_of(masks: Tensor) -> Tensor:
    """The smallest boxes (n, 4) that hold masks (n, H, W); zeros for a mask that holds nothing."""
    import torch

    ends = []
    for axis in (1, 2):
        there = masks.any(axis).bool()
        size = there.shape[1]
        places = torch.arange(size, device=masks.device)
        some = there.any(1)
        first = places.where(there, size).amin(1).where(some, 0)
        ends.append((first, (places + 1).where(there, 0).amax(1)))
    (left, right), (top, bottom) = ends
    return torch.stack([left, top, right, bottom], 1)
