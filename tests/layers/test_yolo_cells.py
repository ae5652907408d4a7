"""What the cells of YOLO's grids tell of, against the papers' equations, cell by cell."""

from __future__ import annotations

from math import exp

import pytest
import torch
from running import run
from torch import Tensor

from netspec.layers import REGISTRY
from netspec.layers.declaration.base import ShapeError
from netspec.shapes.shape import Shape

IMAGE = torch.empty(2, 3, 40, 60, dtype=torch.float64)


def sigmoid(number: float) -> float:
    return 1 / (1 + exp(-number))


def corners(x: float, y: float, width: float, height: float) -> list[float]:
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def random_map(channels: int) -> Tensor:
    generator = torch.Generator().manual_seed(channels)
    return torch.randn(2, channels, 2, 3, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("roots", [True, False])
def test_cells_of_version_1(roots: bool) -> None:
    """Two boxes and three classes on a grid of 2 x 3 over 40 x 60 pixels."""
    x = random_map(2 * 5 + 3)
    boxes, scores = run(REGISTRY["yolo_cells"](boxes=2, roots=roots), x, IMAGE)
    for sample in range(2):
        row = 0
        for i in range(2):
            for j in range(3):
                told = x[sample, :, i, j].tolist()
                for box in range(2):
                    at_x, at_y, w, h, confidence = told[5 * box : 5 * box + 5]
                    w, h = (w**2, h**2) if roots else (w, h)
                    expected = corners((j + at_x) * 20, (i + at_y) * 20, 60 * w, 40 * h)
                    assert boxes[sample, row].tolist() == pytest.approx(expected)
                    assert scores[sample, row].tolist() == pytest.approx([confidence * p for p in told[10:]])
                    row += 1


@pytest.mark.parametrize("softmax", [True, False])
def test_cells_of_versions_2_and_3(softmax: bool) -> None:
    """Two sides and three classes; the sides are in pixels, the middle stays in its cell."""
    x, sides = random_map(2 * (5 + 3)), [[10, 13], [33.5, 23]]
    boxes, scores = run(REGISTRY["yolo_boxes"](sides=sides, softmax=softmax), x, IMAGE)
    for sample in range(2):
        row = 0
        for i in range(2):
            for j in range(3):
                for box, (width, height) in enumerate(sides):
                    t_x, t_y, t_w, t_h, t_o, *classes = x[sample, 8 * box : 8 * box + 8, i, j].tolist()
                    expected = corners(
                        (sigmoid(t_x) + j) * 20, (sigmoid(t_y) + i) * 20, width * exp(t_w), height * exp(t_h)
                    )
                    assert boxes[sample, row].tolist() == pytest.approx(expected)
                    total = sum(map(exp, classes))
                    shares = [exp(c) / total if softmax else sigmoid(c) for c in classes]
                    assert scores[sample, row].tolist() == pytest.approx([sigmoid(t_o) * p for p in shares])
                    row += 1


@pytest.mark.parametrize(
    ("layer", "channels", "message"),
    [
        (REGISTRY["yolo_cells"](boxes=2), 10, "5 numbers for each of 2 boxes, then one for each class, .* has 10"),
        (REGISTRY["yolo_boxes"](sides=[[1, 2], [3, 4]]), 15, "for each of 2 boxes, but a cell has 15"),
    ],
)
def test_channels_that_do_not_fit(layer: object, channels: int, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        layer.outputs(Shape.of(channels, 2, 3), Shape.of(3, 40, 60))  # type: ignore[attr-defined]
