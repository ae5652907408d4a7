"""Comparisons, choices and tables: their values, what is refused, and tables that are learned or tied."""

from __future__ import annotations

import pytest
import torch
from running import run

import netspec
from netspec.diagnostics import NetspecError
from netspec.layers import REGISTRY


@pytest.mark.parametrize("symbol", ["<", "<=", ">", ">=", "==", "!="])
def test_comparisons_in_an_expression(symbol: str) -> None:
    """With a value or a number on either side."""
    model = netspec.parse(f"net N {{ input x [4]; input y [4]; let a = where(x {symbol} y, x, y)\n"
                          f"where(1 {symbol} x, a, x) + where(x {symbol} 2, 1, 0 * x) }}"
                          .replace("1, 0 * x", "x, 0")).graph().compile()  # fmt: skip
    x, y = torch.tensor([[0.0, 1, 2, 3]]), torch.tensor([[1.0, 1, 1, 2]])

    def compared(a: object, b: object) -> torch.Tensor:
        return torch.as_tensor(eval(f"a {symbol} b", {"a": a, "b": b}))

    a = torch.where(compared(x, y), x, y)
    expected = torch.where(compared(1, x), a, x) + torch.where(compared(x, 2), x, 0)
    assert torch.equal(model(x, y), expected)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("0 < x < 1", "by twos"),
        ("x == true", "this needs a tensor or a number, not a truth value"),
        ("if x > 0 { relu }", "known when the spec is read"),
        ("where(x, x, 0)", "where takes bool values"),
        ("gather(x, x)", "whole numbers for indices"),
        ("unembed(x, reshape(x, [1, 4]), x)", "adds a number to each of 1 scores"),
        ("unembed(x, reshape(x, [2, 2]))", "has 4 features and a row of .* has 2"),
    ],
)
def test_what_does_not_go(body: str, message: str) -> None:
    with pytest.raises(NetspecError, match=message):
        netspec.parse(f"net N {{ input x [4]\n {body} }}").graph()


def test_rows_of_a_table_of_each_sample() -> None:
    table, index = torch.randn(3, 5, 4), torch.tensor([[0, 4], [1, 1], [3, 2]])
    found = run(REGISTRY["gather"](), table, index)
    assert torch.equal(found, torch.stack([rows[which] for rows, which in zip(table, index, strict=True)]))


def test_scores_of_each_sample() -> None:
    x, table = torch.randn(3, 2, 4), torch.randn(3, 5, 4)
    assert torch.allclose(run(REGISTRY["unembed"](), x, table), x @ table.mT, atol=1e-6)
    assert torch.allclose(run(REGISTRY["unembed"](), x[:, 0], table), (x[:, :1] @ table.mT)[:, 0], atol=1e-6)


@pytest.mark.parametrize("tables", [1, 3])
@pytest.mark.parametrize("biases", [1, 3])
def test_scores_with_a_bias_of_each_sample_or_of_all(tables: int, biases: int) -> None:
    x, table, bias = torch.randn(3, 2, 4), torch.randn(tables, 5, 4), torch.randn(biases, 5)
    expected = x @ table.mT + bias[:, None]
    assert torch.allclose(run(REGISTRY["unembed"](), x, table, bias), expected, atol=1e-6)
    assert torch.allclose(run(REGISTRY["unembed"](), x[:, 0], table, bias), expected[:, 0], atol=1e-6)


def test_no_gradient_flows_through_detach() -> None:
    model = netspec.parse("net N { input x [3]; x + detach(2 * x) }").graph().compile()
    x = torch.ones(1, 3, requires_grad=True)
    y = model(x)
    y.sum().backward()
    assert torch.equal(y, 3 * torch.ones(1, 3))
    assert x.grad is not None
    assert torch.equal(x.grad, torch.ones(1, 3))


TIED = """
net Tied(words: int = 50, width: int = 8) {
  input tokens: int [L]
  wte = param([words, width], init=normal(std=0.02))
  wte[tokens] + embedding(position(like=tokens), 16, width)
  residual { layernorm -> attention(2, causal=true) }
  unembed(_, wte)
}
"""


def test_an_embedding_and_the_last_layer_share_their_weights() -> None:
    graph = netspec.parse(TIED).graph()
    assert graph.requirements == ("L must be between 1 and 16",)
    assert str(graph.macs) == "16*L*L + 656*L", "the scores cost 50 x 8 a token, attention 4 x 8 x 8 and the squares"
    model = graph.compile()
    assert model.wte.shape == (50, 8)
    tokens = torch.randint(50, (3, 7))
    before = model(tokens)
    assert torch.allclose(before, model_by_hand(model, tokens), atol=1e-6)
    before.sum().backward()
    assert model.wte.grad.abs().sum() > 0


def model_by_hand(model: torch.nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    x = model.wte[tokens] + model.embedding1.weight[: tokens.shape[1]]
    x = x + model.attention1(model.layernorm1(x))
    return torch.as_tensor(x @ model.wte.T)


def test_what_follows_from_learned_tables_alone_is_made_once_for_the_batch() -> None:
    text = """
net N {
  input x [5, 8]
  let table = param([9, 2], init=trunc_normal)
  let bias = table[constant([[i - j + 4 for j in range(5)] for i in range(5)])] -> permute([2, 0, 1])
  attention(_, _, _, bias, heads=2)
}
""".replace("[[i - j + 4 for j in range(5)] for i in range(5)]", str([[i - j + 4 for j in range(5)] for i in range(5)]))
    graph = netspec.parse(text).graph()
    assert ".expand(" not in graph.emit()
    assert graph.compile()(torch.randn(3, 5, 8)).shape == (3, 5, 8)
