"""Learned tensors: how they start, and that every sample gets them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from running import run, run_with_module

from netspec.layers import REGISTRY
from netspec.layers.base import ShapeError
from netspec.shapes.shape import Shape


@pytest.mark.parametrize(
    ("arguments", "constructor"),
    [
        ({"shape": [1, 768]}, "nn.Parameter(torch.zeros(1, 768))"),
        ({"shape": [4], "init": "ones"}, "nn.Parameter(torch.ones(4))"),
        ({"shape": [4, 2], "init": "normal"}, "nn.Parameter(torch.randn(4, 2))"),
        ({"shape": [4, 2], "init": "normal", "std": 0.02}, "nn.Parameter(0.02 * torch.randn(4, 2))"),
        ({"shape": [4], "init": 3}, "nn.Parameter(torch.full((4,), 3.0))"),
        ({"shape": []}, "nn.Parameter(torch.zeros(()))"),
        ({"shape": [4, 2], "init": "signs"}, "nn.Parameter(torch.randn(4, 2).sign())"),
        ({"shape": [4], "trainable": False}, "nn.Buffer(torch.zeros(4))"),
    ],
)
def test_how_it_starts(arguments: dict[str, Any], constructor: str) -> None:
    layer = REGISTRY["param"](**arguments)
    assert layer.torch(Shape.of(3)).parameter == constructor
    assert run(layer, torch.randn(5, 3)).shape == (5, *arguments["shape"])


def test_every_sample_gets_the_same() -> None:
    y = run(REGISTRY["param"](shape=[4, 2], init="normal"), torch.zeros(3, 9, dtype=torch.long))
    assert torch.equal(y[0], y[2])


def test_what_is_not_trained_is_kept() -> None:
    """Fixed signs: in the state dict, not among the parameters, and without a gradient."""
    layer = REGISTRY["param"](shape=[10, 84], init="signs", trainable=False)
    y, module = run_with_module(layer, torch.zeros(3, 9))
    assert isinstance(module, torch.nn.Buffer)
    assert module.shape == (10, 84)
    assert layer.parameters(Shape.of(9)) == {}
    assert layer.buffers(Shape.of(9)) == {"": (10, 84)}
    assert set(y.unique().tolist()) == {-1, 1}
    assert 300 < (y[0] > 0).sum() < 540


def test_a_number_has_no_deviation() -> None:
    with pytest.raises(ShapeError, match="no standard deviation"):
        REGISTRY["param"](shape=[2], std=0.1).outputs(Shape.of(3))


def test_scale_of_lenet() -> None:
    x = torch.randn(2, 6, 14, 14)
    layer = REGISTRY["scale"](init=4, bias=True)
    y, module = run_with_module(layer, x)
    assert torch.equal(y, 4 * x)
    assert sum(weight.numel() for weight in module.parameters()) == 12


def test_scale_of_the_last_axis() -> None:
    assert REGISTRY["scale"](init=1e-6, axis=-1).parameters(Shape.of(197, 768)) == {"weight": (768,)}


def test_one_factor_for_all() -> None:
    assert REGISTRY["scale"](per="scalar").parameters(Shape.of(8, 4, 4)) == {"weight": ()}
