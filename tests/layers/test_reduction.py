"""Reductions: the axes that they take by default, and how they are written."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from running import run

from netspec.layers import REGISTRY
from netspec.shapes.shape import Shape

X = torch.randn(2, 4, 6, 8)


@pytest.mark.parametrize(
    ("name", "arguments", "expected", "expression"),
    [
        ("mean", {}, X.mean((2, 3)), "{0}.mean((2, 3))"),
        ("mean", {"axes": 0, "keep": True}, X.mean(1, keepdim=True), "{0}.mean(1, keepdim=True)"),
        ("max", {"axes": 0, "keep": True}, X.amax(1, keepdim=True), "{0}.amax(1, keepdim=True)"),
        ("min", {"axes": [-1]}, X.amin(-1), "{0}.amin(-1)"),
        ("sum", {"axes": [0, 2]}, X.sum((1, 3)), "{0}.sum((1, 3))"),
        ("norm", {"axes": 0}, X.norm(dim=1), "torch.linalg.vector_norm({0}, dim=1)"),
        ("norm", {"axes": 0, "order": 1}, X.abs().sum(1), "torch.linalg.vector_norm({0}, 1, 1)"),
        ("std", {"correction": 0}, X.std((2, 3), correction=0), "{0}.std((2, 3), correction=0)"),
        ("argmax", {}, X.argmax(1), "{0}.argmax(1)"),
    ],
)
def test_values_and_expressions(name: str, arguments: dict[str, Any], expected: torch.Tensor, expression: str) -> None:
    layer = REGISTRY[name](**arguments)
    assert torch.allclose(run(layer, X), expected)
    assert layer.torch(Shape.of(4, 6, 8)).apply == expression


def test_features_become_one_number() -> None:
    assert REGISTRY["mean"]().outputs(Shape.of(10)) == (Shape.of(),)
    assert run(REGISTRY["mean"](keep=True), torch.randn(2, 10)).shape == (2, 1)


def test_only_spatial_axes_have_a_reach() -> None:
    assert REGISTRY["mean"](axes=0).reach(Shape.of(4, 6, 8)) is None
    assert REGISTRY["mean"]().reach(Shape.of(4, 6, 8)) == "everything"
