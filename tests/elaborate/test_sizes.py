"""Sizes that stay open: results as expressions, and what the sizes have to satisfy."""

from __future__ import annotations

import pytest

UNET = """
block Twice(w) { conv(w, 3, pad=same) -> relu -> conv(w, 3, pad=same) -> relu }
block Up(skip: tensor, w) { upconv(w, 2, stride=2); concat(skip, _); Twice(w) }
net UNet(depth = 5) {
  input image [1, H, W]
  e1 = Twice(8);   maxpool(2)
  e2 = Twice(16);  maxpool(2)
  e3 = Twice(32);  maxpool(2)
  e4 = Twice(64);  maxpool(2)
  e5 = Twice(64);  maxpool(2)
  Twice(128)
  Up(e5, 64);  Up(e4, 64);  Up(e3, 32);  Up(e2, 16);  Up(e1, 8)
  out = conv(2, 1)
}
"""


def test_a_u_net_says_which_sizes_fit(graph_of) -> None:
    graph = graph_of(UNET)
    assert graph.requirements == ("H must be a multiple of 32, at least 32", "W must be a multiple of 32, at least 32")
    assert str(graph.outputs[0].value.shape) == "[2, H, W]"
    assert graph_of(UNET, inputs={"image": [1, 96, 64]}).requirements == ()


def test_results_are_expressions_of_the_open_sizes(graph_of) -> None:
    graph = graph_of("net N { input x [3, H, W]; conv(8, 3, stride=2, pad=1) -> maxpool(2); conv(8, [1, 5]) }")
    assert str(graph.outputs[0].value.shape) == "[8, floor((H + 1) / 4), floor((W + 1) / 4) - 4]"
    assert graph.requirements == ("H must be at least 3", "W must be at least 19")


def test_linear_after_flatten_of_an_open_map_proposes_pooling(mistakes_of) -> None:
    (mistake,) = mistakes_of("net N { input x [3, H, W]; conv(8, 3) -> flatten; linear(10) }")
    assert mistake.code == "E0307"
    assert "global_avgpool -> flatten" in mistake.help


def test_pooled_maps_have_known_features(graph_of) -> None:
    graph = graph_of("net N { input x [3, H, W]; conv(8, 3) -> global_avgpool -> flatten; linear(10) }")
    assert graph.outputs[0].value.shape.dims == (10,)


@pytest.mark.parametrize(
    ("body", "requirement"),
    [
        ("residual { maxpool(3) -> upsample(3) }", "H must be a multiple of 3, at least 3"),
        (
            "residual { conv(3, 2, stride=2) -> upconv(3, 3, stride=2) }",
            "H must be 1 more than a multiple of 2, at least 3",
        ),
        ("conv(3, 7)", "H must be at least 7"),
        ("residual { center_crop(8) -> pad(4) }", "H must be 16"),
    ],
)
def test_requirements_in_words(graph_of, body: str, requirement: str) -> None:
    graph = graph_of(f"net N {{ input x [3, H, H]; {body} }}")
    assert requirement in graph.requirements


def test_conditions_may_ask_for_known_sizes_only(graph_of, mistakes_of) -> None:
    text = "net N { input x [3, H, W]; if x.channels == 3 { conv(4, 1) }; if x.shape == in.shape { relu } }"
    assert [node.layer.name for node in graph_of(text)] == ["conv", "relu"]
    for condition in ("x.height > 5", "x.height == x.width", "x.shape == [3, 8, 8]", "x.height in [1, 2]"):
        (mistake,) = mistakes_of(f"net N {{ input x [3, H, W]; if {condition} {{ relu }} }}")
        assert mistake.code == "E0209"


def test_differences_of_open_sizes_may_be_known(graph_of) -> None:
    graph = graph_of("net N { input x [3, H, W]; y = conv(3, 3); if x.height - y.height == 2 { relu } else { tanh } }")
    assert graph.nodes[-1].layer.name == "relu"


@pytest.mark.parametrize(
    "arithmetic", ["x.height / 2", "x.height * 0.5", "2 ** x.height", "x.height // 0", "8 // x.height"]
)
def test_arithmetic_that_open_sizes_do_not_know(mistakes_of, arithmetic: str) -> None:
    (mistake,) = mistakes_of(f"net N {{ input x [3, H, W]; let n = {arithmetic}; conv(4, 1) }}")
    assert mistake.code == "E0206"


def test_two_inputs_of_one_open_size(graph_of) -> None:
    graph = graph_of("net N { input a [3, H, 8]; input b [5, H, 8]; concat(a, b) }")
    assert str(graph.outputs[0].value.shape) == "[8, H, 8]"
    assert graph.requirements == ()


def test_two_open_sizes_that_must_be_equal(graph_of) -> None:
    graph = graph_of("net N { input a [3, H, 8]; input b [5, K, 8]; concat(a, b) }")
    assert graph.requirements == ("H must equal K",)


def test_requirements_that_exclude_each_other(mistakes_of) -> None:
    """H and W must be 1 for the branches to agree; a norm over one position has nothing to divide by."""
    (mistake,) = mistakes_of(
        "net N { input x [5, H, W]; concat { conv(8, 3, stride=2, pad=1)  { } }; relu; instancenorm }"
    )
    assert mistake.code == "E0401"
    assert mistake.span.text == "instancenorm"
    assert sorted(text for _, text in mistake.related) == ["H must be 1", "W must be 1"]


