"""Processes that train together: taken up, stopped and lost together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from same_runs import close, equal
from train_specs import EVERYTHING, GAN

from netspec import NetspecError
from netspec.train import resume, train
from netspec.train.launch import is_parting
from netspec.train.runs.checkpoint import Checkpoints

pytestmark = [pytest.mark.usefixtures("ranks"), pytest.mark.xdist_group("ranks")]

CPU = {"device": "cpu", "quiet": True}


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


def test_several_steps_are_those_of_one_process(spec, tmp_path):
    """Two processes compute what one does with two parts, and take up a training to the bit."""
    text = GAN.replace(" -> batchnorm", "")
    run = train(spec(text), out=tmp_path / "two", devices=2, **CPU)
    one = train(spec(text), out=tmp_path / "one", set={"train.accumulate": 2}, **CPU)
    assert close(run, one)
    parted = train(spec(text), out=tmp_path / "parted", devices=2, steps=5, save_every=0, **CPU)
    assert equal(resume(parted.folder, quiet=True), run)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_stop_all_of_them(spec, tmp_path, number):
    run = tmp_path / "run"
    process = command(spec(EVERYTHING).path, run, "--epochs", "100000")
    wait_for_step(run, 0)
    time.sleep(1)
    process.send_signal(number)
    process.popen.communicate(timeout=60)
    assert process.popen.returncode == 128 + number
    assert json.loads((run / "run.json").read_text())["status"] == "stopped"
    assert (run / "model.safetensors").exists()


def test_words_of_parting():
    assert is_parting(RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:21"))
    assert not is_parting(RuntimeError("index out of range"))


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
