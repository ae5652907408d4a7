"""Layers of sets against torchvision's, in float64 on generated values: what stays of boxes, regions, masks."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import operators
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision.models.detection import FCOS, RetinaNet
from torchvision.models.detection._utils import BoxCoder, BoxLinearCoder
from torchvision.models.detection.roi_heads import RoIHeads, paste_masks_in_image
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.models.detection.ssd import SSD
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.boxes import box_area, clip_boxes_to_image

import netspec
from netspec.layers import REGISTRY
from netspec.layers.declaration.base import Layer
from netspec.shapes.sets import Set
from netspec.shapes.shape import Shape

torch.set_num_threads(1)  # the tensors are tiny

some = settings(max_examples=12, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 2**16)
SIZE = (60, 80)
IMAGE = torch.empty(2, 3, *SIZE).double()
PLAIN = BoxCoder((1.0, 1.0, 1.0, 1.0))


@cache
def net(inputs: str, body: str) -> nn.Module:
    """A net of this body in float64; sizes are open."""
    declared = "".join(f"input {one}\n" for one in inputs.split("; "))
    model: nn.Module = netspec.parse(f"net N {{\n{declared}{body}\n}}").graph().compile()
    return model.double().eval()


def drawn(seed: int, *size: int) -> Tensor:
    return torch.rand(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def crowded(seed: int, *size: int) -> Tensor:
    """Boxes around few places, so that many share much; some beyond the image, some without area there."""
    place = (drawn(seed, *size, 2) * 4).floor() * 22 + 5 * drawn(seed + 1, *size, 2)
    return torch.cat([place, place + 4 + 20 * drawn(seed + 2, *size, 2)], -1)


def same(found: Any, expected: list[dict[str, Tensor]]) -> None:
    """Boxes, scores and labels of each image are equal, in their order."""
    for image, one in enumerate(expected):
        torch.testing.assert_close(found.labels[image], one["labels"])
        torch.testing.assert_close(found.scores[image], one["scores"], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(found.boxes[image], one["boxes"], rtol=1e-12, atol=1e-9)


OUTPUTS = "output boxes = found\noutput scores = sure\noutput labels = label"


def dense(arguments: str, scores: str = "sigmoid(logits)") -> nn.Module:
    inputs = "logits [A, 3]; corners [A, 4]; levels: int [A]; image [3, H, W]"
    return net(inputs, f"let found, sure, label = detections({scores}, corners, of=image, {arguments})\n{OUTPUTS}")


LEVELS = [20, 12, 8]
WHICH = torch.arange(3).repeat_interleave(torch.tensor(LEVELS)).expand(2, -1)


@some
@given(seeds, st.sampled_from([5, 30]), st.sampled_from([0.05, 0.5, 0.9999]))
def test_detections_of_retinanet(seed: int, before: int, least: float) -> None:
    """Candidates of each level, suppressed by class; with a high threshold an image has none."""
    logits, boxes = 6 * drawn(seed + 7, 2, 40, 3) - 3, crowded(seed, 2, 40)
    ours = dense(f"levels=levels, before={before}, least={least}, iou=0.4, most=25")(logits, boxes, WHICH, IMAGE)
    offsets, anchors = torch.zeros_like(boxes), [list(each.split(LEVELS)) for each in boxes]
    peer = SimpleNamespace(
        score_thresh=least, topk_candidates=before, box_coder=PLAIN, nms_thresh=0.4, detections_per_img=25
    )
    heads = {"cls_logits": list(logits.split(LEVELS, 1)), "bbox_regression": list(offsets.split(LEVELS, 1))}
    same(ours, RetinaNet.postprocess_detections(peer, heads, anchors, [SIZE] * 2))


@some
@given(seeds)
def test_detections_of_fcos(seed: int) -> None:
    """The score is the root of that of the class times how near the middle is."""
    logits, middle = 6 * drawn(seed + 7, 2, 40, 3) - 3, 4 * drawn(seed + 8, 2, 40, 1) - 1
    boxes = crowded(seed, 2, 40)
    inputs = "logits [A, 3]; corners [A, 4]; middle [A, 1]; levels: int [A]; image [3, H, W]"
    body = "let found, sure, label = detections(sqrt(sigmoid(logits) * sigmoid(middle)), corners, of=image, "
    ours = net(inputs, f"{body}levels=levels, before=9, least=0.2, iou=0.6)\n{OUTPUTS}")(
        logits, boxes, middle, WHICH, IMAGE
    )
    peer = SimpleNamespace(
        score_thresh=0.2,
        topk_candidates=9,
        box_coder=BoxLinearCoder(normalize_by_size=True),
        nms_thresh=0.6,
        detections_per_img=100,
    )
    corners = [list(each.split(LEVELS)) for each in boxes]
    sides = torch.full_like(boxes, 0.5)
    heads = {
        "cls_logits": list(logits.split(LEVELS, 1)),
        "bbox_regression": list(sides.split(LEVELS, 1)),
        "bbox_ctrness": list(middle.split(LEVELS, 1)),
    }
    same(ours, FCOS.postprocess_detections(peer, heads, corners, [SIZE] * 2))


@some
@given(seeds, st.sampled_from([4, 40]))
def test_detections_of_ssd(seed: int, before: int) -> None:
    """Candidates of each class, and class 0 is none."""
    logits, boxes = 4 * drawn(seed + 7, 2, 40, 3), crowded(seed, 2, 40)
    arguments = f"before={before}, least=0.3, iou=0.45, most=20, background=true"
    ours = dense(arguments, "softmax(logits, axis=-1)")(logits, boxes, WHICH, IMAGE)
    peer = SimpleNamespace(
        score_thresh=0.3, topk_candidates=before, box_coder=PLAIN, nms_thresh=0.45, detections_per_img=20
    )
    heads = {"cls_logits": logits, "bbox_regression": torch.zeros_like(boxes)}
    same(ours, SSD.postprocess_detections(peer, heads, list(boxes), [SIZE] * 2))


@some
@given(seeds, st.sampled_from([6, 20]), st.booleans())
def test_proposals(seed: int, before: int, training: bool) -> None:
    """Those of each level that a region proposal network takes, in training as many as are said for that."""
    boxes, logits = crowded(seed, 2, 40), 6 * drawn(seed + 7, 2, 40) - 3
    body = f"proposals(boxes, logits, levels, of=image, before={before}, after=11, training=8, iou=0.5)"
    ours = net("boxes [A, 4]; logits [A]; levels: int [A]; image [3, H, W]", body).train(training)
    top, last = (8, 8) if training else (before, 11)
    peer = SimpleNamespace(
        pre_nms_top_n=lambda: top,
        post_nms_top_n=lambda: last,
        nms_thresh=0.5,
        min_size=0.001,
        score_thresh=0.0,
    )
    peer._get_top_n_idx = lambda *x: RegionProposalNetwork._get_top_n_idx(peer, *x)
    expected, _ = RegionProposalNetwork.filter_proposals(peer, boxes, logits.flatten()[:, None], [SIZE] * 2, LEVELS)
    found = ours(boxes, logits, WHICH, IMAGE)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@some
@given(seeds, st.integers(1, 12))
def test_detections_of_a_set(seed: int, most: int) -> None:
    """The second stage of Faster R-CNN: a box for each class of each region, small ones left out."""
    rois = [clip_boxes_to_image(crowded(seed + image, count), SIZE) for image, count in enumerate((most, 12))]
    count = torch.tensor([len(each) for each in rois])
    scores = 4 * drawn(seed + 7, int(count.sum()), 4)
    offsets = drawn(seed + 8, int(count.sum()), 4, 4) - 0.5
    peer = SimpleNamespace(
        box_coder=BoxCoder((10.0, 10.0, 5.0, 5.0)), score_thresh=0.2, nms_thresh=0.5, detections_per_img=9
    )
    expected = RoIHeads.postprocess_detections(peer, scores, offsets.flatten(1), rois, [SIZE] * 2)
    boxes = BoxCoder((10.0, 10.0, 5.0, 5.0)).decode_single(offsets.flatten(1), torch.cat(rois)).view(-1, 4, 4)
    layer = REGISTRY["detections"](least=0.2, most=9, background=True, smallest=0.01)
    *found, number = applied(layer, (scores.softmax(-1), boxes, IMAGE), "ss.", count)
    for values, wanted in zip(found, expected, strict=True):
        for one, other in zip(values.split(number.tolist()), wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-9)


def applied(layer: Layer, tensors: tuple[Tensor, ...], kinds: str, count: Tensor) -> Any:
    """The layer as it is emitted, at work on tensors of which some, `s` among the kinds, hold the members of a set."""
    each = Set(100, "members")
    shapes = [Shape(tuple(x.shape[1:]), "float" if x.is_floating_point() else "int") for x in tensors]
    shapes = [shape.of_each(each) if kind == "s" else shape for shape, kind in zip(shapes, kinds, strict=True)]
    outputs, call = layer.outputs(*shapes), layer.torch(*shapes)
    assert layer.counted(*shapes) in ((each,), ())
    space: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor}
    for support in call.support:
        exec("\n".join([*support.imports, support.source]), space)
    fields = {name: repr(value) for name, value in call.kwargs.items()}
    places = {f"x{place}": tensor for place, tensor in enumerate([*tensors, count])}
    result = eval(call.apply.format(*places, **fields), space, places)
    results = result if isinstance(result, tuple) else (result,)
    assert [tuple(x.shape[1:]) for x in results[: len(outputs)]] == [shape.dims for shape in outputs]
    return result


COUNT = torch.tensor([9, 6])
MAPS = [drawn(5 + level, 2, 3, 64 >> level, 48 >> level) for level in range(3)]
OF_MAPS = torch.empty(2, 3, 256, 192).double()


def regions(seed: int) -> Tensor:
    """Boxes inside of an image of 256 x 192, from less than a pixel to all of it; small ones not beside its end."""
    corner = drawn(seed, 15, 2) * torch.tensor([174.0, 238.0])
    sides = 0.2 + (drawn(seed + 1, 15, 2) ** 3) * 260
    boxes = clip_boxes_to_image(torch.cat([corner, corner + sides], 1), (256, 192))
    boxes[3] = torch.tensor([0.0, 0.0, 192.0, 256.0])
    boxes[4] = torch.tensor([170.0, 10.0, 192.0, 30.0])
    return boxes


def same_with_gradients(ours: Callable[..., Tensor], theirs: Callable[..., Tensor], maps: list[Tensor]) -> None:
    """Both make the same of the maps, and have the same gradients."""
    for x in maps:
        x.requires_grad_()
    found, expected = ours(maps), theirs(maps)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
    direction = torch.randn_like(found)
    pairs = [torch.autograd.grad((out * direction).sum(), maps, allow_unused=True) for out in (found, expected)]
    for one, other in zip(*pairs, strict=True):
        torch.testing.assert_close(
            torch.zeros(()) if one is None else one, torch.zeros_like(one) if other is None else other
        )


@pytest.mark.parametrize("several", [True, False])
@some
@given(seeds, st.sampled_from([(7, 2), (5, 2), (3, 1)]))
def test_roi_align(several: bool, seed: int, cells: tuple[int, int]) -> None:
    """Each box from the map of its size; the Python of torchvision does not know the border on the right and below,
    which the second test looks at.
    """
    size, samples = cells
    maps = MAPS if several else MAPS[1:2]
    boxes = regions(seed)
    layer = REGISTRY["roi_align"](size=size, samples=samples, canonical=80)
    peer = MultiScaleRoIAlign([str(level) for level in range(len(maps))], size, samples, canonical_scale=80)
    names = {str(level): x for level, x in enumerate(maps)}
    inputs = (boxes, OF_MAPS)
    same_with_gradients(
        lambda maps: applied(layer, (*maps, *inputs), "." * len(maps) + "s.", COUNT),
        lambda maps: peer(names, list(boxes.split(COUNT.tolist())), [(256, 192)] * 2),
        maps,
    )


def bilinear(x: Tensor, down: float, across: float) -> Tensor:
    """A point of a map [C, H, W] as the compiled kernel reads it."""
    height, width = x.shape[1:]
    if not (-1 <= down <= height and -1 <= across <= width):
        return x.new_zeros(x.shape[0])
    down, across = min(max(down, 0.0), height - 1.0), min(max(across, 0.0), width - 1.0)
    low, left = math.floor(down), math.floor(across)
    high, right = min(low + 1, height - 1), min(left + 1, width - 1)
    a, b = down - low, across - left
    return (1 - a) * ((1 - b) * x[:, low, left] + b * x[:, low, right]) + a * (
        (1 - b) * x[:, high, left] + b * x[:, high, right]
    )


@pytest.mark.parametrize("aligned", [True, False])
def test_roi_align_at_the_border(aligned: bool) -> None:
    """Points more than a position outside are 0, others are those of the border; of boxes beyond the image, too."""
    boxes = torch.tensor([[-30.0, -9.0, 20.0, 20.0], [150.0, 200.0, 260.0, 300.0], [40.0, 40.0, 40.5, 40.2]]).double()
    x, size, shift = MAPS[0], 3, 0.5 if aligned else 0.0
    found = applied(REGISTRY["roi_align"](size=size, aligned=aligned), (x, boxes, OF_MAPS), ".s.", torch.tensor([2, 1]))
    for region, (box, image) in enumerate(zip(boxes.tolist(), (0, 0, 1), strict=True)):
        left, top, right, low = (number / 4 - shift for number in box)
        wide, high = (side if aligned else max(side, 1.0) for side in (right - left, low - top))
        for i in range(size):
            for j in range(size):
                points = [
                    bilinear(
                        x[image], top + (i + (p + 0.5) / 2) * high / size, left + (j + (q + 0.5) / 2) * wide / size
                    )
                    for p in range(2)
                    for q in range(2)
                ]
                torch.testing.assert_close(found[region, :, i, j], torch.stack(points).mean(0))


def pooled(x: Tensor, boxes: Tensor, images: list[int], scale: float, size: int) -> Tensor:
    """RoIPool as Fast R-CNN's kernel has it, a cell at a time."""
    height, width = x.shape[2:]
    made = []
    for box, image in zip(boxes.tolist(), images, strict=True):
        left, top, right, low = (math.floor(number * scale + 0.5) for number in box)
        wide, high = max(right - left + 1, 1), max(low - top + 1, 1)
        for i in range(size):
            for j in range(size):
                rows = [min(max(edge + top, 0), height) for edge in (i * high // size, -(-(i + 1) * high // size))]
                columns = [min(max(edge + left, 0), width) for edge in (j * wide // size, -(-(j + 1) * wide // size))]
                cell = x[image, :, slice(*rows), slice(*columns)]
                made.append(cell.amax((1, 2)) if cell.numel() else x.new_zeros(x.shape[1]))
    return torch.stack(made).view(len(boxes), size, size, -1).permute(0, 3, 1, 2)


@some
@given(seeds, st.sampled_from([7, 2]))
def test_roi_pool(seed: int, size: int) -> None:
    boxes, images = regions(seed) + 20 * (seed % 3), [0] * 9 + [1] * 6
    layer = REGISTRY["roi_pool"](size=size)
    same_with_gradients(
        lambda maps: applied(layer, (*maps, boxes, OF_MAPS), ".s.", COUNT),
        lambda maps: pooled(maps[0], boxes, images, 1 / 8, size),
        MAPS[1:2],
    )


@some
@given(seeds)
def test_paste_masks(seed: int) -> None:
    """Also of boxes at the border, and of less than a pixel."""
    boxes = clip_boxes_to_image(crowded(seed, 12), SIZE)
    boxes[0] = torch.tensor([10.2, 10.3, 10.4, 10.5])
    masks = drawn(seed + 5, 12, 7, 7)
    found = applied(REGISTRY["paste_masks"](), (masks, boxes, IMAGE), "ss.", torch.tensor([12, 0]))
    torch.testing.assert_close(found, paste_masks_in_image(masks[:, None], boxes, SIZE)[:, 0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["roi_align", "roi_pool"])
def test_no_region(name: str) -> None:
    """Of no boxes there are no regions, and maps have no gradient but zero."""
    x = MAPS[1].clone().requires_grad_()
    found = applied(REGISTRY[name](size=5), (x, torch.empty(0, 4).double(), OF_MAPS), ".s.", torch.tensor([0, 0]))
    assert found.shape == (0, 3, 5, 5)
    assert not found.requires_grad or not torch.autograd.grad(found.sum(), x)[0].any()


@some
@given(seeds)
def test_of_equals_the_first_stays(seed: int) -> None:
    """Scores in tenths, and boxes that are there twice: what is found is what a loop over all finds."""
    scores = (drawn(seed + 7, 2, 40, 3) * 10).floor() / 10
    boxes = crowded(seed, 2, 20).repeat_interleave(2, 1)
    found = dense("least=0.2, iou=0.5, most=1000", "logits")(scores, boxes, WHICH, IMAGE)
    for image in range(2):
        clipped = clip_boxes_to_image(boxes[image], SIZE)
        place, label = (scores[image] > 0.2).nonzero().unbind(1)
        value = scores[image][place, label]
        kept: list[int] = []
        corners = clipped[place].tolist()
        for one in value.argsort(descending=True, stable=True).tolist():
            alike = [other for other in kept if label[other] == label[one]]
            if all(operators.shared(corners[one], corners[other]) <= 0.5 for other in alike):
                kept.append(one)
        assert torch.equal(found.labels[image], label[kept])
        assert torch.equal(found.boxes[image], clipped[place[kept]])
        assert torch.equal(found.scores[image], value[kept])


def test_more_boxes_than_are_looked_at_together() -> None:
    """Suppression in blocks, the later ones ruled out by those before."""
    boxes, scores = crowded(3, 1, 1500), drawn(4, 1, 1500, 1)
    inputs = "scores [A, K]; boxes [A, 4]; image [3, H, W]"
    ours = net(inputs, "detections(scores, boxes, of=image, least=0, iou=0.6, most=1000)").double()
    expected = clip_boxes_to_image(boxes[0], SIZE)
    kept = operators.greedy(expected, scores[0, :, 0], 0.6)
    (found,) = ours(scores, boxes, IMAGE[:1])
    assert len(boxes[0]) - len(kept) > 512
    assert torch.equal(found, expected[kept][:1000])


def test_areas_are_of_boxes() -> None:
    """The oracle's own share of two boxes is torchvision's."""
    boxes = crowded(1, 6)
    for a in boxes:
        for b in boxes:
            both = (torch.minimum(a[2:], b[2:]) - torch.maximum(a[:2], b[:2])).clamp(min=0).prod()
            whole = box_area(torch.stack([a, b])).sum() - both
            assert operators.shared(a.tolist(), b.tolist()) == pytest.approx(float(both / whole))
