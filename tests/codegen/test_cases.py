"""Small specs that were once emitted as something else, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from agreement import check_net, net_results
from law import Emitted
from test_law import check_families
from torch import nn

import netspec
from netspec.codegen import compile_graph, emit
from netspec.graph.graph import Graph

CASES = {path.stem: path for path in sorted((Path(__file__).parent / "cases").glob("*.net"))}
SMALL: dict[str, dict[str, Any]] = {
    "hrnet": {"width": 2, "classes": 5, "inputs": {"image": [3, 32, 32]}},
    "mobilenet_v2": {"width": 0.25, "classes": 5, "inputs": {"image": [3, 32, 32]}},
}
"""What a large net is made small with."""
PARAMETERS = {
    "fitted_formula": 686_800,
    "loop_swaps_values": 488,
    "parameter_named_in_channels": 1_004,
    "rounds_that_differ_inside": 14,
    "two_growths": 45_792,
}
"""Trainable weights, by hand from the spec: a convolution of k x k from a to b channels has (a k k + 1) b."""


def graph_of(name: str) -> Graph:
    return netspec.load(CASES[name]).graph(**SMALL.get(name, {}))


@pytest.mark.parametrize("name", CASES)
def test_case_is_its_graph(name: str) -> None:
    graph = graph_of(name)
    assert not check_net(graph, compile_graph(graph))


@pytest.mark.parametrize("name", CASES)
def test_blocks_of_case_obey_the_law(name: str) -> None:
    check_families(Emitted(CASES[name].read_text()), examples=15)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name: str) -> None:
    graph = graph_of(name)
    assert graph.parameters == PARAMETERS[name]
    assert sum(parameter.numel() for parameter in compile_graph(graph).parameters()) == PARAMETERS[name]


def test_layers_before_a_source_do_not_run() -> None:
    """`pos = param([8])` takes nothing, so that what stands before it is for nothing."""
    graph = graph_of("source_runs_dead_layer")
    model = compile_graph(graph)
    ran: list[nn.Module] = []
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.register_forward_hook(lambda module, *_: ran.append(module))
    for training in (True, False):
        model.train(training)(torch.zeros(2, 8))
    assert "linear1.weight" in model.state_dict()
    assert not ran


@pytest.mark.parametrize("name", ["position_is_a_source", "source_runs_dead_layer"])
def test_a_source_takes_nothing(name: str) -> None:
    sources = [node for node in graph_of(name) if node.layer.name == "param"]
    assert [node.inputs for node in sources] == [()]


@pytest.mark.parametrize("rows", [1, 3])
def test_a_source_is_broadcast(rows: int) -> None:
    """No copy of it is made for each sample."""
    assert ".expand(" not in emit(graph_of("position_is_a_source"))
    assert compile_graph(graph_of("position_is_a_source"))(torch.zeros(rows, 8, 16)).shape == (rows, 8, 16)


def test_no_divisor_is_fitted_to_the_numbers_of_a_file() -> None:
    source = emit(graph_of("fitted_formula"))
    assert "// 40" not in source
    assert source.count("class B(") == 1


@pytest.mark.parametrize("name", ["optional_parts", "two_growths", "parameter_named_in_channels"])
def test_one_block_is_one_class(name: str) -> None:
    emitted = Emitted(CASES[name].read_text())
    assert len({use.emitted for use in emitted.uses()}) == 1


def test_outputs_may_have_any_name() -> None:
    graph = graph_of("output_names")
    model = compile_graph(graph)
    result = model(torch.zeros(2, 8))
    assert [field.rstrip("_") for field in result._fields] == ["count", "index", "NOutput"]
    _, run = net_results(graph.outputs, training=True)
    assert [tuple(tensor.shape) for tensor in run(model, [torch.zeros(2, 8)])] == [(2, 4), (2, 2), (2, 3)]
