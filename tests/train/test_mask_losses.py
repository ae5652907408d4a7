"""Losses of masks against their formulas written out, and U-Net's weights against distances measured one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from netspec.train.batch import Batch
from netspec.train.engine.criterion import Criterion
from netspec.train.losses import LOSSES, PlannedTerm, Term
from netspec.train.losses.borders import border_weights
from netspec.train.section.parts.metrics import METRICS

CPU = torch.device("cpu")


def built(name, **arguments):
    return LOSSES[name](**arguments).build(CPU)


def scores(classes=3, size=(5, 6)):
    torch.manual_seed(0)
    return torch.randn(4, classes, *size), torch.randint(classes, (4, *size))


def one_logit(size=(5, 6)):
    torch.manual_seed(1)
    return torch.randn(4, 1, *size), torch.randint(2, (4, 1, *size)).float()


def test_dice_of_classes():
    output, target = scores()
    p = output.softmax(1)
    expected = 0.0
    for number in range(3):
        t = (target == number).float()
        expected += (2 * (p[:, number] * t).sum() + 1) / (p[:, number].sum() + t.sum() + 1) / 3
    assert float(built("dice")(output, target, None)) == pytest.approx(1 - float(expected), abs=1e-6)


def test_dice_of_one_logit_and_of_a_probability():
    output, target = one_logit()
    p = output.sigmoid()
    expected = 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)
    assert torch.allclose(built("dice")(output, target, None), expected)
    assert torch.allclose(built("dice", logits=False)(p, target, None), expected)
    right = torch.where(target == 1, 50.0, -50.0)
    assert float(built("dice")(right, target, None)) < 1e-6


def test_dice_of_single_numbers_counts_over_the_batch():
    output, target = torch.tensor([3.0, -1.0, 0.5]), torch.tensor([1.0, 0.0, 1.0])
    p = output.sigmoid()
    expected = 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)
    assert torch.allclose(built("dice")(output, target, None), expected)


@pytest.mark.parametrize("name", ["dice", "focal", "cross_entropy"])
def test_places_that_are_ignored_do_not_count(name):
    output, target = scores()
    ignored = target.clone()
    ignored[:, :2] = -100
    expected = built(name)(output[:, :, 2:], target[:, 2:], None)
    assert torch.allclose(built(name)(output, ignored, None), expected, atol=1e-6)


def test_focal_of_classes():
    output, target = scores()
    p = output.softmax(1).gather(1, target[:, None])[:, 0]
    weights = torch.tensor([1.0, 2.0, 0.5])
    expected = -(weights[target] * (1 - p) ** 2 * p.log()).mean()
    assert torch.allclose(built("focal", weight=(1.0, 2.0, 0.5))(output, target, None), expected, atol=1e-6)
    entropy = functional.cross_entropy(output, target)
    assert torch.allclose(built("focal", gamma=0.0)(output, target, None), entropy)


def test_focal_of_one_logit():
    output, target = one_logit()
    p = output.sigmoid()
    share = p * target + (1 - p) * (1 - target)
    alpha = 0.25 * target + 0.75 * (1 - target)
    expected = -(alpha * (1 - share) ** 2 * share.log()).mean()
    assert torch.allclose(built("focal", alpha=0.25)(output, target, None), expected, atol=1e-6)


def by_hand(mask, w0, sigma):
    """U-Net's weights without the balance of classes, each distance measured to every place of every cell."""
    height, width = mask.shape
    cells, found = np.zeros(mask.shape, int), 0
    for start in np.ndindex(mask.shape):
        if mask[start] and not cells[start]:
            found += 1
            reached = [start]
            while reached:
                y, x = reached.pop()
                if 0 <= y < height and 0 <= x < width and mask[y, x] == mask[start] and not cells[y, x]:
                    cells[y, x] = found
                    reached += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    result = np.ones(mask.shape)
    for place in np.ndindex(mask.shape):
        distances = []
        for cell in range(1, found + 1):
            across = cells != cell if cells[place] == cell else cells == cell
            distances.append(min((math.dist(place, other) for other in np.argwhere(across)), default=math.inf))
        if len(distances) > 1:
            nearest = sorted(distances)
            result[place] += w0 * math.exp(-((nearest[0] + nearest[1]) ** 2) / (2 * sigma**2))
    return result


