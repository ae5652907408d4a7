"""Weights, gradients and optimizer shared out over processes: the same net, taken up exactly."""

from __future__ import annotations

import pytest
from same_runs import close, equal
from train_specs import EVERYTHING, PLAIN

from netspec.train import resume, train

pytestmark = [pytest.mark.usefixtures("ranks"), pytest.mark.xdist_group("ranks")]

TWO = {"device": "cpu", "devices": 2, "shard": True, "quiet": True}


def test_the_shards_together_are_the_net_of_one(spec, tmp_path):
    one = train(spec(PLAIN), out=tmp_path / "one", device="cpu", quiet=True)
    assert close(one, train(spec(PLAIN), out=tmp_path / "two", **TWO))


def test_a_run_in_shards_is_taken_up_exactly(spec, tmp_path):
    whole = train(spec(EVERYTHING), out=tmp_path / "whole", **TWO)
    parted = train(spec(EVERYTHING), out=tmp_path / "parted", steps=20, **TWO)
    assert parted.status == "stopped"
    assert equal(whole, resume(parted.folder, quiet=True))


MAPS = """\
net Maps {
  input image [1, 8, 8]
  stem = conv(6, 3, pad=1) -> relu
  residual { conv(6, 3, pad=1) -> relu }
  global_avgpool -> flatten
  linear(10)
}

train {
  data      digits
  loss      cross_entropy
  optimizer adamw(lr=0.01)
  epochs    1
  batch     100
}
"""


def test_nets_of_images_are_shared_out_too(spec, tmp_path):
    one = train(spec(MAPS), out=tmp_path / "one", device="cpu", quiet=True)
    two = train(spec(MAPS), out=tmp_path / "two", **TWO)
    assert close(one, two)
    assert equal(two, resume(train(spec(MAPS), out=tmp_path / "parted", steps=7, **TWO).folder, quiet=True))
