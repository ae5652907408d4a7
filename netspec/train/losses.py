"""Losses by name: those of `torch.nn`, with torch's argument names; sums of them over the outputs of a net."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from pydantic import Field

from netspec.layers.base import Bool, Int, Probability
from netspec.syntax.source import NOWHERE, Span
from netspec.train.data import Data, Dims
from netspec.train.parts import AboveZero, AtLeastZero, Part, Table

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Form: TypeAlias = Literal["classes", "one_hot", "binary", "values"]
"""What a loss compares an output with: class indices, a row of 0s with a 1, a single 0 or 1, or numbers as they are."""


class Loss(Part):
    """Base of all losses: the fields are the arguments of the torch class that `torch_name` names."""

    torch_name: ClassVar[str]
    takes: ClassVar[Literal["classes", "values"]]
    """Whether the loss is given class indices beside scores, or values of the output's own shape."""

    def build(self, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
        """The mean loss of a batch as a function of output and target."""
        import torch

        arguments = {
            name: torch.tensor(value, device=device) if isinstance(value, tuple) else value
            for name, value in self.model_dump().items()
        }
        made: torch.nn.Module = getattr(torch.nn, self.torch_name)(**arguments)
        return made.to(device)

    def form(self, output: Dims, data: Data) -> Form | None:
        """What this loss compares an output of that shape with, given these data; None where they do not fit."""
        if self.takes == "classes":
            return "classes" if data.classes is not None and output[1:] == data.target and output else None
        if data.classes is None:
            return "values" if _without_ones(output) == _without_ones(data.target) else None
        if output == (data.classes, *data.target) and data.classes > 1:
            return "one_hot"
        return "binary" if data.classes <= 2 and output in (data.target, (1, *data.target)) else None


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
        name, _, arguments = self.loss.written().partition("(")
        inside = ", ".join(filter(None, (self.output, arguments.removesuffix(")"))))
        call = f"{name}({inside})" if inside else name
        return call if self.weight == 1 else f"{self.weight} * {call}"


@LOSSES("cross_entropy")
class CrossEntropy(Loss):
    """Of class scores, before any softmax; `weight` is one number a class."""

    torch_name = "CrossEntropyLoss"
    takes = "classes"
    weight: tuple[AtLeastZero, ...] | None = None
    ignore_index: Int = -100
    label_smoothing: Probability = 0.0


@LOSSES("nll")
class NLL(Loss):
    """Negative log likelihood, of log probabilities: what log_softmax gives."""

    torch_name = "NLLLoss"
    takes = "classes"
    weight: tuple[AtLeastZero, ...] | None = None
    ignore_index: Int = -100


@LOSSES("multi_margin")
class MultiMargin(Loss):
    """The hinge loss of class scores: each score is to stay `margin` below that of the true class."""

    torch_name = "MultiMarginLoss"
    takes = "classes"
    p: Literal[1, 2] = 1
    margin: AtLeastZero = 1.0
    weight: tuple[AtLeastZero, ...] | None = None


@LOSSES("bce")
class BCE(Loss):
    """Binary cross-entropy of logits, before any sigmoid; `pos_weight` is one number an output."""

    torch_name = "BCEWithLogitsLoss"
    takes = "values"
    weight: tuple[AtLeastZero, ...] | None = None
    pos_weight: tuple[AtLeastZero, ...] | None = None


@LOSSES("mse")
class MSE(Loss):
    """The mean squared error; of class scores, against a row of 0s with a 1 at the class."""

    torch_name = "MSELoss"
    takes = "values"


@LOSSES("l1")
class L1(Loss):
    """The mean absolute error."""

    torch_name = "L1Loss"
    takes = "values"


@LOSSES("smooth_l1")
class SmoothL1(Loss):
    """Squared below `beta`, absolute above (Girshick, Fast R-CNN, 2015)."""

    torch_name = "SmoothL1Loss"
    takes = "values"
    beta: AtLeastZero = 1.0


@LOSSES("huber")
class Huber(Loss):
    """Squared below `delta`, and `delta` times absolute above (Huber 1964)."""

    torch_name = "HuberLoss"
    takes = "values"
    delta: AboveZero = 1.0


@LOSSES("poisson_nll")
class PoissonNLL(Loss):
    """Negative log likelihood of counts; the output is the log of their mean, or with log_input=false their mean."""

    torch_name = "PoissonNLLLoss"
    takes = "values"
    log_input: Bool = True
    full: Bool = False
    eps: AboveZero = Field(default=1e-8, description="keeps the logarithm of a mean of 0 finite")


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
