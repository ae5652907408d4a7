"""The zoo's detectors against torchvision's: the same keys, and with the same weights the same is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import operators  # noqa: F401 - what torchvision has compiled, for it
import pytest
import torch
from randomness import randomise
from torch import Tensor, nn
from torchvision.models import resnet50
from torchvision.models.detection import (
    FCOS,
    RetinaNet,
    retinanet_resnet50_fpn_v2,
    ssd300_vgg16,
    ssdlite320_mobilenet_v3_large,
)
from torchvision.models.detection._utils import BoxLinearCoder, overwrite_eps
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RPNHead
from torchvision.models.detection.ssd import SSD
from torchvision.ops import FrozenBatchNorm2d
from torchvision.ops.boxes import clip_boxes_to_image
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

import netspec
from netspec import zoo

torch.set_num_threads(1)
CLASSES = 7


def backbone(top: int) -> nn.Module:
    """What torchvision's weights were trained in: a ResNet with frozen normalisation, and a pyramid on it."""
    body = resnet50(norm_layer=FrozenBatchNorm2d)
    return _resnet_fpn_extractor(body, 5, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(top, 256))


def frozen(peer: nn.Module) -> nn.Module:
    overwrite_eps(peer, 0.0)
    return peer


@dataclass(frozen=True)
class Detector:
    """A detector of the zoo, its peer, and where the peer has its boxes before it looks."""

    network: str
    peer: Callable[[], nn.Module]
    grid: Callable[[], nn.Module]
    images: tuple[int, ...] = (2, 3, 96, 80)

    def __str__(self) -> str:
        return self.network


def anchors() -> AnchorGenerator:
    sizes = tuple((x, int(x * 2 ** (1 / 3)), int(x * 2 ** (2 / 3))) for x in (32, 64, 128, 256, 512))
    return AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5)


def squares() -> AnchorGenerator:
    return AnchorGenerator(((8,), (16,), (32,), (64,), (128,)), ((1.0,),) * 5)


def default_boxes() -> DefaultBoxGenerator:
    scales, steps = [0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05], [8, 16, 32, 64, 100, 300]
    return DefaultBoxGenerator([[2], [2, 3], [2, 3], [2, 3], [2], [2]], scales=scales, steps=steps)


DETECTORS = [
    Detector("retinanet", lambda: frozen(RetinaNet(backbone(256), CLASSES)), anchors),
    Detector(
        "retinanet_v2",
        lambda: retinanet_resnet50_fpn_v2(weights_backbone=None, num_classes=CLASSES),
        anchors,
    ),
    Detector("fcos", lambda: frozen(FCOS(backbone(256), CLASSES)), squares),
    Detector(
        "ssd300",
        lambda: ssd300_vgg16(weights_backbone=None, num_classes=CLASSES),
        default_boxes,
        images=(1, 3, 300, 300),
    ),
    Detector(
        "ssdlite320_mobilenet_v3_large",
        lambda: ssdlite320_mobilenet_v3_large(weights_backbone=None, num_classes=CLASSES),
        lambda: DefaultBoxGenerator([[2, 3]] * 6, min_ratio=0.2, max_ratio=0.95),
        images=(2, 3, 320, 320),
    ),
]


