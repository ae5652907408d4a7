"""The zoo against published and measured figures: parameters, MACs, stage shapes, outputs, receptive fields."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from known import CASES, Case

import netspec
from netspec import zoo
from netspec.analysis.counts import macs_of
from netspec.analysis.receptive_field import receptive_fields
from netspec.graph.graph import Graph

FACTS = json.loads((Path(__file__).parent / "facts.json").read_text())
MODELS = {model["id"]: model for model in FACTS["models"]}


@cache
def graph_of(index: int) -> Graph:
    case, network = CASES[index], zoo.find(CASES[index].network)
    arguments = {**network.arguments, **case.arguments, "inputs": case.inputs}
    return netspec.load(network.path).graph(network.net, **arguments)


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
    macs = sum(macs_of(node) for node in graph) if several(fact) else graph.macs
    assert macs == (case.macs or fact["macs"])


def test_outputs(known: Known) -> None:
    _, fact, graph = known
    expected = fact["output_shapes"] if several(fact) else [fact["output_shapes"]]
    outputs = [output for output in graph.outputs if several(fact) or not output.when_training]
    assert sorted(list(output.value.shape.dims) for output in outputs) == sorted(shape[1:] for shape in expected)


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


@pytest.mark.parametrize("depth", [10, 20, 50, 100])
def test_the_plain_nets_beside_the_highway_nets(depth: int) -> None:
    parameters = zoo.find(f"plain_mnist{depth}").graph().parameters
    assert f"plain width-71 twin: {parameters:,} params" in MODELS[f"highway.mnist_fc_{depth}"]["notes"]


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_resnets_for_cifar(depth: int, millions: float) -> None:
    """He et al. 2016, table 6; a shortcut has no parameters, so the plain nets have as many."""
    digits = len(str(millions)) - 2
    names = [name for name in (f"resnet_cifar{depth}", f"plain_cifar{depth}") if name != "plain_cifar110"]
    assert {round(zoo.find(name).graph().parameters / 1e6, digits) for name in names} == {millions}
