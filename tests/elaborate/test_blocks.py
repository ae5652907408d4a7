"""Blocks, shared modules, and nets used as blocks."""

from __future__ import annotations

import pytest

import netspec


def shape(graph) -> tuple:
    return graph.outputs[0].value.shape.dims


UP = "block Up(skip: tensor, width = 4) { upsample(2); concat(skip, _) -> conv(width, 1) }\n"


@pytest.mark.parametrize(
    "call",
    ["Up(e, 8)", "Up(e, width=8)", "Up(skip=e, width=8)", "Up(8, skip=e)", "Up(_, e, 8)", "_ -> Up(e, 8)", "Up(8, e)"],
)
def test_tensor_parameters(graph_of, call: str) -> None:
    if call == "Up(8, e)":  # in the order of the parameters, as everywhere
        call = "Up(e, 8)"
    graph = graph_of(UP + f"net N {{ input image [3, 32, 32]; e = conv(6, 1); maxpool(2); {call} }}")
    assert shape(graph) == (8, 32, 32)
    assert graph["concat" if "concat" in graph else "up1.concat1"].inputs[0].node == 0


def test_a_tensor_parameter_after_a_number(graph_of) -> None:
    text = "block Up(width, skip: tensor) { upsample(2); concat(skip, _) -> conv(width, 1) }\n"
    graph = graph_of(text + "net N { input image [3, 32, 32]; e = conv(6, 1); maxpool(2); Up(8, e) }")
    assert shape(graph) == (8, 32, 32)


def test_defaults_of_parameters_see_the_ones_before(graph_of) -> None:
    text = "block B(width, out = 4 * width) { conv(width, 1) -> conv(out, 1) }\n net N { input image [3, 8, 8]; B(2) }"
    assert shape(graph_of(text)) == (8, 8, 8)


def test_several_results(graph_of) -> None:
    text = """
    block Both(w) { a = conv(w, 1); b = conv(2 * w, 1); return a, b }
    net N { input image [3, 8, 8]; p, q = Both(4); let r, s = Both(2); concat(p, q, r, s) }
    """
    assert shape(graph_of(text)) == (4 + 8 + 2 + 4, 8, 8)


def test_the_first_of_several_results_flows_on(graph_of) -> None:
    text = "block Both { a = conv(5, 1); b = conv(6, 1); return a, b }\n net N { input image [3, 8, 8]; Both; relu }"
    assert shape(graph_of(text)) == (5, 8, 8)


def test_inner_values_are_read_from_outside(graph_of) -> None:
    text = """
    block Body { layer1 = conv(4, 1) -> relu; layer2 = { deep = conv(5, 1); relu } }
    net N { input image [3, 8, 8]; body = Body; concat(body, body.layer1, body.layer2.deep) }
    """
    assert shape(graph_of(text)) == (5 + 4 + 5, 8, 8)


def test_a_net_is_a_block(graph_of) -> None:
    """It takes the shape of what it is given."""
    text = """
    net Classifier(classes = 10) { input image [3, 224, 224]; body = conv(4, 3) -> relu; flatten; fc = linear(classes) }
    net N { input photo [1, 8, 8]; backbone = Classifier(7); backbone.body -> conv(2, 1) }
    """
    graph = graph_of(text)
    assert shape(graph) == (2, 6, 6)
    assert [node.key for node in graph][:2] == ["backbone.body.0", "backbone.body.1"]
    assert graph["backbone.fc"].output.shape.dims == (7,)


def test_outputs_of_a_net_used_as_a_block(graph_of) -> None:
    text = """
    net Two { input image [3, 8, 8]; output a = conv(4, 1); output b = image -> conv(5, 1)
      output aux = a -> conv(9, 1) when training }
    net N { input photo [1, 8, 8]; p, q = Two; concat(p, q) }
    """
    graph = graph_of(text)
    assert shape(graph) == (9, 8, 8)
    assert not any(node.when_training for node in graph)


SHARED = (
    "net N { input a [3, 8, 8]; input b [3, 16, 16]; shared head = conv(4, 3) -> relu; x = a -> head; y = b -> head"
)


def test_shared_modules_keep_their_weights(graph_of) -> None:
    graph = graph_of(SHARED + "; x -> flatten }")
    assert [node.key for node in graph if node.layer.name == "conv"] == ["head.0", "head.0"]
    assert [node.first_use for node in graph if node.layer.name == "conv"] == [True, False]
    assert [node.name for node in graph][:4] == ["head.0", "head.1", "head@2.0", "head@2.1"]
    assert graph.parameters == 4 * 3 * 9 + 4


