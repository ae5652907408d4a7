"""Pools: sliding, adaptive and global ones, and the unpooling that undoes a max pool."""

from collections.abc import Sequence
from fractions import Fraction
from math import gcd
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, Strict

from netspec.layers.declaration.arguments import LARGEST, Amount, Padding, compact, options
from netspec.layers.declaration.base import (
    EVERYTHING,
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
from netspec.layers.declaration.symbols import Symbolic
from netspec.layers.spatial.window import SAME_PADDING, Window, flat_pads, reach_of, symmetric, windows
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize

AdaptiveSize: TypeAlias = Positive | tuple[Positive | None, ...]
"""A size for all axes, or a list of one an axis, where none keeps an axis as it is."""


class _Pool(Layer):
    """What the sliding pools share: a window over each spatial axis, a stride that defaults to the kernel."""

    figure_weight: ClassVar[FigureWeight] = "medium"
    mixes_positions: ClassVar[bool] = True
    sizes_per_axis: ClassVar[tuple[str, ...]] = ("kernel",)
    may_vary: ClassVar[frozenset[str]] = frozenset({"dilation", "pad"})
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)

    kernel: Size

    def _windows(self, x: Shape) -> tuple[Window, ...]:
        raise NotImplementedError

    def _whole(self, x: Shape) -> list[tuple[int, Dimension]]:
        """The extents that a window must find inside the input, its padding not counted, and the sizes there."""
        return []

    def _slide(self, x: Shape, *, ceil: bool) -> Shape:
        axes = self._windows(x)
        _check_pads(self.name, axes, ceil=ceil)
        for extent, size in self._whole(x):
            if isinstance(size, int) and size < extent:
                raise ShapeError(
                    f"{self.name} over three axes needs an input as large as its kernel: {size} is less than {extent}",
                    help="use a smaller kernel, or pad the input before",
                )
        counts = (w.count(size, ceil=ceil) for w, size in zip(axes, x.spatial, strict=True))
        return x.with_dims(x.channels, *counts)

    def requires(self, *x: Shape) -> tuple[Requirement, ...]:
        return tuple(
            Requirement(size, ">=", extent) for extent, size in self._whole(x[0]) if isinstance(size, OpenSize)
        )

    def _explain(self, axis: int, x: Shape, *, ceil: bool) -> str | None:
        return self._windows(x)[axis - 1].explain(x.dims[axis], ceil=ceil) if axis else None

    def sliding(self, *x: Shape) -> tuple[Window, ...]:
        return self._windows(x[0])

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        return reach_of(self._windows(x[0]))


class _MeanPool(_Pool):
    """What avgpool and lppool share: PyTorch's mean pool over three axes takes no input smaller than its kernel."""

    def _whole(self, x: Shape) -> list[tuple[int, Dimension]]:
        axes = self._windows(x)
        if len(axes) < 3 or _padding(axes) is None:
            return []
        return [(w.extent, size) for w, size in zip(axes, x.spatial, strict=True)]


