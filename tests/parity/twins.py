"""Which network of the zoo is which model of torchvision or timm: the table of what test_twins.py proves equal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from netspec import zoo

if TYPE_CHECKING:
    from torch import nn


def as_they_are(key: str) -> str:
    """The same keys here and there."""
    return key


def of_preact_resnet(key: str) -> str:
    """The key in the example for one of timm's `resnetv2`."""
    key = re.sub(r"^stages\.(\d)\.blocks\.", lambda found: f"layer{int(found[1]) + 1}.", key)
    for theirs, ours in (("stem.conv.", "conv1."), ("head.fc.1.", "fc."), ("downsample.conv.", "downsample.")):
        key = key.replace(theirs, ours)
    return re.sub(r"(^|\.)norm(\d?)\.", r"\1bn\2.", key)


def with_linear_head(peer: nn.Module) -> None:
    """timm's classifier of a `resnetv2` is a 1 x 1 convolution: the same sum, which torch takes in another order."""
    from torch import nn

    head: Any = peer.head
    head.fc = nn.Sequential(nn.Flatten(), nn.Linear(head.fc.in_channels, head.fc.out_channels))


LIBRARIES = {
    "torchvision": "torchvision.models",
    "torchvision.segmentation": "torchvision.models.segmentation",
    "torchvision.video": "torchvision.models.video",
    "torchvision.detection": "torchvision.models.detection",
    "timm": "timm.models",
}


@dataclass(frozen=True)
class Twin:
    """A network of the zoo, perhaps with other values, and its peer in a library.

    `size` is the side of the images that both are run on, or the shape of a clip. `keys` gives our key for one of the
    peer's; `change` is what has to be done to the peer first. `starts_alike` says that with the same seed both start
    with the same weights; `counts_in_tensors` that the peer finds its widths with tensors, which have to have values.
    """

    network: str
    library: str
    model: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    size: int | tuple[int, ...] = 64
    keys: Callable[[str], str] = as_they_are
    change: Callable[[nn.Module], None] = lambda peer: None
    starts_alike: bool = False
    counts_in_tensors: bool = False

    def __str__(self) -> str:
        given = [f"{name}={value}" for name, value in self.arguments.items()]
        return "-".join([self.network, f"{self.library}.{self.model}", *given])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what both are run on."""
        return (3, self.size, self.size) if isinstance(self.size, int) else self.size

    def ours(self, device: str, shape: tuple[int, ...] | None = None) -> nn.Module:
        """The network compiled, for its own input or for one of this shape."""
        import netspec

        network = zoo.find(self.network)
        inputs = None if shape is None else {"image" if len(shape) == 3 else "clip": list(shape)}
        graph = netspec.load(network.path).graph(network.net, inputs=inputs, **{**network.arguments, **self.arguments})
        model: nn.Module = graph.compile(device=device)
        return model

    def theirs(self, device: str) -> nn.Module:
        """The library's model, without pretrained weights."""
        import torch

        models = import_module(LIBRARIES[self.library])
        with torch.device("cpu" if self.counts_in_tensors else device):
            model: nn.Module = getattr(models, self.model)(**self.options)
            self.change(model)
        return model.to(device)


