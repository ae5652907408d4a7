"""Pictures with objects from Python: samples as torchvision's detectors take them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from netspec.train.data.encoding import Encoding
from netspec.train.data.files import DataError
from netspec.train.data.python_data import PythonData
from netspec.train.engine.batches.loader import BatchLoader


def sample(size=(20, 30), **said):
    x = torch.rand(3, *size, generator=torch.Generator().manual_seed(size[0]))
    masks = torch.zeros(1, *size, dtype=torch.uint8)
    masks[:, 2:9, 1:7] = 1
    return x, {"boxes": torch.tensor([[1.0, 2.0, 7.0, 9.0]]), "labels": torch.tensor([2]), "masks": masks, **said}


class Pets(list):
    classes = ("cat", "dog")


class Held(torch.utils.data.Dataset):
    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


def load(samples, place, inputs=("image",)):
    return PythonData.of((samples, samples[:1])).load_for(place, inputs)


def test_boxes_labels_and_masks_are_those_of_the_samples(place):
    samples = Pets([sample(), sample(image_id=torch.tensor([77]), iscrowd=torch.tensor([1])), sample()])
    data = load(samples, place)
    assert (data.shape, data.names, data.objects.masked) == ((3, 20, 30), ("background", "cat", "dog"), True)
    x, objects = data.train.source[0]
    assert np.array_equal(x, samples[0][0].numpy())
    assert (objects.boxes.tolist(), objects.labels.tolist()) == ([[1, 2, 7, 9]], [2])
    assert (objects.masks.sum(), objects.area.tolist(), objects.image) == (42, [42], 0)
    batch = next(BatchLoader(data.train, [Encoding()], torch.device("cpu")).in_turn(3))
    assert torch.equal(batch.x[0], samples[0][0])


def test_what_the_first_sample_says_is_read_of_all(place):
    more = sample(image_id=torch.tensor([77]), iscrowd=torch.tensor([1]))
    _, objects = load([more, more], place).train.source[0]
    assert (objects.image, objects.crowd.tolist()) == (77, [True])
    with pytest.raises(DataError, match="sample 1 of the data set says nothing about iscrowd"):
        load([more, sample()], place)


def test_classes_without_names_are_counted_and_sizes_may_be_unlike(place):
    data = load([sample(), sample((24, 30))], place)
    assert (data.shape, data.names) == ((3, 0, 0), ("background", "1", "2"))


def test_a_fifth_is_set_aside_and_pillow_s_pictures_will_do(place):
    pictures = [(Image.fromarray(np.full((20, 30, 3), 9, np.uint8)), sample()[1]) for _ in range(10)]
    data = PythonData.of(Held(pictures)).load(place)
    assert (len(data.train), len(data.test)) == (8, 2)
    assert data.train.source[0][0].dtype == np.uint8


def test_nothing_in_a_picture(place):
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64), "masks": torch.zeros(0, 20, 30)}
    _, objects = load(Pets([(sample()[0], nothing)]), place).train.source[0]
    assert (objects.boxes.shape, objects.masks.shape, len(objects)) == ((0, 4), (0, 20, 30), 0)
    _, objects = load(Pets([(sample()[0], {"boxes": [], "labels": []})]), place).train.source[0]
    assert (objects.boxes.shape, objects.masks) == ((0, 4), None)


def test_masks_are_left_out_where_a_net_is_not_trained_on_them(place):
    data = load(Pets([sample()]), place, ("image", "boxes", "labels"))
    assert data.train.source[0][1].masks is None


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"boxes": torch.zeros(1, 3)}, r"the boxes of sample 0 of the data set are \[1, 3\]"),
        ({"boxes": torch.tensor([[5.0, 5.0, 5.0, 9.0]])}, "object 0 of sample 0 of the data set: its box has no area"),
        (
            {"boxes": torch.tensor([[5.0, 5.0, 50.0, 9.0]])},
            "object 0 of sample 0 .*: its box reaches from",
        ),
        ({"boxes": torch.tensor([[5.0, torch.nan, 7, 9]])}, "object 0 of sample 0 .*: its box is not four numbers"),
        ({"labels": torch.tensor([0])}, "sample 0 of the data set has the label 0"),
        ({"labels": torch.tensor([1, 2])}, r"the labels of sample 0 of the data set are \[2\], for 1 boxes"),
        ({"masks": torch.zeros(1, 20, 20)}, r"the masks of sample 0 of the data set are \[1, 20, 20\], and not"),
    ],
)
def test_what_is_wrong_with_a_sample_is_named(place, said, fault):
    with pytest.raises(DataError, match=fault):
        load(Pets([sample(**said)]), place)


def test_a_picture_of_another_size_after_many_of_one(place):
    data = load(Pets([*(sample() for _ in range(16)), sample((24, 30))]), place)
    with pytest.raises(DataError, match=r"sample 16 of the data set is \[3, 24, 30\], and the first ones are"):
        data.train.source[16]


def test_boxes_that_a_loss_names_are_numbers(place):
    data = PythonData.of(([sample()], [sample()])).load_for(place, ("image",), ("boxes", "labels"))
    assert data.objects is None
    assert data.target_names == ("boxes", "labels")
