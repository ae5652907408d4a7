"""The training loop against the best plain PyTorch loop on the same net and data, in turns: the cost of an epoch."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

import netspec
from benchmarks.measure import ROOT, publish, table
from netspec.train.data import Split
from netspec.train.engine.devices import environment
from netspec.train.engine.loop import Trainer, Wish
from netspec.train.engine.rows import Row
from netspec.train.plan.job import Prepared, job_of, prepare
from netspec.train.setup import Setup
from netspec.train.start import trainer_of


def prepared(path: Path, **settings: str) -> Prepared:
    """A spec ready to be trained, with no more of the test data than has to be, since the plain loop does no tests."""
    spec = netspec.load(path)
    found = prepare(job_of(spec, set=settings, setup=Setup(device="cpu", channels_last=False)), spec)
    data = found.plan.data
    few = Split(data.test.x[:2], data.test.y[:2])
    return found._replace(plan=replace(found.plan, data=replace(data, test=few)))


def ours(trainer: Trainer) -> Callable[[], Row]:
    """An epoch of netspec's loop: every loss looked at, accuracy measured, the clock asked for checkpoints."""
    kept = time.monotonic()

    def pause(epoch: int, step: int) -> Wish:
        return Wish.KEEP if time.monotonic() - kept > 10**6 else Wish.GO_ON

    rows: Iterator[Row] = trainer.epochs(pause=pause)
    return lambda: next(rows)


def plain(trainer: Trainer, model: nn.Module, batch: int) -> Callable[[], float]:
    """An epoch of a plain loop: data in memory, a fused optimizer, the mean loss of the epoch."""
    x, y = trainer.train.x.float(), trainer.train.y
    optimizer = trainer.settings.optimizer.build(model.parameters())
    compare = nn.CrossEntropyLoss()
    model.train()

    def epoch() -> float:
        order = torch.randperm(len(x))
        total = 0.0
        for start in range(0, len(x), batch):
            places = order[start : start + batch]
            optimizer.zero_grad()
            loss = compare(model(x[places]), y[places])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(places)
        return total / len(x)

    return epoch


def compared(name: str, found: Prepared, rounds: int) -> list[object]:
    """The cost of an epoch of both loops, as a row of the table."""
    with environment(found.graph, found.settings.batch, found.job.setup) as accelerator:
        trainer = trainer_of(found, accelerator, [])
        loops = ours(trainer), plain(trainer, found.graph.compile(), found.settings.batch)
        pairs = [[cost(loop) for loop in loops] for _ in range(rounds + 1)][1:]
    steps = trainer.steps
    wall, cpu = (statistics.median(mine[kind] / other[kind] for mine, other in pairs) - 1 for kind in (0, 1))
    mine, other = (1e3 * statistics.median(pair[whose][0] for pair in pairs) / steps for whose in (0, 1))
    return [name, f"{mine:.3f}", f"{other:.3f}", f"{100 * wall:+.1f} %", f"{100 * cpu:+.1f} %"]


def cost(loop: Callable[[], object]) -> tuple[float, float]:
    """Seconds of one epoch, by the clock and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    loop()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    conv = prepared(ROOT / "examples/mnist1d_conv.net", **{"train.epochs": "1000"})
    with tempfile.TemporaryDirectory() as folder:
        random = np.random.default_rng(0)
        x, y = random.normal(size=(162, 3, 64, 64)).astype(np.float32), random.integers(0, 10, 162)
        np.savez(Path(folder) / "data.npz", x_train=x[:160], y_train=y[:160], x_test=x[160:], y_test=y[160:])
        text = (ROOT / "examples/resnet.net").read_text()
        (Path(folder) / "resnet.net").write_text(text.replace("data/imagenet.npz", "data.npz").replace("224", "64"))
        settings = {"depth": 18, "train.batch": "32", "train.epochs": "1000"}
        resnet = prepared(Path(folder) / "resnet.net", **settings)  # type: ignore[arg-type]
        rows = [
            compared("MNIST-1D, convolutional, batch 100", conv, 60),
            compared("ResNet-18, 64 x 64, batch 32", resnet, 15),
        ]
    head = ["net", "netspec, ms a step", "plain loop, ms a step", "more time", "more CPU time"]
    text = (
        "Epochs of both loops in turns; what is more is the median over the pairs. The plain loop has its data in "
        "memory and a fused optimizer, and adds up the loss. netspec's measures accuracy as well, looks whether the "
        "loss is finite, seeds every step and asks the clock whether it is time for a checkpoint."
    )
    publish("loop", "The loop against a plain PyTorch loop", f"{table(head, rows)}\n\n{text}")


if __name__ == "__main__":
    main()
