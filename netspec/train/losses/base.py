"""What a loss is, what it compares, and how losses are summed over the outputs of a net.

A loss of a set of samples is a function of sums over them: of a numerator and a denominator, where it is a mean. So it
is the same figure however the set is divided into batches, parts of a batch and processes, and so is its gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias, cast

from netspec.syntax.source import NOWHERE, Span
from netspec.train.batch import TARGET, Reference
from netspec.train.data import IGNORED, Data, Dims
from netspec.train.parts import AtLeastZero, Part, Table, call_text

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

Sums: TypeAlias = "tuple[Tensor | float, ...]"
"""Sums over samples, of which a loss is a function; those that do not depend on the output may be plain numbers."""
Form: TypeAlias = Literal["classes", "one_hot", "binary", "values"]
"""What a loss compares an output with: class indices, a row of 0s with a 1, a single 0 or 1, or numbers as they are."""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What a loss compares an output (n, ...) with.

    `values` are class indices, IGNORED where nothing is said, or numbers of the output's shape; of these `counted` says
    which count, all where it is None. `weight` (n, *S) is there where each place weighs differently.
    """

    values: Tensor
    counted: Tensor | None = None
    weight: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SetLoss:
    """A loss at work: `sums` of an output and its target, and the `value` of such sums.

    `counts` is the last of the sums where a target alone decides it and the loss is the first sum over it; else None.
    """

    sums: Callable[[Tensor, Target], Sums]
    value: Callable[[Sums], Tensor]
    counts: Callable[[Target], Tensor | float] | None = None

    def __call__(self, output: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """The loss of these samples alone."""
        return self.value(self.sums(output, Target(target, weight=weight)))


def mean(each: Callable[[Tensor, Target], Tensor], counts: Callable[[Target], Tensor | float]) -> SetLoss:
    """The loss that is the sum of `each` place's, which are 0 where nothing counts, over the sum of `counts`."""
    return SetLoss(lambda output, target: (each(output, target).sum(), counts(target)), ratio, counts)


def ratio(sums: Sums) -> Tensor:
    """The first sum over the second; 0 where nothing counts."""
    numerator, count = cast("tuple[Tensor, Tensor | float]", sums)
    if isinstance(count, int | float):
        return numerator / (count or 1)
    return numerator / count.masked_fill(count == 0, 1)


def entries(target: Target) -> Tensor | float:
    """How many entries of a target count."""
    if target.counted is not None:
        return target.counted.sum()
    return target.values.numel() if target.values.is_floating_point() else _known_count(target.values)


def _known_count(classes: Tensor) -> Tensor | float:
    """How many places of a target are said to be of a class; single classes all are."""
    return len(classes) if classes.ndim == 1 else (classes != IGNORED).sum()


def counting(losses: Tensor, target: Target) -> Tensor:
    """The losses of the entries that count, 0 of the others."""
    return losses if target.counted is None else losses * target.counted


class Loss(Part):
    """Base of all losses."""

    takes: ClassVar[Literal["classes", "values"]]
    """Whether the loss is given class indices beside scores, or values of the output's own shape."""

    of_logarithms: ClassVar[bool] = False
    """Whether it is given logarithms of probabilities."""

    def build(self, device: torch.device) -> SetLoss:
        """The loss at work on that device."""
        raise NotImplementedError

    def form(self, output: Dims, data: Data) -> Form | None:
        """What this loss compares an output of that shape with, given these data; None where they do not fit."""
        if self.takes == "classes":
            return "classes" if data.classes is not None and output[1:] == data.target and output else None
        if data.classes is None:
            return "values" if _without_ones(output) == _without_ones(data.target) else None
        if output == (data.classes, *data.target) and data.classes > 1:
            return "one_hot"
        return "binary" if data.classes <= 2 and output in (data.target, (1, *data.target)) else None

    def misuse(self, form: Form) -> str:
        """What is wrong with the arguments where targets have that form; nothing where they are right."""
        return ""

    @property
    def is_balanced(self) -> bool:
        """Whether its weights are to be taken from how often each class is there."""
        return False

    def balanced(self, labels: NDArray[Any], classes: int) -> Loss:
        """The loss with the weights that these training labels give it, of so many classes."""
        return self

    def squashes(self) -> bool:
        """Whether it makes probabilities out of what it is given, which no sigmoid or softmax has been done to then."""
        return self.takes == "classes"

    def distance(self) -> float | None:
        """The margin of what it compares with it, where outputs are distances: small ones stand for class 1."""
        return None


class Itself(Loss):
    """The output as it is: a net can compute what is to be made small, such as a distance between distributions."""

    name = "itself"
    takes = "values"

    def build(self, device: torch.device) -> SetLoss:
        return mean(lambda output, target: output, entries)


class Weighing(Loss):
    """Base of the losses for which the places of a target weigh differently."""

    def weights(self, mask: NDArray[Any]) -> NDArray[Any]:
        """The weight of each place of a target."""
        raise NotImplementedError


Weights: TypeAlias = tuple[AtLeastZero, ...] | Literal["balanced"] | None
"""A number a class, or `balanced`: such that all classes count alike in the training data."""


def numbers(weights: Weights) -> tuple[float, ...] | None:
    """The weights as numbers; raises AssertionError where they have not been taken from the data yet."""
    assert not isinstance(weights, str)
    return weights


def balanced_weights(labels: NDArray[Any], classes: int) -> tuple[float, ...]:
    """samples / (classes there * samples of the class), as scikit-learn has it; 1 for a class that is not there."""
    import numpy as np

    counts = np.bincount(labels[labels >= 0].ravel(), minlength=classes)
    there = counts > 0
    weights = np.where(there, counts.sum() / (max(there.sum(), 1) * np.maximum(counts, 1)), 1.0)
    return tuple(float(f"{weight:.8g}") for weight in weights)


LOSSES: Table[Loss] = Table("loss")


@dataclass(frozen=True, slots=True)
class Term:
    """A loss of one output, weighted: `0.3 * cross_entropy(aux1)`. `output` is None where the spec names none.

    `target` is what it is compared with, where the spec says that: a target of the data or an input of the net by its
    name, or a number.
    """

    loss: Loss
    weight: float = 1.0
    output: str | None = None
    span: Span = NOWHERE
    target: str | float | None = None

    def written(self) -> str:
        """The term as a spec would write it."""
        if isinstance(self.loss, Itself):
            call = self.output or ""
        else:
            call = call_text(self.loss, self.output, None if self.target is None else f"{self.target}")
        return call if self.weight == 1 else f"{self.weight} * {call}"


class PlannedTerm(NamedTuple):
    """A term of a loss with what it is about: the output of that index, compared in that form with a reference."""

    term: Term
    output: int
    form: Form
    reference: Reference = TARGET


def prepared(form: Form, target: Tensor, output: Tensor, weight: Tensor | None = None) -> Target:
    """The targets of a batch as a loss of that form compares them with the output."""
    if form == "classes":
        return Target(target, weight=weight)
    if target.is_floating_point() or target.ndim == 1:
        counted = None
    else:
        counted = target != IGNORED
        target = target.clamp(min=0)
    if form == "one_hot":
        from torch.nn import functional

        rows = functional.one_hot(target, output.shape[1]).movedim(-1, 1).to(output.dtype)
        return Target(rows, None if counted is None else counted.unsqueeze(1).expand_as(rows), weight)
    shaped = None if counted is None else counted.view(output.shape)
    return Target(target.to(output.dtype).view(output.shape), shaped, weight)


def _without_ones(shape: Dims) -> Dims:
    return tuple(size for size in shape if size != 1)
