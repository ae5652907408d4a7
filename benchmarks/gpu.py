"""ResNet-50 in training on a GPU: netspec's loop against the best plain PyTorch loop on torchvision's net, in turns."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import netspec
from benchmarks.measure import ROOT, publish, table
from benchmarks.peers import torchvision
from netspec.train.engine.devices import environment
from netspec.train.plan.job import Prepared, job_of, prepare
from netspec.train.setup import Setup
from netspec.train.start import trainer_of

PEAKS = {
    "NVIDIA A10": 125,
    "NVIDIA A30": 165,
    "NVIDIA A40": 149.7,
    "NVIDIA A100-PCIE-40GB": 312,
    "NVIDIA A100-SXM4-40GB": 312,
    "NVIDIA A100 80GB PCIe": 312,
    "NVIDIA A100-SXM4-80GB": 312,
    "NVIDIA L4": 121,
    "NVIDIA L40S": 362,
    "NVIDIA H100 80GB HBM3": 989.4,
    "NVIDIA H100 PCIe": 756,
    "NVIDIA H200": 989.4,
    "NVIDIA B200": 2250,
    "NVIDIA GeForce RTX 4090": 165.2,
}
"""The most bfloat16 TFLOP/s of dense products that NVIDIA's data sheets give a card, by the name that CUDA has."""
PASSES = 3
"""A training step multiplies as often as so many forward passes: one forward, one for each gradient of a product."""


@dataclass(frozen=True)
class Size:
    """What is measured: ResNet of that depth on images of that side, epochs of `steps` batches, `rounds` of them."""

    depth: int = 50
    side: int = 224
    batch: int = 256
    steps: int = 30
    rounds: int = 5


@dataclass(frozen=True)
class Speed:
    """Images a second of a loop, and the most memory (MiB) beyond what it holds between epochs, 0 on the CPU."""

    images: float
    memory: float


def prepared(size: Size, folder: Path, setup: Setup) -> Prepared:
    """ResNet's spec with random images of bytes, and no more to test with than has to be."""
    random = np.random.default_rng(0)
    count = size.batch * size.steps
    images = random.integers(0, 256, (count + 2, 3, size.side, size.side), dtype=np.uint8)
    classes = random.integers(0, 1000, count + 2)
    path = folder / "images.npz"
    np.savez(path, x_train=images[:-2], y_train=classes[:-2], x_test=images[-2:], y_test=classes[-2:])
    spec = netspec.load(ROOT / "examples/resnet.net")
    given = {"depth": size.depth, "train.data": 'npz("images.npz", classes=1000)', "train.batch": size.batch}
    image = {"image": [3, size.side, size.side]}
    return prepare(job_of(spec, set={**given, "train.epochs": 10**6}, input=image, data=folder, setup=setup), spec)


def plain(found: Prepared, device: torch.device, x: Tensor, y: Tensor) -> Callable[[], float]:
    """An epoch of a plain loop: images on the device as bytes, no look at the loss before the end of the epoch."""
    batch, count = found.settings.batch, len(x)
    model: nn.Module = getattr(torchvision().models, f"resnet{dict(found.graph.arguments)['depth']}")()
    model.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    net = torch.compile(model) if found.job.setup.compile else model
    optimizer = found.settings.optimizer.build(model.parameters())
    compare = nn.CrossEntropyLoss()

    def epoch() -> float:
        order = torch.randperm(count, device=device)
        total = torch.zeros((), device=device)
        for start in range(0, count, batch):
            places = order[start : start + batch]
            images = x[places].to(torch.bfloat16).div_(255)
            optimizer.zero_grad()
            with torch.autocast(device.type, torch.bfloat16):
                loss = compare(net(images), y[places])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(places)
        return total.item() / count

    return epoch


