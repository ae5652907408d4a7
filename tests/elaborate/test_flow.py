"""The flow: what each stage takes, and what it leaves."""

from __future__ import annotations

import pytest


def shape(graph) -> tuple:
    return graph.outputs[0].value.shape.dims


def test_stages_take_the_current_value(graph_of) -> None:
    graph = graph_of("conv(8, 3, pad=1) -> relu\n maxpool(2)")
    assert shape(graph) == (8, 16, 16)
    assert [node.inputs[0].node for node in graph] == [None, 0, 1]


def test_a_stage_may_start_from_another_value(graph_of) -> None:
    assert shape(graph_of("e = conv(8, 3)\n conv(16, 3)\n e -> conv(4, 1)")) == (4, 30, 30)


def test_tensors_as_leading_arguments(graph_of) -> None:
    assert shape(graph_of("e = conv(8, 3)\n conv(16, 3)\n conv(e, 4, 1)")) == (4, 30, 30)
    assert shape(graph_of("a = conv(8, 3)\n b = image -> conv(4, 3)\n concat(a, b)")) == (12, 30, 30)
    assert shape(graph_of("a = conv(8, 3)\n let parts = [a, a, a]\n concat(parts)")) == (24, 30, 30)


def test_underscore_is_the_current_value(graph_of) -> None:
    assert shape(graph_of("e = conv(8, 3)\n conv(4, 1)\n concat(e, _)")) == (12, 30, 30)


def test_let_leaves_the_flow_where_it_was(graph_of) -> None:
    graph = graph_of("let gate = conv(3, 1) -> sigmoid\n let n = 2 * 8\n _ * gate\n conv(n, 3)")
    assert [node.layer.name for node in graph] == ["conv", "sigmoid", "mul", "conv"]
    assert shape(graph) == (16, 30, 30)


def test_in_is_what_entered_the_block(graph_of) -> None:
    graph = graph_of("""
    block B(w) { conv(w, 1); relu; residual { conv(in.channels * w, 1) -> conv(w, 1) }; c = { concat(in, _) } }
    net N { input image [3, 8, 8]; conv(5, 1); B(4) }
    """)
    assert shape(graph) == (9, 8, 8)


def test_in_of_a_net_is_its_only_input(graph_of) -> None:
    assert shape(graph_of("conv(8, 1)\n concat(in, _)")) == (11, 32, 32)


def test_arithmetic_on_values(graph_of) -> None:
    graph = graph_of("let t = sigmoid(conv(3, 1))\n z = image * t + (1 - t) * 2 / 3 ** 2 - image\n -z")
    assert [node.layer.name for node in graph] == ["conv", "sigmoid", "mul", "sub", "mul", "div", "add", "sub", "neg"]


def test_a_word_can_be_a_layer_given_as_an_argument(graph_of) -> None:
    text = """
    block B(act, pad = same) { conv(8, 3, pad=pad) -> act }
    net N { input image [3, 8, 8]; B(tanh); B(act=gelu) }
    """
    assert [node.layer.name for node in graph_of(text)] == ["conv", "tanh", "conv", "gelu"]


def test_none_is_a_value_like_any_other(graph_of) -> None:
    text = """
    block B(act = none) { conv(3, 1); residual { if act == none { tanh } else { relu } } }
    net N { input image [3, 8, 8]; B }
    """
    assert [node.layer.name for node in graph_of(text)] == ["conv", "tanh", "add"]


@pytest.mark.parametrize("condition", ["in.channels == 3 and not image.height < 32", "1 < image.rank <= 3", "true"])
def test_conditions_choose_stages(graph_of, condition: str) -> None:
    assert shape(graph_of(f"if {condition} {{ conv(8, 1) }} else {{ conv(4, 1) }}")) == (8, 32, 32)


def test_loops_are_unrolled_in_place(graph_of) -> None:
    graph = graph_of("for i, w in enumerate([8, 16]) { conv(w + i, 3) }")
    assert shape(graph) == (17, 28, 28)
    scope = next(scope for scope in graph.scopes if scope.kind == "for")
    assert scope.count == 2


def test_side_values_of_a_loop_outlive_it(graph_of) -> None:
    assert shape(graph_of("let w = 1\n repeat 5 { let w = 2 * w }\n conv(w, 1)")) == (32, 32, 32)


def test_defaults_hold_below_where_they_are_written(graph_of) -> None:
    graph = graph_of("""
    default conv(bias=false)
    block A { conv(3, 1) }
    default conv(pad=1)
    block B { conv(3, 3); default conv(bias=true, pad=0); conv(3, 1) }
    net N { input image [3, 8, 8]; A; B; conv(3, 3); residual { default conv(pad=0); conv(3, 1) }; conv(3, 3) }
    """)
    layers = [node.layer for node in graph if node.layer.name == "conv"]
    assert [(layer.bias, layer.pad) for layer in layers] == [
        (False, 0),
        (False, 1),
        (True, 0),
        (False, 1),
        (False, 0),
        (False, 1),
    ]


def test_an_argument_overrides_a_default(graph_of) -> None:
    graph = graph_of("default conv(bias=false, stride=2)\n conv(8, 3, 1, bias=true)")
    assert (graph.nodes[0].layer.bias, graph.nodes[0].layer.stride) == (True, 1)


def test_an_early_return_in_a_condition(graph_of) -> None:
    text = """
    block B(w) {
      if in.channels == w { return in }
      conv(w, 1)
    }
    net N { input image [3, 8, 8]; B(3); B(5) }
    """
    graph = graph_of(text)
    assert [node.layer.name for node in graph] == ["conv"]
    assert shape(graph) == (5, 8, 8)
