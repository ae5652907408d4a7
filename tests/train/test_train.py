"""Training whole: from a spec to a folder with a net that has learned."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from train_specs import DIGITS

import netspec
from netspec import NetspecError
from netspec.train import train
from netspec.train.runs.progress import Watch

FILES = ["checkpoints", "curves.png", "metrics.csv", "model.py", "model.safetensors", "run.json", "spec.net"]


def test_a_net_learns_the_digits(spec, tmp_path, capsys):
    run = train(spec(), out=tmp_path / "runs" / "small", epochs=5)
    assert run.test_error < 0.1
    assert run.status == "finished"
    assert sorted(entry.name for entry in run.folder.iterdir()) == FILES
    assert [row.epoch for row in run.metrics] == [1, 2, 3, 4, 5]
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("epoch 1/5  loss ")
    assert printed[-1] == f"trained 5 epochs: test error {100 * run.test_error:.1f} %, kept in {run.folder}"


def test_what_is_kept_is_the_net(spec, tmp_path):
    opened = spec()
    run = train(opened, out=tmp_path / "run", quiet=True)
    kept = load_file(run.folder / "model.safetensors")
    assert all(torch.equal(kept[name], tensor) for name, tensor in run.model.state_dict().items())
    assert (run.folder / "spec.net").read_text() == opened.source.text
    module_spec = importlib.util.spec_from_file_location("kept_model", run.folder / "model.py")
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    net = module.Small()
    net.load_state_dict(kept)
    x = torch.rand(3, 1, 8, 8)
    assert torch.allclose(net.eval()(x), run.model.eval()(x), atol=1e-6)
    record = json.loads((run.folder / "run.json").read_text())
    assert record["settings"]["optimizer"] == "adam(lr=0.01)"
    assert (record["net"], record["status"], record["epochs"]) == ("Small", "finished", 2)


def test_two_runs_are_the_same_files(spec, tmp_path):
    opened = spec()
    runs = [train(opened, out=tmp_path / "run", quiet=True, seed=3) for _ in range(2)]
    assert [run.folder.name for run in runs] == ["run", "run-2"]
    weights = [(run.folder / "model.safetensors").read_bytes() for run in runs]
    assert weights[0] == weights[1]
    tables = [
        [line.rpartition(",")[0] for line in (run.folder / "metrics.csv").read_text().splitlines()] for run in runs
    ]
    assert tables[0] == tables[1]


def test_the_program_around_is_left_as_it_was(spec, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads, handler = torch.get_num_threads(), signal.getsignal(signal.SIGINT)
    train(spec(), out=tmp_path / "run", epochs=1, quiet=True)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    assert signal.getsignal(signal.SIGINT) is handler


def test_overrides(spec, tmp_path):
    run = train(spec(), out=tmp_path / "run", set={"train.epochs": 1, "train.optimizer": "sgd(lr=0.2)"}, quiet=True)
    assert (run.settings.epochs, run.settings.optimizer.name, len(run.metrics)) == (1, "sgd", 1)
    assert train(spec(), out=tmp_path / "run", set={"train.epochs": "7"}, epochs=1, quiet=True).settings.epochs == 1
    with pytest.raises(NetspecError, match="digits has 10 classes, but Small tells 3 apart"):
        train(spec(), out=tmp_path / "none", set={"classes": 3})
    assert not (tmp_path / "none").exists()


def test_no_epochs_is_the_net_as_it_starts(spec, tmp_path):
    run = train(spec(), out=tmp_path / "run", epochs=0, quiet=True)
    assert (run.metrics, run.test_error) == ((), None)
    assert (run.folder / "model.safetensors").exists()


def test_open_sizes_are_those_of_the_data(spec, tmp_path):
    changes = [
        ("[1, 8, 8]", "[1, H, W]"),
        ("flatten\n", "global_avgpool -> flatten\n"),
        ("data      digits", "data digits(size=12)"),
    ]
    run = train(spec(DIGITS, *changes), out=tmp_path / "run", epochs=1, quiet=True)
    assert json.loads((run.folder / "run.json").read_text())["input"] == {"image": [1, 12, 12]}


def test_the_name_of_the_file_is_that_of_the_run(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train(spec(), epochs=0, quiet=True).folder == Path("runs/small")
    assert train(netspec.parse(DIGITS), epochs=0, quiet=True).folder == Path("runs/Small")


def test_no_train_section(spec):
    text = DIGITS.partition("train {")[0]
    with pytest.raises(NetspecError, match="has no train section"):
        train(spec(text))


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "gpu", "cuda"])
def test_a_device_that_is_not_there(spec, tmp_path, device):
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(NetspecError, match=f"there is no device {device} here") as error:
        train(spec(), out=tmp_path / "run", device=device)
    assert error.value.diagnostics[0].code == "E0612"
    assert not (tmp_path / "run").exists()


def test_a_package_that_is_missing(spec, monkeypatch):
    monkeypatch.setattr("netspec.train.plan.job.NEEDED", ("torch", "surely_not_installed"))
    with pytest.raises(NetspecError, match="training needs surely_not_installed, which is not installed") as error:
        train(spec())
    assert error.value.diagnostics[0].help == "pip install 'netspec-nn[train]'"


def test_data_that_cannot_be_had_are_shown_at_their_line(spec, tmp_path):
    with pytest.raises(NetspecError, match=r"small\.net:10:3") as error:
        train(spec(DIGITS, ("data      digits", 'data npz("none.npz")')), out=tmp_path / "run")
    assert error.value.diagnostics[0].code == "E0609"
    assert not (tmp_path / "run").exists()


def test_a_file_where_the_runs_go(spec, tmp_path):
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(NetspecError, match="is a file, and a folder is needed there"):
        train(spec(), out=tmp_path / "runs" / "run", quiet=True)


def test_a_loss_that_is_not_finite_keeps_no_weights(spec, tmp_path):
    with pytest.raises(NetspecError, match="so training stopped"):
        train(spec(), out=tmp_path / "run", set={"train.optimizer": "sgd(lr=1e30)"}, quiet=True)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "diverged"
    assert not (tmp_path / "run" / "model.safetensors").exists()


TOKENS = """\
net Tokens {
  input tokens: int [6]
  embedding(10, 4) -> flatten -> linear(2)
}