def test_what_has_no_part_in_a_contradiction_is_not_blamed(mistakes_of) -> None:
    (mistake,) = mistakes_of("""net N { input x [5, H, W]; maxpool(2); conv(5, 3); conv(5, 3)
      concat { conv(8, 3, stride=2, pad=1)  { } }; instancenorm }""")
    assert len(mistake.related) == 2
    assert all("H must be" in text or "W must be" in text for _, text in mistake.related)
    assert {span.text for span, _ in mistake.related} == {"concat"}


def test_free_sizes_beside_fixed_ones_fit(graph_of) -> None:
    body = "concat { conv(8, 3, stride=[2, 1], pad=1)  { } }; instancenorm"
    assert "H must be 1" in graph_of(f"net N {{ input x [5, H, W]; {body} }}").requirements
    assert graph_of(f"net N {{ input x [5, H, W]; {body} }}", inputs={"x": [5, 1, 2]})


@pytest.mark.parametrize(
    ("written", "fitting"),
    [
        ("[3, 100, 90]", "x [3, 100, 92] fits: H must be a multiple of 4, at least 4 and W must be a multiple of 4"),
        ("[3, 97, W]", "x [3, 96, W] fits: H must be a multiple of 4"),
        ("[3, 2, 8]", "x [3, 4, 8] fits"),
    ],
)
def test_sizes_that_would_fit_are_named(mistakes_of, written: str, fitting: str) -> None:
    body = "e = relu; maxpool(2) -> maxpool(2) -> upsample(4); concat(e, _)"
    mistake = mistakes_of(f"net N {{ input x {written}; {body} }}")[0]
    (note,) = [note for note in mistake.notes if "fits" in note]
    assert note.startswith(fitting)


def test_sizes_are_not_blamed_for_the_wiring(mistakes_of) -> None:
    for body in ("residual { conv(4, 1) }", "conv(8, 1); add { conv(8, 3, stride=2, pad=1)  { } }", "concat(x, mean)"):
        (mistake,) = mistakes_of(f"net N {{ input x [3, 32, 32]; {body} }}")
        assert not any("fits:" in note for note in mistake.notes)


def test_inputs_of_one_size_change_together(mistakes_of) -> None:
    """Of two inputs both are named, as they have to agree; what one declares open stays open."""
    body = "let a = x -> maxpool(2) -> upsample(2); y -> conv(3, 1) -> concat(_, a)"
    (mistake,) = mistakes_of(f"net N {{ input x [3, 15, H]; input y [4, 15, H]; {body} }}")
    assert any(note.startswith("x [3, 16, H] and y [4, 16, H] fit: ") for note in mistake.notes)


@pytest.mark.parametrize(
    ("body", "requirement"),
    [
        ("input y [3, 5]; x + y", "H must be one of 1, 5"),
        ("input y [3, 5]; input z [3, 7]; let a = x + y; x * z", "H must be 1"),
        ("let a = maxpool(x, 2); let b = maxpool(x, 3); a + b", "H must be between 3 and 5"),
        (
            "let a = maxpool(x, 2); let b = conv(x, 1, 3, 2, pad=1); where(a > b, a, b)",
            "H must be 3 or a multiple of 2",
        ),
        ("let a = maxpool(x, 2); let b = maxpool(x, 3); concat(a, b)", "H must be 3"),
        ("input y [3, K]; x + y", "H must equal K"),
        ("residual { maxpool(2) -> maxpool(3, 1, pad=1) -> upsample(2) }", "H must be a multiple of 2"),
    ],
)
def test_operators_stretch_an_open_size_that_is_1(graph_of, body: str, requirement: str) -> None:
    """As torch does; what is joined, and branches that are summed, is of one size."""
    (first, *_) = graph_of(f"net N {{ input x [3, H]; {body} }}").requirements
    assert requirement in first


def test_sizes_beyond_those_that_are_tried_are_not_denied(mistakes_of) -> None:
    (mistake,) = mistakes_of("net N { input x [3, H]; input y [3, 5000]; concat(x, y) }")
    assert "fits for no size up to 4,096" in mistake.message


def test_no_stride_is_proposed_where_none_makes_the_sizes_alike(mistakes_of) -> None:
    (mistake,) = mistakes_of("net N { input x [3, 7, 7]; let y = maxpool(2) -> upsample(2); x + y }")
    assert "stride" not in mistake.help
    (mistake,) = mistakes_of("net N { input x [3, 7, 7]; let y = maxpool(2); x + y }")
    assert "stride" in mistake.help


@pytest.mark.parametrize("layer", ["channel_shuffle(2)", "pixel_shuffle(2)"])
def test_only_layers_with_weights_are_said_to_have_some(layer: str, mistakes_of) -> None:
    (mistake,) = mistakes_of(f"net N {{ input x [C, 8, 8]; {layer} }}")
    assert mistake.code == "E0307"
    assert "weights" not in mistake.message
