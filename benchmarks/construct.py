"""From a spec to a live module against torchvision's constructor, both with everything imported."""

from __future__ import annotations

import torch

import netspec
from benchmarks.measure import functions, publish, table
from benchmarks.peers import torchvision

NETS = {
    "ResNet-50": ("examples/resnet.net", {"depth": 50}, "resnet50"),
    "ResNet-152": ("examples/resnet.net", {"depth": 152}, "resnet152"),
    "DenseNet-121": ("examples/densenet.net", {}, "densenet121"),
    "VGG-16": ("examples/vgg.net", {}, "vgg16"),
}


def main(rounds: int = 7) -> None:
    models = torchvision().models
    rows = []
    for name, (path, arguments, peer) in NETS.items():
        graph = netspec.load(path).graph(**arguments)
        graph.compile()
        with torch.device("meta"):
            bare = functions(
                {"netspec": graph.compile, "torchvision": lambda peer=peer: getattr(models, peer)()}, rounds
            )
        costs = functions(
            {
                "read": lambda path=path, arguments=arguments: netspec.load(path).graph(**arguments),
                "all": lambda path=path, arguments=arguments: netspec.load(path).graph(**arguments).compile(),
                "again": graph.compile,
                "torchvision": lambda peer=peer: getattr(models, peer)(),
            },
            rounds,
        )
        read, everything, again, theirs = (cost.wall for cost in costs.values())
        rows.append(
            [
                name,
                *(f"{seconds * 1000:.0f} ms" for seconds in (read, everything - read, again, theirs)),
                *(f"{ratio:.2f}" for ratio in ((everything - read) / theirs, again / theirs)),
                f"{bare['netspec'].wall / bare['torchvision'].wall:.2f}",
            ]
        )
    head = ["net", "read and check", "compile and construct", "again", "torchvision", "ratio", "again", "bare"]
    told = (
        f"Medians of {rounds} in turns. The ratios are to torchvision's constructor: of compiling and constructing,\n"
        "of doing it again with the same graph, whose source is there already, and of that on the meta device, where\n"
        "no weights are drawn."
    )
    publish("construct", "From a spec to a live module", f"{told}\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
