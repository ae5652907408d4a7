"""Whether a lifted net is what it was lifted from: weights by name and shape, outputs to the bit, one training step."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

BATCH = 2
GAINS = 1.0, 0.5, 0.1
NOISE = 1e-3
"""Gradients that are so much smaller than the largest are rounding: as those of a bias of keys, which cancel out."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was compared. `wrong` is empty where nothing differs; the figures are largest relative differences."""

    parameters: int
    wrong: str = ""
    output: float = 0.0
    gradient: float | None = None

    @property
    def exact(self) -> bool:
        return not self.wrong and self.output == 0


def prove(original: nn.Module, lifted: nn.Module, inputs: Sequence[Tensor], *, step: bool = True) -> Proof:
    """Gives both the same random weights and statistics and compares them; the original keeps its own.

    `inputs` are tensors with a batch. With `step`, both make one training step; what they draw begins alike.
    """
    parameters = sum(parameter.numel() for parameter in original.parameters())
    theirs, ours = (_shapes(module) for module in (original, lifted))
    if theirs != ours:
        return Proof(parameters, _difference(theirs, ours))
    twin = copy.deepcopy(original)
    twin.eval(), lifted.eval()
    with torch.no_grad():
        results = _finite(twin, inputs)
        lifted.load_state_dict(twin.state_dict(), strict=True)
        pairs = _pairs(results, lifted(*inputs))
    if pairs is None:
        return Proof(parameters, "the outputs are not as many, or not of the same shapes")
    output = max(_distance(one, other) for one, other in pairs)
    learns = all(any(p.requires_grad for p in module.parameters()) for module in (twin, lifted))
    gradient = _step(twin, lifted, inputs) if step and learns else None
    return Proof(parameters, "", output, gradient)


def _finite(model: nn.Module, inputs: Sequence[Tensor]) -> Any:
    """What a model makes with random values, which are smaller where its numbers grow beyond all bounds."""
    for gain in GAINS:
        randomise(model, gain)
        results = model(*inputs)
        if all(bool(tensor.isfinite().all()) for tensor in tensors(results)):
            break
    return results


def randomise(model: nn.Module, gain: float = 1.0) -> None:
    """Gives every tensor of a model values: no zero biases, no statistics at rest, activations that stay in size.

    Matrices and kernels keep the size of activations where `gain` is 1. Whole numbers stay as they are: they are
    indices.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if not value.dtype.is_floating_point:
                if key.endswith("num_batches_tracked"):
                    value.zero_()
                continue
            drawn = torch.randn(value.shape, generator=generator)
            if value.dim() > 1:
                value.copy_(drawn).mul_(gain * (2 / max(1, value[0].numel())) ** 0.5)
            elif "running_var" in key or key.endswith("weight"):
                value.copy_(drawn).tanh_().mul_(0.4).add_(1)
            else:
                value.copy_(drawn).mul_(0.1)


def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}


def _difference(theirs: dict[str, tuple[int, ...]], ours: dict[str, tuple[int, ...]]) -> str:
    for said, keys in (
        ("the spec lacks", theirs.keys() - ours.keys()),
        ("the spec has, too,", ours.keys() - theirs.keys()),
    ):
        if keys:
            return f"{said} {', '.join(sorted(keys)[:3])}{' and others' if len(keys) > 3 else ''}"
    key = next(key for key in theirs if theirs[key] != ours[key])
    return f"{key} is {list(theirs[key])} there and {list(ours[key])} in the spec"


def tensors(result: Any) -> list[Tensor]:
    """The tensors of what a module returns, in order."""
    match result:
        case Tensor():
            return [result]
        case dict():
            return [tensor for part in result.values() for tensor in tensors(part)]
        case tuple() | list():
            return [tensor for part in result for tensor in tensors(part)]
    return []


def _pairs(theirs: Any, ours: Any) -> list[tuple[Tensor, Tensor]] | None:
    left, right = tensors(theirs), tensors(ours)
    if len(left) != len(right) or any(one.shape != other.shape for one, other in zip(left, right, strict=True)):
        return None
    return list(zip(left, right, strict=True))


def _distance(one: Tensor, other: Tensor, least: float = 1e-12) -> float:
    """The largest difference, in parts of the largest value, or of `least`; infinite where one is no number."""
    if torch.equal(one, other):
        return 0.0
    scale = one.abs().max().clamp(min=least)
    distance = float((one - other).abs().max() / scale)
    return distance if distance == distance else float("inf")


def _step(twin: nn.Module, lifted: nn.Module, inputs: Sequence[Tensor]) -> float | None:
    """The largest relative difference of outputs, gradients and statistics of one step."""
    for module in (twin, lifted):
        module.train()
        module.zero_grad(set_to_none=True)
    results = []
    for module in (twin, lifted):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            results.append(module(*inputs))
    pairs = _pairs(*results)
    if pairs is None:
        return float("inf")
    for side in (0, 1):
        total: Any = sum((pair[side].square().mean() for pair in pairs), torch.zeros(()))
        total.backward()
    others = dict(lifted.named_parameters())
    distances = [_distance(one.detach(), other.detach()) for one, other in pairs]
    steepest = max((float(p.grad.abs().max()) for p in twin.parameters() if p.grad is not None), default=0.0)
    least = max(NOISE * steepest, 1e-12)
    for name, parameter in twin.named_parameters():
        theirs, ours = parameter.grad, others[name].grad
        if theirs is not None and ours is not None:
            distances.append(_distance(theirs, ours, least))
        elif theirs is not ours:
            return float("inf")
    buffers = dict(lifted.named_buffers())
    distances += [
        _distance(b, buffers[name]) for name, b in twin.named_buffers() if name in buffers and b.is_floating_point()
    ]
    return max(distances)
