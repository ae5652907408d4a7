"""Arithmetic: expressions as an engineer writes them, broadcasting, and what does not fit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from running import run

from netspec.layers import REGISTRY
from netspec.layers.declaration.base import ShapeError
from netspec.shapes.requirements import describe
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize

H = OpenSize.symbol("H")


@pytest.mark.parametrize(
    ("name", "arguments", "count", "expression"),
    [
        ("add", {}, 2, "{0} + {1}"),
        ("add", {}, 3, "{0} + {1} + {2}"),
        ("add", {}, 1, "{0}"),
        ("mul", {"value": 0.1}, 1, "{0} * {value}"),
        ("sub", {"value": 1, "reverse": True}, 1, "{value} - {0}"),
        ("div", {}, 2, "{0} / {1}"),
        ("pow", {"exponent": 2}, 1, "{0} ** {value}"),
        ("pow", {"exponent": -2, "reverse": True}, 1, "({value}) ** {0}"),
        ("maximum", {}, 3, "torch.maximum(torch.maximum({0}, {1}), {2})"),
        ("minimum", {"value": 6}, 1, "{0}.clamp(max={value})"),
        ("neg", {}, 1, "-{0}"),
    ],
)
def test_expressions(name: str, arguments: dict[str, Any], count: int, expression: str) -> None:
    assert REGISTRY[name](**arguments).torch(*[Shape.of(3)] * count).apply == expression


def test_values() -> None:
    a, b = torch.rand(2, 3, 4, 4) + 1, torch.rand(2, 3, 1, 1) + 1
    assert torch.equal(run(REGISTRY["mul"](), a, b), a * b)
    assert torch.equal(run(REGISTRY["sub"](value=1, reverse=True), a), 1 - a)
    assert torch.equal(run(REGISTRY["pow"](exponent=2, reverse=True), a), 2**a)
    assert torch.equal(run(REGISTRY["minimum"](), a, b), torch.minimum(a, b))
    assert torch.equal(run(REGISTRY["matmul"](), a, a), a @ a)


def test_sizes_of_one_are_stretched() -> None:
    assert REGISTRY["mul"]().outputs(Shape.of(64, 1, 1), Shape.of(64, 28, 28)) == (Shape.of(64, 28, 28),)
    assert REGISTRY["mul"]().outputs(Shape.of(64, 28, 28), Shape.of(1, 28, 28)) == (Shape.of(64, 28, 28),)


def test_shapes_that_differ() -> None:
    with pytest.raises(ShapeError, match=r"channels 256 and 128, height 28 and 56, width 28 and 56") as caught:
        REGISTRY["add"]().outputs(Shape.of(256, 28, 28), Shape.of(128, 56, 56))
    assert caught.value.code == "E0301"
    with pytest.raises(ShapeError) as caught:
        REGISTRY["add"]().outputs(Shape.of(256, 28, 28), Shape.of(128, 28, 28))
    assert caught.value.help == "bring them to the same channels with conv(256, 1) or conv(128, 1)"


def test_ranks_that_differ() -> None:
    with pytest.raises(ShapeError, match="one has 3 axes, the other 1 axis") as caught:
        REGISTRY["mul"]().outputs(Shape.of(64, 28, 28), Shape.of(64))
    assert caught.value.code == "E0301"
    assert caught.value.help == "give [64] the missing axes first: reshape([64, 1, 1])"


def test_open_sizes_that_may_be_equal() -> None:
    add = REGISTRY["add"]()
    assert add.requires(Shape.of(8, H), Shape.of(8, H)) == ()
    assert add.outputs(Shape.of(8, H), Shape.of(8, 16)) == (Shape.of(8, 16),)
    assert describe(add.requires(Shape.of(8, H), Shape.of(8, (H // 4) * 4))) == (
        "H must be a multiple of 4, at least 4",
    )
    with pytest.raises(ShapeError, match="length H and H - 2"):
        add.outputs(Shape.of(8, H), Shape.of(8, H - 2))


def test_element_types() -> None:
    assert REGISTRY["add"](value=1).outputs(Shape.of(3, dtype="int"))[0].dtype == "int"
    assert REGISTRY["add"](value=0.5).outputs(Shape.of(3, dtype="int"))[0].dtype == "float"
    assert REGISTRY["div"](value=2).outputs(Shape.of(3, dtype="int"))[0].dtype == "float"


def test_matmul_counts_and_refuses() -> None:
    matmul = REGISTRY["matmul"]()
    assert matmul.macs(Shape.of(H, 64), Shape.of(64, H)) == 64 * H * H
    with pytest.raises(ShapeError, match="the first has 64 columns, the second 10 rows") as caught:
        matmul.outputs(Shape.of(10, 64), Shape.of(10, 64))
    assert caught.value.help == "transpose one of them"


@pytest.mark.parametrize(("name", "arguments", "count"), [("sub", {}, 1), ("sub", {"value": 1}, 2), ("div", {}, 3)])
def test_how_many_values(name: str, arguments: dict[str, Any], count: int) -> None:
    with pytest.raises(ShapeError) as caught:
        REGISTRY[name](**arguments).outputs(*[Shape.of(3)] * count)
    assert caught.value.code == "E0306"
