"""The loss of a set is one: the same for every batch size, division into parts and number of processes.

The oracle is torch, in one computation over the whole set.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from same_runs import close
from torch.nn import functional

from netspec.train import restore, train
from netspec.train.batch import Batch
from netspec.train.data import IGNORED
from netspec.train.engine.criterion import Criterion, LossTotal
from netspec.train.losses import LOSSES, PlannedTerm, Term

CPU = torch.device("cpu")
COUNT, CLASSES = 24, 3
WEIGHT = (0.2, 3.0, 1.0)


def classes(*size, void=True):
    """Scores and classes of which the first samples have few, and places that do not count, unevenly spread."""
    torch.manual_seed(0)
    y = torch.randint(CLASSES, (COUNT, *size)) if size else torch.arange(COUNT) * CLASSES // COUNT
    if size and void:
        y[: COUNT // 2, : size[0] // 2] = IGNORED
        y[0] = IGNORED
    return torch.randn(COUNT, CLASSES, *size), y


def logits(*size, void=False):
    torch.manual_seed(1)
    y = torch.randint(2, (COUNT, *size))
    if void:
        y[: COUNT // 2, : size[0] // 2] = IGNORED
        y[0] = IGNORED
    return torch.randn(COUNT, 1, *size), y


def dice(p, t):
    axes = (0, *range(2, p.ndim))
    return 1 - ((2 * (p * t).sum(axes) + 1) / (p.sum(axes) + t.sum(axes) + 1)).mean()


def one_hot(y):
    counted = (y != IGNORED).unsqueeze(1)
    return functional.one_hot(y.clamp(min=0), CLASSES).movedim(-1, 1) * counted, counted


def dice_of_classes(x, y):
    t, counted = one_hot(y)
    return dice(x.softmax(1) * counted, t)


def bce_where_counted(x, y):
    return functional.binary_cross_entropy_with_logits(x[:, 0][y != IGNORED], y[y != IGNORED].float())


def mse_of_one_hot(x, y):
    t, counted = one_hot(y)
    return ((x - t).square() * counted).sum() / (counted.sum() * CLASSES)


def focal(x, y):
    entropy = functional.cross_entropy(x, y, reduction="none", ignore_index=IGNORED)
    return ((1 - torch.exp(-entropy)) ** 2 * entropy).sum() / (y != IGNORED).sum()


def hinge(x, y):
    rows, at = x.movedim(1, -1)[y != IGNORED], y[y != IGNORED]
    return functional.multi_margin_loss(rows, at, weight=torch.tensor(WEIGHT))


CASES = {
    "cross_entropy": ({"weight": WEIGHT}, "classes", classes(), lambda x, y: functional.cross_entropy(x, y, weight=W)),
    "cross_entropy of masks": (
        {"weight": WEIGHT, "label_smoothing": 0.1},
        "classes",
        classes(4, 5),
        lambda x, y: functional.cross_entropy(x, y, weight=W, label_smoothing=0.1),
    ),
    "cross_entropy, another index": (
        {"ignore_index": 2},
        "classes",
        classes(4, 5),
        lambda x, y: functional.cross_entropy(x, y.masked_fill(y == 2, IGNORED)),
    ),
    "nll": ({"weight": WEIGHT}, "classes", classes(4, 5), lambda x, y: functional.nll_loss(x, y, weight=W)),
    "multi_margin": ({"weight": WEIGHT}, "classes", classes(4, 5), hinge),
    "dice": ({}, "classes", classes(4, 5), dice_of_classes),
    "dice of one logit": ({}, "binary", logits(4, 5), lambda x, y: dice(x.sigmoid(), y[:, None].float())),
    "focal": ({}, "classes", classes(4, 5), focal),
    "bce": ({}, "binary", logits(), lambda x, y: functional.binary_cross_entropy_with_logits(x[:, 0], y.float())),
    "bce of masks": ({}, "binary", logits(4, 5, void=True), bce_where_counted),
    "mse of masks": ({}, "one_hot", classes(4, 5), mse_of_one_hot),
    "mse": (
        {},
        "values",
        (logits()[0], torch.randn(COUNT)),
        lambda x, y: (x[:, 0] - y).square().mean(),
    ),
}
W = torch.tensor(WEIGHT)


def criterion(name, arguments, form):
    loss = LOSSES[name.split(",")[0].split(" of ")[0]](**arguments)
    return Criterion([PlannedTerm(Term(loss), 0, form)], CPU)


@pytest.mark.parametrize("size", [1, 5, COUNT])
@pytest.mark.parametrize("name", CASES)
def test_a_figure_of_the_set_is_that_of_one_computation(name, size):
    arguments, form, (x, y), expected = CASES[name]
    judge = criterion(name, arguments, form)
    total = LossTotal(judge)
    for part in torch.arange(COUNT).split(size):
        total.add(judge.sums({0: x[part]}, Batch(x[part], y[part])))
    assert total.value() == pytest.approx(float(expected(x, y)), rel=1e-5)


@pytest.mark.parametrize("parts", [2, 5, COUNT])
@pytest.mark.parametrize("name", CASES)
def test_the_gradients_of_the_parts_add_up_to_that_of_the_set(name, parts):
    arguments, form, (x, y), expected = CASES[name]
    judge = criterion(name, arguments, form)
    x = x.clone().requires_grad_()
    (whole,) = torch.autograd.grad(expected(x, y), x)
    batches = [Batch(x[part], y[part]) for part in torch.arange(COUNT).tensor_split(parts)]
    totals = judge.counts(batches, {0: tuple(x.shape[1:])})
    if not totals:
        (sums,) = judge.sums({0: x}, Batch(x, y)).values()
        totals = {0: sums}
    loss = sum(judge.share(judge.sums({0: batch.x}, batch), totals) for batch in batches)
    (ours,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(ours, whole, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ["cross_entropy", "nll", "multi_margin", "dice", "focal"])
def test_a_batch_where_nothing_counts_has_no_loss_and_no_gradient(name):
    x = torch.randn(2, CLASSES, 4, 5, requires_grad=True)
    loss = criterion(name, {}, "classes")({0: x}, Batch(x, torch.full((2, 4, 5), IGNORED)))
    loss.backward()
    assert float(loss.detach()) == 0
    assert not x.grad.any()


@pytest.mark.parametrize(
    ("name", "form"), [("bce", "binary"), ("mse", "one_hot"), ("focal", "binary"), ("dice", "binary")]
)
def test_so_has_one_of_logits_and_of_rows(name, form):
    x = torch.randn(2, CLASSES if form == "one_hot" else 1, 4, 5, requires_grad=True)
    loss = criterion(name, {}, form)({0: x}, Batch(x, torch.full((2, 4, 5), IGNORED)))
    loss.backward()
    assert float(loss.detach()) == 0
    assert not x.grad.any()


def test_weights_of_bce_are_a_number_a_channel_of_a_map():
    x, y = torch.randn(4, 2, 5, 6), torch.randint(2, (4, 2, 5, 6))
    ours = criterion("bce", {"weight": (1.0, 4.0), "pos_weight": (2.0, 0.5)}, "binary")({0: x}, Batch(x, y))
    own = [
        weight
        * functional.binary_cross_entropy_with_logits(x[:, at], y[:, at].float(), pos_weight=torch.tensor(positive))
        for at, (weight, positive) in enumerate(((1.0, 2.0), (4.0, 0.5)))
    ]
    assert float(ours) == pytest.approx(float(sum(own) / 2), rel=1e-5)


def test_dice_of_a_map_without_an_axis_for_classes_is_that_of_one_with_it():
    x, y = torch.randn(4, 1, 5, 6), torch.randint(2, (4, 5, 6))
    judge = criterion("dice", {}, "binary")
    assert torch.allclose(judge({0: x[:, 0]}, Batch(x, y)), judge({0: x}, Batch(x, y)))


MASKS = """\
net Masks {
  input image [1, 8, 8]
  conv(4, 3, pad=1)
  relu
  conv(3, 1)
}

