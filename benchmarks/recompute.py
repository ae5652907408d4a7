"""DenseNet-121 with and without its dense blocks computed again: memory, time and gradients of a step."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

import netspec
from benchmarks.measure import ROOT, functions, peak, publish, table
from netspec.train.engine.recompute import recompute
from netspec.train.plan.job import job_of
from netspec.train.rehearsal.memory import needs, step_of, written
from netspec.train.setup import Setup

BATCH, SIDE = 8, 160
SHOWN = {(): "all kept", ("features.*.denselayer*",): "every layer again", ("dense",): "dense blocks again"}


def net(names: tuple[str, ...]) -> nn.Module:
    """DenseNet-121 whose modules of these names are computed again."""
    graph = netspec.load(ROOT / "examples/densenet.net").graph()
    torch.manual_seed(0)
    model: nn.Module = graph.compile()
    recompute(model, graph, names)
    return model


def step(model: nn.Module, x: torch.Tensor) -> None:
    """Gradients of a batch."""
    model.zero_grad()
    nn.functional.cross_entropy(model(x), torch.arange(len(x))).backward()


def memory(names: tuple[str, ...]) -> float:
    """MiB that the first step of a process takes at most."""
    program = f"from benchmarks.recompute import most; most({names!r})"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    return float(done.stdout)


def most(names: tuple[str, ...]) -> None:
    """Prints it, less what the process held before: the system's own peak, set back to what there is."""
    model, x = net(names), torch.randn(BATCH, 3, SIDE, SIDE)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    step(model, x)
    print((peak() - before) / 1024)


def predicted(names: tuple[str, ...]) -> tuple[str, str]:
    """What `netspec fit` says that is kept between the passes, and the most that both take with gradients."""
    spec = netspec.load(ROOT / "examples/densenet.net")
    job = job_of(spec, input={"image": [3, SIDE, SIDE]}, setup=Setup(checkpoint=names))
    found = needs(step_of(job, spec), BATCH)
    return written(found.activations), written(found.passes)


def equal(one: nn.Module, other: nn.Module) -> str:
    """Whether the gradients of two nets are the same to the last bit."""
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return "the same bits" if all(torch.equal(a.grad, b.grad) for a, b in pairs if a.grad is not None) else "different"


def main() -> None:
    x = torch.randn(BATCH, 3, SIDE, SIDE)
    models = {names: net(names) for names in SHOWN}
    costs = functions({str(names): lambda names=names: step(models[names], x) for names in SHOWN}, 5)  # type: ignore[misc]
    whole = costs[str(())].wall
    rows = [
        [
            SHOWN[names],
            f"{memory(names):,.0f}",
            *predicted(names),
            f"{costs[str(names)].wall:.2f}",
            f"{costs[str(names)].wall / whole:.2f}",
            equal(models[()], models[names]),
        ]
        for names in SHOWN
    ]
    head = [
        "DenseNet-121",
        "MiB for a step",
        "kept, predicted",
        "most, predicted",
        "seconds a step",
        "ratio",
        "gradients",
    ]
    text = f"Batch {BATCH} of {SIDE} x {SIDE}: `--checkpoint dense` against keeping all.\n\n{table(head, rows)}"
    publish("recompute", "Activations computed again", text)


if __name__ == "__main__":
    main()