@layer("maxpool", "MaxPooling", "pool", "pooling", pytorch=("kernel", "stride", "pad", "dilation", "indices", "ceil"))
class MaxPool(_Pool):
    """The largest value under each window.

    Shape: (C, *S) -> (C, *floor((S + 2p - k_eff) / stride) + 1), k_eff = k + (k - 1)(d - 1); with `ceil` the quotient
    is rounded up, less the window that would start right of the input. With `indices` a second output of the same
    shape says where each value was.
    Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 3.

    `stride` is `kernel` where it is not given. Padding never wins: it counts as minus infinity. `pad` takes all forms
    of `conv`; the same on both sides it is at most half of the kernel. The pools of GoogLeNet and SqueezeNet need
    `ceil=true`.

    Example: `maxpool(3, stride=2, pad=1)`
    """

    overwritable: ClassVar[bool] = True

    kernel: Size
    stride: Size | None = Field(default=None, description="the kernel where none")
    pad: Padding = 0
    dilation: Size = Field(default=1, description="the step between the positions that the window sees")
    ceil: Bool = Field(default=False, description="keep the last window even where it overhangs the end")
    indices: Bool = Field(default=False, description="also give the place of each maximum, for unpool")

    def _windows(self, x: Shape) -> tuple[Window, ...]:
        return windows(x, self.kernel, self.kernel if self.stride is None else self.stride, self.pad, self.dilation)

    def requires(self, *x: Shape) -> tuple[Requirement, ...]:
        return tuple(
            Requirement(size, ">=", _reached(w))
            for w, size in zip(self._windows(x[0]), x[0].spatial, strict=True)
            if isinstance(size, OpenSize) and _reached(w) > 1
        )

    def infer(self, *x: Shape) -> Shape | tuple[Shape, ...]:
        y = self._slide(x[0], ceil=self.ceil)
        for w, size, count in zip(self._windows(x[0]), x[0].spatial, y.spatial, strict=True):
            if isinstance(size, int) and isinstance(count, int) and size < _reached(w, count):
                raise ShapeError(
                    f"a window of maxpool steps over all {size} of an axis: what it sees lies in the padding alone",
                    help=f"use a dilation of at most {size}, or no padding",
                )
        if not self.indices:
            return y
        if _padding(self._windows(x[0])) is None:
            raise ShapeError(
                "maxpool can tell indices only where it pads both sides of an axis alike",
                help="give pad as a number, or a list of one number an axis",
            )
        return y, Shape(y.dims, "int")

    def explain(self, axis: int, *x: Shape) -> str | None:
        return self._explain(axis, x[0], ceil=self.ceil)

    def torch(self, *x: Shape) -> TorchCall:
        axes = self._windows(x[0])
        extra = options(
            dilation=(compact(w.dilation for w in axes), 1),
            return_indices=(self.indices, False),
            ceil_mode=(self.ceil, False),
        )
        return _pool_call("MaxPool", axes, self.pad, extra)


MOST_STARTS = 10_000
"""Starts of windows in the padding that are looked at one by one."""


def _reached(window: Window, count: int | None = None) -> int:
    """The least size of an axis of which each of `count` windows sees something, where both sides are padded alike.

    The window that starts at a = o s - p < 0 sees a, a + d, ... and so first a mod d of the input: i > a mod d. One
    that starts inside of the input sees its start, and since p is at most half of k_eff none ends before the input.
    PyTorch writes outside of its memory in the backward pass of a window that sees nothing.
    """
    if window.sides is None or window.sides[0] != window.sides[1] or window.dilation == 1:
        return 1
    starts = range(-window.left, 0, window.stride)[: MOST_STARTS if count is None else min(count, MOST_STARTS)]
    if len(starts) == MOST_STARTS:
        return int(window.dilation)
    return 1 + max((start % window.dilation for start in starts), default=0)


@layer(
    "avgpool",
    "AveragePooling",
    "AveragePool",
    "meanpool",
    pytorch=("kernel", "stride", "pad", "ceil", "count_include_pad"),
)
class AvgPool(_MeanPool):
    """The mean of the values under each window.

    Shape: (C, *S) -> (C, *floor((S + 2p - k) / stride) + 1); with `ceil` the quotient is rounded up, less the window
    that would start right of the input.
    Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 3.

    `stride` is `kernel` where it is not given. Padding counts as zeros, unless `count_include_pad=false`: then the mean
    is of what lies inside (TensorFlow, Caffe2; Inception as published). What overhangs through `ceil` never counts.

    Example: `avgpool(3, stride=1, pad=1, count_include_pad=false)`
    """

    overwritable: ClassVar[bool] = True

    kernel: Size
    stride: Size | None = Field(default=None, description="the kernel where none")
    pad: Padding = 0
    ceil: Bool = Field(default=False, description="keep the last window even where it overhangs the end")
    count_include_pad: Bool = Field(default=True, description="whether padding counts as zeros in the mean")

    def _windows(self, x: Shape) -> tuple[Window, ...]:
        return windows(x, self.kernel, self.kernel if self.stride is None else self.stride, self.pad)

    def infer(self, *x: Shape) -> Shape:
        return self._slide(x[0], ceil=self.ceil)

    def explain(self, axis: int, *x: Shape) -> str | None:
        return self._explain(axis, x[0], ceil=self.ceil)

    def torch(self, *x: Shape) -> TorchCall:
        axes = self._windows(x[0])
        counted = self.count_include_pad or _padding(axes) == (0,) * len(axes)
        extra = options(ceil_mode=(self.ceil, False), count_include_pad=(counted, True))
        return _pool_call("AvgPool", axes, self.pad, extra)

    def is_global_mean(self, *x: Shape) -> bool:
        axes = zip(self._windows(x[0]), x[0].spatial, strict=True)
        return all(w.kernel == size and w.sides == (0, 0) for w, size in axes)


