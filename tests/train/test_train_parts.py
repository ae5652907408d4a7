"""Losses, optimizers, schedules and metrics: those of torch and torchmetrics, with their arguments and defaults."""

from __future__ import annotations

import inspect
import warnings

import pytest
import torch
from same_runs import equal
from torch import nn
from train_specs import DIGITS

from netspec import NetspecError
from netspec.train import resume, train
from netspec.train.engine.rows import Row
from netspec.train.losses import LOSSES, prepared
from netspec.train.section.parts.metrics import METRICS
from netspec.train.section.parts.optimizers import OPTIMIZERS
from netspec.train.section.parts.schedules import SCHEDULES

CPU = {"device": "cpu", "quiet": True}
REQUIRED = {"npz": {"file": "a.npz"}, "step": {"size": 3}, "multistep": {"milestones": (2, 5)}}


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_optimizers_have_torchs_arguments(name):
    part = OPTIMIZERS[name]
    theirs = inspect.signature(getattr(torch.optim, part.torch_name)).parameters
    for argument, info in part.model_fields.items():
        assert info.default == theirs[argument].default, argument


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_optimizers_step(name):
    torch.manual_seed(0)
    net = nn.Linear(3, 2)
    x, y = torch.randn(8, 3), torch.randn(8, 2)
    optimizer = OPTIMIZERS[name]().build(net.parameters())

    def loss():
        optimizer.zero_grad()
        value = nn.functional.mse_loss(net(x), y)
        value.backward()
        return value.detach()

    before = float(loss())
    for _ in range(3):
        optimizer.step(loss)
    assert float(loss()) < before


def test_all_of_torchs_optimizers_are_there():
    """But for those that train sparse gradients or matrices alone."""
    there = {OPTIMIZERS[name].torch_name for name in OPTIMIZERS}
    theirs = {name for name in torch.optim.__all__ if name[0].isupper()} - {"Optimizer", "SparseAdam", "Muon"}
    assert theirs <= there


EPOCHS = 12
TORCHS = {
    "constant": ({}, lambda o: torch.optim.lr_scheduler.ConstantLR(o, factor=1)),
    "linear": ({"end_factor": 0.2}, lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.2, EPOCHS)),
    "cosine": ({}, lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, EPOCHS)),
    "cosine_restarts": (
        {"period": 3, "growth": 2},
        lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 3, 2),
    ),
    "step": ({"size": 5, "gamma": 0.3}, lambda o: torch.optim.lr_scheduler.StepLR(o, 5, 0.3)),
    "multistep": ({"milestones": (3, 8)}, lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [3, 8])),
    "exponential": ({"gamma": 0.8}, lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.8)),
    "polynomial": ({"power": 2}, lambda o: torch.optim.lr_scheduler.PolynomialLR(o, EPOCHS, 2)),
    "cyclic": (
        {"low": 0.1, "period": 8},
        lambda o: torch.optim.lr_scheduler.CyclicLR(o, 0.1, 1.0, step_size_up=4, cycle_momentum=False),
    ),
    "one_cycle": (
        {},
        lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 1.0, EPOCHS + 1, pct_start=(0.3 * EPOCHS + 1) / (EPOCHS + 1)),
    ),
}


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name != "plateau"])
def test_schedules_are_torchs_at_whole_epochs(name):
    arguments, make = TORCHS[name]
    schedule = SCHEDULES[name](**arguments)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = make(optimizer)
        for epoch in range(EPOCHS):
            assert schedule.factor(epoch, EPOCHS) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9), epoch
            optimizer.step()
            scheduler.step()


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name != "plateau"])
def test_a_warm_up_rises_to_the_schedule(name):
    schedule = SCHEDULES[name](**TORCHS[name][0], warmup=2)
    plain = SCHEDULES[name](**TORCHS[name][0])
    steps = [schedule.factor(step / 4, EPOCHS + 2, 1 / 4) for step in range(8)]
    assert steps == pytest.approx([(step + 1) / 8 for step in range(8)])
    assert schedule.factor(7, EPOCHS + 2) == pytest.approx(plain.factor(5, EPOCHS))


OF_TORCH = [name for name in LOSSES if hasattr(LOSSES[name], "torch_name")]


@pytest.mark.parametrize("name", OF_TORCH)
def test_losses_are_torchs(name):
    part = LOSSES[name]
    theirs = inspect.signature(getattr(nn, part.torch_name)).parameters
    assert all(theirs[argument].default == part.model_fields[argument].default for argument in _torchs(part))
    torch.manual_seed(0)
    output = torch.randn(6, 4)
    target = torch.randint(4, (6,)) if part.takes == "classes" else torch.rand(6, 4)
    ours = part().build(torch.device("cpu"))(output, target, None)
    assert torch.allclose(ours, getattr(nn, part.torch_name)()(output, target))


def _torchs(part):
    return [name for name in part.model_fields if name != "logits"]


