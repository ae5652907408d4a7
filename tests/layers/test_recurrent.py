"""Recurrent layers: which state `final` is, and MACs."""

from __future__ import annotations

import pytest
import torch
from running import run, run_with_module
from torch import nn

from netspec.layers import REGISTRY
from netspec.layers.base import ShapeError
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize

X = torch.randn(3, 7, 5)


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_outputs_and_final_states_agree(name: str) -> None:
    layer = REGISTRY[name](hidden=4, layers=2, bidirectional=True)
    outputs, module = run_with_module(layer, X)
    last, final_module = run_with_module(REGISTRY[name](hidden=4, layers=2, bidirectional=True, final=True), X)
    final_module.load_state_dict(module.state_dict())
    last = final_module(X)
    assert torch.allclose(last[:, :4], outputs[:, -1, :4])
    assert torch.allclose(last[:, 4:], outputs[:, 0, 4:])
    assert isinstance(module, getattr(nn, name.upper()))


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_macs_are_a_weight_a_step(name: str) -> None:
    layer = REGISTRY[name](hidden=4, layers=3, bidirectional=True)
    weights = layer.parameters(Shape.of(7, 5))
    matrices = sum(shape[0] * shape[1] for shape in weights.values() if len(shape) == 2)
    assert layer.macs(Shape.of(7, 5)) == 7 * matrices
    length = OpenSize.symbol("L")
    assert layer.macs(Shape.of(length, 5)) == matrices * length


def test_relu_units() -> None:
    assert (run(REGISTRY["rnn"](hidden=4, activation="relu"), X) >= 0).all()


def test_dropout_needs_layers_to_be_between() -> None:
    with pytest.raises(ShapeError, match="acts between its layers"):
        REGISTRY["lstm"](hidden=4, dropout=0.5).outputs(Shape.of(7, 5))
