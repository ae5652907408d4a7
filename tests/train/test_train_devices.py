"""Several processes: their parts together are the batch of one, and they are taken up, stopped and lost together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file
from train_specs import EVERYTHING

from netspec import NetspecError
from netspec.train import resume, train
from netspec.train.checkpoint import Checkpoints
from netspec.train.loop import batches, shares

CPU = {"device": "cpu", "quiet": True}

PLAIN = """\
net Plain {
  input image [1, 8, 8]
  conv(4, 3, pad=1) -> relu
  flatten
  linear(10)
}

train {
  data      digits
  loss      cross_entropy
  optimizer sgd(lr=0.1, momentum=0.9)
  epochs    2
  batch     101
  clip      0.5
}
"""
"""A net without batch statistics or randomness, so that it does not matter how a batch is divided."""
NORMALISED = PLAIN.replace("-> relu", "-> batchnorm -> relu")


def weights(run):
    return load_file(run.folder / "model.safetensors")


def close(one, other):
    """Whether two runs are the same but for the rounding of sums in another order."""
    same = all(torch.allclose(weights(one)[name], weights(other)[name], atol=2e-5) for name in weights(one))
    losses = [[row.train["loss"] for row in run.metrics] for run in (one, other)]
    tests = [[row.test["loss"] for row in run.metrics] for run in (one, other)]
    return same and losses[0] == pytest.approx(losses[1], rel=1e-4) and tests[0] == pytest.approx(tests[1], rel=1e-4)


@pytest.mark.parametrize(
    ("text", "setup"),
    [(PLAIN, {}), (PLAIN, {"shard": True}), (NORMALISED, {"sync_batchnorm": True})],
    ids=["replicas", "shards", "batch statistics"],
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


def test_a_run_of_two_processes_is_taken_up_exactly(spec, tmp_path):
    whole = train(spec(EVERYTHING), out=tmp_path / "whole", devices=2, **CPU)
    killed = tmp_path / "killed"
    process = command(spec(EVERYTHING).path, killed, "--save-every", "0")
    wait_for_step(killed, 19)
    for each in [process, *process.children(recursive=True)]:
        each.kill()
    process.wait()
    run = resume(killed, quiet=True)
    assert (run.status, len(run.metrics)) == ("finished", 3)
    assert (killed / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()
    figures = [(row.train, row.test) for row in run.metrics]
    assert figures == [(row.train, row.test) for row in whole.metrics]
    with pytest.raises(NetspecError, match="it would be another run") as error:
        resume(killed, epochs=4, devices=1, quiet=True)
    assert error.value.diagnostics[0].notes == ("2 processes were at work, and 1 would be",)


def test_a_dead_process_ends_the_run_which_can_be_taken_up(spec, tmp_path):
    run = tmp_path / "run"
    process = command(spec(EVERYTHING).path, run, "--save-every", "0", "--epochs", "100000")
    wait_for_step(run, 5)
    victim = sorted(process.children(), key=lambda each: each.environ()["RANK"])[1]
    victim.kill()
    told = process.popen.communicate(timeout=60)[1]
    assert process.popen.returncode == 1
    assert "error[E0647]: process 1 of 2 was killed by signal 9 (SIGKILL)" in told
    assert f"help: netspec train --resume {run}" in told
    assert json.loads((run / "run.json").read_text())["status"] == "failed"
    assert resume(run, epochs=1, quiet=True).status == "finished"


def test_sigterm_stops_all_of_them(spec, tmp_path):
    run = tmp_path / "run"
    process = command(spec(EVERYTHING).path, run, "--epochs", "100000")
    wait_for_step(run, 0)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    process.popen.communicate(timeout=60)
    assert process.popen.returncode == 128 + signal.SIGTERM
    assert json.loads((run / "run.json").read_text())["status"] == "stopped"
    assert (run / "model.safetensors").exists()


def test_what_is_wrong_is_said_once(spec, tmp_path):
    with pytest.raises(NetspecError) as error:
        train(spec(PLAIN, ("linear(10)", "linear(3)")), out=tmp_path / "run", devices=2, **CPU)
    assert [found.code for found in error.value.diagnostics] == ["E0607"]
    assert not (tmp_path / "run").exists()


def test_under_a_launcher_of_torch(spec, tmp_path):
    run = tmp_path / "run"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    arguments = ["-m", "netspec", "train", spec(PLAIN).path, "--device", "cpu", "--out", run, "--quiet"]
    subprocess.run([*launcher, *arguments], check=True, capture_output=True)
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


def test_a_last_batch_that_is_too_small_for_its_parts_joins_the_one_before():
    assert batches(100, 32, parts=2) == [(0, 32), (32, 64), (64, 96), (96, 100)]
    assert batches(99, 32, parts=2) == [(0, 32), (32, 64), (64, 99)]


class Command(psutil.Process):
    """A process started with a command, its standard error kept."""

    popen: subprocess.Popen


def command(path, run, *options):
    """`netspec train` on two devices of this machine."""
    line = [
        sys.executable,
        "-m",
        "netspec",
        "train",
        path,
        "--device",
        "cpu",
        "--devices",
        "2",
        "--out",
        run,
        "--quiet",
    ]
    popen = subprocess.Popen(list(map(str, [*line, *options])), stderr=subprocess.PIPE, text=True, env=os.environ)
    process = Command(popen.pid)
    process.popen = popen
    return process


def wait_for_step(run: Path, step: int) -> None:
    """Until the run has kept that step."""
    until = time.monotonic() + 120
    while not any(int(path.stem) >= step for path in Checkpoints(run).files()):
        assert time.monotonic() < until
        time.sleep(0.01)
