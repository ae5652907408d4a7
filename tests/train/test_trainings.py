"""The trainings of docs/experiments.md: each command is one that can be run, and the figures are those of the runs."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import trainings
from benchmarks.trainings import MEMBRANE, PAGE, TRAININGS, Training

TEXT = PAGE.read_text(encoding="utf-8").replace("\\\n", " ")
SHOWN = [
    line.strip()
    for block in re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


def test_the_page_shows_every_command() -> None:
    commands = [shlex.split(line) for line in SHOWN if line.startswith("netspec train")]
    assert sorted(commands) == sorted(shlex.split(training.command) for training in TRAININGS)


def test_the_page_has_the_figures_of_the_runs(root: Path) -> None:
    results = (root / "benchmarks" / "results" / "trainings.md").read_text(encoding="utf-8")
    rows = [line for line in results.splitlines() if line.startswith("|")]
    assert [row.split("`")[1] for row in rows[2:]] == [training.name for training in TRAININGS]
    assert "\n".join(rows) in PAGE.read_text(encoding="utf-8")
    assert trainings.NOTE in results
    (unet,) = [row for row in rows if "`unet_membrane`" in row]
    iou, pixels = re.findall(r"[\d.]+", unet.split("|")[5])
    said = " ".join((root / "docs" / "data.md").read_text(encoding="utf-8").split())
    assert f"the mean IoU of membrane and cell is {iou} on the six, and {pixels} % of the pixels are wrong" in said


def test_figures_over_seeds() -> None:
    ends = [{"test_accuracy": 0.89, "test_iou": 0.5}, {"test_accuracy": 0.9, "test_iou": 0.5}, {"test_accuracy": 0.91}]
    assert trainings.came_out("test_accuracy", ends) == "error 10.0 ± 1.0 %"
    assert trainings.came_out("test_iou", ends[:2]) == "IoU 0.500 ± 0.000"
    assert trainings.came_out("test_iou", ends[:1]) == "IoU 0.500"


@pytest.mark.parametrize("training", TRAININGS, ids=lambda training: training.name)
def test_a_command_trains(
    training: Training,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cli: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """Its first two steps; of the files that are made with the lines of the page."""
    (tmp_path / "examples").symlink_to(root / "examples")
    if training.needs == Path():
        monkeypatch.setattr(trainings, "MADE", tmp_path)
        trainings.make_data()
    if training.needs == MEMBRANE:
        sections(tmp_path / MEMBRANE)
    result = cli(*shlex.split(training.command)[1:], "--steps", 2, "--quiet", "--no-report")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "runs" / training.name / "checkpoints" / "000000002.safetensors").is_file()


def sections(folder: Path) -> None:
    """A few noisy pictures of square cells and their masks, in the place and of the size of the real ones."""
    random, lines = np.random.default_rng(0), np.arange(512) % 128 > 2
    cells = 255 * (lines[:, None] & lines)
    for kind in ("image", "label"):
        (folder / kind).mkdir(parents=True)
        for number in range(5):
            pixels = cells if kind == "label" else np.clip(cells + random.normal(scale=40, size=cells.shape), 0, 255)
            Image.fromarray(pixels.astype("uint8")).save(folder / kind / f"{number}.png")
