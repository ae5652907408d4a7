"""Images turned, scaled, moved, sheared and stretched like rubber: places are interpolated, masks take the nearest.

Affine, projective and elastic maps are kornia's (Riba et al., "Kornia: an open source differentiable computer vision
library for PyTorch", 2020).
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from netspec.layers.declaration.base import Positive
from netspec.train.augment.base import AUGMENTS, Fill, Share, Sized, Step, moved, sizes, warped
from netspec.train.augment.crops import beginning, cutout
from netspec.train.augment.kornias import Warp
from netspec.train.batch import Batch
from netspec.train.parts import AboveZero, AtLeastZero

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.train.data import Dims

Angle = Annotated[float, Field(ge=0, le=180)]
FILLS = {"zeros": "zeros", "edge": "border", "reflect": "reflection"}
"""A fill in the words of kornia, and of torch's grid_sample."""


class Affine(Warp):
    """Base of the affine maps about the middle of an image."""

    fill: Fill = "reflect"

    def map(self) -> dict[str, Any]:
        """The arguments of kornia's RandomAffine."""
        raise NotImplementedError

    def kornia(self) -> Any:
        from kornia.augmentation import RandomAffine

        return RandomAffine(**{"degrees": 0.0, **self.map()}, padding_mode=FILLS[self.fill], p=self.p)


@AUGMENTS("rotate", "RandomRotation")
class Rotate(Affine):
    """A turn by up to `degrees` either way."""

    degrees: Angle = 15.0

    def map(self) -> dict[str, Any]:
        return {"degrees": self.degrees}


@AUGMENTS("zoom")
class Zoom(Affine):
    """Images smaller or larger, `low` to `high` times."""

    low: AboveZero = 0.8
    high: AboveZero = 1.2

    @model_validator(mode="after")
    def _in_order(self) -> Zoom:
        if self.low > self.high:
            raise ValueError("low is at most high")
        return self

    def map(self) -> dict[str, Any]:
        return {"scale": (self.low, self.high)}


@AUGMENTS("translate")
class Translate(Affine):
    """A shift by up to the share `x` of the width and `y` of the height either way."""

    x: Share = 0.1
    y: Share | None = None

    def map(self) -> dict[str, Any]:
        return {"translate": (self.x, self.x if self.y is None else self.y)}


@AUGMENTS("shear")
class Shear(Affine):
    """Slanted by up to `degrees` either way, along the width and along the height."""

    degrees: Annotated[float, Field(ge=0, lt=90)] = 10.0

    def map(self) -> dict[str, Any]:
        return {"shear": (-self.degrees, self.degrees, -self.degrees, self.degrees)}


@AUGMENTS("affine")
class AnyAffine(Affine):
    """A turn, a zoom, a shift and a slant at once, so that places are interpolated once."""

    degrees: Angle = 15.0
    translate: Share = 0.1
    zoom: tuple[AboveZero, AboveZero] = (0.8, 1.2)
    shear: Annotated[float, Field(ge=0, lt=90)] = 0.0

    @model_validator(mode="after")
    def _in_order(self) -> AnyAffine:
        if self.zoom[0] > self.zoom[1]:
            raise ValueError("zoom is [low, high]")
        return self

    def map(self) -> dict[str, Any]:
        slant = (-self.shear, self.shear, -self.shear, self.shear)
        shift = (self.translate, self.translate)
        return {"degrees": self.degrees, "translate": shift, "scale": self.zoom, "shear": slant}


@AUGMENTS("perspective")
class Perspective(Warp):
    """Seen from aside: each corner moves in by up to half the share `distortion` of the side; outside are zeros."""

    distortion: Share = 0.3
    p: Share = 0.5

    def kornia(self) -> Any:
        from kornia.augmentation import RandomPerspective

        return RandomPerspective(self.distortion, p=self.p)


@AUGMENTS("elastic")
class Elastic(Warp):
    """Stretched like rubber: each place moves by noise from -alpha to alpha, smoothed by a Gaussian of `sigma` places.

    Noise is in halves of the image's side, before smoothing; what is left of it is about alpha / (6 sigma) of them.
    Source: Simard, Steinkraus, Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", 2003, section 2.
    """

    straight = False
    alpha: AtLeastZero = 1.0
    sigma: Annotated[float, Field(gt=0, le=200)] = 4.0
    fill: Fill = "reflect"

    def kornia(self) -> Any:
        from kornia.augmentation import RandomElasticTransform

        width = 2 * ceil(3 * self.sigma) + 1
        return RandomElasticTransform(
            (width, width), (self.sigma,) * 2, (self.alpha,) * 2, padding_mode=FILLS[self.fill], p=self.p
        )


