"""Normalisations: by batch, group, instance, layer, root mean square, and across neighbouring channels."""

from collections.abc import Mapping
from math import prod
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, Strict

from netspec.layers.declaration.arguments import Real, known_channels, options
from netspec.layers.declaration.base import (
    EVERYTHING,
    Bool,
    FigureWeight,
    Layer,
    Positive,
    Probability,
    Reach,
    ShapeError,
    Support,
    TorchCall,
    layer,
)
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape

Epsilon: TypeAlias = Annotated[float, Strict(), Field(gt=0, le=1)]
"""Added to a variance before the division."""

Over: TypeAlias = Literal["last", "channels", "all"]
"""Which axes are normalised together."""


FROZEN = Support(
    "FrozenBatchNorm",
    '''\
class FrozenBatchNorm(nn.Module):
    """Batch normalisation with statistics, scale and shift that stay what they were loaded as."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Buffer(torch.ones(channels))
        self.bias = nn.Buffer(torch.zeros(channels))
        self.running_mean = nn.Buffer(torch.zeros(channels))
        self.running_var = nn.Buffer(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        axes = (-1, *[1] * (x.dim() - 2))
        return x * scale.view(axes) + shift.view(axes)

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}"
''',
)


@layer("batchnorm", "BatchNormalization", "bn", pytorch=("", "eps", "momentum", "affine", "track"))
class BatchNorm(Layer):
    """Normalises each channel over the batch and all positions, then scales and shifts it.

    Shape: (C, *S) -> (C, *S), for features, and for 1, 2 and 3 spatial dimensions.
    Source: Ioffe & Szegedy, "Batch Normalization", 2015, algorithms 1 and 2.

    In eval mode it uses running statistics, which are buffers and no parameters; `momentum` is the weight of the new
    batch in them, none averages all batches alike. Inception and the TensorFlow ports use eps=0.001.

    With `frozen`, scale, shift and statistics are four buffers that no training changes: what detectors do with the
    weights of a classifier, whose batches were larger than theirs (He et al., "Mask R-CNN", 2017, section 3.1).

    Example: `conv(64, 3, pad=1, bias=false) -> batchnorm -> relu`
    """

    figure_weight: ClassVar[FigureWeight] = "light"
    figure_name: ClassVar[str] = "BN"
    ranks: ClassVar[tuple[int, ...] | None] = (1, 2, 3, 4)
    overwritable: ClassVar[bool] = True
    centres: ClassVar[bool] = True

    eps: Annotated[float, Strict(), Field(ge=0, le=1)] = 1e-5
    momentum: Probability | None = 0.1
    affine: Bool = Field(default=True, description="whether a scale and a shift are learned")
    track: Bool = Field(default=True, description="whether running statistics are kept for eval mode")
    frozen: Bool = Field(default=False, description="whether weights and statistics stay what they were loaded as")

    def infer(self, *x: Shape) -> Shape:
        known_channels("batchnorm", x[0])
        if self.frozen and not (self.affine and self.track):
            raise ShapeError(
                "a frozen batchnorm has a scale, a shift and statistics, which affine=false and track=false leave out",
                help="leave out affine and track",
                code="E0306",
            )
        if self.eps == 0 and not self.frozen:
            raise ShapeError(
                "batchnorm needs an eps above 0: the variance that it divides by is that of a batch, which may be 0",
                help="only with frozen=true may eps be 0",
            )
        return x[0]

    def parameters(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        return _scale_and_shift(known_channels("batchnorm", x[0])) if self.affine and not self.frozen else {}

    def buffers(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        channels = known_channels("batchnorm", x[0])
        if self.frozen:
            return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))
        return _running_statistics(channels) if self.track else {}

    def torch(self, *x: Shape) -> TorchCall:
        if self.frozen:
            return TorchCall(
                FROZEN.name,
                (known_channels("batchnorm", x[0]),),
                options(eps=(self.eps, 1e-5)),
                support=(FROZEN,),
            )
        return TorchCall(
            target=f"nn.BatchNorm{max(x[0].rank - 1, 1)}d",
            args=(known_channels("batchnorm", x[0]),),
            kwargs=options(
                eps=(self.eps, 1e-5),
                momentum=(self.momentum, 0.1),
                affine=(self.affine, True),
                track_running_stats=(self.track, True),
            ),
        )


