"""Whether two runs ended in the same net."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from netspec.train.runs.run import Run


def weights(run: Run) -> dict[str, torch.Tensor]:
    """The weights that a run has kept."""
    tensors: dict[str, torch.Tensor] = load_file(run.folder / "model.safetensors")
    return tensors


def close(one: Run, other: Run) -> bool:
    """Whether they are the same but for the rounding of sums in another order."""
    same = all(torch.allclose(weights(one)[name], weights(other)[name], atol=2e-5) for name in weights(one))
    losses = [[row.train["loss"] for row in run.metrics] for run in (one, other)]
    tests = [[row.test["loss"] for row in run.metrics] for run in (one, other)]
    return same and losses[0] == pytest.approx(losses[1], rel=1e-4) and tests[0] == pytest.approx(tests[1], rel=1e-4)


def equal(one: Run, other: Run) -> bool:
    """Whether they are the same to the last bit, weights and figures."""
    files = [(run.folder / "model.safetensors").read_bytes() for run in (one, other)]
    figures = [[(row.epoch, row.step, row.lr, row.train, row.test) for row in run.metrics] for run in (one, other)]
    return files[0] == files[1] and figures[0] == figures[1]
