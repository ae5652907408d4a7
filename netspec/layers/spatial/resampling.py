"""Layers that move between resolution and channels, or between resolutions, without weights."""

from fractions import Fraction
from math import floor
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, Strict

from netspec.layers.declaration.arguments import compact, known_channels, options
from netspec.layers.declaration.base import (
    Bool,
    FigureWeight,
    Layer,
    Positive,
    Reach,
    ShapeError,
    Size,
    TorchCall,
    layer,
    per_axis,
)
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize, as_factor

Factor: TypeAlias = (
    Annotated[int, Strict(), Field(gt=0, le=2**31 - 1)] | Annotated[float, Strict(), Field(gt=0, le=2**31 - 1)]
)
Scale: TypeAlias = Factor | tuple[Factor, ...]
"""A factor for all axes, or a list of one an axis."""

UpsampleMode: TypeAlias = Literal["nearest", "nearest_exact", "linear", "bilinear", "bicubic", "trilinear"]

_AXES_OF_MODE = {"bilinear": 2, "bicubic": 2, "trilinear": 3}
"""The modes that serve one number of spatial axes only."""

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
"""PyTorch's names of linear interpolation, by the number of spatial axes."""

_NEIGHBOURS = {"nearest": 1, "nearest_exact": 1, "linear": 2, "bilinear": 2, "trilinear": 2, "bicubic": 4}
"""How many input positions along an axis a new one is made of."""


