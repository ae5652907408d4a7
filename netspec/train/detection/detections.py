"""What a net says that a picture holds: boxes, labels, scores and masks, in the pixels of that picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from netspec.train.data.objects.objects import Size

SURE = 0.5
"""A pixel is a mask's where its share is at least this."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The n objects that were found in one picture.

    `boxes` (n, 4) float32 are x1, y1, x2, y2 in pixels; `labels` (n) int64 count from 1; `scores` (n) are shares, and
    `masks` (n, H, W) bool are there where the net says them.
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    masks: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def of(
        cls, boxes: Tensor, labels: Tensor, scores: Tensor, masks: Tensor | None, met: Size, own: Size
    ) -> Detections:
        """What a net has said of a picture that it met in the size `met`, in the pixels of its own size.

        `boxes` are (n, 4), `labels` and `scores` (n), `masks` (n, H, W) the share of each pixel, with or without the
        border that the picture had.
        """
        shown = None if masks is None else _shown(masks[:, : met[0], : met[1]], own) >= SURE
        return cls(
            (boxes.float() * _ratios(boxes, met, own)).cpu().numpy(),
            labels.long().cpu().numpy(),
            scores.float().cpu().numpy(),
            None if shown is None else shown.cpu().numpy(),
        )

    def at_least(self, score: float) -> Detections:
        """Those with that score or more, the surest first."""
        import numpy as np

        order = np.argsort(-self.scores, kind="stable")
        chosen = order[self.scores[order] >= score]
        masks = None if self.masks is None else self.masks[chosen]
        return Detections(self.boxes[chosen], self.labels[chosen], self.scores[chosen], masks)


def _ratios(boxes: Tensor, met: Size, own: Size) -> Tensor:
    """What boxes are multiplied by, as torchvision does it: a number of 32 bits for each axis."""
    ratio = boxes.new_tensor([own[1], own[0]]).float() / boxes.new_tensor([met[1], met[0]]).float()
    return ratio.repeat(2)


def _shown(masks: Tensor, size: Size) -> Tensor:
    """The shares of masks (n, h, w) in a picture of another size."""
    from torch.nn import functional

    if masks.shape[1:] == size or not len(masks):
        return masks.new_zeros(0, *size) if not len(masks) else masks
    return functional.interpolate(masks[:, None].float(), size, mode="bilinear", align_corners=False)[:, 0]
