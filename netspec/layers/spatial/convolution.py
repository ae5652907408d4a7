"""Convolutions over 1, 2 and 3 spatial dimensions: plain, transposed, depthwise, depthwise separable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, prod
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from netspec.layers.declaration.arguments import (
    Amount,
    Padding,
    check_init,
    compact,
    init_statements,
    known_channels,
    options,
)
from netspec.layers.declaration.base import (
    Bool,
    FigureWeight,
    Layer,
    Positive,
    Reach,
    ShapeError,
    Size,
    Support,
    TorchCall,
    layer,
    per_axis,
)
from netspec.layers.declaration.initializers import BiasInit, Init
from netspec.layers.declaration.symbols import Symbolic
from netspec.layers.spatial.window import SAME_PADDING, Window, flat_pads, reach_of, symmetric, windows
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize

PadMode: TypeAlias = Literal["zeros", "reflect", "replicate", "circular"]

_F_PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}

_WEIGHT_NORM = "from torch.nn.utils.parametrizations import weight_norm"


class Correlation(Layer):
    """What `conv`, `depthwise_conv` and `separable_conv` share: a padded window over each spatial axis."""

    figure_weight: ClassVar[FigureWeight] = "heavy"
    mixes_positions: ClassVar[bool] = True
    sizes_per_axis: ClassVar[tuple[str, ...]] = ("kernel",)
    may_vary: ClassVar[frozenset[str]] = frozenset({"dilation", "pad"})
    speaks_of: ClassVar[Mapping[str, str]] = {"bias_init": "bias"}
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)
    overwritable: ClassVar[bool] = True

    def _windows(self, x: Shape) -> tuple[Window, ...]:
        raise NotImplementedError

    def _slide(self, x: Shape, channels: int, pad_mode: str) -> Shape:
        """The output of the windows over x, after a check of what the padding mode can do."""
        axes = self._windows(x)
        for least, size in _least_sizes(axes, x, pad_mode):
            if not isinstance(size, OpenSize) and size < least:
                raise ShapeError(
                    f'pad_mode "{pad_mode}" takes its padding from the input, so each axis must have at least'
                    f" {least} positions here, but this value is {x}",
                    help="use pad_mode=replicate or pad_mode=zeros, or pad less",
                )
        return x.with_dims(channels, *(w.count(size) for w, size in zip(axes, x.spatial, strict=True)))

    def _explain_window(self, axis: int, x: Shape) -> str:
        return self._windows(x)[axis - 1].explain(x.dims[axis])

    def _pad_requirements(self, x: Shape, pad_mode: str) -> tuple[Requirement, ...]:
        return tuple(
            Requirement(size, ">=", least)
            for least, size in _least_sizes(self._windows(x), x, pad_mode)
            if isinstance(size, OpenSize)
        )

    def sliding(self, *x: Shape) -> tuple[Window, ...]:
        return self._windows(x[0])

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        return reach_of(self._windows(x[0]))


@layer(
    "conv", "convolution", pytorch=("", "channels", "kernel", "stride", "pad", "dilation", "groups", "bias", "pad_mode")
)
class Conv(Correlation):
    """Cross-correlation over 1, 2 or 3 spatial dimensions.

    Shape: (C, *S) -> (channels, *floor((S + 2p - k_eff) / stride) + 1), k_eff = k + (k - 1)(d - 1).
    Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016, relationship 15.

    `pad` is a number, a list of one number or [left, right] pair an axis, or a name: `valid` (none), `same` (output
    ceil(S / stride), the odd one at the end, as TensorFlow does), `same_lower` (the odd one at the beginning), `full`
    (k_eff - 1 on both sides), `causal` (k_eff - 1 before the first spatial axis, which is time; `same` on the others).
    An `init` other than none starts the bias at `bias_init`, or 0. With `weight_norm` each filter is a direction and a
    length (Salimans & Kingma 2016), and the weights are stored as those.

    Example: `conv(64, 7, stride=2, pad=3)`
    """

    channels: Positive = Field(description="output channels, the number of filters")
    kernel: Size
    stride: Size = 1
    pad: Padding = 0
    dilation: Size = Field(default=1, description="the step between the kernel's taps")
    groups: Positive = Field(
        default=1, description="channels are split into this many groups, each convolved by itself"
    )
    bias: Bool = True
    pad_mode: PadMode = Field(default="zeros", description="what the padding holds")
    init: Init = Field(default=None, description="how the weights start; none is PyTorch's own way")
    bias_init: BiasInit = Field(default=None, description="how the bias starts: a number, or as for init")
    weight_norm: Bool = False

    def _windows(self, x: Shape) -> tuple[Window, ...]:
        return windows(x, self.kernel, self.stride, self.pad, self.dilation)

    def infer(self, *x: Shape) -> Shape:
        channels = known_channels("conv", x[0])
        _check_groups(self.groups, channels, self.channels)
        check_init(self.init, self.bias_init, bias=self.bias, weight_norm=self.weight_norm)
        return self._slide(x[0], self.channels, self.pad_mode)

    def requires(self, *x: Shape) -> tuple[Requirement, ...]:
        return self._pad_requirements(x[0], self.pad_mode)

    def parameters(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        channels, kernel = known_channels("conv", x[0]), per_axis(self.kernel, x[0].rank - 1, "kernel")
        weight = (self.channels, channels // self.groups, *kernel)
        return _weights(weight, self.channels if self.bias else 0, weight_norm=self.weight_norm)

    def macs(self, *x: Shape) -> Dimension:
        channels, y = known_channels("conv", x[0]), self.infer(*x)
        return prod(y.spatial) * _taps(self._windows(x[0])) * (channels // self.groups) * self.channels

    def explain(self, axis: int, *x: Shape) -> str | None:
        return self._explain_window(axis, x[0]) if axis else f"{self.channels} = channels of this conv"

    def torch(self, *x: Shape) -> TorchCall:
        shape = x[0]
        axes = self._windows(shape)
        sliding = _sliding(axes, self.pad, self.pad_mode)
        statements = init_statements(
            self.init, self.bias_init, bias="{module}.bias" if self.bias else "", reparametrized=self.weight_norm
        )
        return TorchCall(
            target=sliding.target(shape.rank - 1),
            args=(known_channels("conv", shape), self.channels, compact(w.kernel for w in axes)),
            kwargs=sliding.kwargs | options(groups=(self.groups, 1), bias=(self.bias, True)),
            init=statements,
            support=sliding.support(shape.rank - 1),
            imports=(_WEIGHT_NORM,) if self.weight_norm else (),
            wrap="weight_norm" if self.weight_norm else "",
        )

    def is_linear_map(self, *x: Shape) -> bool:
        single = all(size == 1 for size in (*x[0].spatial, *self.infer(*x).spatial))
        return single and self.groups == 1 and all(w.kernel == 1 for w in self._windows(x[0]))


@layer("depthwise_conv", "depthwise", "dwconv")
class DepthwiseConv(Correlation):
    """Convolution of every channel by itself, with `multiplier` filters each.

    Shape: (C, *S) -> (C * multiplier, *floor((S + 2p - k_eff) / stride) + 1), k_eff = k + (k - 1)(d - 1).
    Source: Howard et al., "MobileNets", 2017, section 3.1.

    It is `conv` with as many groups as input channels; `pad`, `pad_mode`, `init` and `bias_init` are those of `conv`.

    Example: `depthwise_conv(3, stride=2, pad=1)`
    """

    figure_name: ClassVar[str] = "depthwise conv"

    kernel: Size
    stride: Size = 1
    pad: Padding = 0
    dilation: Size = Field(default=1, description="the step between the kernel's taps")
    multiplier: Positive = Field(default=1, description="filters for each channel")
    bias: Bool = True
    pad_mode: PadMode = Field(default="zeros", description="what the padding holds")
    init: Init = Field(default=None, description="how the weights start; none is PyTorch's own way")
    bias_init: BiasInit = Field(default=None, description="how the bias starts: a number, or as for init")

    def _windows(self, x: Shape) -> tuple[Window, ...]:
        return windows(x, self.kernel, self.stride, self.pad, self.dilation)

    def infer(self, *x: Shape) -> Shape:
        channels = known_channels("depthwise_conv", x[0])
        check_init(self.init, self.bias_init, bias=self.bias)
        return self._slide(x[0], channels * self.multiplier, self.pad_mode)

    def requires(self, *x: Shape) -> tuple[Requirement, ...]:
        return self._pad_requirements(x[0], self.pad_mode)

    def parameters(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        filters = known_channels("depthwise_conv", x[0]) * self.multiplier
        kernel = per_axis(self.kernel, x[0].rank - 1, "kernel")
        return _weights((filters, 1, *kernel), filters if self.bias else 0)

    def macs(self, *x: Shape) -> Dimension:
        return self.infer(*x).elements * _taps(self._windows(x[0]))

    def explain(self, axis: int, *x: Shape) -> str | None:
        if axis:
            return self._explain_window(axis, x[0])
        channels = known_channels("depthwise_conv", x[0])
        return f"{channels * self.multiplier} = {channels} input channels * {self.multiplier}"

    def torch(self, *x: Shape) -> TorchCall:
        shape = x[0]
        axes = self._windows(shape)
        sliding = _sliding(axes, self.pad, self.pad_mode)
        channels = known_channels("depthwise_conv", shape)
        return TorchCall(
            target=sliding.target(shape.rank - 1),
            args=(channels, channels * self.multiplier, compact(w.kernel for w in axes)),
            kwargs=sliding.kwargs | options(groups=(channels, 1), bias=(self.bias, True)),
            init=init_statements(self.init, self.bias_init, bias="{module}.bias" if self.bias else ""),
            support=sliding.support(shape.rank - 1),
        )


@layer("separable_conv", "sepconv", "depthwise_separable_conv")
class SeparableConv(Correlation):
    """A depthwise convolution followed by a 1x1 convolution that mixes the channels.

    Shape: (C, *S) -> (channels, *floor((S + 2p - k_eff) / stride) + 1), k_eff = k + (k - 1)(d - 1).
    Source: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2017, section 1.

    Kernel, stride, padding and dilation are the depthwise part's. The one bias is the 1x1 convolution's, as in Keras: a
    bias between two linear maps adds nothing. The weights are `depthwise.weight` and `pointwise.weight`.

    Example: `separable_conv(128, 3, pad=1, bias=false)`
    """

    figure_name: ClassVar[str] = "separable conv"

    channels: Positive = Field(description="output channels")
    kernel: Size
    stride: Size = 1
    pad: Padding = 0
    dilation: Size = Field(default=1, description="the step between the kernel's taps")
    multiplier: Positive = Field(default=1, description="depthwise filters for each input channel")
    bias: Bool = True
    pad_mode: PadMode = Field(default="zeros", description="what the padding holds")
    init: Init = Field(default=None, description="how the weights start; none is PyTorch's own way")
    bias_init: BiasInit = Field(default=None, description="how the bias starts: a number, or as for init")

    def _windows(self, x: Shape) -> tuple[Window, ...]:
        return windows(x, self.kernel, self.stride, self.pad, self.dilation)

    def infer(self, *x: Shape) -> Shape:
        known_channels("separable_conv", x[0])
        check_init(self.init, self.bias_init, bias=self.bias)
        return self._slide(x[0], self.channels, self.pad_mode)

    def requires(self, *x: Shape) -> tuple[Requirement, ...]:
        return self._pad_requirements(x[0], self.pad_mode)

    def parameters(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        between = known_channels("separable_conv", x[0]) * self.multiplier
        kernel = per_axis(self.kernel, x[0].rank - 1, "kernel")
        keys: dict[str, tuple[int, ...]] = {
            "depthwise.weight": (between, 1, *kernel),
            "pointwise.weight": (self.channels, between, *(1 for _ in kernel)),
        }
        return keys | ({"pointwise.bias": (self.channels,)} if self.bias else {})

    def macs(self, *x: Shape) -> Dimension:
        between = known_channels("separable_conv", x[0]) * self.multiplier
        return prod(self.infer(*x).spatial) * between * (_taps(self._windows(x[0])) + self.channels)

    def explain(self, axis: int, *x: Shape) -> str | None:
        return self._explain_window(axis, x[0]) if axis else f"{self.channels} = channels of this separable_conv"

    def torch(self, *x: Shape) -> TorchCall:
        shape = x[0]
        rank = shape.rank - 1
        axes = self._windows(shape)
        sliding = _sliding(axes, self.pad, self.pad_mode)
        source = _SEPARABLE.replace("{prefix}", sliding.prefix).replace("{conv}", sliding.target(rank))
        support = Support(f"{sliding.prefix}SeparableConv{rank}d", source.replace("{n}", str(rank)))
        return TorchCall(
            target=support.name,
            args=(known_channels("separable_conv", shape), self.channels, compact(w.kernel for w in axes)),
            kwargs=sliding.kwargs | options(multiplier=(self.multiplier, 1), bias=(self.bias, True)),
            init=init_statements(
                self.init,
                self.bias_init,
                weights=("{module}.depthwise.weight", "{module}.pointwise.weight"),
                bias="{module}.pointwise.bias" if self.bias else "",
            ),
            support=(*sliding.support(rank), support),
        )


@layer(
    "upconv",
    "deconv",
    "conv_transpose",
    "transposed_conv",
    "transpose_conv",
    "tconv",
    "deconvolution",
    pytorch=("", "channels", "kernel", "stride", "pad", "output_pad", "groups", "bias", "dilation"),
)
class UpConv(Layer):
    """Transposed convolution: the gradient of a convolution with these arguments, used to make maps larger.

    Shape: (C, *S) -> (channels, *(S - 1) stride - 2p + k_eff + output_pad), k_eff = k + (k - 1)(d - 1).
    Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016, relationship 14.

    To double a map: `upconv(c, 2, stride=2)` (U-Net), `upconv(c, 4, stride=2, pad=1)` (DCGAN), or
    `upconv(c, 3, stride=2, pad=1, output_pad=1)`. `output_pad` enlarges the end of the output; it holds no zeros.
    With `weight_norm` the lengths are those of each input channel's filters, as PyTorch does.

    Example: `upconv(64, 4, stride=2, pad=1)`
    """

    figure_weight: ClassVar[FigureWeight] = "heavy"
    mixes_positions: ClassVar[bool] = True
    sizes_per_axis: ClassVar[tuple[str, ...]] = ("kernel",)
    may_vary: ClassVar[frozenset[str]] = frozenset({"dilation", "pad"})
    enlarges: ClassVar[bool] = True
    speaks_of: ClassVar[Mapping[str, str]] = {"bias_init": "bias"}
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)
    overwritable: ClassVar[bool] = True
    transposed: ClassVar[bool] = True

    channels: Positive = Field(description="output channels")
    kernel: Size
    stride: Size = Field(default=1, description="the step between the copies of the kernel in the output")
    pad: Amount = Field(default=0, description="cut off both sides of the output")
    output_pad: Amount = Field(default=0, description="added to the end of the output")
    dilation: Size = Field(default=1, description="the step between the kernel's taps")
    groups: Positive = Field(
        default=1, description="channels are split into this many groups, each convolved by itself"
    )
    bias: Bool = True
    init: Init = Field(default=None, description="how the weights start; none is PyTorch's own way")
    bias_init: BiasInit = Field(default=None, description="how the bias starts: a number, or as for init")
    weight_norm: Bool = False

    def _arguments(self, x: Shape) -> list[tuple[int, int, int, int, int]]:
        """Kernel, stride, padding, output padding and dilation of each axis."""
        axes = x.rank - 1
        return list(
            zip(
                per_axis(self.kernel, axes, "kernel"),
                per_axis(self.stride, axes, "stride"),
                per_axis(self.pad, axes, "pad"),
                per_axis(self.output_pad, axes, "output_pad"),
                per_axis(self.dilation, axes, "dilation"),
                strict=True,
            )
        )

    def infer(self, *x: Shape) -> Shape:
        channels = known_channels("upconv", x[0])
        _check_groups(self.groups, channels, self.channels)
        check_init(self.init, self.bias_init, bias=self.bias, weight_norm=self.weight_norm)
        sizes: list[Dimension] = []
        for size, (k, s, p, more, d) in zip(x[0].spatial, self._arguments(x[0]), strict=True):
            if more >= max(s, d):
                raise ShapeError(
                    f"output_pad must be less than the stride or the dilation, but {more} is not less than {max(s, d)}",
                    help="a larger output_pad would add positions that no input reaches; use a larger kernel",
                )
            sizes.append((size - 1) * s + ((k - 1) * d + 1 + more - 2 * p))
        return x[0].with_dims(self.channels, *sizes)

    def parameters(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        channels, kernel = known_channels("upconv", x[0]), per_axis(self.kernel, x[0].rank - 1, "kernel")
        weight = (channels, self.channels // self.groups, *kernel)
        return _weights(weight, self.channels if self.bias else 0, weight_norm=self.weight_norm)

    def macs(self, *x: Shape) -> Dimension:
        taps = prod(per_axis(self.kernel, x[0].rank - 1, "kernel"))
        return x[0].elements * taps * (self.channels // self.groups)

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        arguments = self._arguments(x[0])
        return Reach(
            kernel=tuple((k - 1) * d // s + 1 for k, s, _, _, d in arguments),
            stride=tuple(Fraction(1, s) for _, s, _, _, _ in arguments),
            offset=tuple(Fraction(p - (k - 1) * d, s) for k, s, p, _, d in arguments),
        )

    def spreading(self, *x: Shape) -> tuple[Window, ...]:
        return tuple(Window(k, s, d, (p, p)) for k, s, p, _, d in self._arguments(x[0]))

    def explain(self, axis: int, *x: Shape) -> str | None:
        if axis == 0:
            return f"{self.channels} = channels of this upconv"
        k, s, p, more, d = self._arguments(x[0])[axis - 1]
        extent = (k - 1) * d + 1
        equation = f"{self.infer(*x).dims[axis]} = ({x[0].dims[axis]} - 1)*{s} - 2*{p} + {extent}"
        note = f", with k_eff = {k} + {k - 1}*{d - 1} = {extent}" if d > 1 else ""
        return equation + (f" + {more}" if more else "") + note

    def torch(self, *x: Shape) -> TorchCall:
        kernel, stride, pad, more, dilation = (compact(axis) for axis in zip(*self._arguments(x[0]), strict=True))
        return TorchCall(
            target=f"nn.ConvTranspose{x[0].rank - 1}d",
            args=(known_channels("upconv", x[0]), self.channels, kernel),
            kwargs=options(
                stride=(stride, 1),
                padding=(pad, 0),
                output_padding=(more, 0),
                groups=(self.groups, 1),
                bias=(self.bias, True),
                dilation=(dilation, 1),
            ),
            init=init_statements(
                self.init, self.bias_init, bias="{module}.bias" if self.bias else "", reparametrized=self.weight_norm
            ),
            imports=(_WEIGHT_NORM,) if self.weight_norm else (),
            wrap="weight_norm" if self.weight_norm else "",
        )


def _check_groups(groups: int, inputs: int, outputs: int) -> None:
    for count, what in ((inputs, "channels of the input"), (outputs, "output channels")):
        if count % groups:
            raise ShapeError(
                f"groups={groups} does not divide the {count} {what}",
                help=f"groups must divide the {inputs} channels of the input and the {outputs} output channels:"
                f" {_common_divisors(inputs, outputs)}",
            )


def _common_divisors(left: int, right: int) -> str:
    """The smaller divisors of both, as a list to choose from."""
    common = gcd(left, right)
    divisors = [n for n in range(1, min(common, 4096) + 1) if common % n == 0]
    return ", ".join(map(str, divisors[:8])) + (", ..." if len(divisors) > 8 or common > 4096 else "")


def _weights(weight: tuple[int, ...], bias: int, *, weight_norm: bool = False) -> dict[str, tuple[int, ...]]:
    """State keys and shapes in PyTorch's order; a normed weight is a length for each slice and the direction."""
    biases: dict[str, tuple[int, ...]] = {"bias": (bias,)} if bias else {}
    if not weight_norm:
        return {"weight": weight} | biases
    prefix = "parametrizations.weight.original"
    return biases | {f"{prefix}0": (weight[0], *(1 for _ in weight[1:])), f"{prefix}1": weight}


