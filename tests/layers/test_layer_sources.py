"""Constants, noise and positions: what they hold, when they are drawn, and what is kept of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from live import build
from pydantic import ValidationError
from running import run

import netspec
from netspec.layers import REGISTRY
from netspec.shapes.shape import Shape


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[1, 2], [3, 4]], torch.tensor([[1, 2], [3, 4]])),
        ([[1, 2.5]], torch.tensor([[1, 2.5]])),
        ([True, False], torch.tensor([True, False])),
        (range(5), torch.arange(5)),
        (7, torch.tensor(7)),
        ([[[0, 1]], [[2, 3]]], torch.tensor([[[0, 1]], [[2, 3]]])),
    ],
)
@pytest.mark.parametrize("persistent", [True, False])
def test_a_constant_is_a_buffer(values: Any, expected: torch.Tensor, persistent: bool) -> None:
    layer = REGISTRY["constant"](values=values, persistent=persistent)
    live = build(layer.torch(), 0)
    assert torch.equal(live.call(), expected)
    assert live.call().dtype == expected.dtype
    assert isinstance(live.module, torch.nn.Buffer)
    (shape,) = layer.outputs()
    assert shape.dims == tuple(expected.shape)
    assert layer.parameters() == {}
    assert layer.buffers() == ({"": shape.dims} if persistent else {})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1, 2], [3]], "rows of a table are alike"),
        ([[], []], "an entry in every row"),
        (["a"], "numbers or truth values, not a"),
        ([1, True], "not both"),
        ([float("inf")], "not inf"),
    ],
)
def test_what_is_no_table(values: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        REGISTRY["constant"](values=values)


def test_labels_are_keys_of_what_is_kept() -> None:
    model = netspec.parse("net N { input x [3]; edge = constant([1, 0, -1]); let s = constant(2, persistent=false)\n"
                          "x * edge }").graph().compile()  # fmt: skip
    assert list(model.state_dict()) == ["edge"]
    assert [name for name, _ in model.named_buffers()] == ["edge", "s"]
    assert torch.equal(model(torch.tensor([[2.0, 3.0, 4.0]])), torch.tensor([[2.0, 0.0, -4.0]]))


@pytest.mark.parametrize(("distribution", "mean", "std"), [("normal", 0.0, 1.0), ("uniform", 0.5, 12**-0.5)])
def test_noise_is_drawn_in_training_and_by_choice_in_evaluation(distribution: str, mean: float, std: float) -> None:
    torch.manual_seed(0)
    x = torch.zeros(50, 40, 30)
    drawn = run(REGISTRY["noise"](distribution=distribution), x, train=True)
    assert float(drawn.mean()) == pytest.approx(mean, abs=0.02)
    assert float(drawn.std()) == pytest.approx(std, abs=0.02)
    assert torch.equal(run(REGISTRY["noise"](distribution=distribution), x), torch.full_like(x, mean))
    always = run(REGISTRY["noise"](distribution=distribution, always=True), x)
    assert float(always.std()) == pytest.approx(std, abs=0.02)


def test_positions_along_an_axis() -> None:
    x = torch.zeros(2, 3, 5)
    assert torch.equal(run(REGISTRY["position"](), x), torch.arange(3).expand(2, -1))
    assert torch.equal(run(REGISTRY["position"](axis=-1), x), torch.arange(5).expand(2, -1))
    assert REGISTRY["position"]().outputs(Shape.of(7, dtype="int")) == (Shape.of(7, dtype="int"),)


AUTOENCODER = """
net VAE {
  input x [8]
  let mean = linear(2)
  let log_variance = linear(2)
  mean + exp(0.5 * log_variance) * noise(like=mean)
}
"""


def test_a_variational_autoencoder_draws_its_code() -> None:
    model = netspec.parse(AUTOENCODER).graph().compile()
    x = torch.randn(4, 8)
    model.eval()
    assert torch.equal(model(x), model.mean(x))
    model.train()
    torch.manual_seed(1)
    code = model(x)
    torch.manual_seed(1)
    assert torch.allclose(code, model.mean(x) + (0.5 * model.log_variance(x)).exp() * torch.randn(4, 2))


def test_positions_of_a_text_of_any_length() -> None:
    text = "net N { input t: int [L]; embedding(9, 4) + embedding(position(like=t), 64, 4) }"
    graph = netspec.parse(text).graph()
    model = graph.compile()
    for length in (1, 5, 64):
        assert model(torch.zeros(2, length, dtype=torch.long)).shape == (2, length, 4)
