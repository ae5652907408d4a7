"""A metric of the user's own: a function of all outputs and targets of a split at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torchmetrics
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat


class WholeMetric(torchmetrics.Metric):
    """Gathers outputs and targets, over the processes too, and gives what a function says of them."""

    full_state_update = False
    outputs: list[Tensor]
    targets: list[Tensor]

    def __init__(self, function: Callable[..., Any], arguments: Mapping[str, Any], ignored: int | None = None) -> None:
        super().__init__()
        self.function, self.arguments, self.ignored = function, dict(arguments), ignored
        self.add_state("outputs", default=[], dist_reduce_fx="cat")
        self.add_state("targets", default=[], dist_reduce_fx="cat")

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Takes in more samples."""
        self.outputs.append(outputs)
        self.targets.append(targets)

    def compute(self) -> Tensor:
        """The figure of all of them."""
        outputs, targets = dim_zero_cat(self.outputs), dim_zero_cat(self.targets)
        if self.ignored is not None and outputs.ndim == targets.ndim + 1:
            flat = outputs.movedim(1, -1).reshape(-1, outputs.shape[1])
            counted = targets.reshape(-1) != self.ignored
            outputs, targets = flat[counted], targets.reshape(-1)[counted]
        return torch.as_tensor(float(self.function(outputs, targets, **self.arguments)), device=targets.device)
