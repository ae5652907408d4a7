"""Losses of masks, whose classes are seldom as many: overlap, hard places, borders between cells.

Each takes scores of classes (n, classes, *S) beside classes (n, *S), or one logit (n, 1, *S) beside 0 or 1; with
logits=false probabilities in their place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic import Field

from netspec.layers.declaration.base import Bool, Probability
from netspec.train.data.base import IGNORED, Data, Dims
from netspec.train.losses.base import (
    LOSSES,
    Form,
    Loss,
    SetLoss,
    Sums,
    Target,
    Weighing,
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


class MaskLoss(Loss):
    """Base of the losses that take scores of classes, or one logit."""

    takes = "values"

    def form(self, output: Dims, data: Data) -> Form | None:
        if data.classes is None or not output:
            return None
        if data.classes <= 2 and output in (data.target, (1, *data.target)):
            return "binary"
        return "classes" if output[1:] == data.target else None

    def squashes(self) -> bool:
        return bool(getattr(self, "logits", True))


@LOSSES("dice")
class Dice(MaskLoss):
    """1 - (2 sum p t + smooth) / (sum p + sum t + smooth), over the batch and each class, averaged over classes.

    Source: Milletari, Navab, Ahmadi, "V-Net", 2016, with plain sums in the denominator, as Sudre et al. 2017 have them.
    """

    smooth: AtLeastZero = Field(default=1.0, description="keeps a class that is nowhere from counting")
    logits: Bool = True

    def build(self, device: torch.device) -> SetLoss:
        def sums(output: Tensor, target: Target) -> Sums:
            p, t = _shares(output, target, logits=self.logits)
            axes = (0, *range(2, p.ndim))
            return 2 * (p * t).sum(axes), p.sum(axes) + t.sum(axes)

        def value(sums: Sums) -> Tensor:
            both, sizes = cast("tuple[Tensor, Tensor]", sums)
            whole = sizes + self.smooth
            return 1 - ((both + self.smooth) / whole.masked_fill(whole == 0, 1)).mean()

        return SetLoss(sums, value)


@LOSSES("focal")
class Focal(MaskLoss):
    """Cross-entropy times (1 - p) ** gamma, where p is what the net gives the true class: hard places count more.

    `alpha` is the weight of class 1 where there is one logit, and 1 - alpha that of class 0; `weight` is a number for
    each of several classes. Source: Lin, Goyal, Girshick, He, Dollar, "Focal loss for dense object detection", 2017.
    """

    gamma: AtLeastZero = 2.0
    alpha: Probability | None = None
    weight: Weights = None

    @property
    def is_balanced(self) -> bool:
        return self.weight == "balanced"

    def balanced(self, labels: NDArray[Any], classes: int) -> Loss:
        return self.model_copy(update={"weight": balanced_weights(labels, classes)})

    def misuse(self, form: Form) -> str:
        if form == "classes" and self.alpha is not None:
            return "alpha is for one logit: of several classes, weight is a number each"
        return "weight is for several classes: of one logit, alpha is" if form == "binary" and self.weight else ""

    def build(self, device: torch.device) -> SetLoss:
        import torch
        from torch.nn import functional

        class_weights = numbers(self.weight)
        weights = None if class_weights is None else torch.tensor(class_weights, device=device)

        def each(output: Tensor, target: Target) -> Tensor:
            y = target.values
            if y.is_floating_point():
                entropy = functional.binary_cross_entropy_with_logits(output, y, reduction="none")
                scale = 1.0 if self.alpha is None else self.alpha * y + (1 - self.alpha) * (1 - y)
                return counting(scale * (1 - torch.exp(-entropy)) ** self.gamma * entropy, target)
            entropy = functional.cross_entropy(output, y, reduction="none", ignore_index=IGNORED)
            scale = 1.0 if weights is None else weights[y.clamp(min=0)]
            return scale * (1 - torch.exp(-entropy)) ** self.gamma * entropy

        return mean(each, entries)


@LOSSES("border_cross_entropy")
class BorderCrossEntropy(Weighing, MaskLoss):
    """The mean cross-entropy of places that weigh w(x) = w_c(x) + w0 exp(-(d1(x) + d2(x))^2 / (2 sigma^2)).

    d1 and d2 are the distances to the border of the nearest cell and of the second nearest; cells are the connected
    parts of every class but 0. w_c makes all classes of a mask count alike, or is 1 with balance=false. The weights are
    made of each mask before it is augmented, and augmented with it.
    Source: Ronneberger, Fischer, Brox, "U-Net: Convolutional networks for biomedical image segmentation", 2015, eq. 2.
    """

    w0: AtLeastZero = 10.0
    sigma: AboveZero = 5.0
    balance: Bool = True

    def form(self, output: Dims, data: Data) -> Form | None:
        return super().form(output, data) if len(data.target) == 2 else None

    def weights(self, mask: NDArray[Any]) -> NDArray[Any]:
        """The weight of each place of a mask of classes (height, width)."""
        from netspec.train.losses.borders import border_weights

        return border_weights(mask, self.w0, self.sigma, balance=self.balance)

    def build(self, device: torch.device) -> SetLoss:
        from torch.nn import functional

        def weights(target: Target) -> Tensor:
            """The weight of each place, 0 where it does not count."""
            assert target.weight is not None
            if target.values.is_floating_point():
                weight = target.weight.view_as(target.values)
                return weight if target.counted is None else weight * target.counted
            return target.weight * (target.values != IGNORED)

        def each(output: Tensor, target: Target) -> Tensor:
            if target.values.is_floating_point():
                entropy = functional.binary_cross_entropy_with_logits(output, target.values, reduction="none")
            else:
                entropy = functional.cross_entropy(output, target.values, reduction="none", ignore_index=IGNORED)
            return weights(target) * entropy

        return mean(each, lambda target: weights(target).sum())


def _shares(output: Tensor, target: Target, *, logits: bool) -> tuple[Tensor, Tensor]:
    """What the net gives each class and what is so, (n, classes, *S); nothing of either where a place is ignored.

    Single numbers (n) and maps without an axis for classes (n, height, width) get one.
    """
    from torch.nn import functional

    y, counted = target.values, target.counted
    if y.is_floating_point():
        p = output.sigmoid() if logits else output
        if counted is not None:
            p, y = p * counted, y * counted
        return (p.unsqueeze(1), y.unsqueeze(1)) if p.ndim in (1, 3) else (p, y)
    valid = (y != IGNORED).unsqueeze(1)
    p = output.softmax(1) if logits else output
    t = functional.one_hot(y.clamp(min=0), output.shape[1]).movedim(-1, 1).to(p.dtype)
    return p * valid, t * valid
