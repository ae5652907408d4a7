"""Linear layers and tables: what they refuse, and the order of one_hot's axes."""

from __future__ import annotations

import pytest
import torch
from running import run, run_with_module

from netspec.layers import REGISTRY
from netspec.layers.declaration.base import ShapeError
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize


def test_the_last_axis_is_mixed_whatever_stands_before_it() -> None:
    x = torch.randn(2, 7, 5, 6)
    y, module = run_with_module(REGISTRY["linear"](features=10), x)
    assert torch.allclose(y, x @ module.weight.T + module.bias, atol=1e-6)
    assert REGISTRY["linear"](features=10).macs(Shape.of(7, 5, 6)) == 7 * 5 * 6 * 10


def test_a_number_has_no_features() -> None:
    with pytest.raises(ShapeError, match="a single number") as caught:
        REGISTRY["linear"](features=10).outputs(Shape.of())
    assert caught.value.code == "E0303"


def test_features_that_depend_on_the_input_size() -> None:
    height, width = OpenSize.symbol("H"), OpenSize.symbol("W")
    with pytest.raises(ShapeError, match=r"16\*H\*W, depends on H and W") as caught:
        REGISTRY["linear"](features=10).outputs(Shape.of(16 * height * width))
    assert caught.value.code == "E0307"
    assert "global_avgpool -> flatten" in caught.value.help


def test_an_open_length_costs_for_each_step() -> None:
    length = OpenSize.symbol("L")
    assert REGISTRY["linear"](features=10).macs(Shape.of(length, 6)) == 60 * length


def test_weight_norm_keeps_direction_and_length() -> None:
    layer = REGISTRY["linear"](features=4, weight_norm=True, init="orthogonal")
    x = torch.randn(2, 6)
    y, module = run_with_module(layer, x)
    assert torch.allclose(module.weight @ module.weight.T, torch.eye(4), atol=1e-5)
    assert torch.allclose(y, x @ module.weight.T, atol=1e-6)


def test_the_padding_vector_stays_zero_with_an_init() -> None:
    layer = REGISTRY["embedding"](count=5, features=3, padding=0, init=0.1)
    assert not run(layer, torch.zeros(2, 4, dtype=torch.long)).any()


def test_embedding_of_an_index_a_sample() -> None:
    assert run(REGISTRY["embedding"](count=5, features=3), torch.tensor([1, 4])).shape == (2, 3)


def test_one_hot_puts_the_classes_first() -> None:
    text = torch.tensor([[0, 2, 1, 2]])
    expected = [[[1.0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]]]
    assert run(REGISTRY["one_hot"](classes=3), text).tolist() == expected


def test_floats_are_no_indices() -> None:
    with pytest.raises(ShapeError, match="embedding takes int values"):
        REGISTRY["embedding"](count=5, features=3).outputs(Shape.of(7))
