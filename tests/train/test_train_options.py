"""The command line of training: every way of carrying a training out is an option, and ends as it should."""

from __future__ import annotations

import json
import re
from typing import get_type_hints

import pytest

from netspec.train.setup import Setup, SetupOptions


def test_every_field_of_a_setup_is_an_option(cli):
    shown = cli("train", "--help").stdout
    options = set(re.findall(r"--([a-z-]+)", shown))
    assert {name.replace("_", "-") for name in Setup.model_fields} <= options


def test_what_type_checkers_are_told_of_a_setup_is_its_fields():
    told, fields = get_type_hints(SetupOptions), get_type_hints(Setup)
    assert told == {name: fields[name] for name in Setup.model_fields}


def test_a_run_and_its_continuation(cli, spec, tmp_path):
    path, run = spec().path, tmp_path / "run"
    done = cli("train", path, "--out", run, "--device", "cpu", "--steps", "20", "--no-channels-last", "--no-report")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((run / "run.json").read_text())["job"]["setup"]["channels_last"] is False
    done = cli("train", "--resume", run, "--epochs", "3", "--no-report")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == f"{run} goes on after step 5 of epoch 2"
    record = json.loads((run / "run.json").read_text())
    assert (record["epochs"], record["status"]) == (3, "finished")
    assert record["job"]["setup"]["channels_last"] is False


def test_neither_a_file_nor_a_run(cli):
    done = cli("train")
    assert done.returncode == 2
    assert "name a FILE to train, or take up a run with --resume RUN" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--checkpoint", "layer9"], "error[E0643]: Small has no module, block or wiring named layer9"),
        (["--precision", "fp16"], "error[E0612]: fp16 scales its gradients, which needs a GPU"),
        (["--nodes", "2"], "error[E0612]: several machines have to know where the first one is"),
        (["--device", "cuda:7", "--devices", "2"], "error[E0612]: there are"),
    ],
)
def test_what_cannot_be_is_said(cli, spec, tmp_path, arguments, message):
    device = [] if "--device" in arguments else ["--device", "cpu"]
    done = cli("train", spec().path, "--out", tmp_path / "run", *device, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "size"),
    [("24GB", 24 * 10**9), ("1.5 GiB", 3 * 2**29), ("800MB", 8 * 10**8), ("64KB", 64_000), ("64kB", 64_000), ("7B", 7)],
)
def test_amounts_of_memory(text, size):
    from netspec.commands.options.shared import read_memory

    assert read_memory(text) == size


def test_fit(cli, examples):
    done = cli("fit", examples / "lenet5.net", "--memory", "100MB")
    assert done.returncode == 0
    assert re.search(r"^the largest batch for 100.0 MB is [0-9,]+: ", done.stdout, re.MULTILINE)
    done = cli("fit", examples / "lenet5.net", "--memory", "much")
    assert done.returncode == 1
    assert done.stderr.startswith("error[E0005]: --memory takes an amount of memory with its unit\n")


def test_verify_resume(cli, spec):
    done = cli("verify-resume", spec().path, "--steps", "5", "--device", "cpu")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("all 27 tensors of weights and optimizer")
