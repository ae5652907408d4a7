"""Recurrent layers: which state `final` is, and MACs."""

from __future__ import annotations

import pytest
import torch
from running import run, run_with_module
from torch import nn

import netspec
from netspec.layers import REGISTRY
from netspec.layers.declaration.base import ShapeError
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


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_state_goes_on_where_it_was_left(name: str, layers: int) -> None:
    """A sequence in two parts, the second begun in the state of the first, is the sequence in one."""
    x = torch.randn(2, 7, 4)
    layer = REGISTRY[name](hidden=3, layers=layers, states=True)
    (whole, *last), module = run_with_module(layer, x)
    assert last[0].shape == ((2, 3) if layers == 1 else (2, layers, 3))
    first, *state = module(x[:, :4])
    second, *end = module(x[:, 4:], *state)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-6)
    for part, other in zip(end, last, strict=True):
        assert torch.allclose(part, other, atol=1e-6)


def test_an_encoder_hands_its_state_to_a_decoder() -> None:
    text = """
net Translate {
  input source: int [S]
  input target: int [T]
  let words, h, c = source -> embedding(9, 4) -> lstm(6, states=true)
  let first = target -> embedding(8, 4)
  lstm(first, h, c, 6)
  linear(8)
}
"""
    graph = netspec.parse(text).graph()
    assert str(graph.outputs[0].value.shape) == "[T, 8]"
    model = graph.compile()
    source, target = torch.randint(9, (3, 5)), torch.randint(8, (3, 2))
    assert model(source, target).shape == (3, 2, 8)


@pytest.mark.parametrize(
    ("arguments", "shapes", "message"),
    [
        ({"final": True, "states": True}, [(5, 4)], "alone with final=true"),
        ({}, [(5, 4), (3,)], "not in one of them"),
        ({}, [(5, 4), (4,), (4,)], r"the state of this lstm is \[3\], not \[4\]"),
    ],
)
def test_states_that_do_not_fit(arguments: dict[str, bool], shapes: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        REGISTRY["lstm"](hidden=3, **arguments).outputs(*(Shape.of(*shape) for shape in shapes))