def test_binary_cross_entropy_of_probabilities():
    output, target = torch.rand(6, 4), torch.rand(6, 4)
    ours = LOSSES["bce"](logits=False).build(torch.device("cpu"))(output, target, None)
    assert torch.allclose(ours, nn.BCELoss()(output, target))


def test_loss_weights_are_a_number_a_class():
    weights = torch.tensor([1.0, 2.0, 0.5, 0.0])
    output, target = torch.randn(6, 4), torch.randint(4, (6,))
    ours = LOSSES["cross_entropy"](weight=(1, 2, 0.5, 0)).build(torch.device("cpu"))(output, target, None)
    assert torch.allclose(ours, nn.functional.cross_entropy(output, target, weights))


def test_targets_as_losses_compare_them():
    target = torch.tensor([[0, 2], [1, 0]])
    rows = prepared("one_hot", target, torch.zeros(2, 3, 2))
    assert rows.values.tolist() == [[[1, 0], [0, 0], [0, 1]], [[0, 1], [1, 0], [0, 0]]]
    assert prepared("binary", torch.tensor([0, 1]), torch.zeros(2, 1)).values.tolist() == [[0.0], [1.0]]
    assert prepared("classes", target, torch.zeros(2, 3, 2)).values is target


def scores():
    torch.manual_seed(0)
    output, target = torch.randn(40, 8), torch.randint(8, (40,))
    return output, target, output.argmax(1)


def test_accuracy_is_the_share_that_is_right():
    output, target, best = scores()
    metric = METRICS["accuracy"]().build("multiclass", 8)
    metric.update(output, target)
    assert float(metric.compute()) == pytest.approx(float((best == target).float().mean()))


def test_top5():
    output, target, _ = scores()
    metric = METRICS["top5"]().build("multiclass", 8)
    metric.update(output, target)
    inside = (output.topk(5).indices == target[:, None]).any(1)
    assert float(metric.compute()) == pytest.approx(float(inside.float().mean()))


@pytest.mark.parametrize(
    ("name", "judge"),
    [("f1", "f1_score"), ("precision", "precision_score"), ("recall", "recall_score"), ("iou", "jaccard_score")],
)
def test_averaged_metrics_are_scikit_learns(name, judge):
    import sklearn.metrics

    output, target, best = scores()
    metric = METRICS[name](average="weighted").build("multiclass", 8)
    metric.update(output, target)
    expected = getattr(sklearn.metrics, judge)(target, best, average="weighted", zero_division=0)
    assert float(metric.compute()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_judges_its_tasks(name):
    part = METRICS[name]
    for task in part.tasks:
        output = torch.randn(20, 3) if task == "multiclass" else torch.rand(20)
        target = {"multiclass": torch.randint(3, (20,)), "binary": torch.randint(2, (20,)), "values": torch.rand(20)}[
            task
        ]
        if part.of_labels:
            output, target = torch.rand(20, 3), torch.randint(2, (20, 3))
        metric = part().build(task, 3, labels=3 if part.of_labels else 0)
        metric.update(output, target)
        assert torch.isfinite(metric.compute()).all()


@pytest.mark.parametrize("falls", [True, False])
@pytest.mark.parametrize(
    "arguments", [{}, {"patience": 0}, {"patience": 1, "gamma": 0.5}, {"patience": 1, "cooldown": 2}]
)
def test_a_plateau_is_torchs(falls, arguments):
    """Over figures that get better, stay and go up and down."""
    figures = [1.0, 0.8, 0.8, 0.79999, 0.9, 0.9, 0.7, 0.75, 0.71, 0.8, 0.7, 0.7, 0.7, 0.9, 0.6, *[0.65] * 14]
    plateau = SCHEDULES["plateau"](metric="it", **arguments)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    own = {"factor": 0.1, "threshold": 1e-4} | {"factor" if k == "gamma" else k: v for k, v in arguments.items()}
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="min" if falls else "max", eps=0, **own)
    rows = []
    for epoch, figure in enumerate(figures):
        theirs.step(figure)
        rows.append(Row(epoch + 1, epoch + 1, 1.0, {}, {"loss": 0.0, "it": figure}, 0.0))
        reduction = plateau.reduction(rows, {"loss", "it"} if falls else {"loss"})
        assert reduction == pytest.approx(optimizer.param_groups[0]["lr"]), epoch


def test_a_run_slows_down_where_it_gets_no_better(spec, tmp_path):
    wish = {"train.optimizer": "sgd(lr=1e-9)", "train.schedule": "plateau(patience=0)", "train.epochs": 4}
    run = train(spec(DIGITS), set=wish, out=tmp_path / "run", **CPU)
    parted = train(spec(DIGITS), set=wish, out=tmp_path / "parted", steps=40, **CPU)
    assert equal(resume(parted.folder, quiet=True), run)
    assert run.metrics[-1].lr < 1e-9
    with pytest.raises(NetspecError, match="plateau looks at f1, which this run does not measure"):
        train(spec(DIGITS), set={"train.schedule": "plateau(metric=f1)"}, **CPU)
