"""Activation functions, learned ones and gates among them."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from netspec.layers.declaration.axes import axis_name, equal, fixed, position, torch_dim
from netspec.layers.declaration.base import (
    EVERYTHING,
    Bool,
    FigureWeight,
    Int,
    Layer,
    Number,
    Positive,
    Reach,
    ShapeError,
    Support,
    TorchCall,
    layer,
)
from netspec.layers.declaration.symbols import Symbolic
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension


class Activation(Layer):
    """A function of each element: the shape stays."""

    figure_weight: ClassVar[FigureWeight] = "light"
    module: ClassVar[str]
    """The class in torch.nn. Its arguments are the layer's fields, in the same order."""
    inplace: ClassVar[bool] = False
    """Whether the class takes `inplace=True`."""
    torch_names: ClassVar[Mapping[str, str]] = {}
    """Torch's name of a field where it differs from the spec's."""

    def infer(self, x: Shape) -> Shape:
        return x

    def torch(self, x: Shape) -> TorchCall:
        args, kwargs = self._arguments()
        return TorchCall(f"nn.{self.module}", args, kwargs, inplace=self.inplace)

    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that differ from their defaults: numbers by position as far as that goes, the rest by name."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        by_position = True
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            changed = info.is_required() or isinstance(value, Symbolic) or value != info.default
            by_position = by_position and changed and not isinstance(value, str | bool)
            if by_position:
                args.append(value)
            elif changed:
                kwargs[self.torch_names.get(name, name)] = value
        return tuple(args), kwargs


@layer("relu")
class ReLU(Activation):
    """max(x, 0).

    Shape: any -> the same.
    Source: Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    Example: `conv(64, 3) -> relu`
    """

    figure_name = "ReLU"
    in_place = True
    module = "ReLU"
    inplace = True


@layer("relu6")
class ReLU6(Activation):
    """min(max(x, 0), 6).

    Shape: any -> the same.
    Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
    Example: `depthwise(3) -> batchnorm -> relu6`
    """

    figure_name = "ReLU6"
    in_place = True
    module = "ReLU6"
    inplace = True


@layer("leaky_relu", "lrelu", pytorch=("slope",))
class LeakyReLU(Activation):
    """x where it is positive, slope * x elsewhere.

    Shape: any -> the same.
    Source: Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    Example: `leaky_relu(0.2)`
    """

    figure_name: ClassVar[str] = "leaky ReLU"

    slope: Number = 0.01

    module = "LeakyReLU"
    inplace = True
    torch_names: ClassVar[Mapping[str, str]] = {"slope": "negative_slope"}


@layer("elu")
class ELU(Activation):
    """x where it is positive, alpha * (exp(x) - 1) elsewhere.

    Shape: any -> the same.
    Source: Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear units",
    ICLR 2016.
    Example: `elu`
    """

    figure_name: ClassVar[str] = "ELU"

    alpha: Number = 1.0

    module = "ELU"
    inplace = True


@layer("selu")
class SELU(Activation):
    """scale * elu(x, alpha), with the two constants that keep mean 0 and variance 1.

    Shape: any -> the same.
    Source: Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017.
    Example: `linear(512) -> selu -> alpha_dropout(0.05)`
    """

    figure_name = "SELU"
    module = "SELU"
    inplace = True


