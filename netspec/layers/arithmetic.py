"""Arithmetic on values, element by element and as matrices."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from netspec.layers.declaration.axes import agreed, broadcast, differ, equal
from netspec.layers.declaration.base import Bool, FigureWeight, Layer, Number, ShapeError, TorchCall, layer
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension

NUMBERS = ("float", "int")


class Elementwise(Layer):
    """A function of each element, written as an expression: the shape stays."""

    figure_weight: ClassVar[FigureWeight] = "slight"
    expression: ClassVar[str]

    def infer(self, x: Shape) -> Shape:
        return x

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(apply=self.expression)


@layer("neg", "negative")
class Neg(Elementwise):
    """-x.

    Shape: any -> the same.
    Example: `-t`
    """

    dtypes: ClassVar[tuple[str, ...]] = NUMBERS
    expression = "-{0}"


@layer("abs")
class Abs(Elementwise):
    """|x|.

    Shape: any -> the same.
    Example: `abs(a - b)`
    """

    dtypes: ClassVar[tuple[str, ...]] = NUMBERS
    expression = "{0}.abs()"


@layer("exp")
class Exp(Elementwise):
    """e to the power of x.

    Shape: any -> the same.
    Example: `exp(0.5 * log_variance)`
    """

    expression = "{0}.exp()"


@layer("log")
class Log(Elementwise):
    """The natural logarithm.

    Shape: any -> the same.
    Example: `log`
    """

    expression = "{0}.log()"


@layer("sqrt")
class Sqrt(Elementwise):
    """The square root.

    Shape: any -> the same.
    Example: `sqrt(sum(square(a - b)))`
    """

    expression = "{0}.sqrt()"


@layer("square")
class Square(Elementwise):
    """x * x.

    Shape: any -> the same.
    Example: `square`
    """

    dtypes: ClassVar[tuple[str, ...]] = NUMBERS
    expression = "{0}.square()"


@layer("sin")
class Sin(Elementwise):
    """The sine.

    Shape: any -> the same.
    Source: Sitzmann et al., "Implicit neural representations with periodic activation functions", NeurIPS 2020.
    Example: `linear(256) -> sin`
    """

    expression = "{0}.sin()"


@layer("cos")
class Cos(Elementwise):
    """The cosine.

    Shape: any -> the same.
    Example: `cos`
    """

    expression = "{0}.cos()"


@layer("detach", "stop_gradient")
class Detach(Elementwise):
    """The value as it is, through which no gradient flows back.

    Shape: any -> the same.
    Source: Grill et al., "Bootstrap your own latent", NeurIPS 2020 (the target).
    Example: `let code = x + detach(quantised - x)`
    """

    expression = "{0}.detach()"


@layer("clamp", "clip")
class Clamp(Layer):
    """x cut off below min and above max.

    Shape: any -> the same.
    Example: `clamp(0, 1)`; `clamp(max=6)`
    """

    figure_weight: ClassVar[FigureWeight] = "slight"
    dtypes: ClassVar[tuple[str, ...]] = NUMBERS

    min: Number | None = None
    max: Number | None = None

    def infer(self, x: Shape) -> Shape:
        if self.min is None and self.max is None:
            raise ShapeError("clamp takes a min, a max, or both", help="clamp(0, 1)", code="E0306")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ShapeError(f"clamp cuts off below {self.min} and above {self.max}: min must not exceed max")
        if any(isinstance(bound, float) for bound in (self.min, self.max)):
            return x.as_float()
        return x

    def torch(self, x: Shape) -> TorchCall:
        if self.max is None:
            return TorchCall(apply="{0}.clamp(min={min})", kwargs={"min": self.min})
        if self.min is None:
            return TorchCall(apply="{0}.clamp(max={max})", kwargs={"max": self.max})
        return TorchCall(apply="{0}.clamp({min}, {max})", kwargs={"min": self.min, "max": self.max})


class Operation(Layer):
    """An operator between values of one shape, or between a value and a number. Sizes of 1 are stretched."""

    figure_weight: ClassVar[FigureWeight] = "slight"
    tensors: ClassVar[tuple[str, ...]] = ("*xs",)
    dtypes: ClassVar[tuple[str, ...]] = NUMBERS
    broadcasts: ClassVar[bool] = True

    symbol: ClassVar[str]
    floats: ClassVar[bool] = False
    """Whether integers become floats."""
    formulas: ClassVar[tuple[str, str]] = ("", "")
    """With a number: as `formula` gives it, and where the number comes first."""

    def infer(self, *xs: Shape) -> Shape:
        self._check(xs)
        if len(xs) > 1:
            _numeric(self.name, xs)
        dims, _ = broadcast(self.name, xs)
        is_int = all(x.dtype == "int" for x in xs) and not isinstance(self._number(), float) and not self.floats
        return Shape.of(*dims, dtype="int" if is_int else "float")

    def requires(self, *xs: Shape) -> tuple[Requirement, ...]:
        return broadcast(self.name, xs)[1]

    def torch(self, *xs: Shape) -> TorchCall:
        number = self._number()
        if number is None:
            return TorchCall(apply=f" {self.symbol} ".join(f"{{{index}}}" for index in range(len(xs))))
        apply = f"{{value}} {self.symbol} {{0}}" if self._reversed() else f"{{0}} {self.symbol} {{value}}"
        return TorchCall(apply=apply, kwargs={"value": number})

    def formula(self) -> str:
        return "" if self._number() is None else self.formulas[self._reversed()]

    def _number(self) -> int | float | None:
        raise NotImplementedError

    def _reversed(self) -> bool:
        return False

    def _check(self, xs: Sequence[Shape]) -> None:
        """Raises ShapeError where values and numbers are too many or too few."""
        if self._number() is not None and len(xs) > 1:
            raise ShapeError(f"{self.name} takes one value and a number, or several values, not both", code="E0306")


class Chain(Operation):
    """An operation that takes any number of values."""

    value: Number | None = Field(default=None, description="a number instead of a second value")

    def _number(self) -> int | float | None:
        return self.value


@layer("add", "plus")
class Add(Chain):
    """The sum of values, or of a value and a number.

    Shape: values of one shape, sizes of 1 stretched -> that shape.
    Example: `a + b`; `add(a, b, c)`; `t + 1`
    """

    join_sign = "+"
    formulas = ("x + {value}", "")
    overwritable = True
    symbol = "+"


@layer("mul", "multiply", "times")
class Mul(Chain):
    """The product of values, element by element, or of a value and a number.

    Shape: values of one shape, sizes of 1 stretched -> that shape.
    Example: `x * gate`, where the gate may be [C, 1, 1]; `0.1 * t`
    """

    join_sign = "×"
    formulas = ("{value} · x", "")
    overwritable = True
    symbol = "*"


class Pair(Operation):
    """An operation on two values, or on a value and a number, in this order or the other."""

    value: Number | None = Field(default=None, description="a number instead of a second value")
    reverse: Bool = Field(default=False, description="the number comes first")

    def _number(self) -> int | float | None:
        return self.value

    def _reversed(self) -> bool:
        return self.reverse

    def _check(self, xs: Sequence[Shape]) -> None:
        super()._check(xs)
        _two(self.name, xs, self._number(), reverse=self.reverse)


@layer("sub", "subtract", "minus")
class Sub(Pair):
    """The difference of two values, or of a value and a number.

    Shape: values of one shape, sizes of 1 stretched -> that shape.
    Example: `a - b`; `1 - gate`
    """

    join_sign = "−"
    formulas = ("x − {value}", "{value} − x")
    overwritable = True
    symbol = "-"


@layer("div", "divide")
class Div(Pair):
    """The quotient of two values, or of a value and a number.

    Shape: values of one shape, sizes of 1 stretched -> that shape.
    Example: `a / b`; `t / 8`
    """

    join_sign = "÷"
    formulas = ("x / {value}", "{value} / x")
    symbol = "/"
    floats = True

    def _check(self, xs: Sequence[Shape]) -> None:
        super()._check(xs)
        if self.value == 0 and not self.reverse:
            raise ShapeError("this divides a value by 0")


@layer("pow")
class Pow(Operation):
    """A value to a power: a number, or another value.

    Shape: any -> the same; values of one shape, sizes of 1 stretched -> that shape.
    Example: `t ** 2`; `pow(0.5)`; `2 ** t`
    """

    join_sign: ClassVar[str] = "^"

    exponent: Number | None = Field(default=None, description="a number instead of a second value")
    reverse: Bool = Field(default=False, description="the number is the base, the value its exponent")

    symbol = "**"
    formulas = ("x^{exponent}", "{exponent}^x")

    def _number(self) -> int | float | None:
        return self.exponent

    def _reversed(self) -> bool:
        return self.reverse

    def _check(self, xs: Sequence[Shape]) -> None:
        super()._check(xs)
        _two(self.name, xs, self._number(), reverse=self.reverse)

    def torch(self, *xs: Shape) -> TorchCall:
        if self.reverse and self.exponent is not None and self.exponent < 0:
            return TorchCall(apply="({value}) ** {0}", kwargs={"value": self.exponent})
        return super().torch(*xs)


class Extreme(Chain):
    """The extreme of values, element by element."""

    function: ClassVar[str]
    bound: ClassVar[str]
    """The argument of clamp that does the same with a number."""

    def torch(self, *xs: Shape) -> TorchCall:
        if self.value is not None:
            return TorchCall(apply=f"{{0}}.clamp({self.bound}={{value}})", kwargs={"value": self.value})
        apply = "{0}"
        for index in range(1, len(xs)):
            apply = f"{self.function}({apply}, {{{index}}})"
        return TorchCall(apply=apply)


@layer("maximum")
class Maximum(Extreme):
    """The largest of several values, or of a value and a number, element by element.

    Shape: values of one shape, sizes of 1 stretched -> that shape.
    Example: `maximum(a, b)`
    """

    formulas = ("max(x, {value})", "")
    function = "torch.maximum"
    bound = "min"


@layer("minimum")
class Minimum(Extreme):
    """The smallest of several values, or of a value and a number, element by element.

    Shape: values of one shape, sizes of 1 stretched -> that shape.
    Example: `minimum(a, b)`
    """

    formulas = ("min(x, {value})", "")
    function = "torch.minimum"
    bound = "max"


@layer("matmul", "bmm", "mm", "dot")
class MatMul(Layer):
    """The product of matrices, which are the last two axes.

    Shape: (*B, N, K), (*B, K, M) -> (*B, N, M).
    Example: `matmul(q, transpose(k, 0, 1))`
    """

    figure_weight: ClassVar[FigureWeight] = "slight"
    tensors: ClassVar[tuple[str, ...]] = ("a", "b")
    serves_all: ClassVar[tuple[str, ...]] = ("a", "b")

    def infer(self, a: Shape, b: Shape) -> Shape:
        _numeric(self.name, (a, b))
        if a.rank != b.rank or a.rank < 2:
            raise ShapeError(
                f"matmul takes two matrices [N, K] and [K, M], or two stacks of as many, but these are {a} and {b}",
                help="reshape and unsqueeze change the rank",
                code="E0303",
            )
        if differ(a.dims[-1], b.dims[-2]):
            raise ShapeError(
                f"matmul cannot multiply {a} by {b}: the first has {a.dims[-1]} columns, the second {b.dims[-2]} rows",
                help="transpose one of them" if not differ(a.dims[-1], b.dims[-1]) else "",
                code="E0301",
            )
        for left, right in zip(a.dims[:-2], b.dims[:-2], strict=True):
            if differ(left, right):
                raise ShapeError(
                    f"matmul cannot multiply {a} by {b}: the first has {left} matrices, the second {right}",
                    code="E0301",
                )
        leading = (agreed(pair) for pair in zip(a.dims[:-2], b.dims[:-2], strict=True))
        return a.with_dims(*leading, a.dims[-2], b.dims[-1])

    def requires(self, a: Shape, b: Shape) -> tuple[Requirement, ...]:
        inner = equal(a.dims[-1], b.dims[-2])
        pairs = zip(a.dims[:-2], b.dims[:-2], strict=True)
        return inner + tuple(need for left, right in pairs for need in equal(left, right))

    def macs(self, a: Shape, b: Shape) -> Dimension:
        return self.infer(a, b).elements * agreed((a.dims[-1], b.dims[-2]))

    def torch(self, a: Shape, b: Shape) -> TorchCall:
        return TorchCall(apply="{0} @ {1}")


def _two(name: str, xs: Sequence[Shape], number: float | None, *, reverse: bool) -> None:
    if number is None and len(xs) != 2:
        raise ShapeError(f"{name} takes two values, or a value and a number, not {len(xs)} values", code="E0306")
    if number is None and reverse:
        raise ShapeError(f"{name} of two values needs no reverse", help="exchange the values", code="E0306")


def _numeric(name: str, xs: Sequence[Shape]) -> None:
    """Raises ShapeError where a value holds truth values; the first has been checked by the layer's `dtypes`."""
    for x in xs:
        if x.dtype == "bool":
            raise ShapeError(f"{name} takes numbers, but this value is {x}", code="E0304")
