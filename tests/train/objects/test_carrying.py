"""Objects go where their pictures go: boxes and masks, in every augmentation that moves places."""

from __future__ import annotations

import pytest
import torch

from netspec.train.augment import AUGMENTS, Augmentation, AugmentError, Chain
from netspec.train.augment.carrying import boxes_of
from netspec.train.batch import Batch, bordered, together
from netspec.train.data.objects.objects import Objects

MOVING = {
    "random_crop": {"size": 60, "pad": 6},
    "center_crop": {"size": 60},
    "hflip": {"p": 1.0},
    "vflip": {"p": 1.0},
    "rot90": {},
    "rotate": {"degrees": 40.0, "fill": "zeros"},
    "zoom": {"fill": "zeros"},
    "translate": {"fill": "zeros"},
    "shear": {"fill": "zeros"},
    "affine": {"fill": "zeros"},
    "perspective": {"p": 1.0},
    "elastic": {"fill": "zeros", "alpha": 8.0},
    "deform": {"fill": "zeros", "std": 4.0},
    "resize": {"size": 50},
    "random_resized_crop": {"size": 64, "scale": (0.5, 1.0)},
    "resize_shorter": {"size": 50},
    "scale_jitter": {"size": 64, "low": 0.5},
    "iou_crop": {},
    "zoom_out": {"p": 1.0},
}
BENDING = ("elastic", "deform")


def scene(size=(64, 64), boxes=((20, 24, 36, 36), (40, 8, 52, 30)), masks=True):
    """A dark picture in which each object is a bright rectangle, in a channel of its own."""
    drawn = torch.zeros(len(boxes), *size, dtype=torch.uint8)
    for mask, (left, top, right, bottom) in zip(drawn, boxes, strict=True):
        mask[top:bottom, left:right] = 1
    x = torch.cat([drawn.float(), torch.zeros(3 - len(boxes), *size)])[None]
    flags = torch.zeros(len(boxes), dtype=torch.bool)
    at = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    labels, area = torch.arange(1, len(boxes) + 1), drawn.sum((1, 2)).float()
    objects = Objects(at, labels, drawn if masks else None, area, flags, flags, 1, size)
    return Batch(x, torch.zeros(1), objects=(objects,), sizes=(size,))


def at_work(name, **arguments):
    return Augmentation(Chain((AUGMENTS[name](**MOVING[name], **arguments),)))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", MOVING)
def test_masks_and_boxes_are_where_the_objects_are(name, seed):
    """Each object has a channel of the picture to itself, which shows where it is."""
    result = at_work(name).train(scene(), seed)
    (objects,) = result.objects
    assert result.sizes == (tuple(result.x.shape[2:]),)
    for box, mask, label in zip(objects.boxes, objects.masks, objects.labels, strict=True):
        seen = result.x[0, label - 1] > 0.5
        assert (mask.bool() == seen).float().mean() > 0.98
        assert (box - boxes_of(mask[None])[0]).abs().max() <= (1.0 if name != "scale_jitter" else 1.5)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", [name for name in MOVING if name not in BENDING])
def test_boxes_without_masks_hold_the_objects(name, seed):
    """The corners of a rectangle that is turned reach as far as itself, so that the boxes are those of the masks."""
    alone, masked = (at_work(name).train(scene(masks=masks), seed) for masks in (False, True))
    labels = masked.objects[0].labels.tolist()
    kept = [index for index, label in enumerate(alone.objects[0].labels.tolist()) if label in labels]
    boxes, wanted = alone.objects[0].boxes[kept], masked.objects[0].boxes
    assert torch.equal(alone.x, masked.x)
    within = torch.isclose(
        wanted, wanted.clamp(0.5, min(alone.sizes[0]) - 0.5)
    )  # a turned corner that is cut off is not
    assert ((boxes - wanted).abs() <= 1.5)[within.all(1)].all()


def test_an_object_of_which_little_is_left_is_there_no_longer():
    crop = Augmentation(Chain((AUGMENTS["center_crop"](size=24),)))
    boxes = ((0, 0, 21, 64), (0, 0, 26, 64), (30, 30, 34, 34), (30, 30, 30, 30))
    (objects,) = crop.test(scene(boxes=boxes[:3], masks=False)).objects
    assert objects.labels.tolist() == [3]
    assert objects.boxes.tolist() == [[10, 10, 14, 14]]


def test_crowds_and_difficult_objects_are_not_trained_on_but_tested_with():
    batch = scene()
    batch.objects[0].crowd[0] = True
    work = Augmentation(Chain())
    assert work.train(batch, 1).objects[0].labels.tolist() == [2]
    assert work.test(batch).objects[0].labels.tolist() == [1, 2]


@pytest.mark.parametrize("name", MOVING)
def test_a_batch_is_a_function_of_itself_and_the_seed(name):
    batch = together([scene((64, 64)), scene((64, 64), boxes=()), scene((64, 64), boxes=((1, 1, 9, 9),))])
    torch.manual_seed(1)
    first, again = at_work(name).train(batch, 3), at_work(name).train(batch, 3)
    assert torch.equal(first.x, again.x)
    assert len(first.objects) == 3
    for one, other in zip(first.objects, again.objects, strict=True):
        assert torch.equal(one.boxes, other.boxes)
        assert torch.equal(one.masks, other.masks)


@pytest.mark.parametrize("name", [name for name in MOVING if name != "rot90"])
def test_pictures_of_unlike_sizes(name):
    """Each is augmented as if it were alone; what comes out has the size that is said, or a border."""
    sizes = ((70, 64), (61, 80))
    batch = together([scene(size) for size in sizes])
    assert (batch.x.shape, batch.sizes) == ((2, 3, 96, 96), sizes)
    part = AUGMENTS[name](**MOVING[name])
    said = part.shape((3, 0, 0))
    result = at_work(name).train(batch, 5)
    assert len({objects.masks.shape[1:] for objects in result.objects} - set(result.sizes)) == 0
    if all(said[1:]):
        assert result.sizes == (said[1:],) * 2
    for x, (height, width) in zip(result.x, result.sizes, strict=True):
        assert not x[:, height:].any()
        assert not x[:, :, width:].any()


@pytest.mark.parametrize(
    ("name", "arguments", "masks", "why"),
    [
        ("rotate", {}, True, "mirror images of its objects"),
        ("random_crop", {"size": 8, "fill": "edge"}, True, "the edges of its objects"),
        ("elastic", {"fill": "zeros"}, False, "only objects with masks can follow"),
        ("deform", {"fill": "zeros"}, False, "only objects with masks can follow"),
        ("mixup", {}, True, "objects cannot be blended"),
        ("cutmix", {}, True, "objects cannot be blended"),
    ],
)
def test_what_cannot_be_done_to_pictures_with_objects(name, arguments, masks, why):
    with pytest.raises(AugmentError, match=why):
        AUGMENTS[name](**arguments).check_objects(masks=masks)
    if name in MOVING:
        AUGMENTS[name](**MOVING[name]).check_objects(masks=True)


def test_a_border_is_of_zeros_and_only_where_sizes_are_unlike():
    one, other = torch.ones(3, 5, 7), torch.ones(3, 6, 4)
    assert bordered([one, one], 32).shape == (2, 3, 5, 7)
    both = bordered([one, other], 4)
    assert both.shape == (2, 3, 8, 8)
    assert both.sum((1, 2, 3)).tolist() == [105, 72]
    assert both[0, :, :5, :7].all()