AUX = {"aux_logits": True, "init_weights": False}
NO_BACKBONE = {"weights_backbone": None}
WITH_AUX = {"aux_loss": True, "weights_backbone": None}
NO_AUX = {"aux_logits": False, "init_weights": False}
TWINS = (
    Twin("alexnet_torchvision", "torchvision", "alexnet"),
    *(Twin(f"vgg{depth}{bn}", "torchvision", f"vgg{depth}{bn}") for bn in ("", "_bn") for depth in (11, 13, 16, 19)),
    Twin("googlenet_torchvision", "torchvision", "googlenet", options=AUX),
    Twin("googlenet_torchvision", "torchvision", "googlenet", {"aux": False}, NO_AUX),
    # The auxiliary classifier needs maps of 17 x 17, which is what 299 x 299 gives.
    Twin("inception_v3", "torchvision", "inception_v3", options=AUX, size=299),
    Twin("inception_v3", "torchvision", "inception_v3", {"aux": False}, NO_AUX, size=75),
    Twin("inception_v3", "timm", "inception_v3", {"aux": False}, {"drop_rate": 0.5}, size=75),
    *(Twin(name, "torchvision", name, starts_alike=True) for name in ("squeezenet1_0", "squeezenet1_1")),
    *(Twin(name, "torchvision", name, starts_alike=True) for name in ("mobilenet_v2", "mobilenet_v3_large")),
    Twin("mobilenet_v3_small", "torchvision", "mobilenet_v3_small", starts_alike=True),
    *(
        Twin(f"shufflenet_v2_{width}", "torchvision", f"shufflenet_v2_{width}", starts_alike=width == "x0_5")
        for width in ("x0_5", "x1_0", "x1_5", "x2_0")
    ),
    Twin("mnasnet", "torchvision", "mnasnet1_0", starts_alike=True),
    *(Twin(f"efficientnet_b{b}", "torchvision", f"efficientnet_b{b}", starts_alike=b == 0) for b in range(8)),
    Twin("convnext_tiny", "torchvision", "convnext_tiny", starts_alike=True),
    *(Twin(f"convnext_{size}", "torchvision", f"convnext_{size}") for size in ("small", "base", "large")),
    Twin("resnext50_32x4d", "torchvision", "resnext50_32x4d", starts_alike=True),
    *(Twin(name, "torchvision", name) for name in ("resnext101_32x8d", "resnext101_64x4d")),
    *(
        Twin(name, "torchvision", name, {"size": 64}, {"image_size": 64}, starts_alike=name == "vit_b_16")
        for name in ("vit_b_16", "vit_b_32")
    ),
    *(
        Twin(f"fcn_resnet{depth}", "torchvision.segmentation", f"fcn_resnet{depth}", options=WITH_AUX)
        for depth in (50, 101)
    ),
    # Its windows of 7 x 7 fit maps of 56, 28, 14 and 7, which are those of 224 x 224.
    *(Twin(f"swin_{size}", "torchvision", f"swin_{size}", size=224) for size in "tsb"),
    *(
        Twin(f"deeplabv3_resnet{depth}", "torchvision.segmentation", f"deeplabv3_resnet{depth}", options=WITH_AUX)
        for depth in (50, 101)
    ),
    Twin("lraspp_mobilenet_v3_large", "torchvision.segmentation", "lraspp_mobilenet_v3_large", options=NO_BACKBONE),
    *(
        Twin(f"regnet_{kind}_{size}", "torchvision", f"regnet_{kind}_{size}", counts_in_tensors=True)
        for kind in "xy"
        for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf")
    ),
    Twin("r2plus1d", "torchvision.video", "r2plus1d_18", size=(3, 8, 32, 32), starts_alike=True),
    *(Twin(f"hrnet_w{width}", "timm", f"hrnet_w{width}") for width in (18, 32, 48)),
    Twin("xception", "timm", "legacy_xception", size=96, starts_alike=True),
    Twin("inception_v4", "timm", "inception_v4", size=96, starts_alike=True),
    *(Twin(f"resnet{depth}", "torchvision", f"resnet{depth}") for depth in (18, 34, 50, 101, 152)),
    *(Twin(f"wide_resnet{depth}_2", "torchvision", f"wide_resnet{depth}_2") for depth in (50, 101)),
    *(Twin(f"resnet{depth}", "timm", f"resnet{depth}") for depth in (18, 50)),
    *(
        Twin(f"preact_resnet{depth}", "timm", f"resnetv2_{depth}", keys=of_preact_resnet, change=with_linear_head)
        for depth in (50, 101, 152)
    ),
    # timm gives them the dropout of SENet-154, which the authors' models do not have.
    *(Twin(f"se_resnet{n}", "timm", f"legacy_seresnet{n}", options={"drop_rate": 0.0}) for n in (50, 101, 152)),
    Twin("senet154", "timm", "legacy_senet154"),
    *(Twin(f"densenet{depth}", "torchvision", f"densenet{depth}") for depth in (121, 161, 169, 201)),
    *(Twin(f"densenet{depth}", "timm", f"densenet{depth}") for depth in (121, 201)),
)

DETECTORS: Mapping[str, str] = {
    "retinanet": "retinanet_resnet50_fpn",
    "retinanet_v2": "retinanet_resnet50_fpn_v2",
    "fcos": "fcos_resnet50_fpn",
    "ssd300": "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large": "ssdlite320_mobilenet_v3_large",
}
"""The zoo's detectors and their peers in torchvision.detection, whose heads and boxes test_detectors.py compares."""
TWO_STAGES: Mapping[str, str] = {
    "faster_rcnn": "fasterrcnn_resnet50_fpn",
    "faster_rcnn_v2": "fasterrcnn_resnet50_fpn_v2",
    "mask_rcnn": "maskrcnn_resnet50_fpn",
    "mask_rcnn_v2": "maskrcnn_resnet50_fpn_v2",
}
"""Those of two stages, which test_two_stages.py compares from the image to what is found."""
