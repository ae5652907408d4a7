"""The loop: what it does is a function of (seed, epoch, step), and of nothing that ran before."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch

from netspec import NetspecError
from netspec.train import start
from netspec.train.engine.batches.plan import batches
from netspec.train.engine.devices import environment
from netspec.train.engine.loop import Wish
from netspec.train.plan.job import job_of, prepare
from netspec.train.randomness import ORDER, STEP, WEIGHTS, order, reseed, stream
from netspec.train.setup import Setup

CPU = torch.device("cpu")


@pytest.fixture
def trainer(spec):
    """`trainer(text)`: everything that trains a spec, as `train` sets it up."""

    def make(*text, setup=None, **changes):
        opened = spec(*text)
        given = {f"train.{key}": value for key, value in changes.items()}
        job = job_of(opened, set=given, setup=Setup(device="cpu", **(setup or {})))
        prepared = prepare(job, opened)
        with environment(prepared.graph, prepared.settings.batch, job.setup) as accelerator:
            return start.trainer_of(prepared, accelerator, [])

    return make


def weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def disturb():
    """What else a program may do between two steps."""
    torch.manual_seed(random.randrange(2**31))
    torch.randn(random.randrange(1, 100))
    np.random.rand(3)
    random.random()


def test_streams_are_a_function_of_their_place():
    seeds = {
        stream(seed, *place) for seed in range(8) for place in [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (2**40, 3)]
    }
    assert len(seeds) == 8 * 7
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert stream(3, STEP, 1, 2) == stream(3, STEP, 1, 2)
    assert stream(0, ORDER, 1) != stream(0, WEIGHTS, 1)
    assert stream(2**70 + 1, 0) == stream(2**70 + 1, 0)


def test_order_is_a_function_of_seed_and_epoch():
    first = order(0, 3, 1000)
    disturb()
    assert torch.equal(order(0, 3, 1000), first)
    assert not torch.equal(order(0, 4, 1000), first)
    assert not torch.equal(order(1, 3, 1000), first)
    assert sorted(first.tolist()) == list(range(1000))


def test_reseeding_does_what_torch_does():
    reseed(12345, CPU)
    ours = torch.rand(5)
    torch.manual_seed(12345)
    assert torch.equal(ours, torch.rand(5))


def test_dropout_is_a_function_of_seed_epoch_and_step(trainer):
    def losses(seed, epoch, step):
        made = trainer(seed=seed)
        made.model.load_state_dict(fixed)
        made.model.train()
        disturb()
        return float(made.criterion.value(made.step(epoch, step, [made.train.slice(0, 100)])))

    fixed = trainer().model.state_dict()
    assert losses(0, 1, 2) == losses(0, 1, 2)
    assert len({losses(*place) for place in [(0, 1, 2), (0, 1, 3), (0, 2, 2), (1, 1, 2)]}) == 4


def test_two_runs_are_the_same_to_the_last_bit(trainer):
    results = []
    for _ in range(2):
        disturb()
        made = trainer(epochs=2)
        rows = [(row.train, row.test, row.lr) for row in made.epochs(pause=lambda epoch, step: disturb())]
        results.append((weights(made), rows))
    assert same(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


def test_another_seed_is_another_run(trainer):
    assert not same(weights(trainer(seed=0)), weights(trainer(seed=1)))


def test_a_run_taken_up_again_is_the_run_that_never_stopped(trainer):
    whole = trainer(epochs=3)
    for row in whole.epochs():
        if row.epoch == 1:
            state = copy.deepcopy(whole.state())
    disturb()
    resumed = trainer(epochs=3)
    resumed.restore(state)
    assert [row.epoch for row in resumed.epochs()] == [2, 3]
    assert [row.epoch for row in resumed.rows] == [1, 2, 3]
    assert same(weights(whole), weights(resumed))


def test_a_pause_ends_after_the_step_in_progress(trainer):
    made, seen = trainer(epochs=2), []

    def pause(epoch, step):
        seen.append((epoch, step))
        return Wish.LEAVE if (epoch, step) == (1, 3) else Wish.GO_ON

    assert [row.epoch for row in made.epochs(pause=pause)] == [1]
    assert seen[-1] == (1, 3)
    assert len(seen) == made.steps + 4


@pytest.mark.parametrize(
    ("count", "size", "sizes"),
    [(10, 5, [5, 5]), (10, 4, [4, 4, 2]), (9, 4, [4, 5]), (3, 100, [3]), (1, 4, [1]), (5, 1, [1, 1, 1, 2])],
)
def test_batches(count, size, sizes):
    bounds = batches(count, size)
    assert [stop - begin for begin, stop in bounds] == sizes
    assert [begin for begin, _ in bounds] + [count] == [0] + [stop for _, stop in bounds]


def test_figures_are_those_of_the_whole_split(trainer):
    made = trainer(epochs=1)
    (row,) = made.epochs()
    made.model.eval()
    with torch.no_grad():
        output = made.model(made.test.x)
    assert row.test["loss"] == pytest.approx(float(torch.nn.functional.cross_entropy(output, made.test.y)), rel=1e-5)
    assert row.test["accuracy"] == pytest.approx(float((output.argmax(1) == made.test.y).float().mean()), abs=1e-6)
    assert row.step == made.steps == 15


def test_metrics_are_flushed_before_they_fill_the_memory(trainer, monkeypatch):
    whole = trainer(epochs=1)
    monkeypatch.setattr("netspec.train.engine.scores.MOST_BUFFERED", 300)
    pieces = trainer(epochs=1)
    assert [row.train for row in whole.epochs()] == [row.train for row in pieces.epochs()]


def test_the_schedule_moves_the_rate(trainer):
    made = trainer(epochs=2, schedule="step(1, gamma=0.1)")
    assert [row.lr for row in made.epochs()] == pytest.approx([0.01, 0.001])


def test_a_loss_that_is_not_finite_stops(trainer):
    made = trainer(optimizer="sgd(lr=1e30)")
    with pytest.raises(NetspecError, match=r"at step .* of epoch 1, so training stopped") as error:
        list(made.epochs())
    (found,) = error.value.diagnostics
    assert (found.code, found.span.text.split()[0]) == ("E0611", "optimizer")
    assert found.label.startswith("the learning rate is 1e+")


def test_losses_are_looked_at_in_turn_on_other_devices(trainer):
    made = trainer()
    sums = [{0: (torch.tensor(100 * value), 100)} for value in (1.0, 2.0, float("inf"), float("nan"))]
    pending = list(enumerate(sums))
    with pytest.raises(NetspecError, match="the loss is infinite at step 3 of epoch 5"):
        made._look(4, pending, Wish.GO_ON)
    assert (made.train_scores.loss.value(), made.train_scores.count) == (1.5, 200)


def test_a_sum_of_losses_over_outputs(trainer):
    text = """\
