"""Losses of distances: how far apart a net puts two samples, which are of one class or are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.train.data import Data, Dims
from netspec.train.losses.base import LOSSES, Form, Loss, SetLoss, Target, counting, entries, mean
from netspec.train.parts import AboveZero

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@LOSSES("contrastive")
class Contrastive(Loss):
    """Half of y d^2 + (1 - y) max(0, margin - d)^2, of a distance d: y is 1 for two samples of one class, else 0.

    A pair of one class is drawn together, another one pushed apart until it is `margin` apart. What metrics judge is
    whether d is below half the margin. Source: Hadsell, Chopra, LeCun, "Dimensionality reduction by learning an
    invariant mapping", CVPR 2006, equation 4, where Y is 1 - y.
    """

    takes = "values"
    margin: AboveZero = 1.0

    def form(self, output: Dims, data: Data) -> Form | None:
        return "binary" if data.classes == 2 and output in (data.target, (1, *data.target)) else None

    def distance(self) -> float | None:
        return self.margin

    def build(self, device: torch.device) -> SetLoss:
        def each(output: Tensor, target: Target) -> Tensor:
            y = target.values
            apart = (self.margin - output).clamp(min=0)
            return counting(y * output.square() + (1 - y) * apart.square(), target) / 2

        return mean(each, entries)
