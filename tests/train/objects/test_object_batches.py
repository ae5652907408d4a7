"""Batches of pictures with objects: padded, with a set for each picture, whoever reads them."""

from __future__ import annotations

import pytest
import torch
from annotated_files import coco

from netspec.train import check
from netspec.train.augment import AUGMENTS, Augmentation, Chain
from netspec.train.data.encoding import Encoding
from netspec.train.data.objects.coco import Coco
from netspec.train.data.objects.shapes import Shapes
from netspec.train.engine.batches.loader import BatchLoader

CPU = torch.device("cpu")
OPEN = """
net Open {
  input image [1, H, W]
  conv(10, 1) -> global_avgpool -> flatten
}

train {
  data    digits
  augment STEP
  loss    cross_entropy
}
"""


def loader(split, workers=0):
    return BatchLoader(split, [Encoding()], CPU, workers)


def test_a_batch_is_pictures_and_a_set_of_objects_for_each(place):
    split = Shapes(count=6, size=(40, 70)).load(place).train
    batch = loader(split).batch(torch.tensor([4, 0, 3]))
    assert len(batch) == len(batch.objects) == len(batch.sizes) == 3
    for at, index in enumerate((4, 0, 3)):
        x, objects = split.source[index]
        height, width = batch.sizes[at]
        assert (height, width) == x.shape[1:] == objects.size
        assert torch.equal(batch.x[at, :, :height, :width], torch.from_numpy(x).float() / 255)
        assert not batch.x[at, :, height:].any()
        own = batch.objects[at]
        assert (own.boxes.dtype, own.labels.dtype, own.masks.dtype) == (torch.float32, torch.int64, torch.uint8)
        assert own.boxes.tolist() == objects.boxes.tolist()
        assert own.masks.shape == (len(objects), height, width)
    assert {id(objects.boxes) for objects in batch.objects}.isdisjoint({id(split.source[0][1].boxes)})


def test_pictures_of_one_size_have_no_border(place):
    batch = next(loader(Shapes(count=4).load(place).train).in_turn(3))
    assert (batch.x.shape, set(batch.sizes)) == ((3, 3, 96, 96), {(96, 96)})


def test_workers_change_nothing(place):
    split = Shapes(count=12, size=(40, 70)).load(place).train
    work = Augmentation(Chain((AUGMENTS["hflip"](), AUGMENTS["scale_jitter"](size=64))))
    plan = [torch.arange(0, 5), torch.arange(5, 12)]
    alone, together = (
        [work.train(batch, seed) for seed, batch in enumerate(loader(split, workers).batches(plan))]
        for workers in (0, 2)
    )
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one.x, other.x)
        for own, peer in zip(one.objects, other.objects, strict=True):
            assert torch.equal(own.boxes, peer.boxes)
            assert torch.equal(own.masks, peer.masks)


def test_damage_that_is_found_by_a_worker_is_told(place, tmp_path):
    coco(tmp_path)
    split = Coco(images="photos", annotations="instances.json").load(place).train
    for path in (tmp_path / "photos").iterdir():
        path.write_bytes(path.read_bytes()[:80])
    with pytest.raises(Exception, match="is damaged"):
        list(loader(split, 1).batches([torch.arange(2)]))


def test_masks_are_not_carried_along_where_nobody_asks_for_them(place, tmp_path):
    coco(tmp_path)
    data = Coco(images="photos", annotations="instances.json").load_for(place, ["image", "boxes", "labels"])
    batch = next(loader(data.train).in_turn(2))
    assert [objects.masks for objects in batch.objects] == [None, None]
    assert (data.objects.ids, data.objects.masked) == ((2, 7), False)


@pytest.mark.parametrize("step", ["scale_jitter(8)", "resize_shorter(8)", "iou_crop", "zoom_out"])
def test_only_pictures_with_objects_may_have_sizes_of_their_own(spec, step):
    opened = spec(OPEN.replace("STEP", step))
    (wrong,) = check(opened.train, opened.graph())
    assert wrong.code == "E0620"
    assert "only pictures with objects" in wrong.message
