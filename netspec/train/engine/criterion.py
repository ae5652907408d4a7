"""What is minimised: the weighted sum of a loss's terms, as a function of a net's outputs and of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from netspec.train.batch import Batch
from netspec.train.losses import Form, Term, prepared

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Criterion:
    """The loss of a train section. `terms` say which output (its index among the graph's) each is about, and how."""

    def __init__(self, terms: Sequence[tuple[Term, int, Form]], device: torch.device) -> None:
        self.terms = [(term.loss.build(device), term.weight, index, form) for term, index, form in terms]

    def __call__(self, outputs: Mapping[int, Tensor], batch: Batch) -> Tensor:
        """The loss of a batch, over the terms whose outputs are there; a blend counts by its shares."""
        total = self._against(outputs, batch)
        if batch.blend is None:
            return total
        return batch.share * total + (1 - batch.share) * self._against(outputs, batch.blend)

    def _against(self, outputs: Mapping[int, Tensor], batch: Batch) -> Tensor:
        total: Tensor | None = None
        for loss, weight, index, form in self.terms:
            if index in outputs:
                output = outputs[index]
                value = loss(output, prepared(form, batch.y, output), batch.weight)
                value = value if weight == 1 else weight * value
                total = value if total is None else total + value
        assert total is not None
        return total
