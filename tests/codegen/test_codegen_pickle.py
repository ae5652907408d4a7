"""A compiled net as a file: it carries its source, so another process that has netspec can load it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

import netspec

SPEC = """
block Layer(width: int) { residual { conv(width, 3, pad=1) -> batchnorm -> relu } }
net Saved(classes = 3) { input x [4, 8, 8]; a = Layer(4); b = Layer(4); global_avgpool -> flatten -> linear(classes) }
"""
LOADING = """
import sys
import torch
model = torch.load(sys.argv[1], weights_only=False)
torch.save(model(torch.load(sys.argv[2])), sys.argv[3])
"""


def test_a_saved_net_loads_in_another_process(tmp_path: Path) -> None:
    model = netspec.parse(SPEC).graph().compile().eval()
    x = torch.randn(2, 4, 8, 8)
    torch.save(model, tmp_path / "model.pt")
    torch.save(x, tmp_path / "x.pt")
    files = [str(tmp_path / name) for name in ("model.pt", "x.pt", "y.pt")]
    subprocess.run([sys.executable, "-c", LOADING, *files], check=True, capture_output=True)
    torch.testing.assert_close(torch.load(tmp_path / "y.pt"), model(x))


def test_a_part_of_a_net_is_saved_by_itself(tmp_path: Path) -> None:
    part = netspec.parse(SPEC).graph().compile().a
    torch.save(part, tmp_path / "part.pt")
    again = torch.load(tmp_path / "part.pt", weights_only=False)
    assert again.state_dict().keys() == part.state_dict().keys()


def test_a_graph_is_shown_as_a_line_and_printed_as_its_table() -> None:
    graph = netspec.parse(SPEC).graph()
    assert "\n" not in repr(graph)
    assert "Saved" in repr(graph)
    assert "[4, 8, 8]" in str(graph)
    assert len(str(graph).splitlines()) > 5
