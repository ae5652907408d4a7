"""Several processes: their parts together are the batch of one, and they are taken up, stopped and lost together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file
from same_runs import close, weights
from train_specs import EVERYTHING, PLAIN

from netspec import NetspecError
from netspec.train import train
from netspec.train.engine.batches.plan import batches, shares
from netspec.train.engine.devices import _accelerator
from netspec.train.setup import Setup

pytestmark = [pytest.mark.usefixtures("ranks"), pytest.mark.xdist_group("ranks")]

CPU = {"device": "cpu", "quiet": True}
NORMALISED = PLAIN.replace("-> relu", "-> batchnorm -> relu")


@pytest.mark.parametrize(
    ("text", "setup"),
    [(PLAIN, {}), (NORMALISED, {"sync_batchnorm": True})],
    ids=["replicas", "batch statistics"],
)
def test_the_parts_together_are_the_batch_of_one(spec, tmp_path, text, setup):
    one = train(spec(text), out=tmp_path / "one", **CPU)
    two = train(spec(text), out=tmp_path / "two", devices=2, **setup, **CPU)
    assert json.loads((two.folder / "run.json").read_text())["processes"] == 2
    assert [row.test["accuracy"] for row in two.metrics] == pytest.approx(
        [row.test["accuracy"] for row in one.metrics], abs=0.006
    )
    assert close(one, two)


def test_two_processes_are_two_rounds_of_accumulation(spec, tmp_path):
    """Dropout and augmentation too: randomness belongs to the part of a batch, whoever carries it out."""
    text = EVERYTHING.replace("-> batchnorm ", "").replace("  stop      patience(5)\n", "")
    two = train(spec(text), out=tmp_path / "two", devices=2, **CPU)
    one = train(spec(text), out=tmp_path / "one", set={"train.accumulate": 2}, **CPU)
    assert close(one, two)


def test_what_is_wrong_is_said_once(spec, tmp_path):
    with pytest.raises(NetspecError) as error:
        train(spec(PLAIN, ("linear(10)", "linear(3)")), out=tmp_path / "run", devices=2, **CPU)
    assert [found.code for found in error.value.diagnostics] == ["E0607"]
    assert not (tmp_path / "run").exists()


LAUNCHERS = {
    "netspec": ([], ["--devices", "2"]),
    "torchrun": (["torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m"], []),
    "accelerate": (["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "-m"], []),
}


@pytest.mark.parametrize("name", LAUNCHERS)
def test_where_no_device_is_named_processes_without_a_gpu_train_together(spec, tmp_path, name):
    launcher, more = LAUNCHERS[name]
    run = tmp_path / "run"
    command = [sys.executable, "-m", *launcher, "netspec", "train", spec(PLAIN).path, "--out", run, "--quiet", *more]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    record = json.loads((run / "run.json").read_text())
    assert (record["status"], record["processes"]) == ("finished", 2)
    one = train(spec(PLAIN), out=tmp_path / "one", **CPU)
    kept = load_file(run / "model.safetensors")
    assert all(torch.allclose(kept[name], tensor, atol=2e-5) for name, tensor in weights(one).items())


@pytest.mark.parametrize(("start", "stop", "parts"), [(0, 10, 3), (5, 6, 1), (0, 7, 7), (3, 103, 8)])
def test_shares(start, stop, parts):
    edges = shares(start, stop, parts)
    assert [edges[0][0], edges[-1][1], len(edges)] == [start, stop, parts]
    assert all(one[1] == other[0] for one, other in pairwise(edges))
    sizes = {end - begin for begin, end in edges}
    assert max(sizes) - min(sizes) <= 1


def test_processes_that_could_not_train_together_do_not_train_apart(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with pytest.raises(NetspecError, match="2 processes cannot train together on") as error:
        _accelerator("mps", Setup())
    assert error.value.diagnostics[0].code == "E0612"


def test_a_last_batch_that_is_too_small_for_its_parts_joins_the_one_before():
    assert batches(100, 32, parts=2) == [(0, 32), (32, 64), (64, 96), (96, 100)]
    assert batches(99, 32, parts=2) == [(0, 32), (32, 64), (64, 99)]