@layer("lppool", pytorch=("p", "kernel", "stride", "ceil"))
class LPPool(_MeanPool):
    """The p-norm of the values under each window: their sum for p=1, near the maximum for a large p.

    Shape: (C, *S) -> (C, *floor((S - k) / stride) + 1), rounded up with `ceil`.
    Source: Sermanet, Chintala, LeCun, "Convolutional neural networks applied to house numbers digit classification",
    2012, section 2.2.

    `stride` is `kernel` where it is not given. As in PyTorch, an odd p assumes values that are not negative.

    Example: `lppool(2, 2)`
    """

    p: Annotated[float, Strict(), Field(gt=0, le=LARGEST)]
    kernel: Size
    stride: Size | None = Field(default=None, description="the kernel where none")
    ceil: Bool = Field(default=False, description="keep the last window even where it overhangs the end")

    def _windows(self, x: Shape) -> tuple[Window, ...]:
        return windows(x, self.kernel, self.kernel if self.stride is None else self.stride, 0)

    def infer(self, *x: Shape) -> Shape:
        return self._slide(x[0], ceil=self.ceil)

    def explain(self, axis: int, *x: Shape) -> str | None:
        return self._explain(axis, x[0], ceil=self.ceil)

    def torch(self, *x: Shape) -> TorchCall:
        axes = self._windows(x[0])
        call = _pool_call("LPPool", axes, 0, options(ceil_mode=(self.ceil, False)))
        norm = int(self.p) if self.p.is_integer() else self.p
        return TorchCall(target=call.target, args=(norm, *call.args), kwargs=call.kwargs)


class _AdaptivePool(Layer):
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)
    mixes_positions: ClassVar[bool] = True
    figure_weight: ClassVar[FigureWeight] = "medium"
    sizes_per_axis: ClassVar[tuple[str, ...]] = ("size",)

    def _sizes(self, x: Shape, size: int | tuple[int | None, ...]) -> tuple[Dimension, ...]:
        """The output size of each axis."""
        if isinstance(size, int):
            return (size,) * len(x.spatial)
        entries = per_axis(tuple(0 if entry is None else entry for entry in size), len(x.spatial), "size")
        if entries == (0,):
            raise ShapeError(
                "size=[none] keeps the only axis as it is, so nothing is pooled", help="leave the layer out"
            )
        return tuple(entry or input_size for entry, input_size in zip(entries, x.spatial, strict=True))

    def _reach(self, x: Shape, sizes: Sequence[Dimension]) -> Reach | Literal["everything"]:
        spans: list[tuple[int, Fraction]] = []
        for size, count in zip(x.spatial, sizes, strict=True):
            if size == count:
                spans.append((1, Fraction(1)))
            elif isinstance(size, int) and isinstance(count, int):
                spans.append((_adaptive_span(size, count), Fraction(size, count)))
            else:
                return EVERYTHING
        if all(count == 1 for count in sizes):
            return EVERYTHING
        return Reach(
            kernel=tuple(span for span, _ in spans),
            stride=tuple(step for _, step in spans),
            offset=tuple(Fraction(0) for _ in spans),
        )


