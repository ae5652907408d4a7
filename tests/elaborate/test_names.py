"""The name that a stage has in the spec is its name everywhere."""

from __future__ import annotations

import pytest

import netspec


def test_pure_chains_count_as_sequential_does(keys_of) -> None:
    assert keys_of("features = { conv(64, 3) -> relu -> conv(64, 3) }") == ["features.0", "features.1", "features.2"]
    assert keys_of("features = {\n conv(64, 3)\n relu\n }\n flatten") == ["features.0", "features.1", "flatten1"]


def test_a_whole_net_that_is_a_pure_chain_is_counted_too(keys_of) -> None:
    assert keys_of("conv(8, 3) -> relu\n flatten") == ["0", "1", "2"]


def test_loops_are_transparent_to_counting_and_a_group_counts(keys_of) -> None:
    assert keys_of("f = { repeat 2 { conv(8, 3) -> relu }; { flatten } }") == ["f.0", "f.1", "f.2", "f.3", "f.4.0"]


def test_elsewhere_stages_are_named_after_their_layer(keys_of) -> None:
    text = "c = conv(8, 3)\n relu\n conv(8, 3)\n relu\n batchnorm"
    assert keys_of(text) == ["c", "relu1", "conv1", "relu2", "batchnorm1"]


def test_a_wiring_ends_the_pure_chain(keys_of) -> None:
    assert keys_of("conv(3, 3)\n residual { conv(3, 1) }") == ["conv1", "conv2", "add1"]


def test_reading_a_value_ends_the_pure_chain(keys_of) -> None:
    assert keys_of("a = { conv(3, 3, pad=1)\n _ + in\n relu }") == ["a.conv1", "a.add1", "a.relu1"]


def test_generated_names_keep_clear_of_labels(keys_of) -> None:
    assert keys_of("conv1 = conv(8, 3)\n conv(8, 3)\n conv3 = conv(8, 3)\n conv(8, 3)") == [
        "conv1",
        "conv2",
        "conv3",
        "conv4",
    ]


def test_names_of_blocks_and_layers_never_meet(keys_of) -> None:
    """A block called Up1 and the eleventh Up would both be up11."""
    text = """
    block Up { conv(3, 1) }
    block Up1 { conv(3, 1) }
    net N { input image [3, 32, 32]; c = relu; Up1; repeat 11 { Up } }
    """
    keys = keys_of(text)
    assert len(keys) == len(set(keys)) == 13


def test_blocks_are_named_in_snake_case(keys_of) -> None:
    text = (
        "block DoubleConv(w) { conv(w, 3) }\n net N { input image [3, 32, 32]; c = relu; DoubleConv(8); DoubleConv(8) }"
    )
    assert keys_of(text) == ["c", "double_conv1.0", "double_conv2.0"]


def test_a_label_on_one_stage_names_the_stage(keys_of) -> None:
    assert keys_of("c1 = conv(8, 3)") == ["c1"]
    assert keys_of("image -> conv(8, 3)\n c1 = image -> conv(8, 3)") == ["conv1", "c1"]


def test_a_label_on_several_stages_makes_a_container(keys_of) -> None:
    assert keys_of("c1 = conv(8, 3) -> batchnorm") == ["c1.0", "c1.1"]
    assert keys_of("c1 = { conv(8, 3) }") == ["c1.0"]
    assert keys_of("c1 = residual { conv(3, 1) }") == ["c1.conv1", "c1.add1"]


def test_labels_of_an_unlabelled_wiring_belong_to_the_scope_around(keys_of) -> None:
    text = """
    block Bottleneck {
      residual { conv1 = conv(3, 1); relu } shortcut { downsample = conv(3, 1) -> batchnorm }
      { { conv3 = conv(3, 1) } }
    }
    net N { input image [3, 32, 32]; layer1 = { Bottleneck } }
    """
    assert keys_of(text) == [
        "layer1.0.conv1",
        "layer1.0.relu1",
        "layer1.0.downsample.0",
        "layer1.0.downsample.1",
        "layer1.0.add1",
        "layer1.0.conv3",
    ]


def test_label_templates(keys_of) -> None:
    text = "for i, w in enumerate([8, 16], 1) { layer$i = conv(w, 3); m${i * 10}_x = relu }"
    assert keys_of(text) == ["layer1", "m10_x", "layer2", "m20_x"]


def test_layers_live_in_another_namespace(keys_of) -> None:
    assert keys_of("relu = relu\n conv = conv(8, 3)\n _ -> relu\n image -> conv(8, 3)") == [
        "relu",
        "conv",
        "relu1",
        "conv1",
    ]


def test_a_bare_name_that_begins_a_stage_is_a_value_first(graph_of) -> None:
    graph = graph_of("relu = conv(8, 3)\n conv(8, 3)\n relu\n flatten")
    assert graph["flatten1"].inputs[0].node == graph["relu"].index


def test_several_labels_take_several_outputs(graph_of) -> None:
    graph = graph_of("y, places = maxpool(2, indices=true)\n unpool(_, places, 2)")
    assert [value.name for value in graph["y"].outputs] == ["y", "places"]


def test_parameters_of_a_block_are_not_read_from_outside(graph_of) -> None:
    """`b.width` is a size of the value, whatever the block calls its parameters and side values."""
    graph = graph_of("""
    block Stage(width) { let height = 7; conv(width, 3, pad=1) }
    net N { input image [3, 32, 64]; b = Stage(8); conv(b.width + b.height, 1) }
    """)
    assert graph.outputs[0].value.shape.dims == (96, 32, 64)


def test_keys_are_unique_but_for_shared_modules(graph_of) -> None:
    graph = graph_of("shared h = conv(3, 1)\n h\n h\n repeat 3 { conv(3, 1) }")
    names = [node.name for node in graph]
    assert len(set(names)) == len(names)
    assert [node.key for node in graph] == ["h", "h", "conv1", "conv2", "conv3"]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("conv(8, 1); relu", ["0", "1"]),
        ("x -> conv(8, 1); relu", ["0", "1"]),
        ("in -> conv(8, 1); relu", ["conv1", "relu1"]),
        ("s = x -> conv(8, 1) -> relu", ["s.0", "s.1"]),
        ("s = x -> { conv(8, 1); relu }", ["s.0", "s.1"]),
        ("s = { x -> conv(8, 1) -> relu }", ["s.conv1", "s.relu1"]),
        ("s = { conv(_.channels, 1); relu }", ["s.0", "s.1"]),
        ("s = { conv(8, 1); let y = _ * 2; relu }", ["s.0", "s.1", "s.2"]),
    ],
)
def test_what_a_body_mentions_says_how_its_stages_are_named(body: str, names: list[str]) -> None:
    graph = netspec.parse(f"net N {{ input x [8, 8, 8]; {body} }}").graph()
    assert [node.name for node in graph] == names
