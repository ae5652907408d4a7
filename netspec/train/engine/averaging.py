"""The exponential moving average of the weights: what is tested and kept in place of the weights of the moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The average of a net's parameters and buffers; what holds whole numbers is the net's own.

    After step t (from 1), average = d * average + (1 - d) * weights with d = min(decay, (1 + t) / (10 + t)), so that
    the first weights are soon forgotten (Abadi et al., TensorFlow's ExponentialMovingAverage, `num_updates`).
    Source: Polyak & Juditsky 1992; Tarvainen & Valpola, "Mean teachers", 2017.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.live = {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
        self.mean = {name: tensor.detach().clone() for name, tensor in self.live.items()}
        self._pairs = [(local(self.mean[name]), local(tensor)) for name, tensor in self.live.items()]
        self.buffers = [self.mean[name] for name, _ in model.named_buffers() if name in self.mean]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes in the weights after that step."""
        decay = min(self.decay, (1 + step) / (10 + step))
        means, lives = zip(*self._pairs, strict=True)
        torch._foreach_lerp_(means, lives, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The net with the average for its weights, for a while."""
        before = {name: tensor.detach().clone() for name, tensor in self.live.items()}
        self._set(self.mean)
        try:
            yield
        finally:
            self._set(before)

    @torch.no_grad()
    def _set(self, tensors: Mapping[str, Tensor]) -> None:
        for name, tensor in self.live.items():
            tensor.copy_(tensors[name])


@torch.no_grad()
def local(tensor: Tensor) -> Tensor:
    """What this process has of a tensor that is shared out over devices; else the tensor."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor
