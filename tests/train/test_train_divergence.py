"""A loss that is no longer a number: the step is named, and the layer, and what is kept."""

from __future__ import annotations

import json

import pytest
import torch

from netspec import NetspecError
from netspec.train import train
from netspec.train.runs.checkpoint import Checkpoints

CPU = {"device": "cpu", "quiet": True}

WILD = """\
net Wild {
  input image [1, 8, 8]
  flatten
  fc1 = linear(16)
  tanh
  fc2 = linear(10)
  exp
  out = linear(10)
}

train {
  data      digits
  loss      cross_entropy
  optimizer sgd(lr=1e4)
  epochs    3
  batch     100
}
"""


def test_the_first_bad_layer_is_named(spec, tmp_path):
    with pytest.raises(NetspecError) as error:
        train(spec(WILD), out=tmp_path / "run", **CPU)
    (found,) = error.value.diagnostics
    assert found.code == "E0611"
    said, kept = found.notes[-2:]
    assert said.startswith(("fc", "out", "exp"))
    assert "is the first layer where something is not finite" in said or "is not finite before that step" in said
    ((place, label),) = found.related
    assert (label, place.text.split()[0] in {"fc1", "fc2", "out", "exp", "linear(16)", "linear(10)"}) == ("here", True)
    assert kept == "the checkpoint of step 0 of epoch 1 is kept"
    run = tmp_path / "run"
    assert json.loads((run / "run.json").read_text())["status"] == "diverged"
    assert not (run / "model.safetensors").exists()
    state, passed = Checkpoints(run).newest()
    assert passed == []
    assert all(bool(torch.isfinite(tensor).all()) for tensor in state["model"].values())


def test_what_was_kept_last_is_before_the_step(spec, tmp_path):
    text = WILD.replace("sgd(lr=1e4)", "sgd(lr=1e-3)").replace(
        "  epochs    3", "  schedule  step(1, gamma=1e9)\n  epochs 3"
    )
    with pytest.raises(NetspecError, match="of epoch 2, so training stopped") as error:
        train(spec(text), out=tmp_path / "run", save_every=0, **CPU)
    (found,) = error.value.diagnostics
    assert found.notes[-1].endswith("of epoch 2 is kept")
    state, _ = Checkpoints(tmp_path / "run").newest()
    assert state["epoch"] == 1
    assert all(bool(torch.isfinite(tensor).all()) for tensor in state["model"].values())


SQUARES = """\
net Roots {
  input x [4]
  fc = linear(3)
  log
  head = linear(1)
}

train {
  data npz("data.npz")
  loss mse
  batch 20
}
"""


def test_a_function_between_the_layers_is_blamed_on_the_layer_that_takes_it(spec, tmp_path):
    import numpy as np

    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=rng.normal(size=(60, 4)).astype("f4"), y=rng.normal(size=60).astype("f4"))
    with pytest.raises(NetspecError, match="the loss is not a number at step 1 of epoch 1") as error:
        train(spec(SQUARES), out=tmp_path / "run", **CPU)
    (found,) = error.value.diagnostics
    assert found.notes[-2] == (
        "head is the first layer where something is not finite: "
        "what enters this Linear is not, though no layer before it made it so"
    )


def test_weights_that_are_not_finite_are_not_kept(spec, tmp_path):
    text = WILD.replace("  exp\n", "").replace("sgd(lr=1e4)", "sgd(lr=1e38)")
    with pytest.raises(NetspecError) as error:
        train(spec(text), out=tmp_path / "run", save_every=0, **CPU)
    assert error.value.diagnostics[0].code == "E0611"
    for path in Checkpoints(tmp_path / "run").files():
        from netspec.train.runs.checkpoint import read

        assert all(bool(torch.isfinite(tensor).all()) for tensor in read(path)["model"].values())
