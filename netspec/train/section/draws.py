"""Inputs that are drawn anew for each batch: `draw z normal`. The distribution is all that a spec says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import model_validator

from netspec.train.parts import AboveZero, Part, Real, Table

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from netspec.train.data import Dims


class Distribution(Part):
    """Base of all distributions."""

    def sample(self, shape: Dims, generator: torch.Generator) -> Tensor:
        """Numbers (*shape) that are a function of the generator's state, on the CPU."""
        raise NotImplementedError


DISTRIBUTIONS: Table[Distribution] = Table("distribution")


@DISTRIBUTIONS("normal", "gaussian", "randn")
class Normal(Distribution):
    """The normal distribution; every number by itself."""

    mean: Real = 0.0
    std: AboveZero = 1.0

    def sample(self, shape: Dims, generator: torch.Generator) -> Tensor:
        import torch

        return torch.randn(shape, generator=generator) * self.std + self.mean


@DISTRIBUTIONS("uniform", "rand")
class Uniform(Distribution):
    """As likely everywhere from `low` to `high`; every number by itself."""

    low: Real = 0.0
    high: Real = 1.0

    @model_validator(mode="after")
    def _has_width(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low is less than high")
        return self

    def sample(self, shape: Dims, generator: torch.Generator) -> Tensor:
        import torch

        return torch.rand(shape, generator=generator) * (self.high - self.low) + self.low