def _taps(axes: Sequence[Window]) -> int:
    return prod(w.kernel for w in axes)


def _least_sizes(axes: Sequence[Window], x: Shape, pad_mode: str) -> list[tuple[int, Dimension]]:
    """The least size that the padding mode needs, and the size, for each axis."""
    if pad_mode not in ("reflect", "circular"):
        return []
    more = 1 if pad_mode == "reflect" else 0
    return [
        (max(w.sides if w.sides is not None else (w.extent // 2,)) + more, size)
        for w, size in zip(axes, x.spatial, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Sliding:
    """The torch module of a padded convolution: a plain one without a `prefix`, else a subclass that pads by itself."""

    prefix: str
    kwargs: dict[str, Any]

    def target(self, rank: int) -> str:
        return f"{self.prefix}Conv{rank}d" if self.prefix else f"nn.Conv{rank}d"

    def support(self, rank: int) -> tuple[Support, ...]:
        if not self.prefix:
            return ()
        source = _SUBCLASSES[self.prefix if (self.prefix, rank) != ("Causal", 1) else "Causal1d"]
        own = Support(self.target(rank), source.replace("{n}", str(rank)))
        return (SAME_PADDING, own) if "same_padding(" in source else (own,)


def _sliding(axes: Sequence[Window], pad: object, pad_mode: str) -> _Sliding:
    """The module that pads as asked: PyTorch's own where it can, else the subclass with the most telling name."""
    stride, dilation = compact(w.stride for w in axes), compact(w.dilation for w in axes)
    steps = options(stride=(stride, 1))
    dilated = options(dilation=(dilation, 1))
    unstrided = pad == "same" and all(w.stride == 1 for w in axes)
    symbolic = any(isinstance(w.extent, Symbolic) for w in axes) and pad in ("same", "causal")
    even = None if symbolic else symmetric(axes)
    if even is not None or unstrided:
        padding = compact(even) if even is not None else "same"
        return _Sliding("", steps | options(padding=(padding, 0)) | dilated | options(padding_mode=(pad_mode, "zeros")))
    if pad == "causal" and len(axes) == 1 and pad_mode == "zeros":
        return _Sliding("Causal", steps | dilated)
    mode = options(pad_mode=(_F_PAD_MODES[pad_mode], "constant"))
    if any(w.sides is None for w in axes):
        prefix = {"same": "Same", "same_lower": "SameLower", "causal": "Causal"}[str(pad)]
        return _Sliding(prefix, steps | dilated | mode)
    return _Sliding("Padded", steps | dilated | {"pads": flat_pads(axes)} | mode)


_SAME = '''\
class {prefix}Conv{n}d(nn.Conv{n}d):
    """{summary}"""

    def __init__(self, *args, pad_mode: str = "constant", **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.pad_mode = pad_mode

    def forward(self, x: Tensor) -> Tensor:
        pads = same_padding(x, self.kernel_size, self.stride, self.dilation{how})
        return super().forward(F.pad(x, pads, mode=self.pad_mode))
'''


def _same_class(prefix: str, how: str, summary: str) -> str:
    return _SAME.replace("{prefix}", prefix).replace("{how}", how).replace("{summary}", summary)


_SUBCLASSES = {
    "Padded": '''\
class PaddedConv{n}d(nn.Conv{n}d):
    """A {n}-d convolution that pads each side by its own amount: `pads` is in the order of F.pad, last axis first."""

    def __init__(self, *args, pads: tuple[int, ...], pad_mode: str = "constant", **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.pads = pads
        self.pad_mode = pad_mode

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.pads, mode=self.pad_mode))
''',
    "Causal1d": '''\
class CausalConv1d(nn.Conv1d):
    """A 1-d convolution whose output at a position sees that position and earlier ones only."""

    def forward(self, x: Tensor) -> Tensor:
        past = (self.kernel_size[0] - 1) * self.dilation[0]
        return super().forward(F.pad(x, (past, 0)))
''',
    "Same": _same_class("Same", "", "A {n}-d convolution that leaves ceil(size / stride) positions on each axis."),
    "SameLower": _same_class(
        "SameLower",
        ", lower=True",
        "A {n}-d convolution that leaves ceil(size / stride) positions on each axis, the odd zero at the beginning.",
    ),
    "Causal": _same_class(
        "Causal",
        ", causal=True",
        'A {n}-d convolution, causal along the first axis and with "same" padding on the others.',
    ),
}
"""The subclasses of `nn.ConvNd` that pad by themselves; `{n}` is the number of spatial axes."""

_SEPARABLE = '''\
class {prefix}SeparableConv{n}d(nn.Module):
    """A depthwise convolution of each channel by itself, then a pointwise one that mixes the channels."""

    def __init__(self, in_channels, out_channels, kernel_size, *, multiplier=1, bias=True, **options) -> None:
        super().__init__()
        width = in_channels * multiplier
        self.depthwise = {conv}(in_channels, width, kernel_size, groups=in_channels, bias=False, **options)
        self.pointwise = nn.Conv{n}d(width, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))
'''
