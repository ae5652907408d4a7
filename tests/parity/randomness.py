"""Random weights by which an error would be seen, made quickly."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

COUNT = 1_000_003
"""How many random numbers there are: a prime, so that no two rows of a weight are alike."""


@cache
def pool() -> Tensor:
    """Random numbers to fill weights from, twice one after the other, so that as many follow wherever one begins."""
    return torch.randn(COUNT, generator=torch.Generator().manual_seed(0)).repeat(2)


def randomise(model: nn.Module) -> None:
    """Gives every tensor of a model values: no zero biases, no statistics at rest, activations that stay in size."""
    with torch.no_grad():
        for number, (key, value) in enumerate(model.state_dict().items()):
            if not value.dtype.is_floating_point:
                value.zero_()
                continue
            size = value.numel()
            start = 7919 * number % COUNT
            drawn = pool()[start : start + min(size, COUNT)].repeat(-(-size // COUNT))[:size].view(value.shape)
            if value.dim() > 1:
                value.copy_(drawn).mul_((2 / value[0].numel()) ** 0.5)
            elif "running_var" in key or key.endswith("weight"):
                value.copy_(drawn).tanh_().mul_(0.4).add_(1)
            else:
                value.copy_(drawn).mul_(0.1)
