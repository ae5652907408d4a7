"""Detectors of two stages against torchvision's: the same keys, and with the same weights equal boxes and masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import operators  # noqa: F401 - what torchvision has compiled, for it
import pytest
import torch
from randomness import randomise
from torch import Tensor, nn
from torchvision.models import resnet50
from torchvision.models.detection import (
    FasterRCNN,
    MaskRCNN,
    fasterrcnn_resnet50_fpn_v2,
    maskrcnn_resnet50_fpn_v2,
)
from torchvision.models.detection._utils import overwrite_eps
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.ops import FrozenBatchNorm2d

import netspec
from netspec import zoo

torch.set_num_threads(1)
CLASSES = 7
SIZE = (64, 80)
REGIONS = 25
"""Of an image: more would show nothing else, and take long in float64."""


def frozen(make: Callable[..., nn.Module]) -> nn.Module:
    """What torchvision's weights were trained in: frozen normalisation."""
    peer = make(_resnet_fpn_extractor(resnet50(norm_layer=FrozenBatchNorm2d), 5), CLASSES)
    overwrite_eps(peer, 0.0)
    return peer


PEERS: dict[str, Callable[[], nn.Module]] = {
    "faster_rcnn": lambda: frozen(FasterRCNN),
    "faster_rcnn_v2": lambda: fasterrcnn_resnet50_fpn_v2(weights_backbone=None, num_classes=CLASSES),
    "mask_rcnn": lambda: frozen(MaskRCNN),
    "mask_rcnn_v2": lambda: maskrcnn_resnet50_fpn_v2(weights_backbone=None, num_classes=CLASSES),
}


@pytest.mark.parametrize("network", PEERS)
def test_finds_the_same(network: str) -> None:
    """In float64: proposals, boxes, scores, labels, and masks as large as the image."""
    with torch.device("meta"):
        peer: Any = PEERS[network]()
    peer = peer.to_empty(device="cpu")
    peer.rpn.anchor_generator = AnchorGenerator(((32,), (64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 5)
    peer.rpn._post_nms_top_n["testing"] = REGIONS
    randomise(peer)
    peer = peer.double().eval()
    known = zoo.find(network)
    graph = netspec.load(known.path).graph(**known.arguments, classes=CLASSES, regions=REGIONS)
    ours = graph.compile(device="meta").to_empty(device="cpu").double().eval()
    ours.load_state_dict(peer.state_dict(), assign=True)
    images = torch.randn(2, 3, *SIZE, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        maps = peer.backbone(images)
        batch = ImageList(images, [SIZE] * 2)
        calm(peer, batch, maps)
        rois, _ = peer.rpn(batch, maps)
        expected, _ = peer.roi_heads(maps, rois, batch.image_sizes)
        found = ours(images)
    assert sum(len(one["boxes"]) for one in expected) > 10
    for image, one in enumerate(expected):
        torch.testing.assert_close(found.boxes_found[image], one["boxes"], rtol=1e-9, atol=1e-8)
        assert torch.equal(found.labels_found[image], one["labels"])
        torch.testing.assert_close(found.scores[image], one["scores"], rtol=1e-9, atol=1e-9)
        if "masks" in one:
            masks = paste_masks_in_image(one["masks"], one["boxes"], SIZE)[:, 0]
            torch.testing.assert_close(found.masks_found[image], masks, rtol=1e-9, atol=1e-9)


def calm(peer: Any, batch: ImageList, maps: dict[str, Tensor]) -> None:
    """Makes offsets of a size that boxes have, and scores that are not all alike: random weights would not."""
    logits, offsets = peer.rpn.head(list(maps.values()))
    peer.rpn.head.bbox_pred.weight /= 4 * offsets[0].std()
    peer.rpn.head.cls_logits.weight /= logits[0].std()
    rois, _ = peer.rpn(batch, maps)
    features = peer.roi_heads.box_head(peer.roi_heads.box_roi_pool(maps, rois, batch.image_sizes))
    scores, moves = peer.roi_heads.box_predictor(features)
    peer.roi_heads.box_predictor.cls_score.weight *= 2 / scores.std()
    peer.roi_heads.box_predictor.bbox_pred.weight /= moves.std()


PUBLISHED = {
    "faster_rcnn": 41_755_286,
    "faster_rcnn_v2": 43_712_278,
    "mask_rcnn": 44_401_393,
    "mask_rcnn_v2": 46_359_409,
}
"""`num_params` of the weights that were trained on COCO; frozen normalisation has none."""


@pytest.mark.parametrize("network", PUBLISHED)
def test_as_many_parameters_as_torchvision_publishes(network: str) -> None:
    assert zoo.find(network).graph().parameters == PUBLISHED[network]
