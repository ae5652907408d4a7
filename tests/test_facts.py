"""The examples against published and measured figures: parameters, MACs, stage shapes, outputs, receptive fields.

`facts.json` is an independent oracle: its figures were measured on torchvision and timm, or computed from the papers'
tables by other means than netspec.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.analysis.receptive_field import receptive_fields
from netspec.graph.graph import Graph

EXAMPLES = Path(__file__).parents[1] / "examples"
FACTS = json.loads((Path(__file__).parent / "facts.json").read_text())
MODELS = {model["id"]: model for model in FACTS["models"]}


@dataclass(frozen=True)
class Case:
    """A network of facts.json as an example has it.

    `stages` maps a name there to the name here where they differ beyond case and a parenthesis; None where the example
    has no such stage. `fields` maps stages, by their name here, to their receptive field along
    the first axis; to its least and its largest where it differs from position to position.
    `macs` and `outputs` stand where the example means to differ.
    """

    id: str
    example: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    net: str | None = None
    inputs: Mapping[str, list[int]] | None = None
    stages: Mapping[str, str | None] = field(default_factory=dict)
    fields: Mapping[str, int | tuple[int, int]] = field(default_factory=dict)
    macs: int | None = None
    outputs: list[list[int]] | None = None

    def __str__(self) -> str:
        return f"{self.id}-{self.example}"


def googlenet_stages() -> dict[str, str]:
    blocks = ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
    return {f"inc{block}": f"inception{block}" for block in blocks}


def resnet(depth: int, field: int, **arguments: Any) -> Case:
    variant = "v1" if arguments else "torchvision"
    return Case(f"resnet{depth}.{variant}", "resnet", {"depth": depth, **arguments}, fields={"layer4": field})


def densenet(depth: int, **more: Any) -> Case:
    return Case(f"densenet{depth}.torchvision", "densenet", {"depth": depth}, **more)


VNET = {"L1": 5, "L2": 22, "L3": 72, "L4": 172, "L5": 372, "R4": 468, "R3": 516, "R2": 532, "R1": (532, 548)}
CASES = [
    Case("lenet5.full_c3", "lenet5", fields={"c1": 5, "s2": 6, "c3": 14, "s4": 16, "c5": 32}),
    # The radial basis functions of the output have fixed values and are left out: the spec ends with F6.
    Case("lenet5.1998", "lenet5_1998", stages={"out": None}, outputs=[[84]], fields={"s4": 16}),
    Case("alexnet.original", "alexnet", fields={"pool5": 195}),
    Case("alexnet.two_tower", "alexnet_towers"),
    Case("alexnet.torchvision", "alexnet_torchvision", fields={"features": 195}),
    Case("zfnet", "zfnet", fields={"pool5": 171}),
    Case("vgg16.torchvision", "vgg16", fields={"features": 212}),
    Case("vgg11.torchvision", "vgg", {"depth": 11}, fields={"features": 150}),
    Case("vgg13.torchvision", "vgg", {"depth": 13}, fields={"features": 156}),
    Case("vgg16.torchvision", "vgg", fields={"features": 212}),
    Case("vgg19.torchvision", "vgg", {"depth": 19}, fields={"features": 268}),
    *(Case(f"vgg{depth}_bn.torchvision", "vgg", {"depth": depth, "normalised": True}) for depth in (11, 13, 16, 19)),
    Case("nin.cifar10", "nin", fields={"cccp6": 27}),
    Case("nin.imagenet", "nin", net="ImageNet"),
    Case("maxout.mnist_conv", "maxout_mnist"),
    Case("maxout.mnist_pi", "maxout_mnist", net="Permuted"),
    Case("maxout.cifar10", "maxout_cifar"),
    Case("googlenet.v1.aux", "googlenet", stages=googlenet_stages(), fields={"inception5b": 715}),
    Case("googlenet.v1.deploy", "googlenet", {"aux": False}, stages=googlenet_stages()),
    Case("googlenet.torchvision.aux", "googlenet_torchvision", fields={"inception5b": 379}),
    Case("googlenet.torchvision", "googlenet_torchvision", {"aux": False}, fields={"inception5b": 379}),
    Case("inception_v3.torchvision.aux", "inception_v3", fields={"Mixed_7c": 1311}),
    Case("inception_v3.torchvision", "inception_v3", {"aux": False}),
    resnet(18, 435),
    resnet(34, 899),
    resnet(50, 427),
    resnet(101, 971),
    resnet(152, 1451),
    resnet(50, 483, v1=True),
    resnet(101, 1027, v1=True),
    resnet(152, 1507, v1=True),
    *(
        Case(f"preact_resnet{depth}", "preact_resnet", {"depth": depth}, stages={"stem": "conv1"}, fields=field)
        for depth, field in ((50, {"layer4": 427}), (101, {}), (152, {}), (200, {}))
    ),
    Case("se_resnet50.legacy", "se_resnet"),
    Case("senet154", "senet154"),
    Case("densenet121.torchvision", "densenet121", fields={"features": 2071}),
    densenet(121),
    densenet(161),
    densenet(169),
    densenet(201),
    *(
        Case(f"highway.mnist_fc_{depth}", "highway_mnist", {"depth": depth}, stages={"in": "plain"})
        for depth in (10, 20, 50, 100)
    ),
    *(Case(f"highway.mnist_conv_{width}", "highway_conv", {"width": width}) for width in (16, 32)),
    Case("unet.original", "unet", fields={"down5": 140, "out": (188, 204)}),
    Case("unet.same_512_dropout", "unet_same", stages={f"up{level}": f"dec{level}.up" for level in (1, 2, 3, 4)}),
    Case("wavenet.ibab_padded", "wavenet", fields={"post2": 5117}),
    # The facts have sequences as [length, channels] where the embedding leaves them; ours are maps from there on.
    Case("bytenet.lm", "bytenet", net="LanguageModel", stages={"emb": None}),
    Case("bytenet.mt", "bytenet"),
    # The facts count the padding that TCN's authors' code computes and cuts off again; theirs, without it, is this.
    Case("tcn.seq_mnist", "tcn", macs=51_607_050, fields={"net": 3061}),
    Case("charcnn.small", "charcnn", {"size": "small"}, fields={"pool6": 123}),
    Case("charcnn.large", "charcnn"),
    Case("timeseries.fcn", "timeseries_fcn", fields={"b3": 14}),
    Case("c3d.sports1m", "c3d"),
    Case("c3d.ucf101", "c3d", {"classes": 101}),
    Case("vnet.paper", "vnet", stages={"conv0": "L1"}, fields=VNET),
    Case("deconvnet", "deconvnet"),
    Case("yolov1.paper", "yolov1", fields={"conv24": 749}),
    Case("cam.vgg16_gap", "cam_vgg16"),
    Case("dcgan.generator", "dcgan"),
    Case("dcgan.generator_paper", "dcgan", net="PaperGenerator"),
    Case("resize_conv.generator", "resize_conv"),
]


@cache
def graph_of(index: int) -> Graph:
    case = CASES[index]
    return netspec.load(EXAMPLES / f"{case.example}.net").graph(case.net, inputs=case.inputs, **case.arguments)


@pytest.fixture(params=range(len(CASES)), ids=map(str, CASES))
def known(request: pytest.FixtureRequest) -> tuple[Case, dict[str, Any], Graph]:
    case = CASES[request.param]
    return case, MODELS[case.id], graph_of(request.param)


Known = tuple[Case, dict[str, Any], Graph]


def test_the_input_is_that_of_the_facts(known: Known) -> None:
    _, fact, graph = known
    shapes = fact["input_shape"] if isinstance(fact["input_shape"][0], list) else [fact["input_shape"]]
    assert [list(value.shape.dims) for value in graph.inputs] == [shape[1:] for shape in shapes]


def test_parameters(known: Known) -> None:
    _, fact, graph = known
    assert graph.parameters == fact["params"]


def test_macs(known: Known) -> None:
    """Where the facts count auxiliary heads, so do we: theirs are all the outputs that they list."""
    case, fact, graph = known
    macs = sum(node.layer.macs(*node.shapes) for node in graph) if several(fact) else graph.macs
    assert macs == (case.macs or fact["macs"])


def test_outputs(known: Known) -> None:
    case, fact, graph = known
    expected = fact["output_shapes"] if several(fact) else [fact["output_shapes"]]
    outputs = [output for output in graph.outputs if several(fact) or not output.when_training]
    shapes = case.outputs or [shape[1:] for shape in expected]
    assert sorted(list(output.value.shape.dims) for output in outputs) == sorted(shapes)


def several(fact: dict[str, Any]) -> bool:
    return isinstance(fact["output_shapes"][0], list)


def test_stages(known: Known) -> None:
    case, fact, graph = known
    found = {stage: shape_here(case, graph, stage) for stage in fact["stages"] if case.stages.get(stage, stage)}
    squeezed = {stage: [size for size in shape[1:] if size != 1] for stage, shape in fact["stages"].items()}
    assert found == {stage: squeezed[stage] for stage in found}


def shape_here(case: Case, graph: Graph, stage: str) -> list[int]:
    """The shape of a stage, sizes of 1 left out: facts.json has some maps of 1 x 1 as features."""
    name = case.stages.get(stage) or stage.partition(" ")[0]
    if name not in graph:
        name = name.lower()
    return [size for size in graph[name].output.shape.dims if size != 1]


@pytest.mark.parametrize("index", [i for i, case in enumerate(CASES) if case.fields], ids=lambda i: str(CASES[i]))
def test_receptive_fields(index: int) -> None:
    case, graph = CASES[index], graph_of(index)
    fields = receptive_fields(graph)
    for name, expected in case.fields.items():
        least, most = expected if isinstance(expected, tuple) else (expected, expected)
        assert least <= size_of(fields[node_name(graph, name)]) <= most, name


def node_name(graph: Graph, name: str) -> str:
    """The node that a stage's value comes from: a container's is its last."""
    value = graph[name].output
    assert value.node is not None
    return graph.nodes[value.node].name


def size_of(field: Any) -> int:
    assert isinstance(field, tuple)
    return int(field[0].size)
