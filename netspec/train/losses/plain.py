"""The losses of `torch.nn`, with torch's argument names and defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from netspec.layers.declaration.base import Bool, Int, Probability
from netspec.train.data.base import IGNORED
from netspec.train.losses.base import (
    LOSSES,
    Loss,
    SetLoss,
    Target,
    Weights,
    balanced_weights,
    counting,
    entries,
    mean,
    numbers,
)
from netspec.train.parts import AboveZero, AtLeastZero

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor


class OfTorch(Loss):
    """Base of the losses of torch: the fields are the arguments of the class that `torch_name` names."""

    torch_name: ClassVar[str]

    def build(self, device: torch.device) -> SetLoss:
        import torch

        loss = getattr(torch.nn, self.torch_name)(**self.model_dump(), reduction="none").to(device)
        return mean(lambda output, target: counting(loss(output, target.values), target), entries)


class OfClasses(OfTorch):
    """Base of those of class scores (n, classes, *S) beside classes (n, *S).

    `weight` is a number a class, or `balanced`.

    The mean is over the weights of the classes that occur, as torch has it, where `weighted`, else over the places.
    """

    takes = "classes"
    weighted: ClassVar[bool] = True
    weight: Weights = None

    @property
    def is_balanced(self) -> bool:
        return self.weight == "balanced"

    def balanced(self, labels: NDArray[Any], classes: int) -> Loss:
        return self.model_copy(update={"weight": balanced_weights(labels, classes)})

    def build(self, device: torch.device) -> SetLoss:
        import torch

        class_weights = numbers(self.weight)
        weight = None if class_weights is None else torch.tensor(class_weights, device=device)
        others = {key: value for key, value in self.model_dump().items() if key not in ("weight", "ignore_index")}
        loss = getattr(torch.nn, self.torch_name)(**others, weight=weight, reduction="none", **self.ignoring())
        ignored: int | None = getattr(self, "ignore_index", None)

        def classes(target: Target) -> Tensor:
            y = target.values
            return y if ignored is None or ignored == IGNORED else y.masked_fill(y == ignored, IGNORED)

        def counts(target: Target) -> Tensor | float:
            y = classes(target)
            if weight is not None and self.weighted:
                return (weight[y.clamp(min=0)] * (y != IGNORED)).sum()
            return len(y) if y is target.values and y.ndim == 1 else (y != IGNORED).sum()

        return mean(lambda output, target: self.each(loss, output, classes(target)), counts)

    def ignoring(self) -> dict[str, int]:
        """The argument by which torch leaves places out."""
        return {"ignore_index": IGNORED}

    def each(self, loss: Callable[[Tensor, Tensor], Tensor], output: Tensor, classes: Tensor) -> Tensor:
        """The loss of each place, 0 where nothing is said."""
        return loss(output, classes)


@LOSSES("cross_entropy", "ce", "xent", "categorical_crossentropy", "sparse_categorical_crossentropy", "softmax_loss")
class CrossEntropy(OfClasses):
    """Of class scores, before any softmax; `weight` is one number a class."""

    torch_name = "CrossEntropyLoss"
    ignore_index: Int = -100
    label_smoothing: Probability = 0.0


@LOSSES("nll", "negative_log_likelihood")
class NLL(OfClasses):
    """Negative log likelihood, of log probabilities: what log_softmax gives."""

    torch_name = "NLLLoss"
    of_logarithms = True
    ignore_index: Int = -100

    def squashes(self) -> bool:
        return False


@LOSSES("multi_margin")
class MultiMargin(OfClasses):
    """The hinge loss of class scores: each score is to stay `margin` below that of the true class."""

    torch_name = "MultiMarginLoss"
    weighted = False
    p: Literal[1, 2] = 1
    margin: AtLeastZero = 1.0

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        return ("p", "margin", "weight")

    def squashes(self) -> bool:
        return False

    def ignoring(self) -> dict[str, int]:
        return {}

    def each(self, loss: Callable[[Tensor, Tensor], Tensor], output: Tensor, classes: Tensor) -> Tensor:
        """Torch's takes rows of scores alone: places come one after another."""
        rows = output.movedim(1, -1).reshape(-1, output.shape[1])
        y = classes.reshape(-1)
        return loss(rows, y.clamp(min=0)) * (y != IGNORED)


@LOSSES("bce", "BCEWithLogits", "binary_crossentropy")
class BCE(OfTorch):
    """Binary cross-entropy of logits, before any sigmoid, or with logits=false of probabilities, after one.

    `pos_weight` is one number an output, for logits, or `balanced`: each label's no by its yes in the training data.
    """

    torch_name = "BCEWithLogitsLoss"
    takes = "values"
    weight: tuple[AtLeastZero, ...] | None = None
    pos_weight: Weights = None
    logits: Bool = True

    @model_validator(mode="after")
    def _weights_logits(self) -> BCE:
        if self.pos_weight is not None and not self.logits:
            raise ValueError("pos_weight is for logits")
        return self

    @property
    def is_balanced(self) -> bool:
        return self.pos_weight == "balanced"

    def balanced(self, labels: NDArray[Any], classes: int) -> Loss:
        """With as much weight on the yes of each label as on its no; 1 where there is no yes."""
        import numpy as np

        rows = labels.reshape(len(labels), -1) if labels.ndim > 1 else labels[:, None]
        yes, no = (rows == 1).sum(0), (rows == 0).sum(0)
        weights = np.where(yes > 0, no / np.maximum(yes, 1), 1.0)
        return self.model_copy(update={"pos_weight": tuple(float(f"{weight:.8g}") for weight in weights)})

    def build(self, device: torch.device) -> SetLoss:
        import torch
        from torch.nn import functional

        def along(numbers: tuple[float, ...] | None, output: Tensor) -> Tensor | None:
            """A number an output, in the shape that meets (n, outputs, *S)."""
            return None if numbers is None else torch.tensor(numbers, device=device).view(-1, *(1,) * (output.ndim - 2))

        def each(output: Tensor, target: Target) -> Tensor:
            weight = along(self.weight, output)
            if not self.logits:
                return functional.binary_cross_entropy(output, target.values, weight, reduction="none")
            return functional.binary_cross_entropy_with_logits(
                output, target.values, weight, pos_weight=along(numbers(self.pos_weight), output), reduction="none"
            )

        return mean(lambda output, target: counting(each(output, target), target), entries)

    def squashes(self) -> bool:
        return self.logits


@LOSSES("mse", "mean_squared_error", "l2")
class MSE(OfTorch):
    """The mean squared error; of class scores, against a row of 0s with a 1 at the class."""

    torch_name = "MSELoss"
    takes = "values"


@LOSSES("l1", "mean_absolute_error", "mae")
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