@layer("upsample", "interpolate", "UpSampling", "resize", pytorch=("size", "scale", "mode", "align_corners"))
class Upsample(Layer):
    """Resizes a map by interpolation, up or down.

    Shape: (C, *S) -> (C, *floor(S * scale)), or `size`, or the spatial size of `like`.
    Source: Odena, Dumoulin, Olah, "Deconvolution and Checkerboard Artifacts", Distill 2016; formulas as in PyTorch.

    Exactly one of `scale`, `size` and the tensor `like` says how large the result is. `linear` is linear, bilinear or
    trilinear by the number of axes. `nearest` takes the input position floor(j / scale), `nearest_exact` the one at the
    middle of the new position. `align_corners` puts the first and last positions of both grids on one another; only
    for interpolating modes.

    Example: `upsample(2, mode=bilinear)`; `upsample(p5, like=c4)`
    """

    figure_weight: ClassVar[FigureWeight] = "medium"
    shape_only: ClassVar[tuple[str, ...]] = ("like?",)
    tensors: ClassVar[tuple[str, ...]] = ("x", "like?")
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)
    one_of: ClassVar[tuple[str, ...]] = ("scale", "size")

    scale: Scale | None = Field(default=None, description="the factor, or a list of one an axis")
    size: Size | None = Field(default=None, description="the spatial size of the output")
    mode: UpsampleMode = "nearest"
    align_corners: Bool = False

    def _sizes(self, *x: Shape) -> tuple[Dimension, ...]:
        axes = x[0].rank - 1
        arguments = [what for what in ("scale", "size") if getattr(self, what) is not None] + ["like"] * (len(x) > 1)
        if len(arguments) != 1:
            raise ShapeError(
                f"upsample takes one of scale, size and like, but {' and '.join(arguments) or 'none'} is given",
                help="upsample(2) doubles, upsample(size=[64, 64]) sets the size, upsample(like=c1) takes that of c1",
            )
        if self.size is not None:
            return per_axis(self.size, axes, "size")
        if len(x) > 1:
            if x[1].rank != x[0].rank:
                raise ShapeError(f"upsample cannot make {x[0]} like {x[1]}: their ranks differ", code="E0301")
            return x[1].spatial
        return tuple(_scaled(size, scale) for size, scale in zip(x[0].spatial, self._scales(axes), strict=True))

    def _scales(self, axes: int) -> tuple[int | float, ...]:
        if not isinstance(self.scale, tuple):
            return (1 if self.scale is None else self.scale,) * axes
        per_axis((1,) * len(self.scale), axes, "scale")
        return self.scale

    def infer(self, *x: Shape) -> Shape:
        axes = x[0].rank - 1
        if _AXES_OF_MODE.get(self.mode, axes) != axes:
            other = "linear" if axes != 3 or self.mode != "bicubic" else "nearest"
            raise ShapeError(
                f"{self.mode} works on {_AXES_OF_MODE[self.mode]} spatial axes, but this value is {x[0]}",
                help=f"mode={other} serves this value",
            )
        if self.align_corners and _NEIGHBOURS[self.mode] == 1:
            raise ShapeError(
                f"align_corners has a meaning only where positions are interpolated, not with mode={self.mode}",
                help="leave out align_corners, or use mode=linear",
            )
        return x[0].with_dims(x[0].channels, *self._sizes(*x))

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        spatial, sizes = x[0].spatial, self._sizes(*x)
        scales = self._scales(len(spatial))
        neighbours = _NEIGHBOURS[self.mode]
        steps: list[Fraction] = []
        for size, result, scale in zip(spatial, sizes, scales, strict=True):
            if self.align_corners and isinstance(size, int) and isinstance(result, int) and result > 1:
                steps.append(Fraction(size - 1, result - 1))
            elif self.scale is not None:
                steps.append(1 / Fraction(scale))
            elif isinstance(size, int) and isinstance(result, int):
                steps.append(Fraction(size, result))
            else:
                steps.append(Fraction(1))
        middle = [Fraction(0) if neighbours == 1 or self.align_corners else (step - 1) / 2 for step in steps]
        return Reach(
            kernel=tuple(neighbours for _ in steps),
            stride=tuple(steps),
            offset=tuple(start - max(neighbours // 2 - 1, 0) for start in middle),
        )

    def explain(self, axis: int, *x: Shape) -> str | None:
        if axis == 0:
            return None
        size = self._sizes(*x)[axis - 1]
        if self.scale is None:
            return f"{size} = {'size of this upsample' if self.size is not None else 'as its like'}"
        scale = self._scales(x[0].rank - 1)[axis - 1]
        product = f"{as_factor(x[0].dims[axis])} * {scale}"
        return f"{size} = {product}" if isinstance(scale, int) else f"{size} = floor({product})"

    def torch(self, *x: Shape) -> TorchCall:
        axes = x[0].rank - 1
        mode = {"linear": _LINEAR[axes], "nearest_exact": "nearest-exact"}.get(self.mode, self.mode)
        chosen: dict[str, Any] = options(mode=(mode, "nearest"), align_corners=(self.align_corners, False))
        if len(x) > 1:
            more = "".join(f", {name}={{{name}}}" for name in chosen)
            return TorchCall(apply=f"F.interpolate({{0}}, size={{1}}.shape[2:]{more})", kwargs=chosen)
        if self.size is not None:
            return TorchCall(target="nn.Upsample", kwargs={"size": compact(per_axis(self.size, axes, "size"))} | chosen)
        return TorchCall(target="nn.Upsample", kwargs={"scale_factor": compact(self._scales(axes))} | chosen)


@layer("pixel_shuffle", "depth_to_space", pytorch=("factor",))
class PixelShuffle(Layer):
    """Turns channels into resolution: every group of factor^2 channels becomes a factor x factor square.

    Shape: (C, H, W) -> (C / factor^2, H * factor, W * factor).
    Source: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network", 2016, equation 4.

    Example: `conv(12, 3, pad=1) -> pixel_shuffle(2)`
    """

    figure_weight: ClassVar[FigureWeight] = "medium"
    ranks: ClassVar[tuple[int, ...] | None] = (3,)

    factor: Positive

    def infer(self, *x: Shape) -> Shape:
        channels, square = known_channels("pixel_shuffle", x[0], "makes places of channels"), self.factor**2
        if channels % square:
            raise ShapeError(
                f"pixel_shuffle({self.factor}) needs a multiple of {square} channels, but this value is {x[0]}",
                help=f"put conv({-(-channels // square) * square}, 3, pad=1) before it",
            )
        return x[0].with_dims(channels // square, *(size * self.factor for size in x[0].spatial))

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        return Reach(kernel=(1, 1), stride=(Fraction(1, self.factor),) * 2, offset=(Fraction(0),) * 2)

    def explain(self, axis: int, *x: Shape) -> str | None:
        operation = "*" if axis else "/"
        factor = f"{self.factor}" if axis else f"{self.factor}^2"
        return f"{self.infer(*x).dims[axis]} = {as_factor(x[0].dims[axis])} {operation} {factor}"

    def torch(self, *x: Shape) -> TorchCall:
        return TorchCall(target="nn.PixelShuffle", args=(self.factor,))


@layer("pixel_unshuffle", "space_to_depth", pytorch=("factor",))
class PixelUnshuffle(Layer):
    """Turns resolution into channels: every factor x factor square becomes factor^2 channels.

    Shape: (C, H, W) -> (C * factor^2, H / factor, W / factor).
    Source: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network", 2016, equation 4, inverted.

    Example: `pixel_unshuffle(2)`
    """

    figure_weight: ClassVar[FigureWeight] = "medium"
    ranks: ClassVar[tuple[int, ...] | None] = (3,)

    factor: Positive

    def infer(self, *x: Shape) -> Shape:
        for size in x[0].spatial:
            if isinstance(size, int) and size % self.factor:
                raise ShapeError(
                    f"pixel_unshuffle needs a height and width that {self.factor} divides, but this value is {x[0]}",
                    help="crop or pad it to a multiple first",
                )
        return x[0].with_dims(x[0].channels * self.factor**2, *(size // self.factor for size in x[0].spatial))

    def requires(self, *x: Shape) -> tuple[Requirement, ...]:
        return tuple(
            Requirement(size, "==", size // self.factor * self.factor)
            for size in x[0].spatial
            if isinstance(size, OpenSize)
        )

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        return Reach(kernel=(self.factor,) * 2, stride=(Fraction(self.factor),) * 2, offset=(Fraction(0),) * 2)

    def explain(self, axis: int, *x: Shape) -> str | None:
        operation = "/" if axis else "*"
        factor = f"{self.factor}" if axis else f"{self.factor}^2"
        return f"{self.infer(*x).dims[axis]} = {as_factor(x[0].dims[axis])} {operation} {factor}"

    def torch(self, *x: Shape) -> TorchCall:
        return TorchCall(target="nn.PixelUnshuffle", args=(self.factor,))


@layer("channel_shuffle", "ShuffleChannels", pytorch=("groups",))
class ChannelShuffle(Layer):
    """Deals the channels of `groups` groups out in turn, so that a following grouped convolution sees all groups.

    Shape: (C, *S) -> (C, *S).
    Source: Zhang et al., "ShuffleNet", 2018, figure 1.

    Example: `channel_shuffle(2)`
    """

    figure_weight: ClassVar[FigureWeight] = "medium"
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)

    groups: Positive

    def infer(self, *x: Shape) -> Shape:
        channels = known_channels("channel_shuffle", x[0], "divides the channels into groups")
        if channels % self.groups:
            raise ShapeError(
                f"groups={self.groups} does not divide the {channels} channels of the input",
                help=f"groups must divide the {channels} channels of the input",
            )
        return x[0]

    def torch(self, *x: Shape) -> TorchCall:
        return TorchCall(target="nn.ChannelShuffle", args=(self.groups,))


def _scaled(size: Dimension, scale: int | float) -> Dimension:
    """floor(size * scale); raises ShapeError for an open size where floats would not do this exactly."""
    if isinstance(scale, int):
        return size * scale
    if isinstance(size, int):
        return floor(size * scale)
    exact = Fraction(scale)
    if exact.denominator > 1024:
        raise ShapeError(
            f"upsample by {scale} of the open size {size} depends on rounding",
            help="use a whole number or a binary fraction such as 1.5, or give size or like",
        )
    return size * exact.numerator // exact.denominator
