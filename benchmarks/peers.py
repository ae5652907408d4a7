"""torchvision, which lies in a folder of its own (`.parity`), out of netspec's environment."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

PARITY = Path(__file__).resolve().parent.parent / ".parity"


def torchvision() -> ModuleType:
    """The library where it is installed, else that of the folder, without its compiled operators.

    Those, which no model here uses, are declared so that it loads.
    """
    if find_spec("torchvision") is not None:
        return import_module("torchvision")
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
