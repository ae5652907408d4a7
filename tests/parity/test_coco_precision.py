"""AP and AR beside pycocotools: crowds, ties, pictures without objects, sizes, classes; boxes and masks."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from netspec.train.data.objects.objects import Objects
from netspec.train.detection.detections import Detections
from netspec.train.detection.precision import AREAS, MOSTS, Precision, Scoring

SIZE = (120, 140)
LABELS = (1, 2, 3, 5)


def masks_of(boxes, chance, shaved=True):
    masks = np.zeros((len(boxes), *SIZE), bool)
    for mask, box in zip(masks, boxes, strict=True):
        left, top, right, bottom = box.round().astype(int)
        mask[top : max(bottom, top + 1), left : max(right, left + 1)] = True
        if shaved and chance.random() < 0.5:
            mask[top, left : (left + right) // 2] = False
    return masks


def boxes_in(chance, count):
    """Boxes in the picture, of sides from 1 to 110 pixels."""
    sides = np.exp(chance.uniform(0, np.log(110), (count, 2)))
    corner = chance.random((count, 2)) * (np.array(SIZE[::-1]) - sides)
    return np.concatenate([corner, corner + sides], 1).astype(np.float32)


def picture(chance, number):
    """A picture's objects, and detections that are near to some of them; scores are of few values, so that they tie."""
    count = int(chance.integers(0, 7))
    boxes = boxes_in(chance, count)
    labels = chance.choice(LABELS, count)
    area = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) * chance.choice([1, 0.6], count)).astype(
        "float32"
    )
    crowd, difficult = chance.random(count) < 0.15, np.zeros(count, bool)
    truth = Objects(boxes, labels, masks_of(boxes, chance), area, crowd, difficult, number, SIZE)
    near = np.repeat(boxes, 2, 0) + chance.normal(0, 2, (2 * count, 4)).astype(np.float32)
    far = boxes_in(chance, int(chance.integers(0, 5)))
    found = np.concatenate([near, far]).clip(0, [SIZE[1], SIZE[0]] * 2).astype(np.float32)
    called = np.concatenate([np.repeat(labels, 2), chance.choice(LABELS, len(far))])
    called[chance.random(len(called)) < 0.1] = 2
    good = (found[:, 2:] > found[:, :2]).all(1)
    found, called = found[good], called[good]
    scores = (chance.integers(0, 9, len(found)) / 8).astype(np.float32)
    return truth, Detections(found, called, scores, masks_of(found, chance))


def peers(scoring):
    """The arrays of pycocotools for what has been gathered."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    said = COCO()
    classes = [{"id": label, "name": str(label)} for label in scoring.labels]
    said.dataset = copy.deepcopy(
        {"images": scoring.pictures, "annotations": scoring.truth, "categories": classes, "info": {}}
    )
    said.createIndex()
    kind = "bbox" if scoring.kind == "boxes" else "segm"
    evaluation = COCOeval(said, said.loadRes(copy.deepcopy(scoring.found)), kind)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


@pytest.mark.parametrize("kind", ["boxes", "masks"])
@pytest.mark.parametrize("seed", range(6))
def test_figures_are_those_of_pycocotools(seed, kind):
    chance = np.random.default_rng(seed)
    scoring = Scoring(LABELS, kind)
    for number in range(14):
        scoring.add(*picture(chance, number))
    evaluation = peers(scoring)
    ours = scoring.result()
    assert np.abs(ours.precision - evaluation.eval["precision"]).max() < 1e-12
    assert np.abs(ours.recall - evaluation.eval["recall"]).max() < 1e-12
    stats = [float("nan") if value == -1 else value for value in evaluation.stats]
    assert list(ours.figures().values()) == pytest.approx(stats, abs=1e-12, nan_ok=True)
    for label, figures in ours.by_class().items():
        place = LABELS.index(label)
        own = evaluation.eval["precision"][:, :, place, 0, 2]
        assert figures["AP"] == pytest.approx(own[own > -1].mean(), abs=1e-12)
        assert figures["AP50"] == pytest.approx(own[0].mean(), abs=1e-12)


def test_what_several_processes_have_gathered_is_scored_as_one_set():
    chance = np.random.default_rng(9)
    pictures = [picture(chance, number) for number in range(10)]
    alone, first, second = (Scoring(LABELS, "masks") for _ in range(3))
    for number, pair in enumerate(pictures):
        alone.add(*pair)
        (first if number < 4 else second).add(*pair)
    first.meet([second.state()])
    assert first.state() == alone.state()
    assert first.result().figures() == pytest.approx(alone.result().figures(), abs=0, nan_ok=True)


def one(box, **said):
    boxes = np.array([box], np.float32)
    flags = {name: np.array([said.get(name, False)]) for name in ("crowd", "difficult")}
    area = np.array([said.get("area", 100.0)], np.float32)
    return Objects(boxes, np.array([1]), None, area, flags["crowd"], flags["difficult"], 1, (50, 50))


def found(*boxes, scores=None):
    array = np.array(boxes, np.float32).reshape(-1, 4)
    shares = np.array(scores or [0.9] * len(array), np.float32)
    return Detections(array, np.ones(len(array), np.int64), shares)


def score(*pictures) -> Precision:
    scoring = Scoring((1, 2))
    for truth, detections in pictures:
        scoring.add(truth, detections)
    return scoring.result()


def test_what_is_difficult_is_neither_missed_nor_wrong():
    box, other = (5, 5, 15, 15), (30, 30, 40, 40)
    assert score((one(box), found(box)), (one(other, difficult=True), found())).ap() == 1
    assert score((one(box), found(box, scores=[0.5])), (one(other, difficult=True), found(other))).ap() == 1
    assert score((one(box), found(box, scores=[0.5])), (one(box), found(other))).ap() < 0.5


def test_nothing_found_and_nothing_there():
    nothing = score((one((5, 5, 15, 15)), found()))
    assert (nothing.ap(), nothing.ar()) == (0, 0)
    assert np.isnan(nothing.ap(label=2))
    assert np.isnan(Scoring((1,)).result().ap())
    crowd = score((one((5, 5, 15, 15), crowd=True), found((5, 5, 15, 15))))
    assert np.isnan(crowd.ap())


def test_a_label_that_is_not_scored_counts_for_nothing():
    box = (5, 5, 15, 15)
    strange = Detections(np.array([box], np.float32), np.array([0]), np.array([1.0], np.float32))
    assert score((one(box), strange)).ap() == 0


def test_masks_are_asked_for_where_they_are_scored():
    scoring = Scoring((1,), "masks")
    with pytest.raises(ValueError, match="no masks"):
        scoring.add(one((5, 5, 15, 15)), found())
    assert (AREAS, MOSTS) == (("all", "small", "medium", "large"), (1, 10, 100))