net Two {
  input image [1, 8, 8]
  body = conv(4, 3)
  output aux = body -> flatten -> linear(10) when training
  output logits = body -> relu -> flatten -> linear(10)
}

train {
  data digits
  loss cross_entropy(logits) + 0.5 * mse(aux)
}
"""
    made = trainer(text)
    batch = made.train.slice(0, 20)
    x, y = batch.x, batch.y
    made.model.train()
    logits, aux = made.model(x)
    expected = torch.nn.functional.cross_entropy(logits, y) + 0.5 * torch.nn.functional.mse_loss(
        aux, torch.nn.functional.one_hot(y, 10).float()
    )
    assert torch.allclose(made.criterion(made._by_output((logits, aux)), batch), expected)
    made.model.eval()
    assert set(made._by_output(made.model(x))) == {1}
    assert set(made.evaluate()) == {"loss", "accuracy"}


def test_a_batch_of_one_joins_the_one_before_for_batch_normalisation(trainer):
    made = trainer(epochs=1, batch=479)
    assert [stop - begin for begin, stop in made.bounds] == [479, 479, 480]
    assert len(list(made.epochs())) == 1


def test_an_optimizer_of_several_evaluations_a_step(trainer):
    made = trainer(epochs=1, batch=1438, optimizer="lbfgs(max_iter=5)")
    before = made.evaluate()["loss"]
    (row,) = made.epochs()
    assert row.test["loss"] < before
