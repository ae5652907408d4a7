"""What a loss is, what it compares, and how losses are summed over the outputs of a net."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from netspec.syntax.source import NOWHERE, Span
from netspec.train.data import Data, Dims
from netspec.train.parts import Part, Table, called

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

Criterial: TypeAlias = "Callable[[Tensor, Tensor, Tensor | None], Tensor]"
Form: TypeAlias = Literal["classes", "one_hot", "binary", "values"]
"""What a loss compares an output with: class indices, a row of 0s with a 1, a single 0 or 1, or numbers as they are."""


class Loss(Part):
    """Base of all losses."""

    takes: ClassVar[Literal["classes", "values"]]
    """Whether the loss is given class indices beside scores, or values of the output's own shape."""

    def build(self, device: torch.device) -> Criterial:
        """The mean loss of a batch as a function of output, target, and the weights of places where there are any."""
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

    def squashes(self) -> bool:
        """Whether it makes probabilities out of what it is given, which no sigmoid or softmax has been done to then."""
        return self.takes == "classes"

    def distance(self) -> float | None:
        """The margin of what it compares with it, where outputs are distances: small ones stand for class 1."""
        return None


class Weighing(Loss):
    """Base of the losses for which the places of a target weigh differently."""

    def weights(self, mask: NDArray[Any]) -> NDArray[Any]:
        """The weight of each place of a target."""
        raise NotImplementedError


LOSSES: Table[Loss] = Table("loss")


@dataclass(frozen=True, slots=True)
class Term:
    """A loss of one output, weighted: `0.3 * cross_entropy(aux1)`. `output` is None where the spec names none."""

    loss: Loss
    weight: float = 1.0
    output: str | None = None
    span: Span = NOWHERE

    def written(self) -> str:
        """The term as a spec would write it."""
        call = called(self.loss, self.output)
        return call if self.weight == 1 else f"{self.weight} * {call}"


def prepared(form: Form, target: Tensor, output: Tensor) -> Tensor:
    """The targets of a batch as a loss of that form compares them with the output."""
    if form == "classes":
        return target
    if form == "one_hot":
        from torch.nn import functional

        rows = functional.one_hot(target, output.shape[1])
        return rows.movedim(-1, 1).to(output.dtype)
    return target.to(output.dtype).view_as(output)


def _without_ones(shape: Dims) -> Dims:
    return tuple(size for size in shape if size != 1)