@pytest.mark.parametrize("seed", range(4))
def test_the_weights_of_borders(seed):
    generator = np.random.default_rng(seed)
    mask = (generator.random((22, 26)) < 0.5).astype(np.int64)
    mask[generator.random(mask.shape) < 0.1] = 2
    mask[8:11] = 0
    ours = border_weights(mask, 10.0, 2.0, balance=False)
    np.testing.assert_allclose(ours, by_hand(mask, 10.0, 2.0), atol=1e-5)


def test_the_gap_between_two_cells_weighs_most():
    mask = np.zeros((40, 60), np.int64)
    mask[5:35, 5:28] = 1
    mask[5:35, 31:55] = 1
    weights = border_weights(mask, 10.0, 5.0, balance=True)
    assert np.unravel_index(weights.argmax(), weights.shape)[1] in (28, 29, 30)
    gap, alone = weights[20, 29], weights[1, 1]
    share = mask.size / (2 * (mask == 0).sum())
    assert gap == pytest.approx(share + 10 * math.exp(-(4**2) / 50), rel=1e-5)
    assert alone == pytest.approx(share, abs=0.2)
    for value in (0, 1):
        balanced = border_weights(mask, 0.0, 5.0, balance=True)[mask == value]
        assert balanced.sum() == pytest.approx(mask.size / 2)


@pytest.mark.parametrize("mask", [np.zeros((5, 5), int), np.ones((5, 5), int), np.eye(5, dtype=int)])
def test_masks_of_one_cell_or_none(mask):
    weights = border_weights(mask, 10.0, 5.0, balance=True)
    assert np.isfinite(weights).all()
    assert weights.min() > 0


def test_border_cross_entropy_is_the_weighted_mean():
    output, target = scores(2)
    weight = torch.rand(4, 5, 6) + 0.5
    entropy = functional.cross_entropy(output, target, reduction="none")
    expected = (weight * entropy).sum() / weight.sum()
    assert torch.allclose(built("border_cross_entropy")(output, target, weight), expected)
    logit, binary = one_logit()
    entropy = functional.binary_cross_entropy_with_logits(logit, binary, reduction="none")[:, 0]
    expected = (weight * entropy).sum() / weight.sum()
    assert torch.allclose(built("border_cross_entropy")(logit, binary, weight), expected)


def test_a_blend_counts_by_its_shares():
    output, target = scores()
    other = target.flip(0)
    batch = Batch(output, target, blend=Batch(output, other), share=0.3)
    loss = Criterion([PlannedTerm(Term(LOSSES["cross_entropy"]()), 0, "classes")], CPU)({0: output}, batch)
    expected = 0.3 * functional.cross_entropy(output, target) + 0.7 * functional.cross_entropy(output, other)
    assert torch.allclose(loss, expected)


def test_label_smoothing_is_that_of_szegedy():
    output, target = scores(4, ())
    rows = functional.one_hot(target, 4) * 0.9 + 0.1 / 4
    expected = -(rows * output.log_softmax(1)).sum(1).mean()
    assert torch.allclose(built("cross_entropy", label_smoothing=0.1)(output, target, None), expected)


def test_pixel_error_and_the_confusion_matrix():
    output, target = scores()
    wrong = (output.argmax(1) != target).float().mean()
    part = METRICS["pixel_error"]()
    metric = part.build("multiclass", 3)
    metric.update(output[:2], target[:2])
    metric.update(output[2:], target[2:])
    assert part.figure(metric.compute(), torch.ones(4)) == pytest.approx(float(wrong))
    matrix = METRICS["confusion_matrix"]().build("multiclass", 3)
    matrix.update(output, target)
    expected = np.zeros((3, 3), int)
    np.add.at(expected, (target.flatten(), output.argmax(1).flatten()), 1)
    assert matrix.compute().tolist() == expected.tolist()


def test_metrics_leave_out_what_is_ignored():
    output, target = scores()
    ignored = target.clone()
    ignored[:, :2] = -100
    metric = METRICS["accuracy"]().build("multiclass", 3, -100)
    metric.update(output, ignored)
    expected = (output.argmax(1) == target)[:, 2:].float().mean()
    assert float(metric.compute()) == pytest.approx(float(expected))


def test_iou_of_one_class():
    output, target = one_logit()
    said = output > 0
    expected = (said & (target == 1)).sum() / (said | (target == 1)).sum()
    metric = METRICS["iou"]().build("binary", 2)
    metric.update(output.sigmoid().flatten(), target.long().flatten())
    assert float(metric.compute()) == pytest.approx(float(expected), abs=1e-6)
