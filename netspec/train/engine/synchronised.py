"""Batch normalisation over the batch of all processes, on any device; torch's own is for GPUs alone."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation whose mean and variance in training are those of all processes' samples together.

    Shape: (n, C, ...) -> the same; n may differ from process to process. Sums are in 32 bits, whatever x has.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        return self._normalised(x.float()).to(x.dtype)

    def _normalised(self, x: Tensor) -> Tensor:
        """What training makes of x, in 32 bits."""
        axes = [0, *range(2, x.ndim)]
        count = x.new_tensor([x.numel() / x.shape[1]])
        sums = _summed(torch.cat([x.sum(axes), count]))
        mean = sums[:-1] / sums[-1]
        centred = x - _along(mean, x)
        variance = _summed(centred.square().sum(axes)) / sums[-1]
        if self.track_running_stats:
            self._take_in(mean.detach(), variance.detach() * sums[-1] / (sums[-1] - 1))
        result = centred * _along(torch.rsqrt(variance + self.eps), x)
        return result * _along(self.weight, x) + _along(self.bias, x) if self.affine else result

    @torch.no_grad()
    def _take_in(self, mean: Tensor, variance: Tensor) -> None:
        """Moves the running statistics towards those of a batch."""
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        for running, new in ((self.running_mean, mean), (self.running_var, variance)):
            assert running is not None
            running.lerp_(new, share)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of axes."""


def synchronised(model: nn.Module, device: torch.device) -> nn.Module:
    """The net with every batch normalisation synchronised, for that device: torch's on a GPU, else the one here."""
    if device.type == "cuda":
        return cast(nn.Module, nn.SyncBatchNorm.convert_sync_batchnorm(model))  # type: ignore[no-untyped-call]
    for path, module in list(model.named_modules()):
        if isinstance(module, _BatchNorm) and not isinstance(module, SyncBatchNorm):
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, _converted(module))
    return model


def _converted(norm: _BatchNorm) -> SyncBatchNorm:
    converted: Any = SyncBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    converted.weight, converted.bias = norm.weight, norm.bias
    for name, buffer in norm.named_buffers():
        setattr(converted, name, buffer)
    converted.train(norm.training)
    return converted  # type: ignore[no-any-return]


class _Sum(torch.autograd.Function):
    """The sum of a tensor over the processes; what flows back is the sum of what each process's loss sends back."""

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        torch.distributed.all_reduce(total)
        return total


def _summed(tensor: Tensor) -> Tensor:
    """The sum over the processes, through which gradients flow back."""
    return cast(Tensor, _Sum.apply(tensor))  # type: ignore[no-untyped-call]


def _along(values: Tensor, x: Tensor) -> Tensor:
    """One value a channel, shaped to go with x."""
    return values.view(-1, *[1] * (x.ndim - 2))
