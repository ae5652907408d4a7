"""What an output is compared with: targets by name, inputs, numbers; and outputs that are losses by themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from same_runs import close, equal
from torch.nn import functional

from netspec import NetspecError
from netspec.train import check, restore, resume, train
from netspec.train.data import Data
from netspec.train.engine.batches.loader import BatchLoader
from netspec.train.engine.criterion import Criterion
from netspec.train.plan.job import job_of, prepare

CPU = {"device": "cpu", "quiet": True}

VAE = """\
net VAE(latent: int = 4) {
  input image [1, 8, 8]
  flatten
  hidden = linear(32) -> relu
  mean = linear(latent)
  log_variance = hidden -> linear(latent)
  let z = mean + exp(0.5 * log_variance) * noise(mean)
  output recon = z -> linear(32) -> relu -> linear(64) -> reshape([1, 8, 8])
  output kl = 0.5 * sum(mean * mean + exp(log_variance) - log_variance - 1)
}

train {
  data      digits
  loss      64 * bce(recon, image) + kl
  optimizer adam(lr=0.003)
  epochs    2
  batch     100
}
"""

TWO = """\
net Two {
  input x [6]
  linear(16) -> relu
  output kind = linear(3)
  output age = linear(1)
}

train {
  data      npz("people.npz")
  loss      cross_entropy(kind, sort) + 0.1 * mse(age, years)
  metrics   [accuracy(kind), mae(age)]
  optimizer adam(lr=0.01)
  epochs    3
  batch     50
}
"""


def people(folder, **changes):
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 6)).astype(np.float32)
    arrays = {"x": x, "sort": (x[:, 0] > 0) * 1 + (x[:, 1] > 0), "years": (10 + 3 * x[:, 2]).astype(np.float32)}
    np.savez(folder / "people.npz", **{**arrays, **changes})
    return arrays


def compared(opened):
    """What is minimised, and all training samples as a batch."""
    plan = prepare(job_of(opened), opened).plan
    criterion = Criterion(plan.terms, torch.device("cpu"))
    loader = BatchLoader(plan.data.train, plan.encodings, torch.device("cpu"))
    return criterion, loader.slice(0, len(plan.data.train))


def test_an_input_as_target_and_an_output_that_is_a_loss(spec):
    opened = spec(VAE)
    criterion, batch = compared(opened)
    said = torch.randn(len(batch), 1, 8, 8), torch.rand(len(batch))
    expected = 64 * functional.binary_cross_entropy_with_logits(said[0], batch.x) + said[1].mean()
    assert torch.allclose(criterion(dict(enumerate(said)), batch), expected, rtol=1e-5)


def test_targets_by_name(spec, tmp_path):
    arrays = people(tmp_path)
    criterion, batch = compared(spec(TWO))
    where = [int(np.flatnonzero((arrays["x"] == row).all(1))[0]) for row in batch.x.numpy()]
    kind, age = torch.randn(len(batch), 3), torch.randn(len(batch), 1)
    sort, years = (torch.from_numpy(arrays[name][where]) for name in ("sort", "years"))
    expected = functional.cross_entropy(kind, sort) + 0.1 * functional.mse_loss(age[:, 0], years)
    assert torch.allclose(criterion({0: kind, 1: age}, batch), expected, rtol=1e-5)


def test_a_number_as_target(spec):
    opened = spec(VAE, ("64 * bce(recon, image) + kl", "bce(recon, 1) + mse(kl, 0.5)"))
    criterion, batch = compared(opened)
    said = torch.randn(len(batch), 1, 8, 8), torch.rand(len(batch))
    real = functional.binary_cross_entropy_with_logits(said[0], torch.ones_like(said[0]))
    assert torch.allclose(criterion(dict(enumerate(said)), batch), real + (said[1] - 0.5).square().mean(), rtol=1e-5)


@pytest.mark.parametrize("text", [VAE, TWO], ids=["vae", "two"])
def test_such_a_run_is_taken_up_exactly(spec, tmp_path, text):
    people(tmp_path)
    opened = spec(text)
    whole = train(opened, out=tmp_path / "whole", **CPU)
    parted = train(opened, out=tmp_path / "parted", steps=9, **CPU)
    assert equal(whole, resume(parted.folder, quiet=True))


def test_parts_of_a_batch_are_the_batch(spec, tmp_path):
    people(tmp_path)
    one = train(spec(TWO), out=tmp_path / "one", **CPU)
    assert close(one, train(spec(TWO), out=tmp_path / "parts", set={"train.accumulate": 3}, **CPU))


def test_figures_of_each_output_are_of_its_own_target(spec, tmp_path):
    arrays = people(tmp_path)
    run = train(spec(TWO, ("epochs    3", "epochs    60")), out=tmp_path / "run", **CPU)
    row = run.metrics[-1]
    assert row.test["accuracy(kind)"] > 0.85
    assert row.test["mae(age)"] < np.abs(arrays["years"]).mean() - 4
    found = restore(run.folder, device="cpu").evaluate()
    assert found.figures == pytest.approx(row.test, rel=1e-6)
    assert found.confusion.sum() == 80


def test_shares_are_judged_after_the_sigmoid(spec, tmp_path):
    run = train(spec(VAE, ("epochs    2", "epochs    4")), out=tmp_path / "run", **CPU)
    assert run.metrics[-1].test["mae"] < 0.3
    np.save(tmp_path / "x.npy", np.zeros((1, 8, 8), np.float32))
    (said,) = restore(run.folder, device="cpu").predict(tmp_path / "x.npy")
    assert 0 <= said.output.min() <= said.output.max() <= 1


def test_samples_about_which_nothing_is_said(spec, tmp_path):
    auto = VAE.replace("data      digits", 'data      npz("faces.npz")')
    np.savez(tmp_path / "faces.npz", x=np.random.default_rng(0).random((60, 1, 8, 8)))
    run = train(spec(auto), out=tmp_path / "run", **CPU)
    assert run.status == "finished"


class People(torch.utils.data.Dataset):
    """People from Python, whose targets have names."""

    def __init__(self, arrays):
        self.arrays = arrays

    def __len__(self):
        return len(self.arrays["x"])

    def __getitem__(self, index):
        return self.arrays["x"][index], {"years": self.arrays["years"][index], "sort": int(self.arrays["sort"][index])}


def test_targets_by_name_from_python(spec, tmp_path):
    arrays = people(tmp_path)
    run = train(spec(TWO), data=People(arrays), out=tmp_path / "run", **CPU)
    assert run.metrics[-1].test["accuracy(kind)"] > 0.4


@pytest.mark.parametrize(
    ("change", "message", "help"),
    [
        (("(recon, image)", "(recon, imag)"), "there is nothing named imag that bce could compare recon with", "image"),
        (("+ kl", "+ kll"), "there is no loss named kll", "did you mean kl?"),
        (("bce(recon, image)", "bce(rekon, image)"), "VAE has no output named rekon", "recon"),
        (("bce(recon, image)", "cross_entropy(recon, image)"), "cannot compare an output", "real numbers"),
        (("epochs    2", "augment mixup"), "mixup blends the samples", ""),
    ],
)
def test_what_an_output_cannot_be_compared_with(spec, change, message, help):
    opened = spec(VAE, change)
    (wrong,) = check(opened.train, opened.graph())
    assert message in wrong.message
    assert help in wrong.help


def test_an_array_that_is_missing_is_named(spec, tmp_path):
    people(tmp_path)
    with pytest.raises(NetspecError, match="the file holds no array place_train or place"):
        train(spec(TWO, ("(kind, sort)", "(kind, place)")), out=tmp_path / "run", **CPU)
    people(tmp_path, years=np.zeros(399, np.float32))
    with pytest.raises(NetspecError, match=r"x and years of people\.npz do not go together"):
        train(spec(TWO), out=tmp_path / "run", **CPU)


def test_data_say_what_they_are_about(spec, tmp_path):
    people(tmp_path)
    opened = spec(TWO)
    data: Data = prepare(job_of(opened), opened).plan.data
    assert data.target_names == ("sort", "years")
    assert (data.of_target(0).classes, data.of_target(1).classes) == (3, None)
