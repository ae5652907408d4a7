"""Comparisons of values, element by element, and choices by them."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from netspec.layers.arithmetic import NUMBERS
from netspec.layers.declaration.axes import broadcast
from netspec.layers.declaration.base import FigureWeight, Layer, Number, ShapeError, TorchCall, layer
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape


class Comparison(Layer):
    """A comparison of two values of one shape, or of a value with a number. Sizes of 1 are stretched."""

    family: ClassVar[str] = "arithmetic"
    figure_weight: ClassVar[FigureWeight] = "slight"
    tensors: ClassVar[tuple[str, ...]] = ("a", "b?")
    dtypes: ClassVar[tuple[str, ...]] = NUMBERS
    broadcasts: ClassVar[bool] = True

    value: Number | None = Field(default=None, description="a number instead of a second value")

    symbol: ClassVar[str]

    def infer(self, *xs: Shape) -> Shape:
        if (self.value is None) == (len(xs) == 1):
            raise ShapeError(f"{self.name} takes two values, or a value and a number", code="E0306")
        dims, _ = broadcast(self.name, xs)
        return Shape.of(*dims, dtype="bool")

    def requires(self, *xs: Shape) -> tuple[Requirement, ...]:
        return broadcast(self.name, xs)[1]

    def torch(self, *xs: Shape) -> TorchCall:
        if self.value is None:
            return TorchCall(apply=f"{{0}} {self.symbol} {{1}}")
        return TorchCall(apply=f"{{0}} {self.symbol} {{value}}", kwargs={"value": self.value})

    def formula(self) -> str:
        return "" if self.value is None else f"x {self.symbol} {{value}}"


@layer("equal", "eq")
class Equal(Comparison):
    """Where two values are equal.

    Shape: values of one shape, sizes of 1 stretched -> bool, that shape.
    Example: `tokens == 0`
    """

    dtypes: ClassVar[tuple[str, ...]] = ("float", "int", "bool")
    symbol = "=="


@layer("not_equal", "ne")
class NotEqual(Comparison):
    """Where two values differ.

    Shape: values of one shape, sizes of 1 stretched -> bool, that shape.
    Example: `tokens != 0`
    """

    dtypes: ClassVar[tuple[str, ...]] = ("float", "int", "bool")
    symbol = "!="


@layer("less", "lt")
class Less(Comparison):
    """Where the first value is less than the second.

    Shape: values of one shape, sizes of 1 stretched -> bool, that shape.
    Example: `x < 0`
    """

    symbol = "<"


@layer("less_equal", "le")
class LessEqual(Comparison):
    """Where the first value is at most the second.

    Shape: values of one shape, sizes of 1 stretched -> bool, that shape.
    Example: `x <= 0`
    """

    symbol = "<="


@layer("greater", "gt")
class Greater(Comparison):
    """Where the first value is greater than the second.

    Shape: values of one shape, sizes of 1 stretched -> bool, that shape.
    Example: `x > 0.5`
    """

    symbol = ">"


@layer("greater_equal", "ge")
class GreaterEqual(Comparison):
    """Where the first value is at least the second.

    Shape: values of one shape, sizes of 1 stretched -> bool, that shape.
    Example: `x >= 0.5`
    """

    symbol = ">="


@layer("where", "select_by", "masked_fill")
class Where(Layer):
    """One value where a condition holds, and another, or a number, where it does not.

    Shape: bool, values of one shape, sizes of 1 stretched -> that shape.
    Example: `where(scores > 0, scores, 0.1 * scores)`; `where(mask, scores, -1e9)`
    """

    family: ClassVar[str] = "arithmetic"
    figure_weight: ClassVar[FigureWeight] = "slight"
    tensors: ClassVar[tuple[str, ...]] = ("condition", "then", "otherwise?")
    dtypes: ClassVar[tuple[str, ...]] = ("bool",)
    broadcasts: ClassVar[bool] = True

    value: Number | None = Field(default=None, description="a number instead of the other value")

    def infer(self, *xs: Shape) -> Shape:
        values = self._values(xs)
        if (self.value is None) == (len(values) == 1):
            raise ShapeError(
                "where takes a condition and two values, or one and a number", help="where(mask, x, 0)", code="E0306"
            )
        dims, _ = broadcast(self.name, xs)
        dtype = "float" if isinstance(self.value, float) else values[0].dtype
        return Shape(dims, dtype)

    def requires(self, *xs: Shape) -> tuple[Requirement, ...]:
        return broadcast(self.name, xs)[1]

    def torch(self, *xs: Shape) -> TorchCall:
        if self.value is None:
            return TorchCall(apply="torch.where({0}, {1}, {2})")
        return TorchCall(apply="torch.where({0}, {1}, {value})", kwargs={"value": self.value})

    def _values(self, xs: Sequence[Shape]) -> Sequence[Shape]:
        values = xs[1:]
        if any(x.dtype != values[0].dtype for x in values) or values[0].dtype == "bool":
            texts = " and ".join(map(str, values))
            raise ShapeError(f"where chooses between numbers of one type, but these are {texts}", code="E0304")
        return values
