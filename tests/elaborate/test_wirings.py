"""Wirings: how the stages of a body are connected."""

from __future__ import annotations

from collections import Counter


def shape(graph) -> tuple:
    return graph.outputs[0].value.shape.dims


def layers(graph) -> list[str]:
    return [node.layer.name for node in graph]


def test_residual(graph_of) -> None:
    graph = graph_of("residual { conv(3, 3, pad=1) -> relu }")
    assert layers(graph) == ["conv", "relu", "add"]
    assert [value.node for value in graph.nodes[2].inputs] == [1, None]


def test_residual_with_shortcut(graph_of) -> None:
    graph = graph_of("residual { conv(8, 3, pad=1) } shortcut { conv(8, 1) }")
    assert [value.node for value in graph["add1"].inputs] == [0, 1]
    assert all(node.inputs[0].node is None for node in graph.nodes[:2])


def test_an_empty_shortcut_is_the_identity(graph_of) -> None:
    graph = graph_of("residual { conv(3, 1) } shortcut { if in.channels != 3 { conv(3, 1) } }")
    assert layers(graph) == ["conv", "add"]


def test_highway_with_all_its_parts(graph_of) -> None:
    graph = graph_of("""net N { input x [50]
      highway { linear(50) -> relu } gate { linear(50) -> sigmoid } carry { linear(50) -> sigmoid } }""")
    assert Counter(layers(graph)) == Counter(linear=3, relu=1, sigmoid=2, mul=2, add=1)


def test_highway_learns_its_gate_and_carries_the_rest(graph_of) -> None:
    """T is a sigmoid gate of x's width where it is absent, and C is 1 - T."""
    graph = graph_of("net N { input x [50]; highway { linear(50) -> relu } }")
    assert layers(graph) == ["linear", "relu", "linear", "sigmoid", "sub", "mul", "mul", "add"]
    gate, rest = graph.nodes[3].index, graph.nodes[4]
    assert (rest.layer.value, rest.layer.reverse, rest.inputs[0].node) == (1, True, gate)
    assert graph.parameters == 2 * (50 * 50 + 50)
    assert layers(graph_of("highway { conv(3, 3, pad=1) }"))[1] == "conv"


def test_a_single_number_has_no_channels_to_learn_a_gate_from(graph_of, mistakes_of) -> None:
    for body in ("", "param([])", "relu"):
        (found,) = mistakes_of(f"net N {{ input x [4]; mean; highway {{ {body} }} }}")
        assert found.code == "E0303"
        assert "gate { param([]) -> sigmoid }" in found.help
    assert shape(graph_of("net N { input x [4]; mean; highway { relu } gate { param([]) -> sigmoid } }")) == ()
    (found,) = mistakes_of("net N { input x [4]; mean; highway { param([2]) } gate { param([3]) } }")
    assert found.code == "E0301"


def test_concat_feeds_every_branch_the_same_value(graph_of) -> None:
    graph = graph_of("concat {\n conv(8, 1)\n conv(4, 1) -> conv(2, 3, pad=1)\n { }\n _ -> maxpool(3, 1, pad=1)\n }")
    assert shape(graph) == (8 + 2 + 3 + 3, 32, 32)
    assert len(graph["concat1"].inputs) == 4
    assert graph["concat1"].inputs[2].node is None


def test_add_with_an_identity_branch_is_a_residual(graph_of) -> None:
    graph = graph_of("add { conv(3, 3, pad=1)  { } }")
    assert [value.node for value in graph["add1"].inputs] == [0, None]


def test_mul_broadcasts(graph_of) -> None:
    graph = graph_of("mul { { }\n global_avgpool -> conv(3, 1) -> sigmoid }")
    assert shape(graph) == (3, 32, 32)


def test_loops_and_conditions_add_branches(graph_of) -> None:
    graph = graph_of("""
    concat {
      let base = 4
      for k in [1, 3, 5] { conv(base, k, pad=same) }
      if image.height > 16 { conv(1, 1) } else { conv(2, 1); conv(3, 1) }
      repeat 2 { conv(10, 1) }
    }""")
    assert shape(graph) == (3 * 4 + 1 + 2 * 10, 32, 32)
    assert all(node.inputs[0].node is None for node in graph if node.layer.name == "conv")


def test_one_branch_is_that_branch(graph_of) -> None:
    assert layers(graph_of("concat { conv(8, 3) }")) == ["conv"]


def test_dense_is_a_chain_of_concats(graph_of) -> None:
    graph = graph_of("dense { repeat 4 { conv(12, 3, pad=1) -> relu } }")
    joins = [node for node in graph if node.layer.name == "concat"]
    assert [len(node.inputs) for node in joins] == [2, 2, 2, 2]
    assert [node.output.shape.channels for node in joins] == [15, 27, 39, 51]
    assert [node.inputs[0].shape.channels for node in graph if node.layer.name == "conv"] == [3, 15, 27, 39]


def test_labels_of_branches(keys_of) -> None:
    text = "inception = concat {\n b1 = conv(8, 1)\n b2 = conv(4, 1) -> conv(8, 3, pad=1)\n }"
    assert keys_of(text) == ["inception.b1", "inception.b2.0", "inception.b2.1", "inception.concat1"]


def test_labels_in_a_branch_are_seen_after_the_wiring(graph_of) -> None:
    graph = graph_of("residual { mid = conv(3, 3, pad=1); relu }\n concat(mid, _)")
    assert shape(graph) == (6, 32, 32)


def test_side_values_of_a_wiring_stay_inside(mistakes_of) -> None:
    (mistake,) = mistakes_of("residual { let w = 3; conv(w, 1) }\n conv(w, 1)")
    assert mistake.code == "E0201"


def test_wiring_keywords_are_layers_before_a_bracket(graph_of) -> None:
    graph = graph_of("a = conv(8, 1)\n b = image -> conv(8, 1)\n s = add(a, b)\n concat(s, a) -> mul(_, 2)")
    assert layers(graph) == ["conv", "conv", "add", "concat", "mul"]


def test_underscore_in_a_wiring_is_what_entered_it(graph_of) -> None:
    graph = graph_of("conv(8, 1)\n residual { _ * 2 }")
    assert graph["mul1"].inputs[0].node == 0


def test_a_mistake_in_one_branch_is_told_once(mistakes_of) -> None:
    found = mistakes_of("concat {\n conv(8, 1)\n conv(8, kernel)\n conv(8, 5)\n }\n linear(10)")
    assert [mistake.code for mistake in found] == ["E0201"]