@AUGMENTS("deform")
class Deform(Warp):
    """Stretched smoothly: the points of a coarse grid move by Gaussian noise of `std` places, the rest follows them.

    Source: Ronneberger, Fischer, Brox, "U-Net", 2015, section 3.1: a 3 x 3 grid and 10 places.
    """

    package = "torch"
    straight = False
    std: AtLeastZero = 10.0
    points: Annotated[int, Field(ge=2, le=64)] = 3
    fill: Fill = "reflect"

    def build(self) -> Step:
        import torch
        from torch.nn import functional

        def deform(batch: Batch) -> Batch:
            n, _, height, width = batch.x.shape
            device = batch.x.device
            coarse = torch.randn(n, 2, self.points, self.points, device=device) * self.std
            coarse = coarse * (torch.rand(n, 1, 1, 1, device=device) < self.p)
            places = functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)
            halves = torch.tensor([2 / width, 2 / height], device=device)
            still = functional.affine_grid(
                torch.eye(2, 3, device=device).expand(n, 2, 3), [n, 1, height, width], align_corners=False
            )
            grid = still + places.movedim(1, -1) * halves

            def along(tensor: Tensor, nearest: bool) -> Tensor:
                mode = "nearest" if nearest else "bilinear"
                return functional.grid_sample(
                    tensor, grid.to(tensor.dtype), mode=mode, padding_mode=FILLS[self.fill], align_corners=False
                )

            return warped(batch, along)

        return deform


@AUGMENTS("resize")
class Resize(Sized):
    """Every image in this size, by bilinear interpolation with smoothing where it shrinks."""

    def resized(self, shape: Dims) -> Dims:
        return self.of_unlike(shape)

    def build(self) -> Step:
        target_sizes = sizes(self.size, 2)
        return lambda batch: scaled(batch, target_sizes)

    def tested(self) -> Sized:
        return self


@AUGMENTS("random_resized_crop")
class RandomResizedCrop(Sized):
    """A part of each image, of a share `scale` of its area and a `ratio` of width to height, brought to this size.

    Where it shrinks it is smoothed, as in testing. Outside training the middle, 7/8 of the shorter side, in this size.
    A data set of pictures with a `part` takes it from the file as it is, before these are brought to one size.
    Source: Szegedy et al., "Going deeper with convolutions", 2015, section 6.
    """

    package = "kornia"
    moves = True
    size: Positive
    scale: tuple[AboveZero, AboveZero] = (0.08, 1.0)
    ratio: tuple[AboveZero, AboveZero] = (3 / 4, 4 / 3)

    @model_validator(mode="after")
    def _in_order(self) -> RandomResizedCrop:
        if not self.scale[0] <= self.scale[1] <= 1 or self.ratio[0] > self.ratio[1]:
            raise ValueError("scale and ratio are [low, high], shares at most 1")
        return self

    def resized(self, shape: Dims) -> Dims:
        return (shape[0], self.size, self.size)

    def build(self) -> Step:
        import torch
        from kornia.augmentation import RandomResizedCrop as Crop

        size = (self.size, self.size)
        parts = Crop(size, self.scale, self.ratio)

        def crop(batch: Batch) -> Batch:
            parts.set_rng_device_and_dtype(torch.device("cpu"), torch.float32)
            corners = parts.forward_parameters(batch.x.shape)["src"].round().long()
            boxes = torch.cat([corners[:, 0], corners[:, 2] + 1], 1).tolist()

            def along(tensor: Tensor, nearest: bool) -> Tensor:
                cut = (
                    image[None, :, top:bottom, left:right]
                    for image, (left, top, right, bottom) in zip(tensor, boxes, strict=True)
                )
                return torch.cat([resized(image, size, nearest) for image in cut])

            def points(points: Tensor) -> Tensor:
                left, top, right, bottom = boxes[0]
                start, sides = points.new_tensor([left, top]), points.new_tensor([right - left, bottom - top])
                return (points - start) * (self.size / sides)

            return warped(batch, along, points)

        return crop

    def tested(self) -> Sized:
        return Middle(size=self.size)


class Middle(Sized):
    """The middle of an image, 7/8 of its shorter side, in this size."""

    size: Positive

    def resized(self, shape: Dims) -> Dims:
        return (shape[0], self.size, self.size)

    def build(self) -> Step:
        import torch

        def middle(batch: Batch) -> Batch:
            axes = batch.x.shape[2:]
            side = max(1, round(min(axes) * 7 / 8))
            starts = [torch.full((len(batch),), (own - side) // 2, device=batch.x.device) for own in axes]
            part = moved(batch, lambda tensor: cutout(tensor, starts, (side, side), "zeros"), beginning(starts))
            return scaled(part, (self.size, self.size))

        return middle

    def tested(self) -> Sized:
        return self


Middle.name = "middle"


def scaled(batch: Batch, size: tuple[int, ...], *, smooth: bool = True) -> Batch:
    """The images of a batch, and what follows them, in another size; where they shrink smoothed, if so."""
    height, width = batch.x.shape[2:]
    if (height, width) == size:
        return batch

    def points(points: Tensor) -> Tensor:
        return points * points.new_tensor([size[1] / width, size[0] / height])

    return warped(batch, lambda tensor, nearest: resized(tensor, size, nearest, smooth=smooth), points)


def resized(images: Tensor, size: tuple[int, ...], nearest: bool, *, smooth: bool = True) -> Tensor:
    """Images (n, channels, height, width) in another size; where they shrink smoothed, if so."""
    from torch.nn import functional

    if nearest:
        return functional.interpolate(images, size, mode="nearest-exact")
    return functional.interpolate(images, size, mode="bilinear", align_corners=False, antialias=smooth)
