"""Augmentation of pictures with objects beside torchvision.transforms.v2, with the same random numbers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from netspec.train.augment.carrying import LEFT, boxes_of
from netspec.train.augment.crops import CenterCrop, HFlip, RandomCrop, VFlip
from netspec.train.augment.detection import IoUCrop, ResizeShorter, ScaleJitter, ZoomOut
from netspec.train.augment.geometry import Resize
from netspec.train.batch import Batch, together
from netspec.train.data.objects.objects import Objects

CASES = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 2**31)


def scene(seed: int, masked: bool) -> Batch:
    """A picture of any size with objects in it; masks fill their boxes, so that cutting does to both the same."""
    chance = torch.Generator().manual_seed(seed)
    height, width = torch.randint(12, 60, (2,), generator=chance).tolist()
    count = int(torch.randint(0, 6, (), generator=chance))
    ends = [torch.rand(count, 2, generator=chance).sort(1).values * side for side in (width, height)]
    boxes = torch.stack([ends[0][:, 0], ends[1][:, 0], ends[0][:, 1], ends[1][:, 1]], 1)
    if masked:
        boxes = boxes.round()
    boxes = boxes[((boxes[:, 2:] - boxes[:, :2]) >= 1).all(1)]
    masks = torch.zeros(len(boxes), height, width, dtype=torch.uint8)
    for mask, (left, top, right, bottom) in zip(masks, boxes.round().int().tolist(), strict=True):
        mask[top:bottom, left:right] = 1
    none = torch.zeros(len(boxes), dtype=torch.bool)
    labels = torch.arange(1, len(boxes) + 1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    objects = Objects(boxes, labels, masks if masked else None, area, none, none, seed, (height, width))
    x = torch.rand(1, 3, height, width, generator=chance)
    return Batch(x, torch.zeros(1), objects=(objects,), sizes=((height, width),))


def peers(batch: Batch, transform) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """What a transform of torchvision makes of it: picture, boxes, labels and masks; lost objects are left out."""
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    (objects,), size = batch.objects, batch.sizes[0]
    boxes = tv_tensors.BoundingBoxes(objects.boxes, format="XYXY", canvas_size=size)
    sample = {"image": tv_tensors.Image(batch.x[0]), "boxes": boxes, "labels": objects.labels}
    if objects.masks is not None:
        sample["masks"] = tv_tensors.Mask(objects.masks)
    result = transform(sample)
    canvas = result["image"].shape[1:]
    clean = v2.SanitizeBoundingBoxes(min_size=1)(v2.ClampBoundingBoxes()(result))
    image, boxes, labels = (clean[name].as_subclass(Tensor) for name in ("image", "boxes", "labels"))
    assert image.shape[1:] == canvas
    return image, boxes, labels, clean["masks"].as_subclass(Tensor) if objects.masks is not None else None


def compare(batch: Batch, step, transform, seed: int, *, tolerance: float = 0.0) -> None:
    """Holds a step to a transform; what is left of an object has to be a tenth of what it would be."""
    torch.manual_seed(seed)
    ours = step.build()(batch)
    torch.manual_seed(seed)
    image, boxes, labels, masks = peers(batch, transform)
    torch.testing.assert_close(ours.x[0], image, rtol=0, atol=tolerance)
    (objects,) = ours.objects
    kept = torch.isin(labels, objects.labels)
    torch.testing.assert_close(objects.boxes, boxes[kept], rtol=0, atol=tolerance)
    assert objects.labels.tolist() == labels[kept].tolist()
    if masks is not None:
        assert torch.equal(objects.masks, masks[kept])
    scale = (image.shape[1] * image.shape[2]) / batch.x[0, 0].numel() if isinstance(step, Resize | ScaleJitter) else 1
    for box, label in zip(boxes[~kept], labels[~kept], strict=True):
        (was,) = batch.objects[0].area[batch.objects[0].labels == label].tolist()
        assert (box[2] - box[0]) * (box[3] - box[1]) < LEFT * was * scale * 1.01 + 1


@CASES
@given(SEEDS, st.booleans())
def test_mirror_images(seed, masked):
    from torchvision.transforms import v2

    compare(scene(seed, masked), HFlip(p=1.0), v2.RandomHorizontalFlip(1.0), seed)
    compare(scene(seed, masked), VFlip(p=1.0), v2.RandomVerticalFlip(1.0), seed)


@CASES
@given(SEEDS, st.booleans(), st.integers(8, 40), st.integers(8, 40))
def test_crops(seed, masked, height, width):
    from torchvision.transforms import v2

    batch = scene(seed, masked)
    own, wide = batch.sizes[0]
    size = min(height, own), min(width, wide)

    def crop(sample):
        top, left = (int(torch.randint(0, most + 1, (1,))) for most in (own - size[0], wide - size[1]))
        return {
            name: v2.functional.crop(value, top, left, *size) if name != "labels" else value
            for name, value in sample.items()
        }

    compare(batch, RandomCrop(size=size), crop, seed)
    if (own - size[0]) % 2 == 0 and (wide - size[1]) % 2 == 0:  # of an odd rest torchvision rounds to even
        compare(batch, CenterCrop(size=size), v2.CenterCrop(size), seed)


@CASES
@given(SEEDS, st.booleans(), st.integers(8, 80), st.integers(8, 80))
def test_other_sizes(seed, masked, height, width):
    from torchvision import tv_tensors
    from torchvision.transforms import InterpolationMode, v2

    def exact(sample):
        resized = v2.Resize((height, width), antialias=True)(sample)
        if masked:
            nearest = InterpolationMode.NEAREST_EXACT
            masks = v2.functional.resize_mask(sample["masks"], [height, width], nearest)
            resized["masks"] = tv_tensors.Mask(masks)
        return resized

    compare(scene(seed, masked), Resize(size=(height, width)), exact, seed, tolerance=5e-5)


@CASES
@given(SEEDS)
def test_sizes_that_vary(seed):
    from torchvision.transforms import v2

    batch = scene(seed, False)
    compare(batch, ScaleJitter(size=(40, 50)), v2.ScaleJitter((50, 40)), seed, tolerance=5e-5)
    shorter = ResizeShorter(size=(20, 30, 40), longer=50)
    compare(batch, shorter, v2.RandomShortestSize([20, 30, 40], 50), seed, tolerance=5e-5)


@CASES
@given(SEEDS, st.booleans())
def test_crops_by_iou(seed, masked):
    from torchvision.transforms import v2

    batch = scene(seed, masked)
    if len(batch.objects[0]):
        compare(batch, IoUCrop(), v2.RandomIoUCrop(), seed)


@CASES
@given(SEEDS, st.booleans())
def test_more_ground(seed, masked):
    from torchvision.transforms import v2

    compare(scene(seed, masked), ZoomOut(), v2.RandomZoomOut(), seed)


@CASES
@given(st.lists(SEEDS, min_size=1, max_size=4), st.integers(20, 40), st.integers(30, 60))
def test_pictures_of_unlike_sizes_as_the_detectors_take_them(seeds, shorter, longer):
    """`GeneralizedRCNNTransform`: resize without smoothing, normalise, borders up to a multiple of 32."""
    from torchvision.models.detection.transform import GeneralizedRCNNTransform

    from netspec.train.augment import Augmentation, Chain
    from netspec.train.augment.intensity import Normalize

    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)
    transform = GeneralizedRCNNTransform(shorter, longer, list(mean), list(std)).eval()
    scenes = [scene(seed, False) for seed in seeds]
    targets = [{"boxes": each.objects[0].boxes} for each in scenes]
    wanted, resized = transform([each.x[0] for each in scenes], targets)
    steps = (Normalize(mean=mean, std=std), ResizeShorter(size=shorter, longer=longer, smooth=False))
    ours = Augmentation(Chain(steps)).test(together(scenes))
    assert ours.sizes == tuple(wanted.image_sizes)
    if len(set(ours.sizes)) > 1:
        torch.testing.assert_close(ours.x, wanted.tensors, rtol=0, atol=1e-5)
    for own, peer in zip(ours.objects, resized, strict=True):
        there = ((peer["boxes"][:, 2:] - peer["boxes"][:, :2]) >= 1).all(1)
        torch.testing.assert_close(own.boxes, peer["boxes"][there], rtol=0, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_boxes_of_masks(seed):
    from torchvision.ops import masks_to_boxes

    masks = (torch.rand(6, 9, 13, generator=torch.Generator().manual_seed(seed)) > 0.97).to(torch.uint8)
    there = masks.flatten(1).bool().any(1)
    peer = masks_to_boxes(masks[there])
    peer[:, 2:] += 1  # torchvision's end in the last pixel, and not after it
    assert torch.equal(boxes_of(masks)[there].float(), peer)
    assert not boxes_of(masks)[~there].any()
