"""Trainings that are killed by SIGKILL, stopped by the system, and proved to be taken up exactly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from train_specs import EVERYTHING

from netspec import NetspecError
from netspec.train import resume
from netspec.train.plan.job import job_of
from netspec.train.rehearsal.verify import verify
from netspec.train.runs.checkpoint import Checkpoints
from netspec.train.runs.progress import stopping
from netspec.train.setup import Setup


def test_twenty_kills_at_any_moment(root):
    """Random ones, those between two files of the folder, and when files cannot grow; `kills.py` does more of them."""
    command = [sys.executable, "-m", "tests.train.kills", "--kills", "20"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, check=False)
    trials = [json.loads(line) for line in done.stdout.splitlines()]
    ended = [moment for trial in trials for moment in trial["after"] if moment is not None]
    assert len(ended) >= 20, done.stderr
    assert len(set(ended)) > 5
    assert [trial for trial in trials if not trial["same"] or trial["left"]] == [], done.stderr
    assert done.returncode == 0, done.stderr


def test_one_training_a_folder(spec, tmp_path):
    code = "import sys; from netspec.train import train; train(sys.argv[1], out=sys.argv[2], epochs=100_000)"
    command = [sys.executable, "-c", code, str(spec().path), str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(NetspecError, match="a training is at work in") as error:
            resume(tmp_path / "run", quiet=True)
        process.kill()
    assert error.value.diagnostics[0].code == "E0646"
    assert resume(tmp_path / "run", epochs=2, quiet=True).status == "finished"


def test_a_file_that_the_system_refuses_to_let_grow(spec, tmp_path):
    """The limit on the size of files is a real one, of the system's: it stops the first checkpoint half-way."""
    code = """
import resource, sys
from netspec.train import train
from netspec import NetspecError
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    train(sys.argv[1], out=sys.argv[2], device="cpu", quiet=True)
except NetspecError as error:
    print(error)
"""
    command = [sys.executable, "-c", code, str(spec().path), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "error[E0610]" in done.stdout
    assert "file too large" in done.stdout
    assert not list((tmp_path / "run").rglob("*.partial"))
    assert Checkpoints(tmp_path / "run").files() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_a_full_output_ends_no_training(spec, tmp_path):
    """The training goes on in silence; in the end one line and the exit status say that something is missing."""
    command = [sys.executable, "-m", "netspec", "train", spec().path, "--out", tmp_path / "run", "--device", "cpu"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: the output cannot be written: no space left on device\n")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "finished"
    assert (tmp_path / "run" / "report.html").exists()


def test_a_hangup_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert signal.SIGHUP not in stopping()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert set(stopping()) == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def test_the_proof_on_a_spec(spec):
    opened = spec(EVERYTHING)
    verdict = verify(job_of(opened, setup=Setup(device="cpu")), opened, steps=8, kill_after=3)
    assert (verdict.steps, verdict.differing) == (8, ())
    assert 3 <= verdict.killed_after < 8
    assert verdict.tensors > 20


def test_the_proof_notices_a_difference(spec, monkeypatch):
    from netspec.train.engine import loop

    opened = spec(EVERYTHING)
    restore = loop.Trainer.restore

    def careless(trainer, state):
        restore(trainer, state | {"optimizer": {}})

    monkeypatch.setattr(loop.Trainer, "restore", careless)
    verdict = verify(job_of(opened, setup=Setup(device="cpu")), opened, steps=8, kill_after=3)
    assert "model fc.weight" in verdict.differing
