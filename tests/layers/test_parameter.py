"""Learned tensors: how they start, and that every sample gets them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from live import build
from running import run_with_module

import netspec
from netspec.layers import REGISTRY
from netspec.layers.declaration.base import ShapeError
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
        (
            {"shape": [4, 2], "init": "trunc_normal(std=0.01)"},
            "nn.Parameter(nn.init.trunc_normal_(torch.empty(4, 2), std=0.01))",
        ),
        ({"shape": [4], "init": "uniform(a=-1, b=2)"}, "nn.Parameter(nn.init.uniform_(torch.empty(4), a=-1, b=2))"),
        ({"shape": [2, 1], "init": [[1], [0.5]]}, "nn.Parameter(torch.tensor([[1.0], [0.5]]))"),
        ({"shape": [4], "init": [0, 1, 2, 3], "trainable": False}, "nn.Buffer(torch.arange(4.0))"),
    ],
)
def test_how_it_starts(arguments: dict[str, Any], constructor: str) -> None:
    layer = REGISTRY["param"](**arguments)
    assert layer.torch().parameter == constructor
    live = build(layer.torch(), 0)
    assert tuple(live.call().shape) == tuple(arguments["shape"]) == layer.outputs()[0].dims
    assert live.parameters() == layer.parameters()
    assert live.buffers() == layer.buffers()


@pytest.mark.parametrize(
    ("use", "outputs"),
    [("_ + pos", 1), ("concat(pos, _)", 1), ("pos -> linear(2)", 1), ("output a = pos; output b = tanh", 2)],
)
def test_every_sample_gets_the_same(use: str, outputs: int) -> None:
    """A learned tensor has no batch: it is stretched where torch does not do so by itself."""
    graph = netspec.parse(f"net N {{ input x [4, 3]; let pos = param([4, 3], init=normal); {use} }}").graph()
    x = torch.randn(1, 4, 3).expand(5, -1, -1)
    result = graph.compile()(x)
    values = result if outputs > 1 else (result,)
    for value, output in zip(values, graph.outputs, strict=True):
        assert value.shape == (5, *output.value.shape.dims)
        torch.testing.assert_close(value[0], value[3])


def test_a_source_runs_nothing_before_it() -> None:
    """The value that flowed there is not computed for it, and no arrow leads from it."""
    graph = netspec.parse("net N { input x [8]; linear(1000); pos = param([8]); _ + x }").graph()
    assert graph["pos"].inputs == ()
    assert "self.linear1(" not in graph.emit()


def test_what_is_not_trained_is_kept() -> None:
    """Fixed signs: in the state dict, not among the parameters, and without a gradient."""
    layer = REGISTRY["param"](shape=[10, 84], init="signs", trainable=False)
    live = build(layer.torch(), 0)
    module = live.module
    assert isinstance(module, torch.nn.Buffer)
    assert module.shape == (10, 84)
    assert layer.parameters() == {}
    assert layer.buffers() == {"": (10, 84)}
    assert set(module.unique().tolist()) == {-1, 1}
    assert 300 < (module > 0).sum() < 540


def test_a_number_has_no_deviation() -> None:
    with pytest.raises(ShapeError, match="no standard deviation"):
        REGISTRY["param"](shape=[2], std=0.1).outputs()


def test_a_table_has_the_shape_that_is_said() -> None:
    with pytest.raises(ShapeError, match=r"param is \[4\], but the table that it starts at is \[3\]"):
        REGISTRY["param"](shape=[4], init=[1, 2, 3]).outputs()


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