@layer("adaptive_avgpool", "AdaptiveAveragePooling", pytorch=("size",))
class AdaptiveAvgPool(_AdaptivePool):
    """The mean of windows that split each axis into `size` nearly equal, possibly overlapping parts.

    Shape: (C, *S) -> (C, *size); part j is floor(j S / size) up to ceil((j + 1) S / size).
    Source: He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks", 2014; bounds as in PyTorch.

    An entry of none in a list keeps that axis. It hides a wrong input size: torchvision's AlexNet and VGG take any.

    Example: `adaptive_avgpool([6, 6])`
    """

    overwritable: ClassVar[bool] = True
    figure_name: ClassVar[str] = "adaptive avgpool"

    size: AdaptiveSize

    def infer(self, *x: Shape) -> Shape:
        return x[0].with_dims(x[0].channels, *self._sizes(x[0], self.size))

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        return self._reach(x[0], self._sizes(x[0], self.size))

    def explain(self, axis: int, *x: Shape) -> str | None:
        return f"{self.infer(*x).dims[axis]} = size of this adaptive_avgpool" if axis else None

    def torch(self, *x: Shape) -> TorchCall:
        return TorchCall(target=f"nn.AdaptiveAvgPool{x[0].rank - 1}d", args=(_sizes_as_written(self.size),))

    def is_global_mean(self, *x: Shape) -> bool:
        return all(size == 1 for size in self._sizes(x[0], self.size))


@layer("adaptive_maxpool", "AdaptiveMaxPooling", pytorch=("size", "indices"))
class AdaptiveMaxPool(_AdaptivePool):
    """The largest value of windows that split each axis into `size` nearly equal, possibly overlapping parts.

    Shape: (C, *S) -> (C, *size); part j is floor(j S / size) up to ceil((j + 1) S / size). With `indices` a second
    output of the same shape says where each value was.
    Source: He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks", 2014; bounds as in PyTorch.

    An entry of none in a list keeps that axis.

    Example: `adaptive_maxpool(4)`
    """

    figure_name: ClassVar[str] = "adaptive maxpool"

    size: AdaptiveSize
    indices: Bool = Field(default=False, description="also give the place of each maximum")

    def infer(self, *x: Shape) -> Shape | tuple[Shape, ...]:
        y = x[0].with_dims(x[0].channels, *self._sizes(x[0], self.size))
        return (y, Shape(y.dims, "int")) if self.indices else y

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        return self._reach(x[0], self._sizes(x[0], self.size))

    def explain(self, axis: int, *x: Shape) -> str | None:
        return f"{self._sizes(x[0], self.size)[axis - 1]} = size of this adaptive_maxpool" if axis else None

    def torch(self, *x: Shape) -> TorchCall:
        return TorchCall(
            target=f"nn.AdaptiveMaxPool{x[0].rank - 1}d",
            args=(_sizes_as_written(self.size),),
            kwargs=options(return_indices=(self.indices, False)),
        )


class _GlobalPool(Layer):
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)
    mixes_positions: ClassVar[bool] = True
    figure_weight: ClassVar[FigureWeight] = "medium"

    def infer(self, *x: Shape) -> Shape:
        return x[0].with_dims(x[0].channels, *(1 for _ in x[0].spatial))

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING

    def explain(self, axis: int, *x: Shape) -> str | None:
        return f"1 = all {x[0].dims[axis]} positions together" if axis else None


@layer("global_avgpool", "gap", "GlobalAveragePooling", "GlobalAveragePool")
class GlobalAvgPool(_GlobalPool):
    """The mean of each channel over all positions.

    Shape: (C, *S) -> (C, 1, ..., 1); put `flatten` after it for features.
    Source: Lin, Chen, Yan, "Network In Network", 2014, section 3.2.

    Example: `global_avgpool -> flatten`
    """

    overwritable: ClassVar[bool] = True
    figure_name: ClassVar[str] = "global avgpool"

    def torch(self, *x: Shape) -> TorchCall:
        return TorchCall(target=f"nn.AdaptiveAvgPool{x[0].rank - 1}d", args=(1,))

    def is_global_mean(self, *x: Shape) -> bool:
        return True


