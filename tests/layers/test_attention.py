"""Attention against its formula: masks, causality, other sequences; and its MACs."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest
import torch
from running import run_with_module
from torch import Tensor

from netspec.layers import REGISTRY
from netspec.layers.declaration.base import ShapeError
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize


def attend(module: Any, query: Tensor, key: Tensor, value: Tensor, added: Tensor | None = None) -> Tensor:
    """Section 3.2.2 of Vaswani et al., step by step."""
    n, length, features = query.shape
    heads = module.num_heads
    weights = (
        (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)
        if module.in_proj_weight is None
        else module.in_proj_weight.chunk(3)
    )
    biases = module.in_proj_bias.chunk(3)
    q, k, v = (
        (x @ w.T + b).view(n, x.shape[1], heads, -1).transpose(1, 2)
        for x, w, b in zip((query, key, value), weights, biases, strict=True)
    )
    scores = q @ k.transpose(2, 3) / sqrt(features // heads)
    scores = scores if added is None else scores + added
    mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, length, features)
    return torch.as_tensor(mixed @ module.out_proj.weight.T + module.out_proj.bias)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_self_attention() -> None:
    x = torch.randn(2, 5, 12)
    y, module = run_with_module(REGISTRY["attention"](heads=3), x)
    assert torch.allclose(y, attend(module, x, x, x), atol=1e-5)


def test_windows_attend_each_to_itself() -> None:
    x = torch.randn(2, 3, 4, 5, 12)
    y, module = run_with_module(REGISTRY["attention"](heads=3), x)
    flat = x.flatten(0, 2)
    assert torch.allclose(y, attend(module, flat, flat, flat).view_as(x), atol=1e-5)


def test_a_relative_bias_is_added_in_each_head() -> None:
    x, bias = torch.randn(2, 4, 5, 12), torch.randn(2, 3, 5, 5)
    y, module = run_with_module(REGISTRY["attention"](heads=3), x, x, x, bias)
    flat = x.flatten(0, 1)
    expected = attend(module, flat, flat, flat, bias.repeat_interleave(4, 0))
    assert torch.allclose(y, expected.view_as(x), atol=1e-5)


def test_causal_attention_sees_nothing_later() -> None:
    x = torch.randn(2, 5, 12)
    y, module = run_with_module(REGISTRY["attention"](heads=3, causal=True), x)
    assert torch.allclose(y, attend(module, x, x, x, torch.full((5, 5), -torch.inf).triu(1)), atol=1e-5)


def test_causal_attention_with_keys_left_out() -> None:
    x = torch.randn(2, 5, 12)
    left_out = torch.tensor([[False] * 4 + [True], [False] * 5])
    y, module = run_with_module(REGISTRY["attention"](heads=3, causal=True), x, x, x, left_out)
    added = torch.full((5, 5), -torch.inf).triu(1) + torch.zeros(2, 1, 1, 5).masked_fill(
        left_out[:, None, None], -torch.inf
    )
    assert torch.allclose(y, attend(module, x, x, x, added), atol=1e-5)


def test_other_keys_and_values_of_other_widths() -> None:
    query, key, value = torch.randn(2, 5, 12), torch.randn(2, 7, 4), torch.randn(2, 7, 6)
    y, module = run_with_module(REGISTRY["attention"](heads=2), query, key, value)
    assert torch.allclose(y, attend(module, query, key, value), atol=1e-5)


def test_keys_are_the_values_where_no_values_are_given() -> None:
    query, key = torch.randn(2, 5, 12), torch.randn(2, 7, 12)
    y, module = run_with_module(REGISTRY["attention"](heads=2), query, key)
    assert torch.allclose(y, attend(module, query, key, key), atol=1e-5)


def test_a_mask_for_each_query_and_sample() -> None:
    x, added = torch.randn(2, 5, 12), torch.randn(2, 5, 5)
    y, module = run_with_module(REGISTRY["attention"](heads=3), x, x, x, added)
    assert torch.allclose(y, attend(module, x, x, x, added[:, None]), atol=1e-5)


def test_macs_of_vit_base() -> None:
    """197 tokens of 768 features: four projections, the scores and the weighted sums."""
    macs = REGISTRY["attention"](heads=12).macs(Shape.of(197, 768))
    assert macs == 4 * 197 * 768 * 768 + 2 * 197 * 197 * 768


def test_macs_of_an_open_length() -> None:
    length = OpenSize.symbol("L")
    assert REGISTRY["attention"](heads=2).macs(Shape.of(length, 8)) == 4 * 64 * length + 16 * length * length


@pytest.mark.parametrize(
    ("arguments", "shapes", "message"),
    [
        ({"heads": 5}, [Shape.of(7, 12)], "the 12 of .* do not divide by 5"),
        ({"heads": 2}, [Shape.of(7, 12), Shape.of(5, 12), Shape.of(6, 12)], "a value for each key"),
        ({"heads": 2, "causal": True}, [Shape.of(7, 12), Shape.of(5, 12)], "as many keys as queries"),
        (
            {"heads": 2},
            [Shape.of(7, 12)] * 3 + [Shape.of(6, dtype="bool")],
            r"is \[7\], \[7, 7\] or \[2, 7, 7\], not bool \[6\]",
        ),
        ({"heads": 2}, [Shape.of(7, OpenSize.symbol("E"))], "depends on E"),
        ({"heads": 2}, [Shape.of(7, 12), Shape.of(12)], "takes keys"),
    ],
)
def test_what_does_not_fit(arguments: dict[str, Any], shapes: list[Shape], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        REGISTRY["attention"](**arguments).outputs(*shapes)
