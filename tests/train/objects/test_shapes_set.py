"""The drawn pictures of `shapes`: the same every time, with boxes that are those of their masks."""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from netspec.train.data.objects.shapes import Shapes


def test_boxes_hold_what_is_seen_and_masks_do_not_meet(place):
    data = Shapes(count=60).load(place)
    assert (data.classes, data.names[1:], data.shape) == (4, ("circle", "square", "triangle"), (3, 96, 96))
    assert (len(data.train), len(data.test)) == (60, 10)
    counts = []
    for x, objects in (data.train.source[index] for index in range(60)):
        assert (x.shape, x.dtype) == ((3, 96, 96), np.uint8)
        assert objects.masks.sum(0).max(initial=0) <= 1
        assert objects.area.tolist() == objects.masks.sum((1, 2)).tolist()
        for box, mask in zip(objects.boxes, objects.masks, strict=True):
            down, right = mask.nonzero()
            assert box.tolist() == [right.min(), down.min(), right.max() + 1, down.max() + 1]
        counts.append(len(objects))
    assert (min(counts), max(counts)) == (0, 4)


def test_the_pictures_are_the_same_on_every_machine(place):
    data = Shapes(count=4).load(place)
    digest = sha256()
    for split in (data.train, data.test):
        for x, objects in (split.source[index] for index in range(len(split))):
            digest.update(x.tobytes() + objects.boxes.tobytes() + objects.labels.tobytes() + objects.masks.tobytes())
    assert digest.hexdigest()[:16] == "ac6324b6aa8c320f"


def test_training_and_test_pictures_differ_and_a_seed_changes_all(place):
    one, other = Shapes(count=6).load(place), Shapes(count=6, seed=1).load(place)
    pictures = [split.source[0][0].tobytes() for split in (one.train, one.test, other.train, other.test)]
    assert len(set(pictures)) == 4


def test_pictures_of_unlike_sizes(place):
    data = Shapes(count=12, size=(48, 80)).load(place)
    assert data.shape == (3, 0, 0)
    sizes = {data.train.source[index][0].shape for index in range(12)}
    assert len(sizes) > 6
    assert all(48 <= side <= 80 for shape in sizes for side in shape[1:])
