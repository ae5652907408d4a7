"""What changes values and leaves places: noise, colours, parts wiped out, brightness brought to a common scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from netspec.train.augment.base import AUGMENTS, Augment, AugmentError, Share, Step, per_sample, some
from netspec.train.augment.kornias import Change
from netspec.train.batch import Batch
from netspec.train.parts import AboveZero, AtLeastZero, Real

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netspec.train.data import Dims, Split

MOST_MEASURED = 2000
"""Samples that a mean and a deviation are taken from, spread evenly over a training set that has more."""
EPSILON = 2.0**-23
"""The relative rounding of numbers of 32 bits: a deviation below that of the mean is no deviation."""


@AUGMENTS("normalize")
class Normalize(Augment):
    """(x - mean) / std, a number a channel; of the training samples where they are not given. Outside training too.

    Several inputs have these numbers in common.
    """

    ranks = (1, 2, 3)
    mean: tuple[Real, ...] | None = None
    std: tuple[AboveZero, ...] | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Normalize:
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std are given together, or neither")
        return self

    def resized(self, shape: Dims) -> Dims:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) not in (1, shape[0]):
                raise AugmentError(f"{name} of normalize has {len(values)} numbers for {shape[0]} channels")
        return shape

    def fitted(self, split: Split, inputs: Sequence[int] = (0,)) -> Self:
        if self.mean is not None or len(split) == 0:
            return self
        import numpy as np

        samples = split.some(MOST_MEASURED)
        x = _together([_stacked([sample[index] for sample in samples]) for index in inputs])
        scale = 255 if x.dtype == np.uint8 else 1
        axes = (0, *range(2, x.ndim))
        mean = x.mean(axes, dtype=np.float64) / scale
        std = x.std(axes, dtype=np.float64) / scale
        return self.model_copy(
            update={
                "mean": tuple(map(_written, mean)),
                "std": tuple(
                    _written(own) if own > EPSILON * abs(at) else 1.0 for own, at in zip(std, mean, strict=True)
                ),
            }
        )

    def build(self) -> Step:
        import torch

        assert self.mean is not None
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)

        def normalize(batch: Batch) -> Batch:
            shape = (1, -1, *(1,) * (batch.x.ndim - 2))
            return batch.with_x((batch.x - mean.to(batch.x).view(shape)) / std.to(batch.x).view(shape))

        return normalize

    def tested(self) -> Augment:
        return self


@AUGMENTS("noise", "GaussianNoise")
class Noise(Augment):
    """Gaussian noise added to each value; images have brightness from 0 to 1 before `normalize`."""

    ranks = (1, 2, 3)
    std: AtLeastZero = 0.05
    p: Share = 1.0

    def build(self) -> Step:
        import torch

        return lambda batch: some(batch, self.p, batch.x + self.std * torch.randn_like(batch.x))


@AUGMENTS("color_jitter")
class ColorJitter(Change):
    """Brightness, contrast and saturation changed by up to these shares, and hue by up to this part of the circle."""

    brightness: Share = 0.2
    contrast: Share = 0.2
    saturation: Share = 0.2
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0

    def resized(self, shape: Dims) -> Dims:
        return _coloured(self, shape)

    def kornia(self) -> Any:
        from kornia.augmentation import ColorJitter

        return ColorJitter(self.brightness, self.contrast, self.saturation, self.hue, p=self.p)


@AUGMENTS("grayscale")
class Grayscale(Change):
    """Without colour, in three channels that are alike."""

    p: Share = 0.1

    def resized(self, shape: Dims) -> Dims:
        return _coloured(self, shape)

    def kornia(self) -> Any:
        from kornia.augmentation import RandomGrayscale

        return RandomGrayscale(p=self.p)


@AUGMENTS("blur", "GaussianBlur")
class Blur(Change):
    """Blurred by a Gaussian of `low` to `high` places."""

    low: AboveZero = 0.1
    high: AboveZero = 2.0

    @model_validator(mode="after")
    def _in_order(self) -> Blur:
        if self.low > self.high:
            raise ValueError("low is at most high")
        return self

    def resized(self, shape: Dims) -> Dims:
        if min(shape[1:]) <= self._width // 2:
            raise AugmentError(f"blur reaches {self._width // 2} places, and the images have {min(shape[1:])}")
        return shape

    @property
    def _width(self) -> int:
        return 2 * int(3 * self.high + 0.5) + 1

    def kornia(self) -> Any:
        from kornia.augmentation import RandomGaussianBlur

        return RandomGaussianBlur((self._width,) * 2, (self.low, self.high), p=self.p)


@AUGMENTS("gamma")
class Gamma(Change):
    """Brightness to the power of `low` to `high`; before `normalize`."""

    low: AboveZero = 0.7
    high: AboveZero = 1.5
    p: Share = 1.0

    @model_validator(mode="after")
    def _in_order(self) -> Gamma:
        if self.low > self.high:
            raise ValueError("low is at most high")
        return self

    def kornia(self) -> Any:
        from kornia.augmentation import RandomGamma

        return RandomGamma((self.low, self.high), p=self.p)


@AUGMENTS("brightness")
class Brightness(Augment):
    """Contrast changed by up to the share `contrast` about an image's mean, up to `brightness` added; any channels."""

    brightness: Share = 0.2
    contrast: Share = 0.2
    p: Share = 1.0

    def build(self) -> Step:
        import torch

        def change(batch: Batch) -> Batch:
            x = batch.x
            shift, gain = (
                per_sample(torch.rand(len(x), device=x.device) * 2 - 1, x) * most
                for most in (self.brightness, self.contrast)
            )
            mean = x.mean(dim=tuple(range(1, x.ndim)), keepdim=True)
            return some(batch, self.p, (x - mean) * (1 + gain) + mean + shift)

        return change