@layer("celu")
class CELU(Activation):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1)): elu with a derivative that is continuous for every alpha.

    Shape: any -> the same.
    Source: Barron, "Continuously differentiable exponential linear units", 2017.
    Example: `celu(0.5)`
    """

    alpha: Number = 1.0

    module = "CELU"
    inplace = True

    def infer(self, x: Shape) -> Shape:
        if abs(self.alpha) < 2.0**-126:
            raise ShapeError("celu divides by alpha, so alpha cannot be 0, nor so small that 1 / alpha is too large")
        return x


@layer("gelu")
class GELU(Activation):
    """x * P(X <= x) for a standard normal X.

    Shape: any -> the same.
    Source: Hendrycks, Gimpel, "Gaussian error linear units", 2016.
    Example: `linear(3072) -> gelu -> linear(768)`
    """

    figure_name: ClassVar[str] = "GELU"

    approximate: Literal["none", "tanh"] = Field(
        default="none", description="tanh for the approximation that GPT-2 used"
    )

    module = "GELU"


@layer("silu", "swish")
class SiLU(Activation):
    """x * sigmoid(x), also called swish.

    Shape: any -> the same.
    Source: Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network function approximation", 2017.
    Example: `conv(32, 3, stride=2, pad=1) -> batchnorm -> silu`
    """

    figure_name = "SiLU"
    in_place = True
    module = "SiLU"
    inplace = True


@layer("mish")
class Mish(Activation):
    """x * tanh(softplus(x)).

    Shape: any -> the same.
    Source: Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.
    Example: `mish`
    """

    module = "Mish"
    inplace = True


@layer("sigmoid", "logistic")
class Sigmoid(Activation):
    """1 / (1 + exp(-x)).

    Shape: any -> the same.
    Example: `conv(64, 1) -> sigmoid`
    """

    module = "Sigmoid"


@layer("hardsigmoid")
class Hardsigmoid(Activation):
    """relu6(x + 3) / 6.

    Shape: any -> the same.
    Source: Howard et al., "Searching for MobileNetV3", ICCV 2019.
    Example: `conv(64, 1) -> hardsigmoid`
    """

    module = "Hardsigmoid"
    inplace = True


@layer("hardswish")
class Hardswish(Activation):
    """x * relu6(x + 3) / 6.

    Shape: any -> the same.
    Source: Howard et al., "Searching for MobileNetV3", ICCV 2019.
    Example: `conv(16, 3, stride=2, pad=1) -> batchnorm -> hardswish`
    """

    figure_name = "h-swish"
    in_place = True
    module = "Hardswish"
    inplace = True


@layer("hardtanh")
class Hardtanh(Activation):
    """x cut off below min and above max.

    Shape: any -> the same.
    Example: `hardtanh(0, 20)`
    """

    min: Number = -1.0
    max: Number = 1.0

    module = "Hardtanh"
    inplace = True
    torch_names: ClassVar[Mapping[str, str]] = {"min": "min_val", "max": "max_val"}

    def infer(self, x: Shape) -> Shape:
        if self.min >= self.max:
            raise ShapeError(f"hardtanh cuts off below {self.min} and above {self.max}: min must be less than max")
        return x


@layer("tanh")
class Tanh(Activation):
    """The hyperbolic tangent.

    Shape: any -> the same.
    Example: `conv(6, 5) -> tanh`
    """

    module = "Tanh"


@layer("softplus")
class Softplus(Activation):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x exceeds the threshold.

    Shape: any -> the same.
    Source: Dugas et al., "Incorporating second-order functional knowledge for better option pricing", NIPS 2000.
    Example: `softplus`
    """

    beta: Number = 1.0
    threshold: Number = 20.0

    module = "Softplus"


@layer("softsign")
class Softsign(Activation):
    """x / (1 + |x|).

    Shape: any -> the same.
    Example: `softsign`
    """

    module = "Softsign"


@layer("logsigmoid")
class LogSigmoid(Activation):
    """log(sigmoid(x)).

    Shape: any -> the same.
    Example: `logsigmoid`
    """

    module = "LogSigmoid"


@layer("tanhshrink")
class Tanhshrink(Activation):
    """x - tanh(x).

    Shape: any -> the same.
    Example: `tanhshrink`
    """

    module = "Tanhshrink"


@layer("softshrink")
class Softshrink(Activation):
    """x moved towards 0 by the threshold, 0 within it.

    Shape: any -> the same.
    Example: `softshrink(0.1)`
    """

    threshold: Number = Field(default=0.5, ge=0)

    module = "Softshrink"
    torch_names: ClassVar[Mapping[str, str]] = {"threshold": "lambd"}


