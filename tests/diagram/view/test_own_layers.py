"""A layer that a user registers is merged and drawn by what it says of itself, as one of ours is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import netspec
from netspec.diagram.styles.graph import fill_role
from netspec.diagram.view.view import view
from netspec.layers.activation import Activation
from netspec.layers.declaration.base import REGISTRY, Layer, Positive, TorchCall, layer
from netspec.layers.regularization import Drop
from netspec.layers.spatial.convolution import Conv
from netspec.shapes.shape import Shape


@pytest.fixture(autouse=True)
def own_layers() -> Iterator[None]:
    """Layers of a user's own: two that build on ours, two that say everything themselves."""
    before = dict(REGISTRY)

    @layer("snake")
    class Snake(Activation):
        module = "SiLU"
        figure_name = "Snake"

    @layer("blur_conv")
    class BlurConv(Conv):
        figure_name = "blur conv"

    @layer("static")
    class Noise(Drop):
        """Differs from round to round in its p alone."""

    @layer("route")
    class Route(Layer):
        tensors = ("*xs",)
        family = "attention"
        figure_weight = "heavy"
        figure_name = "router"

        heads: Positive = 1

        def infer(self, *xs: Shape) -> Shape:
            return xs[0]

        def torch(self, *xs: Shape) -> TorchCall:
            return TorchCall(apply="{0}")

    yield
    REGISTRY.clear()
    REGISTRY.update(before)


def test_it_is_merged_named_and_coloured() -> None:
    text = """net N {
      input x [3, 16, 16]
      blur_conv(8, 3, pad=1) -> batchnorm -> snake
      a = conv(8, 1)
      route(a, _, heads=2) -> snake
    }"""
    shown = view(netspec.parse(text).graph())
    boxes = [box for box in shown.leaves() if box.kind == "layer"]
    assert [(box.title, box.after) for box in boxes] == [
        ("blur conv 3×3, 8", ("BN, Snake",)),
        ("conv 1×1, 8", ()),
        ("router heads 2", ("Snake",)),
    ]
    assert list(map(fill_role, boxes)) == ["convolution", "convolution", "attention"]


def test_rounds_that_differ_in_what_may_vary_are_folded() -> None:
    rounds = "\n".join(f"linear(8) -> static({p})" for p in (0.1, 0.2, 0.3, 0.4))
    shown = view(netspec.parse(f"net N {{\ninput x [8]\n{rounds}\n}}").graph())
    assert [(box.times, box.after) for box in shown.leaves() if box.kind == "layer"] == [(4, ("static 0.1…0.4",))]


def test_a_family_that_is_not_ours_is_drawn_in_a_neutral_colour() -> None:
    @layer("mystery")
    class Mystery(Layer):
        def infer(self, x: Shape) -> Shape:
            return x

    shown = view(netspec.parse("net N {\n  input x [8]\n  mystery\n}").graph())
    (box,) = (box for box in shown.leaves() if box.kind == "layer")
    assert (box.title, fill_role(box)) == ("mystery", "neutral")
    assert Mystery.family == "test_own_layers"
