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
                "graph": lambda path=path, arguments=arguments: netspec.load(path).graph(**arguments),
                "compile": graph.compile,
                "torchvision": lambda peer=peer: getattr(models, peer)(),
            },
            rounds,
        )
        ours = costs["graph"].wall + costs["compile"].wall
        rows.append(
            [
                name,
                f"{costs['graph'].wall * 1000:.0f} ms",
                f"{costs['compile'].wall * 1000:.0f} ms",
                f"{costs['torchvision'].wall * 1000:.0f} ms",
                f"{ours / costs['torchvision'].wall:.2f}",
                f"{bare['netspec'].wall / bare['torchvision'].wall:.2f}",
            ]
        )
    head = ["net", "read and check", "compile and construct", "torchvision", "ratio", "ratio without weights"]
    told = (
        f"Medians of {rounds} in turns. The ratio is all of netspec's work over torchvision's constructor; the last\n"
        "column is compile and construct over the constructor on the meta device, where no weights are drawn."
    )
    publish("construct", "From a spec to a live module", f"{told}\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