train {
  data npz("tokens.npz")
  loss cross_entropy
  epochs 1
}
"""


def test_a_step_that_torch_refuses_is_said_in_words(spec, tmp_path):
    opened = spec(TOKENS)
    np.savez(tmp_path / "tokens.npz", x=np.full((20, 6), 9), y=np.arange(20) % 2)
    assert len(train(opened, out=tmp_path / "good", quiet=True).metrics) == 1
    np.savez(tmp_path / "tokens.npz", x=np.full((20, 6), 10), y=np.arange(20) % 2)
    with pytest.raises(NetspecError, match="Tokens cannot take a step: index out of range") as error:
        train(opened, out=tmp_path / "bad", quiet=True)
    assert error.value.diagnostics[0].code == "E0615"
    assert json.loads((tmp_path / "bad" / "run.json").read_text())["status"] == "failed"


LINE = """\
net Line {{
  input x [4]
  linear(1)
}}

train {{
  data npz("{}")
  loss {}
  optimizer adam(lr=0.05)
  epochs 30
}}
"""


def test_regression_and_binary(spec, tmp_path):
    x = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    np.savez(tmp_path / "real.npz", x=x, y=x.sum(1))
    np.savez(tmp_path / "two.npz", x=x, y=(x.sum(1) > 0).astype(int))
    real = train(spec(LINE.format("real.npz", "mse")), out=tmp_path / "real", quiet=True)
    assert real.metrics[-1].test["mae"] < 0.1
    assert real.test_error is None
    two = train(spec(LINE.format("two.npz", "bce")), out=tmp_path / "two", quiet=True)
    assert two.test_error < 0.1


def test_ctrl_c_stops_after_the_step_and_keeps_what_there_is(spec, tmp_path, capsys, monkeypatch):
    def interrupt(watch, row):
        if row.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Watch, "epoch", interrupt)
    run = train(spec(), out=tmp_path / "run", epochs=100_000)
    assert run.status == "stopped"
    assert len(run.metrics) == 2
    assert sorted(entry.name for entry in run.folder.iterdir()) == FILES
    assert json.loads((run.folder / "run.json").read_text())["status"] == "stopped"
    kept = load_file(run.folder / "model.safetensors")
    assert all(torch.equal(kept[name], tensor) for name, tensor in run.model.state_dict().items())
    assert "stopped after step 1 of epoch 3" in capsys.readouterr().out


def test_a_killed_run_leaves_whole_files(spec, tmp_path):
    opened = spec()
    code = (
        f"from netspec.train import train; train({str(opened.path)!r}, out={str(tmp_path / 'run')!r}, epochs=100_000)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "running"
    assert (tmp_path / "run" / "metrics.csv").read_text().startswith("epoch,step,lr,")


@pytest.mark.parametrize("name", ["mnist1d_conv", "mnist1d_mlp"])
def test_the_examples_begin_to_learn(examples, tmp_path, name):
    run = train(examples / f"{name}.net", out=tmp_path / name, epochs=5, quiet=True)
    assert run.metrics[-1].test["loss"] < run.metrics[0].test["loss"]
    assert run.test_error < 0.75
    record = json.loads((run.folder / "run.json").read_text())
    assert record["parameters"] == {"mnist1d_conv": 2050, "mnist1d_mlp": 59065}[name]
