"""Convolutions whose weights are not shared, against their definition."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from running import run_with_module

from netspec.layers import REGISTRY
from netspec.layers.declaration.base import ShapeError
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize


def test_each_position_has_filters_of_its_own() -> None:
    x = torch.randn(2, 3, 7, 6)
    y, module = run_with_module(REGISTRY["local_conv"](channels=4, kernel=[3, 2], stride=2, pad=[[1, 0], [0, 1]]), x)
    padded = F.pad(x, (0, 1, 1, 0))
    for row in range(y.shape[2]):
        for column in range(y.shape[3]):
            patch = padded[:, :, 2 * row : 2 * row + 3, 2 * column : 2 * column + 2]
            expected = torch.einsum("ncij,ocij->no", patch, module.weight[row, column]) + module.bias[:, row, column]
            assert torch.allclose(y[:, :, row, column], expected, atol=1e-5)


def test_with_equal_filters_it_is_a_convolution() -> None:
    x = torch.randn(2, 3, 9)
    _, module = run_with_module(REGISTRY["local_conv"](channels=4, kernel=3, bias=False), x)
    with torch.no_grad():
        module.weight.copy_(module.weight[0].clone().expand_as(module.weight))
    assert torch.allclose(module(x), F.conv1d(x, module.weight[0]), atol=1e-5)


def test_its_positions_are_known() -> None:
    with pytest.raises(ShapeError, match="has weights for each position"):
        REGISTRY["local_conv"](channels=4, kernel=3).outputs(Shape.of(3, OpenSize.symbol("H"), 8))