@pytest.mark.parametrize("detector", DETECTORS, ids=str)
def test_equal_to_the_last_bit(detector: Detector) -> None:
    """torchvision's keys strictly; what the heads make of a batch, and the boxes inside of the images."""
    with torch.device("meta"):
        peer: Any = detector.peer()
    peer = peer.to_empty(device="cpu").eval()
    peer.anchor_generator = detector.grid()  # one that is built without memory has no numbers
    randomise(peer)
    network = zoo.find(detector.network)
    graph = netspec.load(network.path).graph(**network.arguments, classes=CLASSES)
    ours = graph.compile(device="meta").to_empty(device="cpu").eval()
    ours.load_state_dict(peer.state_dict(), assign=True)
    images = torch.randn(*detector.images, generator=torch.Generator().manual_seed(1))
    size = detector.images[2:]
    with torch.no_grad():
        maps = list(peer.backbone(images).values())
        wild = peer.head(maps)
        calm(peer.head.regression_head, wild["bbox_regression"].std())
        calm(peer.head.classification_head, wild["cls_logits"].std())
        heads, found = peer.head(maps), ours(images)
        grid = torch.stack(peer.anchor_generator(ImageList(images, [size] * len(images)), maps))
        expected = clip_boxes_to_image(decoded(peer.box_coder, heads["bbox_regression"], grid), size)
        chosen = peer.postprocess_detections(*by_level(peer, heads, maps, grid), [size] * len(images))
    for name, value in heads.items():
        assert torch.equal(getattr(found, name), value), name
    assert torch.equal(found.boxes, expected)
    assert ((expected > 0) & (expected < size[1])).float().mean() > 0.1
    for image, one in enumerate(chosen):
        torch.testing.assert_close(found.scores[image], one["scores"])
        mine = in_order(found.labels_found[image], found.boxes_found[image])
        torch.testing.assert_close(mine, in_order(one["labels"], one["boxes"]))
    assert all(len(one["boxes"]) > 5 for one in chosen)


def in_order(labels: Tensor, boxes: Tensor) -> Tensor:
    """Boxes behind their labels, in an order of their own: scores may differ in the last bit, and so may theirs."""
    return torch.cat([labels[:, None].to(boxes), boxes], 1).unique(dim=0)


def by_level(peer: Any, heads: dict[str, Tensor], maps: list[Tensor], grid: Tensor) -> tuple[Any, Any]:
    """Heads and boxes as torchvision has them where it chooses: SSD all together, the others each level by itself."""
    if isinstance(peer, SSD):
        return heads, list(grid)
    positions = [x.shape[2] * x.shape[3] for x in maps]
    sizes = [grid.shape[1] // sum(positions) * count for count in positions]
    return {name: list(x.split(sizes, 1)) for name, x in heads.items()}, [list(each.split(sizes)) for each in grid]


def calm(head: Any, spread: Tensor) -> None:
    """Makes offsets of a size that boxes have, and scores of which none are equal: random weights would put all boxes
    outside, and their probabilities would be 0 and 1.
    """
    single = [getattr(head, name) for name in ("bbox_reg", "cls_logits") if hasattr(head, name)]
    for layer in single or head.module_list:
        last = layer[-1] if isinstance(layer, nn.Sequential) else layer
        last.weight /= spread


def decoded(coder: Any, offsets: Tensor, grid: Tensor) -> Tensor:
    if isinstance(coder, BoxLinearCoder):
        return coder.decode(offsets, grid)
    return torch.stack([coder.decode_single(*pair) for pair in zip(offsets, grid, strict=True)])


PUBLISHED = {
    "retinanet": 34_014_999,
    "retinanet_v2": 38_198_935,
    "fcos": 32_269_600,
    "ssd300": 35_641_826,
    "ssdlite320_mobilenet_v3_large": 3_440_060,
}
"""`num_params` of the weights that were trained on COCO; frozen normalisation has none."""


@pytest.mark.parametrize("network", PUBLISHED)
def test_as_many_parameters_as_torchvision_publishes(network: str) -> None:
    assert zoo.find(network).graph().parameters == PUBLISHED[network]


def test_head_of_a_region_proposal_network() -> None:
    """torchvision's keys; and its numbers in the order in which anchors are."""
    body = "head, offsets = RPNHead(3)\noutput s = head\noutput d = offsets"
    spec = netspec.parse(f"from std.detection import RPNHead\nnet N {{ input x [8, H, W]\n{body} }}")
    ours, theirs = spec.graph().compile(), RPNHead(8, 3)
    ours.load_state_dict({f"head.{key}": value for key, value in theirs.state_dict().items()})
    x = torch.randn(2, 8, 5, 4)
    found, (scores, offsets) = ours(x), theirs([x])
    assert torch.equal(found.s, scores[0].permute(0, 2, 3, 1).flatten(1))
    assert torch.equal(found.d, offsets[0].unflatten(1, (3, 4)).permute(0, 3, 4, 1, 2).flatten(1, 3))
