"""torchvision, timm and pycocotools for the parity tests: they live in a directory apart from netspec's environment."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

PEERS = Path(__file__).parents[2] / ".parity"
sys.path.append(str(PEERS))

# torchvision's Python sources expect its compiled operators to be declared; the models here use none of them.
OPERATORS = torch.library.Library("torchvision", "DEF")
OPERATORS.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
OPERATORS.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
OPERATORS.define(
    "roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, "
    "int sampling_ratio, bool aligned) -> Tensor"
)
