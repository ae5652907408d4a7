"""Runs that several tests look at: trained once a session, copied where a test changes one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from after_specs import GAP, LINE, MASKS

import netspec
from netspec.train import restore, train
from netspec.train.after.trained_net import TrainedNet
from netspec.train.runs.run import Run

Make = Callable[..., Run]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """`made(text, **arrays)`: a run of a spec, with the arrays of each file `name` as `name={"x": ..., "y": ...}`."""

    def make(text: str, name: str = "small.net", files: dict[str, dict[str, np.ndarray]] | None = None) -> Run:
        folder = tmp_path_factory.mktemp("made")
        for file, arrays in (files or {}).items():
            np.savez(folder / file, **arrays)
        (folder / name).write_text(text)
        return train(netspec.load(folder / name), out=folder / "run", quiet=True, device="cpu")

    return make


@pytest.fixture(scope="session")
def gap_run(made: Make) -> Run:
    """A classifier of digits that ends in global average pooling and a linear layer."""
    return made(GAP)


@pytest.fixture(scope="session")
def gap(gap_run: Run) -> TrainedNet:
    """The same, restored."""
    return restore(gap_run.folder, device="cpu")


@pytest.fixture
def copied(gap_run: Run, tmp_path: Path) -> Path:
    """A copy of its folder that a test may change."""
    shutil.copytree(gap_run.folder, tmp_path / "copied")
    return tmp_path / "copied"


@pytest.fixture(scope="session")
def masks(made: Make) -> TrainedNet:
    """A net that says of each pixel which of three classes it is; classes are bands of brightness."""
    x = np.random.default_rng(0).random((40, 1, 12, 12), np.float32)
    run = made(MASKS, files={"masks.npz": {"x": x, "y": (x[:, 0] * 3).astype(int)}})
    return restore(run.folder, device="cpu")


@pytest.fixture(scope="session")
def line(made: Make) -> TrainedNet:
    """A regression: the sum of four numbers."""
    x = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    run = made(LINE, files={"line.npz": {"x": x, "y": x.sum(1)}})
    return restore(run.folder, device="cpu")