@layer("groupnorm", "GroupNormalization", "gn", pytorch=("groups", "", "eps", "affine"))
class GroupNorm(Layer):
    """Normalises each sample over groups of channels and all positions, then scales and shifts each channel.

    Shape: (C, *S) -> (C, *S).
    Source: Wu & He, "Group Normalization", 2018, equation 7.

    Example: `groupnorm(32)`
    """

    figure_weight: ClassVar[FigureWeight] = "light"
    figure_name: ClassVar[str] = "GN"
    ranks: ClassVar[tuple[int, ...] | None] = (1, 2, 3, 4)
    overwritable: ClassVar[bool] = True

    groups: Positive
    eps: Epsilon = 1e-5
    affine: Bool = Field(default=True, description="whether a scale and a shift are learned")

    def infer(self, *x: Shape) -> Shape:
        channels = known_channels("groupnorm", x[0])
        if channels % self.groups:
            raise ShapeError(
                f"groups={self.groups} does not divide the {channels} channels of the input",
                help=f"groups must divide the {channels} channels of the input",
            )
        if channels == self.groups and prod(x[0].spatial) == 1:
            raise ShapeError(
                f"groupnorm needs several values a group, but each of the {self.groups} groups of {x[0]} has one",
                help="use fewer groups, or layernorm(over=channels)",
            )
        return x[0]

    def requires(self, *x: Shape) -> tuple[Requirement, ...]:
        positions = prod(x[0].spatial)
        alone = known_channels("groupnorm", x[0]) == self.groups
        return (Requirement(positions, ">=", 2),) if alone and not isinstance(positions, int) else ()

    def parameters(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        return _scale_and_shift(known_channels("groupnorm", x[0])) if self.affine else {}

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING

    def torch(self, *x: Shape) -> TorchCall:
        return TorchCall(
            target="nn.GroupNorm",
            args=(self.groups, known_channels("groupnorm", x[0])),
            kwargs=options(eps=(self.eps, 1e-5), affine=(self.affine, True)),
        )


@layer("instancenorm", "InstanceNormalization", pytorch=("", "eps", "momentum", "affine", "track"))
class InstanceNorm(Layer):
    """Normalises each channel of each sample over its positions.

    Shape: (C, *S) -> (C, *S).
    Source: Ulyanov, Vedaldi, Lempitsky, "Instance Normalization", 2016, equation 6.

    As in PyTorch nothing is learned or tracked unless asked for.

    Example: `conv(64, 3, pad=1) -> instancenorm(affine=true)`
    """

    figure_weight: ClassVar[FigureWeight] = "light"
    figure_name: ClassVar[str] = "IN"
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)
    centres: ClassVar[bool] = True

    eps: Epsilon = 1e-5
    momentum: Probability = 0.1
    affine: Bool = Field(default=False, description="whether a scale and a shift are learned")
    track: Bool = Field(default=False, description="whether running statistics are kept for eval mode")

    def infer(self, *x: Shape) -> Shape:
        known_channels("instancenorm", x[0])
        if prod(x[0].spatial) == 1:
            raise ShapeError(
                f"instancenorm needs several positions to normalise over, but this value is {x[0]}",
                help="use groupnorm, layernorm(over=channels) or batchnorm here",
            )
        return x[0]

    def requires(self, *x: Shape) -> tuple[Requirement, ...]:
        positions = prod(x[0].spatial)
        return () if isinstance(positions, int) else (Requirement(positions, ">=", 2),)

    def parameters(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        return _scale_and_shift(known_channels("instancenorm", x[0])) if self.affine else {}

    def buffers(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        return _running_statistics(known_channels("instancenorm", x[0])) if self.track else {}

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING

    def torch(self, *x: Shape) -> TorchCall:
        return TorchCall(
            target=f"nn.InstanceNorm{x[0].rank - 1}d",
            args=(known_channels("instancenorm", x[0]),),
            kwargs=options(
                eps=(self.eps, 1e-5),
                momentum=(self.momentum, 0.1),
                affine=(self.affine, False),
                track_running_stats=(self.track, False),
            ),
        )


class _AxesNorm(Layer):
    """What layernorm and rmsnorm share: the axes that are normalised together."""

    figure_weight: ClassVar[FigureWeight] = "light"

    spoken: ClassVar[Mapping[str, Mapping[int | None, str]]] = {"over": {0: "channels", -1: "last", None: "all"}}

    over: Over = Field(default="last", description="last axis, channels at each position, or all axes together")

    def _normalised(self, x: Shape) -> tuple[int, ...]:
        """The sizes of the axes that are normalised together; raises ShapeError where one is open."""
        if self.over == "channels":
            return (known_channels(self.name, x),)
        sizes = x.dims if self.over == "all" else x.dims[-1:]
        numbers = tuple(size for size in sizes if isinstance(size, int))
        if len(numbers) < len(sizes):
            raise ShapeError(
                f"{self.name} over={self.over} has a weight for each position of that axis, so its size must be known,"
                f" but this value is {x}",
                help="normalise the channels at each position with over=channels, or give the size as a number",
                code="E0307",
            )
        return numbers

    def infer(self, *x: Shape) -> Shape:
        if x[0].rank == 0:
            raise ShapeError(f"{self.name} needs an axis to normalise over, but this value is a single number")
        if prod(self._normalised(x[0])) == 1:
            raise ShapeError(
                f"{self.name} needs several values to normalise together, but over={self.over} of {x[0]} is one",
                help="normalise the channels at each position with over=channels" if prod(x[0].dims[:1]) != 1 else "",
            )
        return x[0]

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING if self.over == "all" and x[0].rank > 1 else None

    def _call(self, x: Shape, kind: str, **pairs: tuple[Any, Any]) -> TorchCall:
        sizes = self._normalised(x)
        shape = sizes[0] if len(sizes) == 1 else sizes
        if self.over != "channels" or x.rank == 1:
            return TorchCall(target=f"nn.{kind}", args=(shape,), kwargs=options(**pairs))
        own = Support(f"Channel{kind}", _CHANNEL_NORM.replace("{kind}", kind))
        return TorchCall(target=own.name, args=(shape,), kwargs=options(**pairs), support=(own,))


@layer("layernorm", "LayerNormalization", "ln", pytorch=("", "eps", "affine", "bias"))
class LayerNorm(_AxesNorm):
    """Normalises each sample over some of its axes, then scales and shifts each of their elements.

    Shape: the same. `over=last` (the default): the last axis, for features [F] and sequences [L, E]. `over=channels`:
    the channels of a map (C, *S) at each position by itself. `over=all`: all axes together.
    Source: Ba, Kiros, Hinton, "Layer Normalization", 2016, equation 3.

    Transformers and the book use the last axis, which holds a token's embedding; ConvNeXt and ByteNet, whose maps have
    channels first, the channels at each position. Over a map's last axis, its width, it is seldom what was meant.

    Example: `layernorm(over=channels)`
    """

    figure_name: ClassVar[str] = "LN"
    overwritable: ClassVar[bool] = True

    eps: Epsilon = 1e-5
    affine: Bool = Field(default=True, description="whether a scale is learned")
    bias: Bool = Field(default=True, description="whether a shift is learned with the scale")
    over: Over = Field(default="last", description="last axis, channels at each position, or all axes together")

    def parameters(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        if not self.affine:
            return {}
        sizes = self._normalised(x[0])
        return {"weight": sizes, "bias": sizes} if self.bias else {"weight": sizes}

    def torch(self, *x: Shape) -> TorchCall:
        bias = self.bias or not self.affine
        return self._call(
            x[0], "LayerNorm", eps=(self.eps, 1e-5), elementwise_affine=(self.affine, True), bias=(bias, True)
        )


@layer("rmsnorm", "RMSNormalization", pytorch=("", "eps", "affine"))
class RMSNorm(_AxesNorm):
    """Divides by the root mean square over some axes, then scales each of their elements.

    Shape: the same; `over` is that of `layernorm`.
    Source: Zhang & Sennrich, "Root Mean Square Layer Normalization", 2019, equation 4.

    Where `eps` is none, it is the smallest number that the element type can tell from 1, as in PyTorch.

    Example: `rmsnorm(eps=1e-6)`
    """

    figure_name: ClassVar[str] = "RMSNorm"

    eps: Epsilon | None = None
    affine: Bool = Field(default=True, description="whether a scale is learned")
    over: Over = Field(default="last", description="last axis, channels at each position, or all axes together")

    def parameters(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        return {"weight": self._normalised(x[0])} if self.affine else {}

    def torch(self, *x: Shape) -> TorchCall:
        return self._call(x[0], "RMSNorm", eps=(self.eps, None), elementwise_affine=(self.affine, True))


@layer("lrn", "LocalResponseNorm", "local_response_normalization", pytorch=("size", "alpha", "beta", "k"))
class LocalResponseNorm(Layer):
    """Divides each value by a sum of squares over `size` neighbouring channels at its position.

    Shape: (C, *S) -> (C, *S).
    Source: Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012,
    section 3.3.

    PyTorch and Caffe divide `alpha` by `size`, the paper does not: AlexNet's alpha=1e-4 over 5 channels is
    `lrn(5, alpha=5e-4, k=2.0)`. The paper's beta is 0.75.

    Example: `lrn(5, alpha=5e-4, beta=0.75, k=2.0)`
    """

    figure_weight: ClassVar[FigureWeight] = "light"
    figure_name: ClassVar[str] = "LRN"
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)

    size: Positive = Field(description="channels in a neighbourhood")
    alpha: Real = 1e-4
    beta: Real = 0.75
    k: Real = 1.0

    def infer(self, *x: Shape) -> Shape:
        return x[0]

    def torch(self, *x: Shape) -> TorchCall:
        return TorchCall(
            target="nn.LocalResponseNorm",
            args=(self.size,),
            kwargs=options(alpha=(self.alpha, 1e-4), beta=(self.beta, 0.75), k=(self.k, 1.0)),
        )


def _scale_and_shift(channels: int) -> dict[str, tuple[int, ...]]:
    return {"weight": (channels,), "bias": (channels,)}


def _running_statistics(channels: int) -> dict[str, tuple[int, ...]]:
    return {"running_mean": (channels,), "running_var": (channels,), "num_batches_tracked": ()}


_CHANNEL_NORM = '''\
class Channel{kind}(nn.{kind}):
    """nn.{kind} over the channels of (N, C, ...), at each position by itself."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)
'''