@layer("global_maxpool", "gmp", "GlobalMaxPooling")
class GlobalMaxPool(_GlobalPool):
    """The largest value of each channel over all positions.

    Shape: (C, *S) -> (C, 1, ..., 1); put `flatten` after it for features.
    Source: Oquab et al., "Is object localization for free?", 2015, section 3.

    Example: `global_maxpool -> flatten`
    """

    figure_name: ClassVar[str] = "global maxpool"

    def torch(self, *x: Shape) -> TorchCall:
        return TorchCall(target=f"nn.AdaptiveMaxPool{x[0].rank - 1}d", args=(1,))


@layer("unpool", "MaxUnpool")
class Unpool(Layer):
    """Puts each value back where a max pool found it, and zeros elsewhere.

    Shape: (C, *S), int (C, *S) -> (C, *(S - 1) stride - 2p + k), or `size`, or the spatial size of `like`.
    Source: Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 2.1.

    The indices come from `maxpool(..., indices=true)` with the same kernel, stride and pad. A pool may drop the end of
    its input, so several sizes fit: `size` or `like` must be less than a stride away from the one above.

    Example: `unpool(x, places, 2, like=c1)`
    """

    figure_weight: ClassVar[FigureWeight] = "medium"
    mixes_positions: ClassVar[bool] = True
    sizes_per_axis: ClassVar[tuple[str, ...]] = ("kernel",)
    may_vary: ClassVar[frozenset[str]] = frozenset({"pad"})
    enlarges: ClassVar[bool] = True
    shape_only: ClassVar[tuple[str, ...]] = ("like?",)
    tensors: ClassVar[tuple[str, ...]] = ("x", "indices", "like?")
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)

    kernel: Size
    stride: Size | None = Field(default=None, description="the kernel where none")
    pad: Amount = 0
    size: Size | None = Field(default=None, description="the spatial size of the output")

    def _arguments(self, x: Shape) -> list[tuple[int, int, int]]:
        axes = x.rank - 1
        stride = self.kernel if self.stride is None else self.stride
        return list(
            zip(
                per_axis(self.kernel, axes, "kernel"),
                per_axis(stride, axes, "stride"),
                per_axis(self.pad, axes, "pad"),
                strict=True,
            )
        )

    def _default(self, x: Shape) -> tuple[Dimension, ...]:
        """The spatial size where none is asked for."""
        return tuple((i - 1) * s + (k - 2 * p) for i, (k, s, p) in zip(x.spatial, self._arguments(x), strict=True))

    def _output_sizes(self, *x: Shape) -> tuple[Dimension, ...] | None:
        if self.size is not None and len(x) > 2:
            raise ShapeError(
                "unpool takes its output size from size or from like, not both", help="leave one of them out"
            )
        if self.size is not None:
            return per_axis(self.size, x[0].rank - 1, "size")
        if len(x) < 3:
            return None
        if x[2].rank != x[0].rank:
            raise ShapeError(f"unpool cannot make {x[0]} like {x[2]}: their ranks differ", code="E0301")
        return x[2].spatial

    def infer(self, *x: Shape) -> Shape:
        if x[1].dtype != "int":
            raise ShapeError(
                f"the indices of unpool are {x[1]}, but must be int values",
                help="take them from a pool: pooled, places = maxpool(2, indices=true)",
                code="E0304",
            )
        if x[1].dims != x[0].dims:
            raise ShapeError(
                f"unpool needs an index for each value, but the values are {x[0]} and the indices {x[1]}",
                help="the indices must come from the pool that this unpool undoes",
            )
        default, output_sizes = self._default(x[0]), self._output_sizes(*x)
        if output_sizes is None:
            return x[0].with_dims(x[0].channels, *default)
        for size, usual, (_, s, _) in zip(output_sizes, default, self._arguments(x[0]), strict=True):
            apart = size - usual
            if not isinstance(apart, OpenSize) and abs(apart) >= s:
                sizes = f"{max(usual - s + 1, 1)} to {usual + s - 1}" if isinstance(usual, int) else f"about {usual}"
                raise ShapeError(
                    f"no pool with these arguments takes an axis of {size} to the {x[0]} that unpool is given",
                    help=f"with stride {s} the size may be {sizes}",
                )
        return x[0].with_dims(x[0].channels, *output_sizes)

    def requires(self, *x: Shape) -> tuple[Requirement, ...]:
        sizes = self._output_sizes(*x)
        requirements: list[Requirement] = []
        for size, usual, (_, s, _) in zip(sizes or (), self._default(x[0]), self._arguments(x[0]), strict=False):
            if isinstance(size - usual, OpenSize):
                requirements += [Requirement(size + (s - 1), ">=", usual), Requirement(usual + (s - 1), ">=", size)]
        return tuple(requirements)

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        arguments = self._arguments(x[0])
        return Reach(
            kernel=tuple(-(-k // s) for k, s, _ in arguments),
            stride=tuple(Fraction(1, s) for _, s, _ in arguments),
            offset=tuple(Fraction(p - k + 1, s) for k, s, p in arguments),
        )

    def explain(self, axis: int, *x: Shape) -> str | None:
        if axis == 0:
            return None
        sizes = self._output_sizes(*x)
        if sizes is not None:
            return f"{sizes[axis - 1]} = {'size of this unpool' if self.size is not None else 'as its like'}"
        k, s, p = self._arguments(x[0])[axis - 1]
        return f"{self._default(x[0])[axis - 1]} = ({x[0].dims[axis]} - 1)*{s} - 2*{p} + {k}"

    def torch(self, *x: Shape) -> TorchCall:
        kernel, stride, pad = (compact(axis) for axis in zip(*self._arguments(x[0]), strict=True))
        apply = "{module}({0}, {1})"
        if self.size is not None:
            apply = f"{{module}}({{0}}, {{1}}, output_size={per_axis(self.size, x[0].rank - 1, 'size')})"
        elif len(x) > 2:
            apply = "{module}({0}, {1}, output_size={2}.shape[2:])"
        return TorchCall(
            target=f"nn.MaxUnpool{x[0].rank - 1}d",
            args=(kernel,),
            kwargs=options(stride=(stride, kernel), padding=(pad, 0)),
            apply=apply,
        )


def _check_pads(name: str, axes: Sequence[Window], *, ceil: bool) -> None:
    """PyTorch's limits: half of the kernel where it pads itself; on one side, less than what the window sees."""
    even = symmetric(axes)
    for w in axes:
        if even is not None and w.sides is not None and w.sides[0] > w.extent // 2:
            raise ShapeError(
                f"{name} can pad at most half of its kernel, {w.extent // 2} here, not {w.sides[0]}",
                help="a larger padding would make windows that see no input",
            )
        if even is None and w.sides is not None and max(w.sides) >= w.extent:
            raise ShapeError(
                f"{name} pads less than its kernel on each side, at most {w.extent - 1} here, not {max(w.sides)}",
                help="a larger padding would make windows that see no input",
            )
    if ceil and _padding(axes) is None:
        raise ShapeError(
            f"{name} takes ceil=true only where it pads both sides of an axis alike",
            help="leave out ceil, or give pad as a number",
        )


def _padding(axes: Sequence[Window]) -> tuple[int, ...] | None:
    """The padding of each axis where PyTorch's own pools do it, else None.

    They pad both sides alike, by half of the kernel at most even where it is dilated.
    """
    even = symmetric(axes)
    if even is None:
        return None
    if any(
        isinstance(number, Symbolic) for w, p in zip(axes, even, strict=True) for number in (w.kernel, w.dilation, p)
    ):
        return even
    beyond = any(p > w.kernel // 2 for w, p in zip(axes, even, strict=True))
    return None if beyond and all(p <= w.extent // 2 for w, p in zip(axes, even, strict=True)) else even


def _pool_call(kind: str, axes: Sequence[Window], pad: object, extra: dict[str, Any]) -> TorchCall:
    """PyTorch's pool where it can pad as asked, else a subclass that pads by itself."""
    rank = len(axes)
    kernel, stride = compact(w.kernel for w in axes), compact(w.stride for w in axes)
    steps = options(stride=(stride, kernel))
    even = _padding(axes)
    if even is not None:
        kwargs = steps | options(padding=(compact(even), 0)) | extra
        return TorchCall(target=f"nn.{kind}{rank}d", args=(kernel,), kwargs=kwargs)
    if all(w.sides is not None for w in axes):
        own = Support(f"Padded{kind}{rank}d", _PADDED[kind].replace("{n}", str(rank)))
        return TorchCall(
            target=own.name, args=(kernel,), kwargs=steps | extra | {"pads": flat_pads(axes)}, support=(own,)
        )
    prefix, how = {
        "same": ("Same", ""),
        "same_lower": ("SameLower", ", lower=True"),
        "causal": ("Causal", ", causal=True"),
    }[str(pad)]
    source = _SAME[kind].replace("{prefix}", prefix).replace("{how}", how).replace("{n}", str(rank))
    own = Support(f"{prefix}{kind}{rank}d", source)
    return TorchCall(target=own.name, args=(kernel,), kwargs=steps | extra, support=(SAME_PADDING, own))


def _adaptive_span(size: int, count: int) -> int:
    """The largest part when `size` positions are split into `count`: parts start at floor and end at ceil."""
    common = gcd(size, count)
    return -(-(size // common + count // common - 1) // (count // common))


def _sizes_as_written(size: int | tuple[int | None, ...]) -> Any:
    return size if isinstance(size, int) or None in size else compact(size)


_PADDED = {
    "MaxPool": '''\
class PaddedMaxPool{n}d(nn.MaxPool{n}d):
    """A {n}-d max pool that pads each side by its own amount: `pads` is in the order of F.pad, last axis first."""

    def __init__(self, *args, pads: tuple[int, ...], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.pads = pads

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.pads, value=float("-inf")))
''',
    "AvgPool": '''\
class PaddedAvgPool{n}d(nn.AvgPool{n}d):
    """A {n}-d mean pool that pads each side by its own amount: `pads` is in the order of F.pad, last axis first."""

    def __init__(self, *args, pads: tuple[int, ...], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.pads = pads

    def forward(self, x: Tensor) -> Tensor:
        mean = super().forward(F.pad(x, self.pads))
        if self.count_include_pad:
            return mean
        return mean / super().forward(F.pad(torch.ones_like(x[:1, :1]), self.pads))
''',
}
"""The pools that pad by fixed amounts of their own; `{n}` is the number of spatial axes."""

_SAME = {
    "MaxPool": '''\
class {prefix}MaxPool{n}d(nn.MaxPool{n}d):
    """A {n}-d max pool that leaves ceil(size / stride) positions on each axis."""

    def forward(self, x: Tensor) -> Tensor:
        pads = same_padding(x, self.kernel_size, self.stride, self.dilation{how})
        return super().forward(F.pad(x, pads, value=float("-inf")))
''',
    "AvgPool": '''\
class {prefix}AvgPool{n}d(nn.AvgPool{n}d):
    """A {n}-d mean pool that leaves ceil(size / stride) positions on each axis."""

    def forward(self, x: Tensor) -> Tensor:
        pads = same_padding(x, self.kernel_size, self.stride{how})
        mean = super().forward(F.pad(x, pads))
        if self.count_include_pad:
            return mean
        return mean / super().forward(F.pad(torch.ones_like(x[:1, :1]), pads))
''',
}
"""The pools that pad by what the size of their input asks for."""
