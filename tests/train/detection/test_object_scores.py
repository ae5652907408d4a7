"""Scores of a split: a net that is right has 1, whatever sizes it met pictures in and however they are shared out."""

from __future__ import annotations

import pytest
import torch

from netspec.train.augment import AUGMENTS, Augmentation, Chain
from netspec.train.data.encoding import Encoding
from netspec.train.data.objects.shapes import Shapes
from netspec.train.detection.scores import Found, ObjectScores
from netspec.train.engine.batches.loader import BatchLoader
from netspec.train.runs.fingerprint import fingerprint

RESIZED = Augmentation(Chain((AUGMENTS["resize_shorter"](size=100),)))


@pytest.fixture
def batches(place):
    split = Shapes(count=30, size=(60, 90)).load(place).test
    return list(BatchLoader(split, [Encoding()], torch.device("cpu")).in_turn(2))


def right(met, score=0.9):
    """What a net would say that knows what is in each picture as it meets it."""
    return Found(
        [objects.boxes for objects in met.objects],
        [objects.labels for objects in met.objects],
        [torch.full((len(objects),), score) for objects in met.objects],
        [objects.masks.float() for objects in met.objects],
    )


def wrong(met):
    boxes = [torch.tensor([[0.0, 0.0, 5.0, 5.0]]) for _ in met.objects]
    masks = [torch.zeros(1, *size) for size in met.sizes]
    return Found(boxes, [torch.tensor([1]) for _ in boxes], [torch.tensor([0.95]) for _ in boxes], masks)


def test_a_net_that_is_right_in_its_own_pixels_is_right_in_those_of_the_data(batches):
    scores = ObjectScores((1, 2, 3), masks=True)
    for own in batches:
        met = RESIZED.test(own)
        assert met.sizes != own.sizes
        scores.add(right(met), met, own)
    figures = scores.results()
    assert tuple(figures) == scores.names
    assert figures["map"] == pytest.approx(1)
    assert figures["mask_map50"] == pytest.approx(1)
    assert figures["mask_map"] > 0.9  # an edge may be off by a pixel after two changes of size
    scores.reset()
    assert scores.results()["map"] != figures["map"]


def test_a_net_that_is_wrong_is_not(batches):
    scores = ObjectScores((1, 2, 3), masks=True)
    for own in batches:
        scores.add(wrong(own), own, own)
    assert scores.results()["map"] == scores.results()["mask_map"] == 0


def test_what_two_processes_have_met_is_scored_as_one_split(batches):
    alone, *each = (ObjectScores((1, 2, 3), masks=False) for _ in range(3))
    for place, own in enumerate(batches):
        said = right(own) if place % 3 else wrong(own)
        alone.add(said, own, own)
        each[place >= 1].add(said, own, own)
    states = [one.state() for one in each]
    for one in each:
        one.take_together(states)
        assert one.results() == pytest.approx(alone.results(), nan_ok=True)
    assert 0 < alone.results()["map"] < 1


def test_pictures_with_objects_are_known_again(place):
    first, again, other = (
        fingerprint(Shapes(count=count, seed=seed).load(place).train) for count, seed in ((40, 0), (40, 0), (40, 1))
    )
    assert first == again != other
