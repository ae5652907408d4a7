"""Randomness as a function of place: (seed, epoch, step), never of what ran before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

WEIGHTS, ORDER, STEP, SAMPLE, AUGMENT, DRAW = range(1, 7)
"""What a stream is for; streams of different purposes have nothing in common."""

_MASK = 2**64 - 1


def stream(seed: int, *place: int) -> int:
    """A 63-bit seed that is a function of its arguments: SplitMix64 folded over them (Steele, Lea, Flood 2014)."""
    state = seed & _MASK
    for number in (len(place), *place):
        state = (state + 0x9E3779B97F4A7C15 + (number & _MASK)) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state >> 1


def reseed(seed: int, device: torch.device) -> None:
    """Sets torch's generators, on the CPU and on `device`, to the start of a stream.

    `torch.manual_seed` does the same for every device there may be, in a hundred times the time.
    """
    import torch

    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def order(seed: int, epoch: int, count: int) -> Tensor:
    """The order of an epoch: a permutation of `count` samples, the same on every device."""
    import torch

    generator = torch.Generator().manual_seed(stream(seed, ORDER, epoch))
    return torch.randperm(count, generator=generator)
