"""`netspec lift` on the command line: what it writes, what it refuses, and that it runs nothing unasked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
MODEL = """\
from pathlib import Path

import torch
from torch import nn

Path("ran").touch()


def build():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())


def odd():
    class Odd(nn.Module):
        def forward(self, x):
            return torch.fft.fft(x).real

    return Odd()


def broken():
    raise ValueError("no such width")


def lazy():
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))


def number():
    return 3


nothing = 7
"""


@pytest.fixture(autouse=True)
def model(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")


def test_spec_and_weights_of_a_function(cli: Cli, tmp_path: Path) -> None:
    done = cli(
        *("lift", "model.py:build", "--input", "3,8,8", "--run-code", "-o", "net.net"),
        *("--weights", "net.safetensors"),
    )
    assert done.returncode == 0, done.stderr
    assert "120 parameters under the same keys, the same outputs to the bit, and a training step" in done.stderr
    text = (tmp_path / "net.net").read_text(encoding="utf-8")
    assert "conv(4, 3) -> batchnorm -> relu" in text
    assert (tmp_path / "net.safetensors").is_file()
    assert cli("fmt", "--check", "net.net").returncode == 0


def test_code_of_a_file_is_not_run_unasked(cli: Cli, tmp_path: Path) -> None:
    done = cli("lift", "model.py:build", "--input", "3,8,8")
    assert done.returncode == 1
    assert "E1002" in done.stderr
    assert "--run-code" in done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("model.py:odd", "--input", "3,8,8", "--run-code"), "there is no layer for fft"),
        (("model.py:biuld", "--input", "3,8,8", "--run-code"), "did you mean model.py:build?"),
        (("model.py:broken", "--input", "3,8,8", "--run-code"), "ValueError: no such width"),
        (("model.py:nothing", "--input", "3,8,8", "--run-code"), "fails: TypeError"),
        (("model.py:lazy", "--input", "3,8,8", "--run-code"), "1.weight has no shape before the module has been run"),
        (("model.py:number", "--input", "3,8,8", "--run-code"), "gives no module of torch, but this: int"),
        (("missing.py:build", "--input", "3,8,8", "--run-code"), "there is no file"),
        (("model.py:build", "--run-code"), "the shape of a sample has to be given"),
        (("model.py:build", "--input", "3,x", "--run-code"), "--input takes the sizes"),
        (("resnet50",), "names no network"),
        (("nolibrary:resnet50",), "names no network"),
        (("missing.cfg",), "E0001"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    arguments: tuple[str, ...], said: str, cli: Cli, tmp_path: Path
) -> None:
    done = cli("lift", *arguments, "-o", "net.net")
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "net.net").exists()


def test_a_library_that_does_not_go_with_this_torch(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    done = cli("lift", "timm:resnet50")
    assert done.returncode == 1
    assert "timm cannot be imported: RuntimeError: operator nms does not exist" in done.stderr
