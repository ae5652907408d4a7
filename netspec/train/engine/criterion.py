"""What is minimised: the weighted sum of a loss's terms, as a function of a net's outputs and of a batch.

Each term is a function of sums over samples (`netspec.train.losses.base`). So a batch that comes in parts, to several
processes and in rounds of accumulation, has the loss and the gradient that it has as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from netspec.train.batch import Batch, Reference
from netspec.train.losses import Form, PlannedTerm, Sums, Target, prepared

if TYPE_CHECKING:
    from netspec.train.data import Dims

TermSums: TypeAlias = dict[int, Sums]
"""The sums of each term, by its number; of a term without an output there are none."""
Totals: TypeAlias = dict[int, "Sums | Tensor | float"]
"""Of each term what is known of the whole batch: its count alone where that is enough, else all of its sums."""


class Criterion:
    """The loss of a train section. `terms` say which output (its index among the graph's) each is about, and how."""

    def __init__(self, terms: Sequence[PlannedTerm], device: torch.device) -> None:
        self.terms = {
            number: (
                planned_term.term.loss.build(device),
                planned_term.term.weight,
                planned_term.output,
                Comparison.of(planned_term),
            )
            for number, planned_term in enumerate(terms)
        }

    def part(self, numbers: Collection[int]) -> Criterion:
        """The loss that has the terms of these numbers alone, under the same numbers."""
        part = copy(self)
        part.terms = {number: term for number, term in self.terms.items() if number in numbers}
        return part

    def __call__(self, outputs: Mapping[int, Tensor], batch: Batch) -> Tensor:
        """The loss of a batch, over the terms whose outputs are there; a blend counts by its shares."""
        return self.value(self.sums(outputs, batch))

    def sums(self, outputs: Mapping[int, Tensor], batch: Batch) -> TermSums:
        """The sums of a batch, which those of other batches can be added to."""
        own = self._sums(outputs, batch)
        if batch.blend is None:
            return own
        other = self._sums(outputs, batch.blend)
        return {number: _blended(own[number], other[number], batch.share) for number in own}

    def _sums(self, outputs: Mapping[int, Tensor], batch: Batch) -> TermSums:
        return {
            number: loss.sums(outputs[index], comparison(batch, outputs[index]))
            for number, (loss, _, index, comparison) in self.terms.items()
            if index in outputs
        }

    def value(self, sums: TermSums) -> Tensor:
        """The loss of the samples that these sums are of."""
        return self._weighted({number: self.terms[number][0].value(own) for number, own in sums.items()})

    def counts(self, parts: Sequence[Batch], shapes: Mapping[int, Dims]) -> Totals:
        """What the parts of a batch count in each term whose target alone decides it; `shapes` are those of outputs."""
        totals: Totals = {}
        for number, (loss, _, index, comparison) in self.terms.items():
            if loss.counts is not None and index in shapes:
                count: Tensor | float = 0.0
                for share, batch in (each for part in parts for each in _blended_parts(part)):
                    output = batch.x.new_zeros((), dtype=torch.float32).expand(len(batch), *shapes[index])
                    count = count + share * loss.counts(comparison(batch, output))
                totals[number] = count
        return totals

    def share(self, sums: TermSums, totals: Totals) -> Tensor:
        """What has the gradient of a part of a batch, of which the whole has these totals.

        It is the part of the loss that is the part's own where the term is a mean; else its tangent, the sums weighed
        by the derivatives of the loss by them.
        """
        values: dict[int, Tensor] = {}
        for number, own in sums.items():
            loss, total = self.terms[number][0], totals[number]
            values[number] = (
                _tangent(loss.value, own, total) if isinstance(total, tuple) else loss.value((own[0], total))
            )
        return self._weighted(values)

    def _weighted(self, values: Mapping[int, Tensor]) -> Tensor:
        total: Tensor | None = None
        for number, value in values.items():
            weight = self.terms[number][1]
            value = value if weight == 1 else weight * value
            total = value if total is None else total + value
        assert total is not None
        return total


class Comparison(NamedTuple):
    """What a term compares an output with, in the form that its loss takes."""

    form: Form
    reference: Reference
    by_class: bool

    @classmethod
    def of(cls, planned_term: PlannedTerm) -> Comparison:
        """That of a term."""
        return cls(planned_term.form, planned_term.reference, planned_term.form in ("classes", "one_hot"))

    def __call__(self, batch: Batch, output: Tensor) -> Target:
        return prepared(self.form, batch.reference(self.reference, output, classes=self.by_class), output, batch.weight)


class LossTotal:
    """What a loss says of all samples so far, in 64 bits."""

    def __init__(self, criterion: Criterion) -> None:
        self.criterion = criterion
        self.sums: TermSums = {}

    def add(self, sums: TermSums) -> None:
        """Takes in the sums of more samples; of none there are no sums."""
        if sums:
            self.sums = added(self.sums, whole(sums)) if self.sums else whole(sums)

    def value(self, numbers: Collection[int] | None = None) -> float:
        """The loss of them all, or what terms of these numbers add to it; not a number where there are none."""
        sums = (
            self.sums if numbers is None else {number: self.sums[number] for number in numbers if number in self.sums}
        )
        return float(self.criterion.value(sums)) if sums else float("nan")

    def state(self) -> Any:
        """The sums, as plain data and tensors."""
        return {str(number): list(own) for number, own in self.sums.items()}

    def fits(self, state: Any) -> bool:
        """Whether this is what `state` gives."""
        numbers = set(map(str, self.criterion.terms))
        return (
            isinstance(state, Mapping)
            and state.keys() <= numbers
            and all(isinstance(own, list) and all(map(_is_sum, own)) for own in state.values())
        )

    def restore(self, state: Any) -> None:
        """Goes on from what `state` gave."""
        self.sums = {int(number): tuple(own) for number, own in state.items()}


def _is_sum(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.float64


def added(one: TermSums, other: TermSums) -> TermSums:
    """The sums of two sets of samples together; a term that is of one of them only is that one's."""
    both = {
        number: tuple(a + b for a, b in zip(own, other[number], strict=True))
        for number, own in one.items()
        if number in other
    }
    return dict(sorted((one | other | both).items()))


def detached(sums: TermSums) -> TermSums:
    """The sums without what led to them."""
    return _each(sums, lambda each: each.detach() if isinstance(each, Tensor) else each)


def whole(sums: TermSums) -> TermSums:
    """The sums as tensors of 64 bits on the CPU."""
    return _each(sums, lambda each: torch.as_tensor(each, dtype=torch.float64, device="cpu"))


def flat(sums: TermSums, device: torch.device) -> Tensor:
    """All the sums in one row, in 64 bits where the device has them."""
    dtype = torch.float32 if device.type == "mps" else torch.float64
    each = (torch.as_tensor(one, dtype=dtype, device=device).reshape(-1) for own in sums.values() for one in own)
    return torch.cat(list(each))


def unflat(row: Tensor, like: TermSums) -> TermSums:
    """The sums out of a row of `flat`, shaped as those of `like`."""
    sizes = [torch.as_tensor(one).numel() for own in like.values() for one in own]
    parts = iter(torch.split(row, sizes))
    return _each(like, lambda each: next(parts).reshape(torch.as_tensor(each).shape))


def _each(sums: TermSums, change: Callable[[Tensor | float], Tensor | float]) -> TermSums:
    return {number: tuple(map(change, own)) for number, own in sums.items()}


def _blended(one: Sums, other: Sums, share: float) -> Sums:
    return tuple(share * a + (1 - share) * b for a, b in zip(one, other, strict=True))


def _blended_parts(part: Batch) -> list[tuple[float, Batch]]:
    """The batches that a part is blended of, and the share of each in its loss."""
    return [(1.0, part)] if part.blend is None else [(part.share, part), (1 - part.share, part.blend)]


def _tangent(value: Callable[[Sums], Tensor], own: Sums, total: Sums) -> Tensor:
    """The sums of a part weighed by the derivatives of the loss at those of the whole."""
    with torch.enable_grad():
        at = tuple(torch.as_tensor(each).detach().clone().requires_grad_() for each in total)
        slopes = torch.autograd.grad(value(at), at)
    return torch.stack([(slope * each).sum() for slope, each in zip(slopes, own, strict=True)]).sum()
