"""The measurement on a GPU, run in small on the CPU: what it measures is what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import netspec
from benchmarks import gpu, measure
from benchmarks.measure import ROOT
from benchmarks.peers import torchvision

TINY = gpu.Size(depth=18, side=32, batch=2, steps=2, rounds=1)


@pytest.fixture(scope="module")
def page() -> str:
    return gpu.report(TINY, "cpu", "NVIDIA H200", compiled=(False,))


def test_both_loops_are_measured(page: str) -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()[2:5]]
    assert [row[0].partition(": ")[2] for row in rows] == [
        "the plain loop on torchvision's",
        "netspec",
        "netspec, the same bits every time",
    ]
    assert all(float(row[1]) > 0 for row in rows)
    assert float(rows[0][2]) == 1
    assert all(re.fullmatch(r"\d+\.\d %", row[3]) for row in rows)


def test_the_share_of_the_peak_counts_what_a_training_step_multiplies() -> None:
    graph = netspec.load(ROOT / "examples/resnet.net").graph(depth=18, inputs={"image": [3, 64, 64]})
    model = torchvision().models.resnet18()
    images = torch.randn(2, 3, 64, 64)
    with FlopCounterMode(display=False) as counter:
        model(images).sum().backward()
    counted = counter.get_total_flops() / len(images)
    assert isinstance(graph.macs, int)
    assert 2 * gpu.PASSES * graph.macs == pytest.approx(counted, rel=0.05)
    peak = 100 * counted / 1e12  # a card that could do 100 images a second
    found = gpu.share(gpu.Speed(50, 0), graph.macs, peak)
    assert float(found.removesuffix(" %")) == pytest.approx(50, rel=0.05)
    assert gpu.share(gpu.Speed(50, 0), graph.macs, None) == "unknown"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_leaves_the_results_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    gpu.main()
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "gpu: there is no GPU here, so nothing is measured\n")
    assert not list(tmp_path.iterdir())