train {
  data      segmentation("image", "label")
  loss      cross_entropy(weight=[1, 4, 0.3]) + 0.5 * dice
  optimizer sgd(lr=0.1)
  batch     12
  epochs    2
}
"""


@pytest.fixture
def sections(tmp_path):
    """Sections of three classes, of which some have few places that count."""
    from PIL import Image

    for folder in ("image", "label"):
        (tmp_path / folder).mkdir()
    for number in range(30):
        generator = np.random.default_rng(number)
        label = generator.integers(0, 3, (8, 8))
        Image.fromarray((80 * label + generator.integers(0, 40, (8, 8))).astype(np.uint8)).save(
            tmp_path / f"image/{number}.png"
        )
        label[: 8 * (number % 3) // 2] = 255
        Image.fromarray(label.astype(np.uint8)).save(tmp_path / f"label/{number}.png")


def test_rounds_and_processes_train_the_net_of_whole_batches(spec, tmp_path, sections):
    """Weighted classes, void places and dice: the gradient is that of the batch, however it is divided."""
    opened = spec(MASKS)
    one = train(opened, out=tmp_path / "one", device="cpu", quiet=True)
    rounds = train(opened, out=tmp_path / "rounds", device="cpu", quiet=True, set={"train.accumulate": 3})
    two = train(opened, out=tmp_path / "two", device="cpu", quiet=True, devices=2)
    assert close(one, rounds)
    assert close(one, two)


def test_the_test_loss_does_not_depend_on_the_batch(spec, tmp_path, sections):
    run = train(spec(MASKS), out=tmp_path / "run", device="cpu", quiet=True)
    figures = [restore(run.folder).evaluate(set={"train.batch": size}).figures["loss"] for size in (1, 4, 30)]
    assert figures == pytest.approx([run.metrics[-1].test["loss"]] * 3, rel=1e-5)


def test_a_training_with_batches_where_nothing_counts_goes_on(spec, tmp_path, sections):
    from PIL import Image

    for number in range(30):
        if number % 2:
            Image.fromarray(np.full((8, 8), 255, np.uint8)).save(tmp_path / f"label/{number}.png")
    run = train(spec(MASKS), out=tmp_path / "run", device="cpu", quiet=True, set={"train.batch": 2})
    assert run.status == "finished"
    assert all(np.isfinite(row.train["loss"]) for row in run.metrics)