@AUGMENTS("invert")
class Invert(Change):
    """1 - x: light and dark changed over; before `normalize`."""

    p: Share = 0.5

    def kornia(self) -> Any:
        from kornia.augmentation import RandomInvert

        return RandomInvert(p=self.p)


@AUGMENTS("erase", "RandomErasing", "cutout")
class Erase(Change):
    """A rectangle of each image, of a share `scale` of its area, set to `value`. Source: Zhong et al. 2020."""

    scale: tuple[AboveZero, AboveZero] = (0.02, 0.33)
    ratio: tuple[AboveZero, AboveZero] = (0.3, 3.3)
    value: Share = 0.0

    @model_validator(mode="after")
    def _in_order(self) -> Erase:
        if not self.scale[0] <= self.scale[1] <= 1 or self.ratio[0] > self.ratio[1]:
            raise ValueError("scale and ratio are [low, high], shares at most 1")
        return self

    def kornia(self) -> Any:
        from kornia.augmentation import RandomErasing

        return RandomErasing(self.scale, self.ratio, self.value, p=self.p)


def _written(value: Any) -> float:
    """A figure as run.json has it, in nine digits, which are all that a number of 32 bits has."""
    return float(f"{float(value):.9g}")


def _together(inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """What several inputs are given, each (n, channels, *S), as one sample [channels, places]."""
    import numpy as np

    if len(inputs) == 1:
        return inputs[0]
    channels = [x.shape[1] for x in inputs]
    if len(set(channels)) > 1:
        raise AugmentError(
            f"normalize has one number a channel for all inputs, and these have {' and '.join(map(str, channels))}",
            "normalise the data beforehand, or begin each branch with batchnorm",
        )
    shares = [x / np.float32(255) if x.dtype == np.uint8 else x for x in inputs]
    return np.concatenate([np.moveaxis(x, 1, 0).reshape(1, x.shape[1], -1) for x in shares], 2)


def _stacked(samples: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Samples [channels, *S] as (n, channels, *S); those of unlike sizes as one, (1, channels, places)."""
    import numpy as np

    if len({sample.shape for sample in samples}) == 1:
        return np.stack(samples)
    return np.concatenate([sample.reshape(1, len(sample), -1) for sample in samples], 2)


def _coloured(augment: Augment, shape: Dims) -> Dims:
    if shape[0] != 3:
        raise AugmentError(
            f"{augment.name} works on red, green and blue, and the images have {shape[0]} channels",
            "brightness works on any channels",
        )
    return shape
