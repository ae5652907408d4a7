"""Augmentation: what is done to a batch on its way into the net, as a function of the batch and a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from netspec.syntax.source import NOWHERE, Span
from netspec.train.augment import blends, crops, detection, geometry, intensity, signals
from netspec.train.augment.base import AUGMENTS, Augment, AugmentError, Step
from netspec.train.batch import Batch, together

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.train.data import Dims, Split

__all__ = ["AUGMENTS", "Augment", "AugmentError", "Augmentation", "Chain"]

FAMILIES = (crops, geometry, intensity, detection, signals, blends)
"""The modules whose augmentations are registered."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Augmentations in turn, as a train section lists them, and where each stands there."""

    steps: tuple[Augment, ...] = ()
    spans: tuple[Span, ...] = ()

    def written(self) -> str:
        """The chain as a spec would write it."""
        return " -> ".join(step.written() for step in self.steps)

    def span(self, index: int) -> Span:
        """Where the spec has a step."""
        return self.spans[index] if index < len(self.spans) else NOWHERE

    def tested(self) -> Chain:
        """What is done outside training: what is not random, and what stands in for the rest."""
        return Chain(tuple(stand for step in self.steps if (stand := step.tested()) is not None))

    def fitted(self, split: Split, inputs: Sequence[int] = (0,)) -> Chain:
        """The chain with what its steps take from the training samples of these inputs; raises AugmentError."""
        return replace(self, steps=tuple(step.fitted(split, inputs) for step in self.steps))

    def then(self, *steps: Augment) -> Chain:
        """The chain with more steps at its end."""
        return replace(self, steps=self.steps + steps)

    def shape(self, shape: Dims) -> Dims:
        """The shape of a sample after the chain; raises AugmentError."""
        for step in self.steps:
            shape = step.shape(shape)
        return shape


class Augmentation:
    """A fitted chain at work. An augmented batch is a function of the batch and the seed, and of nothing else.

    Of several inputs each is augmented by itself, one after another; those that are no signals or images stay as they
    are. What is to be said goes with the first. Pictures with objects are augmented one after another, each in its own
    size, and in training without the objects that are not trained on.
    """

    def __init__(self, chain: Chain) -> None:
        self.training = [step.build() for step in chain.steps]
        self.testing = [step.build() for step in chain.tested().steps]

    def train(self, batch: Batch, seed: int) -> Batch:
        """The batch as the net meets it in training; torch's generators are left where the last step brought them."""
        if self.training:
            from netspec.train.randomness import reseed

            reseed(seed, batch.x.device)
        if batch.objects:
            batch = replace(batch, objects=tuple(each.trained() for each in batch.objects))
        return _through(self.training, batch)

    def test(self, batch: Batch) -> Batch:
        """The batch as the net meets it outside training."""
        return _through(self.testing, batch)


def _through(steps: list[Step], batch: Batch) -> Batch:
    if batch.objects:
        return together([_in_turn(steps, picture) for picture in batch.pictures()])
    if batch.more:
        alone = (Batch(x, batch.y, batch.weight, further=batch.further) for x in batch.inputs)
        first, *others = (_through(steps, each) if _is_reached(each.x) else each for each in alone)
        return replace(first, more=tuple(each.x for each in others))
    return _in_turn(steps, batch)


def _in_turn(steps: list[Step], batch: Batch) -> Batch:
    for step in steps:
        batch = step(batch)
    return batch


def _is_reached(x: Tensor) -> bool:
    """Whether augmentation reaches what one of several inputs is given: real numbers [channels, *S]."""
    return x.is_floating_point() and x.ndim > 2
