"""Gradient clipping: how large the gradients of a step may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netspec.train.parts import AboveZero, Part, Table

if TYPE_CHECKING:
    from torch import Tensor


class Clip(Part):
    """Base of the ways of clipping."""

    def apply(self, parameters: Sequence[Tensor]) -> None:
        """Makes the gradients of these parameters as small as they have to be."""
        raise NotImplementedError


CLIPS: Table[Clip] = Table("way of clipping")


@CLIPS("norm")
class Norm(Clip):
    """All gradients are scaled alike so that together they have at most this norm (Pascanu, Mikolov, Bengio 2013)."""

    max: AboveZero
    p: AboveZero = 2.0

    def apply(self, parameters: Sequence[Tensor]) -> None:
        from torch.nn.utils import clip_grad_norm_

        clip_grad_norm_(parameters, self.max, self.p)


@CLIPS("value")
class Value(Clip):
    """Each entry of a gradient lies between -`max` and `max`."""

    max: AboveZero

    def apply(self, parameters: Sequence[Tensor]) -> None:
        from torch.nn.utils import clip_grad_value_

        clip_grad_value_(parameters, self.max)
