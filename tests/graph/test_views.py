"""The graph as networkx sees it, and layers in the words of a spec."""

from __future__ import annotations

import networkx as nx
import pytest

import netspec
from netspec.graph.views import layer_text, scope_text

TWO = """
block Stem(width, stride = 2) { conv(width, 3, stride) -> relu }

net Two {
  input left [3, 32, 32]
  input right [3, 32, 32]
  a = left -> Stem(8)
  b = right -> Stem(8, stride=1) -> avgpool(2)
  both = { concat(a, b) -> global_avgpool }
}
"""


def test_nodes_edges_and_shapes() -> None:
    graph = netspec.parse(TWO).graph()
    view = graph.networkx()
    assert nx.is_directed_acyclic_graph(view)
    assert [name for name, data in view.nodes(data=True) if data["kind"] == "input"] == ["left", "right"]
    assert len(view) == len(graph) + 2
    assert view.number_of_edges() == sum(len(node.inputs) for node in graph)
    concat = next(node for node in graph if node.layer.name == "concat")
    arguments = sorted(data["argument"] for _, _, data in view.in_edges(concat.name, data=True))
    assert arguments == [0, 1]
    for _, target, data in view.edges(data=True):
        assert data["shape"] == graph[target].inputs[data["argument"]].shape  # type: ignore[union-attr]
    assert view.graph["outputs"] == [graph.nodes[-1].name]


def test_an_input_may_have_the_name_of_a_layer_stage() -> None:
    view = netspec.parse("net N { input x [4]\n  group = { x = relu }\n  linear(2) }").graph().networkx()
    assert len(view) == 3


@pytest.mark.parametrize(
    "text",
    ["conv(64, 7, stride=2, pad=3)", "conv(64, [1, 7])", "relu", "dropout", "linear(10, bias=false)", "batchnorm"],
)
def test_layers_are_written_as_in_the_spec(text: str) -> None:
    declared = "[8]" if text.startswith("linear") else "[3, 32, 32]"
    graph = netspec.parse(f"net N {{\n  input x {declared}\n  {text}\n}}").graph()
    assert layer_text(graph.nodes[0].layer) == text


def test_blocks_are_written_with_their_arguments() -> None:
    graph = netspec.parse(TWO).graph()
    titles = [scope_text(scope) for scope in graph.scopes if scope.kind in ("block", "container")]
    assert titles[0].startswith("Stem(8")
    assert "{ ... }" in titles
