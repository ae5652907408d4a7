"""Which network of the zoo is which of facts.json: the table of what test_facts.py compares.

`facts.json` is an independent oracle: its figures were measured on torchvision and timm, or computed from the papers'
tables by other means than netspec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """A network of the zoo, perhaps with other values, and its entry in facts.json.

    `stages` maps a name there to the name here where they differ beyond case and a parenthesis; None where the example
    has no such stage. `fields` maps stages, by their name here, to their receptive field along
    the first axis; to its least and its largest where it differs from position to position.
    `macs` stands where the example means to differ; `inputs` close sizes that are open.
    """

    id: str
    network: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    stages: Mapping[str, str | None] = field(default_factory=dict)
    fields: Mapping[str, int | tuple[int, int]] = field(default_factory=dict)
    macs: int | None = None
    inputs: Mapping[str, list[int]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.id}-{self.network}"


def googlenet_stages() -> dict[str, str]:
    blocks = ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
    return {f"inc{block}": f"inception{block}" for block in blocks}


RESNETS = {"resnet18": 435, "resnet34": 899, "resnet50": 427, "resnet101": 971, "resnet152": 1451}
RESNETS_V1 = {"resnet50": 483, "resnet101": 1027, "resnet152": 1507}
VGGS = {"vgg11": 150, "vgg13": 156, "vgg16": 212, "vgg19": 268}
VNET = {"L1": 5, "L2": 22, "L3": 72, "L4": 172, "L5": 372, "R4": 468, "R3": 516, "R2": 532, "R1": (532, 548)}
CASES = [
    Case("lenet5.full_c3", "lenet5", fields={"c1": 5, "s2": 6, "c3": 14, "s4": 16, "c5": 32}),
    Case("lenet5.1998", "lenet5_1998", fields={"s4": 16}),
    Case("alexnet.original", "alexnet", fields={"pool5": 195}),
    Case("alexnet.ungrouped", "alexnet", {"groups": 1}),
    Case("alexnet.two_tower", "alexnet_towers"),
    Case("alexnet.torchvision", "alexnet_torchvision", fields={"features": 195}),
    Case("zfnet", "zfnet", fields={"pool5": 171}),
    *(Case(f"{vgg}.torchvision", vgg, fields={"features": field}) for vgg, field in VGGS.items()),
    *(Case(f"{vgg}_bn.torchvision", f"{vgg}_bn") for vgg in VGGS),
    Case("nin.cifar10", "nin", fields={"cccp6": 27}),
    Case("nin.imagenet", "nin_imagenet"),
    Case("maxout.mnist_conv", "maxout_mnist"),
    Case("maxout.mnist_pi", "maxout_mnist_permuted"),
    Case("maxout.cifar10", "maxout_cifar"),
    Case("googlenet.v1.aux", "googlenet", stages=googlenet_stages(), fields={"inception5b": 715}),
    Case("googlenet.v1.deploy", "googlenet", {"aux": False}, stages=googlenet_stages()),
    Case("googlenet.torchvision.aux", "googlenet_torchvision", fields={"inception5b": 379}),
    Case("googlenet.torchvision", "googlenet_torchvision", {"aux": False}, fields={"inception5b": 379}),
    Case("inception_v3.torchvision.aux", "inception_v3", fields={"Mixed_7c": 1311}),
    Case("inception_v3.torchvision", "inception_v3", {"aux": False}),
    *(Case(f"{resnet}.torchvision", resnet, fields={"layer4": field}) for resnet, field in RESNETS.items()),
    Case("resnet200.timm", "resnet200", fields={"layer4": 1707}),
    *(Case(f"{resnet}.v1", f"{resnet}_v1", fields={"layer4": field}) for resnet, field in RESNETS_V1.items()),
    *(
        Case(f"preact_resnet{depth}", f"preact_resnet{depth}", stages={"stem": "conv1"}, fields=field)
        for depth, field in ((50, {"layer4": 427}), (101, {}), (152, {}), (200, {}))
    ),
    Case("se_resnet50.legacy", "se_resnet50"),
    Case("senet154", "senet154"),
    Case("densenet121.torchvision", "densenet121", fields={"features": 2071}),
    *(Case(f"densenet{depth}.torchvision", f"densenet{depth}") for depth in (161, 169, 201)),
    *(
        Case(f"highway.mnist_fc_{depth}", f"highway_mnist{depth}", stages={"in": "plain"})
        for depth in (10, 20, 50, 100)
    ),
    *(Case(f"highway.mnist_conv_{width}", f"highway_conv{width}") for width in (16, 32)),
    Case("unet.original", "unet", fields={"down5": 140, "out": (188, 204)}),
    Case("unet.same_512_dropout", "unet_same", stages={f"up{level}": f"dec{level}.up" for level in (1, 2, 3, 4)}),
    Case("unet.zhixuhao_256", "unet_repeated", stages={f"up{level}": f"dec{level}.up" for level in (1, 2, 3, 4)}),
    Case("wavenet.ibab_padded", "wavenet", fields={"post2": 5117}),
    # The facts have sequences as [length, channels] where the embedding leaves them; ours are maps from there on.
    Case("bytenet.lm", "bytenet_lm", stages={"emb": None}),
    Case("bytenet.mt", "bytenet"),
    # The facts count the padding that TCN's authors' code computes and cuts off again; theirs, without it, is this.
    Case("tcn.seq_mnist", "tcn", macs=51_607_050, fields={"net": 3061}),
    Case("tcn.adding", "tcn_adding", macs=37_992_030),
    Case("tcn.word_ptb", "tcn_words", macs=1_171_200_000),
    Case("charcnn.small", "charcnn_small", fields={"pool6": 123}),
    Case("charcnn.large", "charcnn_large"),
    Case("timeseries.fcn", "timeseries_fcn", fields={"b3": 14}),
    Case("mnist1d.conv", "mnist1d_conv", fields={"conv3": 15}),
    Case("mnist1d.mlp", "mnist1d_mlp"),
    Case("c3d.sports1m", "c3d"),
    Case("c3d.ucf101", "c3d", {"classes": 101}),
    Case("vnet.paper", "vnet", stages={"conv0": "L1"}, fields=VNET),
    Case("vnet.prototxt", "vnet", {"down": [1, 1, 2, 3, 3], "up": [3, 2, 1, 1], "last": 5}, stages={"conv0": "L1"}),
    Case("deconvnet", "deconvnet"),
    Case("yolov1.paper", "yolov1", fields={"conv24": 749}),
    Case("yolov1.paper_bn", "yolov1", {"normalised": True}),
    Case("yolov1.detector", "yolov1_detector"),
    *(Case(f"{kind}.c4", f"{kind}_c4", inputs={"image": [3, 800, 1024]}) for kind in ("faster_rcnn", "mask_rcnn")),
    Case("yolov3.darknet", "yolov3"),
    Case("yolov3_tiny.darknet", "yolov3_tiny"),
    Case("cam.vgg16_gap", "cam_vgg16"),
    Case("dcgan.generator", "dcgan"),
    Case("dcgan.generator_paper", "dcgan_paper"),
    Case("resize_conv.generator", "resize_conv"),
]
