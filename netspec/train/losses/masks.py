"""Losses of masks, whose classes are seldom as many: overlap, hard places, borders between cells.

Each takes scores of classes (n, classes, *S) beside classes (n, *S), or one logit (n, 1, *S) beside 0 or 1; with
logits=false probabilities in their place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from netspec.layers.base import Bool, Probability
from netspec.train.data.base import IGNORED, Data, Dims
from netspec.train.losses.base import LOSSES, Criterial, Form, Loss, Weighing
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

    def build(self, device: torch.device) -> Criterial:
        def dice(output: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
            p, t = _shares(output, target, logits=self.logits)
            axes = (0, *range(2, p.ndim))
            both, sizes = (p * t).sum(axes), p.sum(axes) + t.sum(axes)
            return 1 - ((2 * both + self.smooth) / (sizes + self.smooth)).mean()

        return dice


@LOSSES("focal")
class Focal(MaskLoss):
    """Cross-entropy times (1 - p) ** gamma, where p is what the net gives the true class: hard places count more.

    `alpha` is the weight of class 1 where there is one logit, and 1 - alpha that of class 0; `weight` is a number for
    each of several classes. Source: Lin, Goyal, Girshick, He, Dollar, "Focal loss for dense object detection", 2017.
    """

    gamma: AtLeastZero = 2.0
    alpha: Probability | None = None
    weight: tuple[AtLeastZero, ...] | None = None

    def build(self, device: torch.device) -> Criterial:
        import torch
        from torch.nn import functional

        weights = None if self.weight is None else torch.tensor(self.weight, device=device)

        def focal(output: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
            if target.is_floating_point():
                entropy = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
                scale = 1.0 if self.alpha is None else self.alpha * target + (1 - self.alpha) * (1 - target)
                return (scale * (1 - torch.exp(-entropy)) ** self.gamma * entropy).mean()
            entropy = functional.cross_entropy(output, target, reduction="none", ignore_index=IGNORED)
            scale = 1.0 if weights is None else weights[target.clamp(min=0)]
            return (scale * (1 - torch.exp(-entropy)) ** self.gamma * entropy).sum() / (target != IGNORED).sum()

        return focal


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

    def build(self, device: torch.device) -> Criterial:
        from torch.nn import functional

        def border(output: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
            assert weight is not None
            if target.is_floating_point():
                entropy = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
                weight = weight.view_as(entropy)
            else:
                entropy = functional.cross_entropy(output, target, reduction="none", ignore_index=IGNORED)
                weight = weight * (target != IGNORED)
            return (weight * entropy).sum() / weight.sum()

        return border


def _shares(output: Tensor, target: Tensor, *, logits: bool) -> tuple[Tensor, Tensor]:
    """What the net gives each class and what is so, (n, classes, *S); nothing of either where a place is ignored."""
    from torch.nn import functional

    if target.is_floating_point():
        shape = (len(output), 1, *output.shape[1:]) if output.ndim == target.ndim == 1 else output.shape
        return (output.sigmoid() if logits else output).view(shape), target.view(shape)
    counted = (target != IGNORED).unsqueeze(1)
    p = output.softmax(1) if logits else output
    t = functional.one_hot(target.clamp(min=0), output.shape[1]).movedim(-1, 1).to(p.dtype)
    return p * counted, t * counted
