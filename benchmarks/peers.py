"""torchvision, which lies in a folder of its own (`.parity`), out of netspec's environment."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

PARITY = Path(__file__).resolve().parent.parent / ".parity"


def torchvision() -> ModuleType:
    """The library; its compiled operators, which no model here uses, are declared so that it loads without them."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define(
        "roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, "
        "int sampling_ratio, bool aligned) -> Tensor"
    )
    sys.path.append(str(PARITY))
    import torchvision

    torchvision._declared = library  # the declarations live as long as this
    return torchvision  # type: ignore[no-any-return]