@layer("hardshrink")
class Hardshrink(Activation):
    """x, but 0 within the threshold.

    Shape: any -> the same.
    Example: `hardshrink(0.1)`
    """

    threshold: Number = 0.5

    module = "Hardshrink"
    torch_names: ClassVar[Mapping[str, str]] = {"threshold": "lambd"}


@layer("threshold")
class Threshold(Activation):
    """x where it exceeds the threshold, the value elsewhere.

    Shape: any -> the same.
    Example: `threshold(0.1, 0)`
    """

    threshold: Number
    value: Number

    module = "Threshold"
    inplace = True


@layer("rrelu")
class RReLU(Activation):
    """x where it is positive; elsewhere x times a slope drawn for each element, and in eval mode the mean slope.

    Shape: any -> the same.
    Source: Xu et al., "Empirical evaluation of rectified activations in convolutional network", 2015.
    Example: `rrelu`
    """

    lower: Number = 1 / 8
    upper: Number = 1 / 3

    module = "RReLU"
    inplace = True

    def infer(self, x: Shape) -> Shape:
        if self.lower > self.upper:
            raise ShapeError(f"rrelu draws slopes from {self.lower} to {self.upper}: lower must not exceed upper")
        return x


@layer("prelu")
class PReLU(Activation):
    """x where it is positive, a learned slope times x elsewhere.

    Shape: any -> the same.
    Source: He et al., "Delving deep into rectifiers", ICCV 2015.
    Example: `conv(64, 3) -> prelu(shared=false)`
    """

    figure_name: ClassVar[str] = "PReLU"

    shared: Bool = Field(default=True, description="one slope for all; false for one a channel (axis 0)")
    init: Number = Field(default=0.25, description="where the slope starts")

    module = "PReLU"

    def infer(self, x: Shape) -> Shape:
        self._slopes(x)
        return x

    def parameters(self, x: Shape) -> dict[str, tuple[int, ...]]:
        return {"weight": (self._slopes(x),)}

    def torch(self, x: Shape) -> TorchCall:
        args = () if self.shared else (self._slopes(x),)
        return TorchCall("nn.PReLU", args, {} if self.init == 0.25 else {"init": self.init})

    def _slopes(self, x: Shape) -> int:
        if self.shared:
            return 1
        if x.rank == 0:
            raise ShapeError("prelu(shared=false) learns a slope for each channel, but this value has none")
        return fixed(x.channels, x, "prelu(shared=false) learns a slope for each channel")


