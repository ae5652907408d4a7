"""Activations: the order of maxout's pieces, halves of gates, arguments as they are written."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from running import run

from netspec.layers import REGISTRY
from netspec.layers.declaration.base import ShapeError
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize


def test_maxout_takes_neighbouring_channels() -> None:
    z = torch.randn(4, 12, 5, 5)
    pieces = torch.stack([z[:, i::3] for i in range(3)])  # z[i::pieces], as pylearn2 cuts them
    assert torch.equal(run(REGISTRY["maxout"](pieces=3), z), pieces.amax(0))


def test_maxout_of_the_last_axis() -> None:
    z = torch.randn(2, 3, 8)
    assert torch.equal(run(REGISTRY["maxout"](pieces=2, axis=-1), z), torch.maximum(z[..., 0::2], z[..., 1::2]))


def test_glu_gates_the_first_half_with_the_second() -> None:
    z = torch.randn(2, 6, 7)
    assert torch.allclose(run(REGISTRY["glu"](), z), z[:, :3] * z[:, 3:].sigmoid())


def test_swiglu_gates_the_second_half_with_the_first() -> None:
    z = torch.randn(2, 5, 8)
    assert torch.allclose(run(REGISTRY["swiglu"](axis=-1), z), F.silu(z[..., :4]) * z[..., 4:])


def test_softmax_is_over_the_channels() -> None:
    assert torch.allclose(run(REGISTRY["softmax"](), torch.randn(2, 10, 4, 4)).sum(1), torch.ones(2, 4, 4))


@pytest.mark.parametrize(
    ("name", "arguments", "written"),
    [
        ("relu", {}, ("nn.ReLU", (), {})),
        ("leaky_relu", {}, ("nn.LeakyReLU", (), {})),
        ("leaky_relu", {"slope": 0.2}, ("nn.LeakyReLU", (0.2,), {})),
        ("hardtanh", {"max": 6}, ("nn.Hardtanh", (), {"max_val": 6})),
        ("hardtanh", {"min": 0, "max": 20}, ("nn.Hardtanh", (0, 20), {})),
        ("gelu", {"approximate": "tanh"}, ("nn.GELU", (), {"approximate": "tanh"})),
        ("threshold", {"threshold": 0.1, "value": 0}, ("nn.Threshold", (0.1, 0), {})),
        ("softplus", {"threshold": 10}, ("nn.Softplus", (), {"threshold": 10})),
        ("prelu", {}, ("nn.PReLU", (), {})),
        ("prelu", {"shared": False}, ("nn.PReLU", (8,), {})),
        ("softmax", {}, ("nn.Softmax", (1,), {})),
        ("softmax", {"axis": -1}, ("nn.Softmax", (-1,), {})),
    ],
)
def test_only_what_differs_from_the_defaults_is_written(
    name: str, arguments: dict[str, Any], written: tuple[str, tuple[Any, ...], dict[str, Any]]
) -> None:
    call = REGISTRY[name](**arguments).torch(Shape.of(8, 4, 4))
    assert (call.target, call.args, call.kwargs) == written


def test_an_open_axis_must_divide() -> None:
    width = OpenSize.symbol("W")
    assert REGISTRY["maxout"](pieces=4, axis=-1).requires(Shape.of(3, width)) == (Requirement(width % 4, "==", 0),)
    assert REGISTRY["glu"]().requires(Shape.of(8, width)) == ()


def test_channels_that_do_not_divide() -> None:
    with pytest.raises(
        ShapeError, match=r"maxout takes 5 channels to one, but the 12 of .* do not divide by 5"
    ) as caught:
        REGISTRY["maxout"](pieces=5).outputs(Shape.of(12, 4, 4))
    assert caught.value.help == "15 would do"


def test_a_slope_a_channel_needs_known_channels() -> None:
    with pytest.raises(ShapeError, match="depends on C") as caught:
        REGISTRY["prelu"](shared=False).outputs(Shape.of(OpenSize.symbol("C"), 4))
    assert caught.value.code == "E0307"