def speed(epoch: Callable[[], object], device: torch.device, images: int) -> Speed:
    """The speed of one epoch, from a device that is idle to one that is idle again."""
    cuda = device.type == "cuda"
    held = torch.cuda.memory_allocated() if cuda else 0
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    begun = time.perf_counter()
    epoch()
    if cuda:
        torch.cuda.synchronize()
    took = time.perf_counter() - begun
    return Speed(images / took, (torch.cuda.max_memory_allocated() - held) / 2**20 if cuda else 0.0)


def measured(size: Size, setup: Setup, *, both: bool = True) -> tuple[Prepared, list[Speed]]:
    """The median speed of netspec's loop and, where `both` are wanted, of the plain one on the same images, in turns.

    A first round, which compiles, is not counted.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = prepared(size, Path(folder), setup)
    with environment(found.graph, found.settings.batch, setup) as accelerator:
        device = accelerator.device
        trainer = trainer_of(found, accelerator, [])
        rows = trainer.epochs()
        loops: list[Callable[[], object]] = [lambda: next(rows)]
        if both:
            x = trainer.train.x.contiguous(memory_format=torch.channels_last)
            loops.append(plain(found, device, x, trainer.train.y))
        images = size.batch * size.steps
        kept = [[speed(loop, device, images) for loop in loops] for _ in range(size.rounds + 1)][1:]
    torch.compiler.reset()
    return found, [
        Speed(statistics.median(each.images for each in runs), statistics.median(each.memory for each in runs))
        for runs in zip(*kept, strict=True)
    ]


def share(speed: Speed, macs: int, peak: float | None) -> str:
    """What share of the card's peak (TFLOP/s) that is, by the net's multiply-accumulates of an image."""
    if peak is None:
        return "unknown"
    return f"{100 * speed.images * PASSES * 2 * macs / (peak * 1e12):.1f} %"


def report(size: Size, device: str, card: str, *, compiled: tuple[bool, ...] = (False, True)) -> str:
    """The results as a page."""
    rows = []
    peak = PEAKS.get(card)
    for is_compiled in compiled:
        name = f"ResNet-{size.depth}, {'compiled' if is_compiled else 'not compiled'}"
        setup = Setup(device=device, precision="bf16", compile=is_compiled, deterministic=False)
        found, (ours, theirs) = measured(size, setup)
        _, (exact,) = measured(size, setup.model_copy(update={"deterministic": True}), both=False)
        macs = found.graph.macs
        assert isinstance(macs, int)
        for whose, figures in (
            ("the plain loop on torchvision's", theirs),
            ("netspec", ours),
            ("netspec, the same bits every time", exact),
        ):
            rows.append(
                [
                    f"{name}: {whose}",
                    f"{figures.images:,.1f}",
                    f"{figures.images / theirs.images:.3f}",
                    share(figures, macs, peak),
                    f"{figures.memory:,.0f}",
                ]
            )
    head = ["loop", "images a second", "of the plain loop", "of the card's peak", "MiB in a step"]
    most = f"dense bfloat16 products at {peak:g} TFLOP/s" if peak else "no peak, since this card's is not known here"
    text = (
        f"{card}, CUDA {torch.version.cuda}. Training steps of batch {size.batch} at {size.side} x {size.side}, "
        "bfloat16 by autocast, channels last, images as bytes on the device, fused SGD; medians of "
        f"{size.rounds} epochs of {size.steps} steps in turns, but for the loop with the same bits every time, which "
        "runs alone. netspec's loop measures accuracy as well, looks at every loss and tests two images after each "
        f"epoch. The share of the peak counts {PASSES} forward passes a step, and {most}. `netspec train` takes "
        "kernels that give the same bits every time unless it is told --no-deterministic."
    )
    return f"{table(head, rows)}\n\n{text}"


def main(size: Size | None = None) -> None:
    if not torch.cuda.is_available():
        print("gpu: there is no GPU here, so nothing is measured", file=sys.stderr)
        return
    text = report(size or Size(), "cuda", torch.cuda.get_device_name())
    publish("gpu", "Training ResNet-50 on a GPU", text)


if __name__ == "__main__":
    main()
