"""torchvision's compiled operators, as its sources ask for them: written out, one box after another."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from conftest import OPERATORS
from torch import Tensor
from torchvision.ops import boxes as box_operators
from torchvision.ops import poolers
from torchvision.ops._utils import convert_boxes_to_roi_format


def greedy(boxes: Tensor, scores: Tensor, iou: float) -> Tensor:
    """The places of the boxes that stay, the best first; of equals the first one. In the numbers of the boxes."""
    kept: list[int] = []
    order = scores.argsort(descending=True, stable=True)
    x1, y1, x2, y2 = boxes[order].unbind(1)
    areas, gone = (x2 - x1) * (y2 - y1), torch.zeros_like(scores, dtype=torch.bool)
    for one, place in enumerate(order.tolist()):
        if gone[one]:
            continue
        kept.append(place)
        wide = (torch.minimum(x2[one], x2) - torch.maximum(x1[one], x1)).clamp(min=0)
        high = (torch.minimum(y2[one], y2) - torch.maximum(y1[one], y1)).clamp(min=0)
        gone |= wide * high / (areas[one] + areas - wide * high) > iou
    return torch.tensor(kept, dtype=torch.int64)


def shared(a: list[float], b: list[float]) -> float:
    """The area of both boxes over that of either; 0 where there is none."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - wide * high)


OPERATORS.impl("nms", greedy, "CPU")
box_operators._assert_has_ops = lambda: None


def regions(
    x: Tensor, boxes: Any, output_size: Any, spatial_scale: float = 1.0, sampling_ratio: int = -1, aligned: bool = False
) -> Tensor:
    """RoIAlign by torch's own sampling: what is more than a position outside of the map is 0, which the Python of
    torchvision does not know on the right and below.
    """
    rois = boxes if isinstance(boxes, Tensor) else convert_boxes_to_roi_format(boxes)
    size = output_size if isinstance(output_size, int) else output_size[0]
    end = torch.tensor([x.shape[3], x.shape[2]], dtype=x.dtype)
    steps = (torch.arange(size * sampling_ratio, dtype=x.dtype) + 0.5) / sampling_ratio
    made = []
    for roi in rois:
        corners = roi[1:] * spatial_scale - 0.5 * aligned
        sides = corners[2:] - corners[:2]
        cell = (sides if aligned else sides.clamp(min=1)) / size
        across, down = (corners[axis] + steps * cell[axis] for axis in (0, 1))
        grid = torch.stack(torch.meshgrid(across, down, indexing="xy"), -1)
        inside = ((grid >= -1) & (grid <= end)).all(-1)
        shares = grid / (end - 1).clamp(min=1e-9) * 2 - 1
        there = F.grid_sample(x[int(roi[0])][None], shares[None], padding_mode="border", align_corners=True)
        made.append(F.avg_pool2d(there * inside, sampling_ratio))
    return torch.cat(made) if made else x.new_zeros(0, x.shape[1], size, size)


poolers.roi_align = regions
