"""Forward passes and training steps of compiled nets against torchvision's, in the same run: time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import torch
from torch import nn

import netspec
from benchmarks.measure import ROOT, functions, peak, publish, table
from benchmarks.peers import torchvision

NETS = {
    "ResNet-50": ("examples/resnet.net", {"depth": 50}, "resnet50"),
    "DenseNet-121": ("examples/densenet.net", {}, "densenet121"),
    "MobileNetV3": ("examples/mobilenet_v3.net", {}, "mobilenet_v3_large"),
    "EfficientNet-B0": ("examples/efficientnet.net", {}, "efficientnet_b0"),
    "ConvNeXt-T": ("examples/convnext.net", {}, "convnext_tiny"),
    "Swin-T": ("examples/swin.net", {}, "swin_t"),
}
BATCH, SIDE = 2, 224


def model(name: str, whose: str) -> nn.Module:
    """The net from its spec or from torchvision."""
    path, arguments, peer = NETS[name]
    if whose == "netspec":
        return netspec.load(ROOT / path).graph(**arguments).compile()  # type: ignore[no-any-return]
    return getattr(torchvision().models, peer)()  # type: ignore[no-any-return]


def forward(net: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    def run() -> object:
        net.eval()
        with torch.inference_mode():
            return net(x)

    return run


def step(net: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    """One training step of plain SGD."""
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    target = torch.arange(len(x)) % 10

    def run() -> object:
        net.train()
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), target)
        loss.backward()
        optimizer.step()
        return loss

    return run


def memory(name: str, whose: str) -> float:
    """The most memory (MiB) that a process of three training steps holds."""
    program = "import sys; from benchmarks.step import steps; steps(*sys.argv[1:])"
    result = subprocess.run(
        [sys.executable, "-c", program, name, whose], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return float(json.loads(result.stdout)["memory"])


def steps(name: str, whose: str) -> None:
    """Three training steps; prints what they held (Linux)."""
    net = model(name, whose)
    run = step(net, torch.randn(BATCH, 3, SIDE, SIDE))
    for _ in range(3):
        run()
    print(json.dumps({"memory": peak() / 1024}))


def main(rounds: int = 9) -> None:
    torch.set_num_threads(1)
    rows = []
    for name in NETS:
        ours, theirs = model(name, "netspec"), model(name, "torchvision")
        theirs.load_state_dict(ours.state_dict())
        x = torch.randn(BATCH, 3, SIDE, SIDE)
        for what, make in (("forward", forward), ("training step", step)):
            costs = functions({"netspec": make(ours, x), "torchvision": make(theirs, x)}, rounds)
            rows.append(
                [
                    f"{name}, {what}",
                    f"{costs['netspec'].cpu * 1000:.0f} ms",
                    f"{costs['torchvision'].cpu * 1000:.0f} ms",
                    f"{costs['netspec'].cpu / costs['torchvision'].cpu:.2f}",
                ]
            )
        held = {whose: memory(name, whose) for whose in ("netspec", "torchvision")}
        rows.append(
            [
                f"{name}, memory of training",
                f"{held['netspec']:.0f} MiB",
                f"{held['torchvision']:.0f} MiB",
                f"{held['netspec'] / held['torchvision']:.2f}",
            ]
        )
    conditions = f"Batch {BATCH} at {SIDE} x {SIDE}, float32, the same weights, one thread"
    figures = table(["", "netspec", "torchvision", "ratio"], rows)
    publish("step", "Running compiled nets", f"{conditions}; medians of {rounds} in turns, CPU time.\n\n{figures}")


if __name__ == "__main__":
    main()
