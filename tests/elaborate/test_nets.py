"""Whole nets: inputs, outputs, parameters, several of them in a file."""

from __future__ import annotations

import pytest

import netspec
from netspec.diagnostics import NetspecError

TWO = """
net A(w = 4) { input x [3, 8, 8]; conv(w, 1) }
net B(depths: list[int] = [1, 2]) { input x [2]; linear(sum(depths)) }
"""


def test_the_last_net_is_the_default(graph_of) -> None:
    assert graph_of(TWO).name == "B"
    assert graph_of(TWO, "A").name == "A"
    assert netspec.parse(TWO).nets == ("A", "B")


def test_a_net_that_is_not_there() -> None:
    spec = netspec.parse(TWO)
    with pytest.raises(NetspecError, match="has no net C") as caught:
        spec.graph("C")
    assert caught.value.diagnostics[0].code == "E0217"
    with pytest.raises(NetspecError, match="defines no net"):
        netspec.parse("block A { relu }").graph()


def test_arguments_override_parameters() -> None:
    spec = netspec.parse(TWO)
    assert spec.graph("A", w=9).outputs[0].value.shape.dims == (9, 8, 8)
    assert spec.graph(depths=(3, 4)).outputs[0].value.shape.dims == (7,)
    assert dict(spec.graph("A", w=9).arguments) == {"w": 9}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"wdth": 3}, "has no parameter wdth"), ({"depths": 3}, "depths of B is declared list")],
)
def test_arguments_that_do_not_go(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(NetspecError, match=message) as caught:
        netspec.parse(TWO).graph(**arguments)
    assert caught.value.diagnostics[0].code == "E0210"


def test_inputs_are_given_other_shapes() -> None:
    spec = netspec.parse(TWO)
    assert spec.graph("A", inputs={"x": [1, 16, 16]}).outputs[0].value.shape.dims == (4, 16, 16)
    assert str(spec.graph("A", inputs={"x": [1, "H", 16]}).outputs[0].value.shape) == "[4, H, 16]"
    with pytest.raises(NetspecError, match="has no input y"):
        spec.graph("A", inputs={"y": [1, 16, 16]})
    with pytest.raises(NetspecError, match="a dimension cannot be 0"):
        spec.graph("A", inputs={"x": [1, 0, 16]})


def test_a_parameter_without_default_is_needed() -> None:
    spec = netspec.parse("net N(w) { input x [3, 8, 8]; conv(w, 1) }")
    assert spec.graph(w=2).parameters == 8
    with pytest.raises(NetspecError, match="N needs w"):
        spec.graph()


def test_several_inputs(graph_of) -> None:
    graph = graph_of("net N { input a [3, 8, 8]; input b [5, 8, 8]; concat(a, b) -> conv(2, 1) }")
    assert [value.name for value in graph.inputs] == ["a", "b"]
    assert len(graph.outputs) == 1


def test_inputs_of_indices(graph_of) -> None:
    graph = graph_of("net N { input tokens: int [16]; embedding(100, 8) -> linear(4) }")
    assert graph.inputs[0].shape.dtype == "int"
    assert graph.outputs[0].value.shape.dims == (16, 4)


def test_an_input_may_be_sized_by_a_parameter(graph_of) -> None:
    assert graph_of("net N(size = 16) { input x [3, size, 2 * size]; relu }").inputs[0].shape.dims == (3, 16, 32)


def test_the_last_value_is_the_output(graph_of) -> None:
    (output,) = graph_of("conv(8, 3) -> relu").outputs
    assert (output.name, output.value.node, output.when_training) == (None, 1, False)


def test_named_outputs(graph_of, keys_of) -> None:
    text = "c = conv(8, 3)\n output low = c\n output high = conv(4, 3) -> relu\n output fc = flatten -> linear(10)"
    graph = graph_of(text)
    assert [output.name for output in graph.outputs] == ["low", "high", "fc"]
    assert graph.outputs[0].value.node == graph["c"].index
    assert keys_of(text) == ["c", "high.0", "high.1", "fc.0", "fc.1"]


def test_outputs_leave_the_flow_where_it_was(graph_of) -> None:
    graph = graph_of("c = conv(8, 3)\n output aux = flatten -> linear(10)\n output main = conv(4, 3)")
    assert graph["main"].inputs[0].node == graph["c"].index


def test_outputs_of_training_come_with_the_last_value(graph_of) -> None:
    text = """
    block Head { flatten -> linear(10) }
    net N { input x [3, 8, 8]; c = conv(8, 3); output aux = Head when training; relu }
    """
    graph = graph_of(text)
    assert [(output.name, output.when_training) for output in graph.outputs] == [(None, False), ("aux", True)]
    assert [node.key for node in graph if node.when_training] == ["aux.0", "aux.1"]


def test_the_comment_above_a_net_is_its_documentation(graph_of) -> None:
    assert graph_of("# LeNet-5,\n# LeCun 1998\nnet N { input x [3]; relu }").documentation == "LeNet-5,\nLeCun 1998"


def test_train_sections_are_kept() -> None:
    spec = netspec.parse("net N { input x [3]; relu }\ntrain {\n loss cross_entropy\n epochs 3\n}")
    assert spec.train is not None
    assert [setting.key for setting in spec.train.settings] == ["loss", "epochs"]


def test_definitions_may_be_used_above_where_they_stand(graph_of) -> None:
    assert len(graph_of("net N { input x [3]; B }\nblock B { relu }\n")) == 1
