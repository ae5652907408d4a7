"""The losses of `torch.nn`, with torch's argument names and defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from netspec.layers.base import Bool, Int, Probability
from netspec.train.losses.base import LOSSES, Criterial, Loss
from netspec.train.parts import AboveZero, AtLeastZero

if TYPE_CHECKING:
    import torch


class OfTorch(Loss):
    """Base of the losses of torch: the fields are the arguments of the class that `torch_name` names."""

    torch_name: ClassVar[str]

    def build(self, device: torch.device) -> Criterial:
        import torch

        arguments = {
            name: torch.tensor(value, device=device) if isinstance(value, tuple) else value
            for name, value in self.model_dump().items()
        }
        module: torch.nn.Module = getattr(torch.nn, self.torch_name)(**arguments)
        loss = module.to(device)
        return lambda output, target, weight: loss(output, target)


@LOSSES("cross_entropy")
class CrossEntropy(OfTorch):
    """Of class scores, before any softmax; `weight` is one number a class."""

    torch_name = "CrossEntropyLoss"
    takes = "classes"
    weight: tuple[AtLeastZero, ...] | None = None
    ignore_index: Int = -100
    label_smoothing: Probability = 0.0


@LOSSES("nll")
class NLL(OfTorch):
    """Negative log likelihood, of log probabilities: what log_softmax gives."""

    torch_name = "NLLLoss"
    takes = "classes"
    weight: tuple[AtLeastZero, ...] | None = None
    ignore_index: Int = -100

    def squashes(self) -> bool:
        return False


@LOSSES("multi_margin")
class MultiMargin(OfTorch):
    """The hinge loss of class scores: each score is to stay `margin` below that of the true class."""

    torch_name = "MultiMarginLoss"
    takes = "classes"
    p: Literal[1, 2] = 1
    margin: AtLeastZero = 1.0
    weight: tuple[AtLeastZero, ...] | None = None

    def squashes(self) -> bool:
        return False


@LOSSES("bce")
class BCE(OfTorch):
    """Binary cross-entropy of logits, before any sigmoid, or with logits=false of probabilities, after one.

    `pos_weight` is one number an output, for logits.
    """

    torch_name = "BCEWithLogitsLoss"
    takes = "values"
    weight: tuple[AtLeastZero, ...] | None = None
    pos_weight: tuple[AtLeastZero, ...] | None = None
    logits: Bool = True

    @model_validator(mode="after")
    def _weights_logits(self) -> BCE:
        if self.pos_weight is not None and not self.logits:
            raise ValueError("pos_weight is for logits")
        return self

    def build(self, device: torch.device) -> Criterial:
        import torch
        from torch.nn import functional

        weights = [
            None if given is None else torch.tensor(given, device=device) for given in (self.weight, self.pos_weight)
        ]
        if self.logits:
            return lambda output, target, _: functional.binary_cross_entropy_with_logits(
                output, target, weights[0], pos_weight=weights[1]
            )
        return lambda output, target, _: functional.binary_cross_entropy(output, target, weights[0])

    def squashes(self) -> bool:
        return self.logits


@LOSSES("mse")
class MSE(OfTorch):
    """The mean squared error; of class scores, against a row of 0s with a 1 at the class."""

    torch_name = "MSELoss"
    takes = "values"


@LOSSES("l1")
class L1(OfTorch):
    """The mean absolute error."""

    torch_name = "L1Loss"
    takes = "values"


@LOSSES("smooth_l1")
class SmoothL1(OfTorch):
    """Squared below `beta`, absolute above (Girshick, Fast R-CNN, 2015)."""

    torch_name = "SmoothL1Loss"
    takes = "values"
    beta: AtLeastZero = 1.0


@LOSSES("huber")
class Huber(OfTorch):
    """Squared below `delta`, and `delta` times absolute above (Huber 1964)."""

    torch_name = "HuberLoss"
    takes = "values"
    delta: AboveZero = 1.0


@LOSSES("poisson_nll")
class PoissonNLL(OfTorch):
    """Negative log likelihood of counts; the output is the log of their mean, or with log_input=false their mean."""

    torch_name = "PoissonNLLLoss"
    takes = "values"
    log_input: Bool = True
    full: Bool = False
    eps: AboveZero = Field(default=1e-8, description="keeps the logarithm of a mean of 0 finite")