class OverAxis(Activation):
    """A function of all elements along one axis: the shape stays."""

    along_channels: ClassVar[bool] = True

    axis: Int = Field(default=0, description="0 for the channels or features, -1 for the last")

    def infer(self, x: Shape) -> Shape:
        position(self.axis, x)
        return x

    def reach(self, x: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING if position(self.axis, x) > 0 else None

    def constant(self, *x: Shape) -> bool:
        return x[0].dims[position(self.axis, x[0])] == 1

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(f"nn.{self.module}", (torch_dim(self.axis),))


@layer("softmax", pytorch=("axis",))
class Softmax(OverAxis):
    """exp(x) divided by its sum along an axis: by default the channels of a map, the features of a vector.

    Shape: any -> the same.
    Example: `linear(10) -> softmax`; on attention scores [L, S]: `softmax(-1)`
    """

    keeps_the_largest = True
    module = "Softmax"


@layer("log_softmax", pytorch=("axis",))
class LogSoftmax(OverAxis):
    """log(softmax(x)), computed without overflow.

    Shape: any -> the same.
    Example: `linear(10) -> log_softmax`
    """

    keeps_the_largest = True
    figure_name = "log-softmax"
    module = "LogSoftmax"


@layer("softmin")
class Softmin(OverAxis):
    """softmax(-x).

    Shape: any -> the same.
    Example: `softmin`
    """

    module = "Softmin"


class Folding(Layer):
    """Takes groups of elements along an axis to one each."""

    figure_weight: ClassVar[FigureWeight] = "light"

    def groups(self) -> int:
        """How many elements become one."""
        return 2

    def chosen(self) -> int:
        """The axis, as the spec gives it."""
        raise NotImplementedError

    def infer(self, x: Shape) -> Shape:
        axis, count = position(self.chosen(), x), self.groups()
        size = x.dims[axis]
        if isinstance(size, int) and size % count:
            raise ShapeError(
                f"{self.name} takes {count} {axis_name(axis, x.rank)} to one, "
                f"but the {size} of {x} do not divide by {count}",
                help=f"{size + -size % count} would do",
            )
        return x.replace(axis=axis, size=size // count)

    def requires(self, x: Shape) -> tuple[Requirement, ...]:
        size = x.dims[position(self.chosen(), x)]
        return equal(size % self.groups(), 0)

    def reach(self, x: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING if position(self.chosen(), x) > 0 else None

    def explain(self, axis: int, x: Shape) -> str | None:
        chosen = position(self.chosen(), x)
        size: Dimension = x.dims[chosen]
        return f"{size // self.groups()} = {size} / {self.groups()}" if axis == chosen else None


@layer("glu")
class GLU(Folding):
    """The first half along an axis times the sigmoid of the second.

    Shape: (C, *S) -> (C / 2, *S).
    Source: Dauphin et al., "Language modeling with gated convolutional networks", ICML 2017.
    Example: `conv(128, 3, pad=1) -> glu`
    """

    axis: Int = Field(default=0, description="0 for the channels or features, -1 for the last")

    def chosen(self) -> int:
        return self.axis

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("nn.GLU", (torch_dim(self.axis),))


SWIGLU = Support(
    "SwiGLU",
    '''\
class SwiGLU(nn.Module):
    """The SiLU of the first half along an axis times the second half."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        gate, value = x.chunk(2, self.dim)
        return F.silu(gate) * value

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
''',
)


@layer("swiglu")
class SwiGLU(Folding):
    """The SiLU of the first half along an axis times the second.

    Shape: (C, *S) -> (C / 2, *S).
    Source: Shazeer, "GLU variants improve Transformer", 2020.
    Example: `linear(4096) -> swiglu(-1) -> linear(768)`
    """

    figure_name = "SwiGLU"

    axis: Int = Field(default=0, description="0 for the channels or features, -1 for the last")

    def chosen(self) -> int:
        return self.axis

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("SwiGLU", (torch_dim(self.axis),), support=(SWIGLU,))


MAXOUT = Support(
    "Maxout",
    '''\
class Maxout(nn.Module):
    """The maximum of each `pieces` neighbouring elements along an axis."""

    def __init__(self, pieces: int, dim: int = 1) -> None:
        super().__init__()
        self.pieces = pieces
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        inner = self.dim + 1 if self.dim >= 0 else self.dim
        return x.unflatten(self.dim, (-1, self.pieces)).amax(inner)

    def extra_repr(self) -> str:
        return f"pieces={self.pieces}, dim={self.dim}"
''',
)


@layer("maxout")
class Maxout(Folding):
    """The maximum of each `pieces` neighbouring channels: unit j sees channels j * pieces to j * pieces + pieces - 1.

    Shape: (C * pieces, *S) -> (C, *S).
    Source: Goodfellow et al., "Maxout networks", ICML 2013; the order of the pieces is that of its pylearn2 code.
    Example: `linear(1200) -> maxout(5)`
    """

    pieces: Positive
    axis: Int = Field(default=0, description="0 for the channels or features, -1 for the last")

    def groups(self) -> int:
        return self.pieces

    def chosen(self) -> int:
        return self.axis

    def torch(self, x: Shape) -> TorchCall:
        kwargs = {} if self.axis == 0 else {"dim": torch_dim(self.axis)}
        return TorchCall("Maxout", (self.pieces,), kwargs, support=(MAXOUT,))
