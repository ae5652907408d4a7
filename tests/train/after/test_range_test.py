"""The learning-rate range test: against the rate at which gradient descent on a parabola breaks out."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from after_specs import GAP

from netspec import NetspecError
from netspec.train.rehearsal import range_test
from netspec.train.rehearsal.range_test import bottom, draw, find, smoothed, steepest, text
from netspec.train.section.settings import Settings

PARABOLA = """\
net Line {
  input x [1]
  linear(1, bias=false, init=zeros)
}

train {
  data      npz("parabola.npz")
  loss      mse
  optimizer sgd(lr=0.5)
  schedule  cosine(warmup=1)
  batch     1000
}
"""


def parabola(spec, tmp_path, curvature):
    """A loss c (w - 1)^2 / 2 + 1 whose second derivative is `curvature` for every batch: x is always the same."""
    opened = spec(PARABOLA)
    x = np.full((1000, 1), math.sqrt(curvature / 2), np.float32)
    y = x[:, 0] + np.tile([1, -1], 500).astype(np.float32)
    np.savez(tmp_path / "parabola.npz", x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
    return opened


@pytest.mark.parametrize("curvature", [0.5, 8.0])
def test_gradient_descent_breaks_out_above_two_over_the_curvature(spec, tmp_path, curvature):
    found = find(parabola(spec, tmp_path, curvature), low=1e-3, high=100.0, steps=200)
    limit = 2 / curvature
    at = np.array(found.rates)
    raw = np.array(found.losses)
    assert found.diverges is not None
    assert found.bottom < limit < found.diverges
    assert np.diff(raw[at < limit]).max() <= 1e-6
    assert raw[-1] > 1.1 * raw.min()
    assert found.steepest <= found.bottom
    assert found.suggestion == pytest.approx(found.bottom / 10, rel=0.06)


def test_rates_grow_by_the_same_factor_whatever_the_spec_says(spec, tmp_path):
    found = find(parabola(spec, tmp_path, 0.5), low=1e-4, high=1e-2, steps=21)
    assert found.diverges is None
    assert np.allclose(np.diff(np.log(found.rates)), math.log(100) / 20)
    w = 0.0
    for rate, loss in zip(found.rates, found.losses, strict=True):
        assert loss == pytest.approx(0.25 * (w - 1) ** 2 + 1, rel=1e-4)
        w -= rate * 0.5 * (w - 1)


def test_groups_keep_their_proportions(spec):
    opened = spec(GAP, ("  batch     100", '  batch     100\n  groups    group("fc", lr=0.2)'))
    rates = []

    def step(self, epoch, step, parts):
        rates.append(list(self.updates[0].rates))
        return {0: (torch.tensor(1.0), 1)}

    from netspec.train.engine.loop import Trainer

    original, Trainer.step = Trainer.step, step
    try:
        find(opened, low=1e-3, high=1e-1, steps=20)
    finally:
        Trainer.step = original
    fc, others = np.array(rates).T
    assert np.allclose(fc, 10 * others)
    assert (others[0], others[-1]) == pytest.approx((1e-3, 1e-1))


def test_nothing_is_kept(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opened = spec(GAP)
    find(opened, steps=20, set={"train.batch": 300})
    assert [path.name for path in tmp_path.iterdir()] == ["small.net"]


def fake(said: Settings):
    return SimpleNamespace(graph=SimpleNamespace(name="N"), settings=said)


def test_it_ends_where_the_loss_is_no_number(said):
    prepared = fake(said("epochs 1"))
    rates = [10.0**power for power in range(-10, 10)]
    found = range_test.read(rates, iter([3.0] * 5 + [2.0] * 10 + [math.nan]), prepared)
    assert (len(found.rates), found.diverges) == (15, 1e5)
    for start in ([math.nan], [1.0] * 9 + [math.inf]):
        with pytest.raises(NetspecError, match="the loss is not finite at a learning rate of") as error:
            range_test.read(rates, iter(start), prepared)
        assert error.value.diagnostics[0].code == "E0657"


def test_smoothing_moves_nothing():
    line = [3.0 - 0.1 * step for step in range(40)]
    assert smoothed(line)[8:-8] == pytest.approx(line[8:-8])
    assert smoothed([2.0] * 30) == pytest.approx([2.0] * 30)
    spike = [0.0] * 41
    spike[20] = 1.0
    after = smoothed(spike)
    assert after == after[::-1]
    assert max(range(41), key=after.__getitem__) == 20


def test_where_a_curve_falls_fastest_and_ends():
    curve = [10 - 8 / (1 + math.exp(-(step - 60) / 4)) for step in range(120)]
    assert abs(steepest(curve) - 60) <= 1
    assert bottom(curve) == next(step for step in range(120) if curve[step] <= 10 - 0.95 * 8 + 1e-3)
    assert steepest([1.0]) == 0
    assert bottom([1.0, 2.0]) == 0


def test_words_and_picture(spec, tmp_path):
    found = find(spec(GAP), steps=40)
    told = text(found)
    assert f"optimizer adam(lr={found.suggestion:g})" in told.replace("lr=0.0", "lr=0.0")
    draw(found, tmp_path / "lr.png")
    assert (tmp_path / "lr.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(NetspecError, match="does not end like a picture"):
        draw(found, tmp_path / "lr.xyz")


def test_command(cli, spec, tmp_path):
    spec(GAP)
    result = cli("lr-find", "small.net", "--steps", 30, "--from", "1e-4", "--to", 1)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("the loss of Gap falls fastest at a learning rate of ")
    assert "drawn to lr.png" in result.stdout
    assert cli("lr-find", "small.net", "--from", 1, "--to", 0.1).returncode == 2
    refused = cli("lr-find", "small.net", "--set", "train.data=nothing")
    assert refused.returncode == 1
    assert "error[E0602]" in refused.stderr
