"""The zoo's detectors against torchvision's: the same keys, and with the same weights equal heads and boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from randomness import randomise
from torch import Tensor, nn
from torchvision.models import resnet50
from torchvision.models.detection import FCOS, RetinaNet
from torchvision.models.detection._utils import overwrite_eps
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FrozenBatchNorm2d
from torchvision.ops.boxes import clip_boxes_to_image
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

import netspec
from netspec import zoo

torch.set_num_threads(1)
HEIGHT, WIDTH = 96, 80
CLASSES = 7


def backbone(top: int) -> nn.Module:
    """What torchvision's weights were trained in: a ResNet with frozen normalisation, and a pyramid on it."""
    body = resnet50(norm_layer=FrozenBatchNorm2d)
    made: nn.Module = _resnet_fpn_extractor(body, 5, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(top, 256))
    return made


def retinanet(top: int = 256) -> nn.Module:
    peer = RetinaNet(backbone(top), CLASSES)
    overwrite_eps(peer, 0.0)
    return peer


def fcos() -> nn.Module:
    peer = FCOS(backbone(256), CLASSES)
    overwrite_eps(peer, 0.0)
    return peer


def decoded_retinanet(peer: Any, heads: dict[str, Tensor], squares: Tensor) -> Tensor:
    decoded: Tensor = peer.box_coder.decode_single(heads["bbox_regression"].flatten(0, 1), squares.flatten(0, 1))
    return decoded.view_as(squares)


def decoded_fcos(peer: Any, heads: dict[str, Tensor], squares: Tensor) -> Tensor:
    decoded: Tensor = peer.box_coder.decode(heads["bbox_regression"], squares)
    return decoded


CASES = [
    pytest.param("retinanet", {}, retinanet, decoded_retinanet, id="retinanet"),
    pytest.param("retinanet", {"top": "c5"}, lambda: retinanet(2048), decoded_retinanet, id="retinanet-c5"),
    pytest.param("fcos", {}, fcos, decoded_fcos, id="fcos"),
]


@pytest.mark.parametrize(("network", "arguments", "theirs", "decoded"), CASES)
def test_equal_to_the_last_bit(
    network: str, arguments: dict[str, Any], theirs: Callable[[], Any], decoded: Callable[..., Tensor]
) -> None:
    """torchvision's keys strictly, and of a batch of two the heads, the squares or anchors, and the boxes inside."""
    with torch.device("meta"):
        peer = theirs()
    peer = peer.to_empty(device="cpu").eval()
    peer.anchor_generator = anchors_of(network)
    randomise(peer)
    graph = netspec.load(zoo.find(network).path).graph(classes=CLASSES, **arguments)
    ours = graph.compile(device="meta").to_empty(device="cpu").eval()
    ours.load_state_dict(peer.state_dict(), assign=True)
    images = torch.randn(2, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        maps = list(peer.backbone(images).values())
        # Offsets of a size that boxes have: random weights would put them all outside.
        peer.head.regression_head.bbox_reg.weight /= peer.head(maps)["bbox_regression"].std()
        heads = peer.head(maps)
        found = ours(images)
        boxes = torch.stack(peer.anchor_generator(ImageList(images, [(HEIGHT, WIDTH)] * 2), maps))
        expected = clip_boxes_to_image(decoded(peer, heads, boxes), (HEIGHT, WIDTH))
    for name, value in heads.items():
        assert torch.equal(getattr(found, name), value), name
    assert torch.equal(found.boxes, expected)
    assert ((expected > 0) & (expected < WIDTH)).float().mean() > 0.1


def anchors_of(network: str) -> AnchorGenerator:
    """As the library's models have it; one that was built without memory has no numbers."""
    if network == "fcos":
        return AnchorGenerator(((8,), (16,), (32,), (64,), (128,)), ((1.0,),) * 5)
    sizes = tuple((x, int(x * 2 ** (1 / 3)), int(x * 2 ** (2 / 3))) for x in (32, 64, 128, 256, 512))
    return AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5)


@pytest.mark.parametrize(("network", "published"), [("retinanet", 34_014_999), ("fcos", 32_269_600)])
def test_as_many_parameters_as_torchvision_publishes(network: str, published: int) -> None:
    """`num_params` of the weights that were trained on COCO; frozen normalisation has none."""
    assert zoo.find(network).graph().parameters == published
