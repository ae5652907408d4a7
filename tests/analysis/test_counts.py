"""Counts, of nodes, scopes and nets, against figures worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec
from netspec.analysis import counts
from netspec.shapes.sizes import evaluate

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.net"))


def test_by_hand() -> None:
    graph = netspec.parse(
        "net N {\n  input x [3, 8, 8]\n  c = conv(4, 3, pad=1) -> batchnorm\n  flatten\n  linear(10)\n}"
    ).graph()
    assert graph.parameters == (3 * 9 * 4 + 4) + 2 * 4 + (4 * 64 * 10 + 10)
    assert graph.macs == 64 * 27 * 4 + 256 * 10
    assert counts.buffers(graph) == 4 + 4 + 1


def test_a_shared_module_has_its_weights_once_and_its_work_each_time() -> None:
    graph = netspec.parse("net N {\n  input x [8, 4, 4]\n  shared h = conv(8, 1)\n  h -> h -> h\n}").graph()
    assert graph.parameters == 8 * 8 + 8
    assert graph.macs == 3 * 16 * 64
    assert [counts.of_node(node).parameters for node in graph] == [72, 0, 0]


def test_what_only_training_computes_has_weights_but_no_macs() -> None:
    graph = netspec.parse(
        "net N {\n  input x [8]\n  output y = linear(2)\n  output aux = linear(3) when training\n}"
    ).graph()
    assert graph.parameters == 8 * 2 + 2 + 8 * 3 + 3
    assert graph.macs == 16


def test_open_sizes_are_counted_as_expressions() -> None:
    text = "net N {\n  input x [3, H, W]\n  repeat 5 { conv(3, 3, pad=1) }\n}"
    spec = netspec.parse(text)
    macs = spec.graph().macs
    assert str(macs) == "405*H*W"
    assert evaluate(macs, {"H": 32, "W": 16}) == spec.graph(inputs={"x": [3, 32, 16]}).macs


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_scopes_add_up(path: Path) -> None:
    graph = netspec.load(path).graph()
    sums = counts.of_scopes(graph)
    assert sums[0].parameters == graph.parameters
    assert sums[0].macs == graph.macs
    assert sums[0].buffers == counts.buffers(graph)
    for scope in graph.scopes:
        inside = [
            counts.of_node(graph.nodes[item]) if isinstance(item, int) else sums[item.index] for item in scope.items
        ]
        assert sums[scope.index].parameters == sum(part.parameters for part in inside)
        assert sums[scope.index].macs == counts.total(part.macs for part in inside)