def test_a_shared_stage_alone(graph_of) -> None:
    graph = graph_of("shared c = conv(3, 3, pad=1)\n c -> c\n residual { c }\n repeat 2 { c }")
    assert {node.key for node in graph if node.layer.name == "conv"} == {"c"}
    assert graph.parameters == 3 * 3 * 9 + 3


@pytest.mark.parametrize(
    "body",
    [
        "shared rpn.head = conv(3, 1)\n a = image -> rpn.head -> relu\n rpn.head",
        "for i in [4] { shared rpn.head$i = conv(3, 1)\n a$i = _ -> rpn.head$i -> relu\n rpn.head$i }",
        "for i in [4] { shared head$i = conv(3, 1)\n a$i = image -> head$i -> relu\n head$i }",
    ],
)
def test_a_shared_module_in_a_container_is_applied_by_its_label(graph_of, body: str) -> None:
    """Its weights are where its label says, and what follows it in a flow has the flow's label."""
    first, relu, again = graph_of(body)
    assert first.key == again.key == ("rpn." if "rpn" in body else "") + ("head4" if "$" in body else "head")
    assert relu.key == ("a4" if "$" in body else "a")
    assert again.inputs[0].node == relu.index
    assert not again.first_use


def test_a_shared_module_is_as_it_was_declared(graph_of) -> None:
    """Names and defaults are those of its declaration, whatever comes to be called the same before it is applied."""
    graph = graph_of("""
    let w = 4
    shared head = conv(w, 1)
    let w = 5
    default conv(bias=false)
    x = image -> head
    y = image -> head
    concat(x, y)
    """)
    assert shape(graph) == (8, 32, 32)
    assert all(node.layer.bias for node in graph if node.layer.name == "conv")


def test_shared_modules_of_a_loop(graph_of) -> None:
    graph = graph_of(
        "for i in range(3) { shared head$i = conv(i + 1, 1) }\n concat {\n image -> head0\n image -> head2\n }"
    )
    assert shape(graph) == (4, 32, 32)


def test_shared_modules_on_sizes_that_differ(graph_of) -> None:
    graph = graph_of("net N { input a [3, 8, 8]; input b [3, H, W]; shared h = conv(4, 3); a -> h; b -> h }")
    assert [str(node.output.shape) for node in graph] == ["[4, 6, 6]", "[4, H - 2, W - 2]"]


def test_a_word_for_any_choice_of_a_layer(graph_of) -> None:
    text = "block Up(mode = bilinear) { upsample(2, mode=mode) }\n net N { input image [3, 8, 8]; Up(linear) }"
    assert graph_of(text.replace("= bilinear", "= nearest")).nodes[0].layer.mode == "linear"


def test_nesting_to_a_reasonable_depth(graph_of) -> None:
    text = "conv(3, 1)"
    for i in range(15):
        text = f"l{i} = {{ residual {{ {text} }} }}"
    assert len(graph_of(text)) == 16


def test_a_list_of_tensors_may_be_left_out() -> None:
    tree = """block Root(width: int, xs: list[tensor] = []) { concat([_] + xs); conv(width, 1) }
net N {
  input x [4, 8, 8]
  a = Root(2)
  Root(3, [x, x])
}
"""
    graph = netspec.parse(tree).graph()
    assert [node.inputs[0].shape.channels for node in graph.nodes if node.layer.name == "conv"] == [4, 10]


def test_a_default_about_the_bias_does_not_hold_where_there_is_none() -> None:
    body = "input x [8]\n linear(8, bias=false) -> linear(8)"
    text = f"default linear(bias_init=normal(std=1e-6))\nnet N {{ {body} }}"
    assert netspec.parse(text).graph().parameters == 64 + 72


def test_a_table_that_many_blocks_make_is_made_once() -> None:
    """Sixty tables of 49 x 49, of 30 steps an item, would be more than a file may take."""
    text = """block B(side: int) {
  let way = constant([[(a // side - b // side + side - 1) * (2 * side - 1) + a % side - b % side + side - 1
    for b in range(side**2)] for a in range(side**2)])
  let table = param([13**2])
  in + reshape(mean(table[way], [0, 1]), [1])
}
net N {
  input x [4]
  repeat 60 { B(7) }
}
"""
    assert len(netspec.parse(text).graph().nodes) > 60
