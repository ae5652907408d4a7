"""Whole processes: `netspec check` and `summary` of ResNet-152 against `torchinfo.summary` of torchvision's."""

from __future__ import annotations

import sys

from benchmarks.measure import processes, publish, python, table

PEER = """
from benchmarks.peers import torchvision
from torchinfo import summary
print(summary(torchvision().models.resnet152(), (1, 3, 224, 224), verbose=0))
"""


def main(rounds: int = 9) -> None:
    netspec = [sys.executable, "-m", "netspec"]
    net = ["examples/resnet.net", "--set", "depth=152"]
    costs = processes(
        {
            "netspec check": [*netspec, "check", *net],
            "netspec summary": [*netspec, "summary", *net],
            "torchinfo.summary": python(PEER),
        },
        rounds,
    )
    peer = costs["torchinfo.summary"]
    rows = [
        [name, f"{cost.wall:.2f} s", f"{cost.cpu:.2f} s", f"{peer.wall / cost.wall:.1f}", f"{peer.cpu / cost.cpu:.1f}"]
        for name, cost in costs.items()
    ]
    text = table(["ResNet-152", "wall", "CPU", "times faster (wall)", "times faster (CPU)"], rows)
    publish("start", "Whole processes", f"Medians of {rounds} processes each, in turns.\n\n{text}")


if __name__ == "__main__":
    main()
