"""Layers that move elements about: values, expressions as written, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from pydantic import ValidationError
from running import run

from netspec.layers import REGISTRY
from netspec.layers.declaration.base import Reach, ShapeError
from netspec.shapes.requirements import describe
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize

X = torch.randn(2, 4, 6, 8)
H, W = OpenSize.symbol("H"), OpenSize.symbol("W")


@pytest.mark.parametrize(
    ("name", "arguments", "expected", "expression"),
    [
        ("permute", {"axes": [1, 2, 0]}, X.permute(0, 2, 3, 1), "{0}.permute(0, 2, 3, 1)"),
        ("transpose", {"a": 0, "b": -1}, X.transpose(1, 3), "{0}.transpose(1, -1)"),
        ("reshape", {"shape": [24, 8]}, X.reshape(2, 24, 8), "{0}.reshape(-1, 24, 8)"),
        ("reshape", {"shape": [-1, 8]}, X.reshape(2, 24, 8), "{0}.reshape({0}.shape[0], -1, 8)"),
        ("select", {"index": -1}, X[:, -1], "{0}[:, -1]"),
        ("select", {"index": 2, "axis": -1}, X[..., 2], "{0}[:, :, :, 2]"),
        ("select", {"index": [0, 3, -1]}, X[:, [0, 3, 3]], "{0}[:, [0, 3, -1]]"),
        ("select", {"index": [5], "axis": 1}, X[:, :, 5:6], "{0}[:, :, [5]]"),
        ("slice", {"stop": 2}, X[:, :2], "{0}[:, :2]"),
        ("slice", {"start": 1, "stop": -1, "step": 2, "axis": 1}, X[:, :, 1:-1:2], "{0}[:, :, 1:-1:2]"),
        ("crop", {"amount": 1}, X[:, :, 1:-1, 1:-1], "{0}[:, :, 1:-1, 1:-1]"),
        ("crop", {"amount": [[0, 2], [0, 0]]}, X[:, :, :-2], "{0}[:, :, :-2]"),
        ("crop", {"amount": 0}, X, "{0}"),
        ("flip", {"axis": -1}, X.flip(3), "{0}.flip(-1)"),
        ("roll", {"shift": [1, 2], "axis": [1, 2]}, X.roll((1, 2), (2, 3)), "{0}.roll((1, 2), (2, 3))"),
        ("unsqueeze", {"axis": 0}, X[:, None], "{0}.unsqueeze(1)"),
        ("squeeze", {}, X, "{0}"),
        ("pad", {"amount": [8, 8], "axis": 0}, F.pad(X, (0, 0, 0, 0, 8, 8)), "F.pad({0}, (0, 0, 0, 0, 8, 8))"),
        (
            "pad",
            {"amount": 1, "mode": "replicate", "axis": -1},
            F.pad(X, (1, 1, 0, 0), mode="replicate"),
            'F.pad({0}, (1, 1, 0, 0), mode="replicate")',
        ),
        ("center_crop", {"size": [3, 4]}, X[:, :, 1:4, 2:6], "center_crop({0}, (3, 4))"),
    ],
)
def test_values_and_expressions(name: str, arguments: dict[str, Any], expected: torch.Tensor, expression: str) -> None:
    layer = REGISTRY[name](**arguments)
    assert torch.equal(run(layer, X), expected)
    assert layer.torch(Shape.of(4, 6, 8)).apply == expression


@pytest.mark.parametrize(
    ("arguments", "target", "args"),
    [
        ({"amount": 1}, "nn.ZeroPad2d", (1,)),
        ({"amount": [1, 2]}, "nn.ZeroPad2d", ((2, 2, 1, 1),)),
        ({"amount": [[0, 1], [2, 3]]}, "nn.ZeroPad2d", ((2, 3, 0, 1),)),
        ({"amount": 3, "mode": "reflect"}, "nn.ReflectionPad2d", (3,)),
        ({"amount": 1, "mode": "constant", "value": -1.5}, "nn.ConstantPad2d", (1, -1.5)),
    ],
)
def test_padding_as_written(arguments: dict[str, Any], target: str, args: tuple[Any, ...]) -> None:
    call = REGISTRY["pad"](**arguments).torch(Shape.of(4, 6, 8))
    assert (call.target, call.args) == (target, args)


def test_pad_refuses_a_name() -> None:
    with pytest.raises(ValidationError, match="an amount is a number, or a list"):
        REGISTRY["pad"](amount="same").outputs(Shape.of(4, 6, 8))


def test_reflect_padding_needs_a_larger_map() -> None:
    layer = REGISTRY["pad"](amount=3, mode="reflect")
    with pytest.raises(ShapeError, match=r"the height of .* is only 3"):
        layer.outputs(Shape.of(4, 3, 8))
    assert describe(layer.requires(Shape.of(4, H, 8))) == ("H must be at least 4",)


def test_parts_of_a_split() -> None:
    a, b = run(REGISTRY["split"](parts=2), X)
    assert torch.equal(a, X[:, :2])
    assert torch.equal(b, X[:, 2:])
    first, second, third = run(REGISTRY["split"](parts=[1, 2, 3], axis=1), X)
    assert torch.equal(torch.cat([first, second, third], 2), X)


def test_uneven_split_proposes_sizes() -> None:
    with pytest.raises(ShapeError, match="cannot cut the 10 channels") as caught:
        REGISTRY["split"](parts=4).outputs(Shape.of(10, 3))
    assert caught.value.help == "give the sizes of the parts: split([3, 3, 2, 2])"


@pytest.mark.parametrize(("large", "offset"), [(568, 88), (280, 40), (136, 16), (64, 4)])
def test_center_crop_of_unet(large: int, offset: int) -> None:
    small = large - 2 * offset
    x = torch.arange(large).expand(1, 1, large).float()
    y = run(REGISTRY["center_crop"](), x, torch.zeros(1, 3, small))
    assert y[0, 0, 0] == offset
    assert y.shape == (1, 1, small)
    reach = REGISTRY["center_crop"]().reach(Shape.of(1, large), Shape.of(3, small))
    assert reach == Reach((1,), (1,), (offset,))


def test_center_crop_leaves_an_odd_margin_at_the_end() -> None:
    assert run(REGISTRY["center_crop"](size=2), torch.arange(5.0).expand(1, 1, 5)).tolist() == [[[1, 2]]]


def test_center_crop_of_the_smaller_value() -> None:
    with pytest.raises(ShapeError, match="its height, 20, is less than 24") as caught:
        REGISTRY["center_crop"]().outputs(Shape.of(8, 20, 20), Shape.of(8, 24, 24))
    assert "center_crop(large, like=small)" in caught.value.help


def test_center_crop_to_an_open_size() -> None:
    layer = REGISTRY["center_crop"]()
    (shape,) = layer.outputs(Shape.of(8, H), Shape.of(4, (H // 2) * 2))
    assert str(shape) == "[8, 2*floor(H / 2)]"
    assert describe(layer.requires(Shape.of(8, H), Shape.of(4, (H // 2) * 2))) == ()
    assert describe(layer.requires(Shape.of(8, H), Shape.of(4, 16))) == ("H must be at least 16",)


def test_concat_joins_channels_of_equal_maps() -> None:
    concat = REGISTRY["concat"]()
    assert concat.outputs(Shape.of(64, 28, 28), Shape.of(32, 28, 28), Shape.of(16, 28, 28)) == (Shape.of(112, 28, 28),)
    with pytest.raises(ShapeError, match="height 28 and 14, width 28 and 14") as caught:
        concat.outputs(Shape.of(64, 28, 28), Shape.of(32, 14, 14))
    assert caught.value.code == "E0301"
    assert concat.explain(0, Shape.of(64, 2), Shape.of(32, 2)) == "96 = 64 + 32"


def test_concat_of_open_sizes() -> None:
    concat = REGISTRY["concat"]()
    skip, up = Shape.of(64, H), Shape.of(64, (H // 2) * 2)
    assert describe(concat.requires(skip, up)) == ("H must be a multiple of 2, at least 2",)
    assert concat.outputs(Shape.of(64, H), Shape.of(64, 16)) == (Shape.of(128, 16),)


def test_reshape_counts_elements() -> None:
    with pytest.raises(
        ShapeError, match=r"\[128, 7, 7\] has 6272 elements \(128\*7\*7\), but \[256, 7\] has 1792"
    ) as caught:
        REGISTRY["reshape"](shape=[256, 7]).outputs(Shape.of(128, 7, 7))
    assert caught.value.help == "[896, 7] would do"
    with pytest.raises(ShapeError, match="do not divide by the 5"):
        REGISTRY["reshape"](shape=[5, -1]).outputs(Shape.of(128, 7, 7))
    assert REGISTRY["reshape"](shape=[4, -1]).outputs(Shape.of(8, H, W)) == (Shape.of(4, 2 * H * W),)


def test_flatten_says_the_product() -> None:
    flatten = REGISTRY["flatten"]()
    assert flatten.explain(0, Shape.of(16, 5, 5)) == "400 = 16*5*5"
    assert flatten.outputs(Shape.of(16, H, W)) == (Shape.of(16 * H * W),)


def test_an_axis_that_is_not_there() -> None:
    with pytest.raises(ShapeError, match=r"there is no axis 3 in \[4, 6, 8\]") as caught:
        REGISTRY["flip"](axis=3).outputs(Shape.of(4, 6, 8))
    assert caught.value.help == "its axes are 0 to 2, the batch not counted; -1 is the last"


def test_slice_of_an_open_axis() -> None:
    layer = REGISTRY["slice"](start=1, step=2, axis=1)
    assert str(layer.outputs(Shape.of(3, H))[0]) == "[3, floor(H / 2)]"
    assert layer.reach(Shape.of(3, 9)) == Reach((1,), (2,), (1,))
