"""Layers that take the elements along axes to one: mean, sum, largest, length."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from netspec.layers.declaration.axes import Axes, at_least, position, positions, torch_dim, torch_dims
from netspec.layers.declaration.base import (
    EVERYTHING,
    Bool,
    Int,
    Layer,
    NonNegative,
    Number,
    Reach,
    ShapeError,
    TorchCall,
    layer,
)
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape


class Reduction(Layer):
    """Takes the elements along axes to one each; the axes go away, or stay with size 1."""

    axes: Axes | None = Field(
        default=None, description="an axis or a list of them, 0 for the channels; none for all spatial ones"
    )
    keep: Bool = Field(default=False, description="keep the axes, with size 1")

    function: ClassVar[str]
    """The expression up to its arguments: `{0}.mean(`."""

    def infer(self, x: Shape) -> Shape:
        return reduced(x, self._axes(x), keep=self.keep)

    def reach(self, x: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING if any(axis > 0 for axis in self._axes(x)) else None

    def torch(self, x: Shape) -> TorchCall:
        axes = self._axes(x) if self.axes is None else self.axes
        single = axes[0] if isinstance(axes, tuple) and len(axes) == 1 else axes
        arguments = [self._dims(torch_dims(single)), *(f"{name}={value!r}" for name, value in self._options().items())]
        if self.keep:
            arguments.append("keepdim=True")
        return TorchCall(apply=f"{self.function}{', '.join(arguments)})")

    def _dims(self, dims: int | tuple[int, ...]) -> str:
        return str(dims)

    def _options(self) -> dict[str, Any]:
        return {}

    def _axes(self, x: Shape) -> tuple[int, ...]:
        """The axes to reduce, counted from the front."""
        if self.axes is not None:
            return positions(self.axes, x)
        if x.rank == 0:
            raise ShapeError(f"{self.name} takes a value with axes, but this one is one number a sample", code="E0303")
        return tuple(range(1, x.rank)) if x.rank > 1 else (0,)


def reduced(x: Shape, axes: Sequence[int], *, keep: bool) -> Shape:
    """The shape without the axes, or with size 1 there."""
    if keep:
        return x.with_dims(*(1 if axis in axes else size for axis, size in enumerate(x.dims)))
    return x.with_dims(*(size for axis, size in enumerate(x.dims) if axis not in axes))


@layer("mean", "average")
class Mean(Reduction):
    """The mean along axes; by default over all positions, or over the features where there are no positions.

    Shape: (C, *S) -> (C).
    Example: `mean` pools a map to its channels; `mean(0, keep=true)` makes a map of one channel
    """

    function = "{0}.mean("

    def is_global_mean(self, x: Shape) -> bool:
        return x.rank > 1 and set(self._axes(x)) == set(range(1, x.rank))


@layer("sum")
class Sum(Reduction):
    """The sum along axes; by default over all positions, or over the features where there are no positions.

    Shape: (C, *S) -> (C).
    Example: `sum(0)`
    """

    dtypes: ClassVar[tuple[str, ...]] = ("float", "int")
    function = "{0}.sum("


@layer("max")
class Max(Reduction):
    """The largest along axes; by default over all positions, or over the features where there are no positions.

    Shape: (C, *S) -> (C).
    Example: `max(0, keep=true)` makes a map of one channel, as CBAM's spatial attention does
    """

    dtypes: ClassVar[tuple[str, ...]] = ("float", "int")
    function = "{0}.amax("


@layer("min")
class Min(Reduction):
    """The smallest along axes; by default over all positions, or over the features where there are no positions.

    Shape: (C, *S) -> (C).
    Example: `min(0)`
    """

    dtypes: ClassVar[tuple[str, ...]] = ("float", "int")
    function = "{0}.amin("


@layer("norm")
class Norm(Reduction):
    """The length along axes, sum(|x| ** order) ** (1 / order); by default over all positions, or over the features.

    Shape: (C, *S) -> (C).
    Example: `norm(0)` is the length of the capsule at each position
    """

    order: Number = 2

    function = "torch.linalg.vector_norm({0}, "

    def _dims(self, dims: int | tuple[int, ...]) -> str:
        return f"{self.order}, {dims}" if self.order != 2 else f"dim={dims}"


class Spread(Reduction):
    """How far the elements along axes are from their mean."""

    correction: NonNegative = Field(default=1, description="the divisor is the number of elements less this")

    def infer(self, x: Shape) -> Shape:
        axes, count = self._axes(x), self._count(x)
        if isinstance(count, int) and count <= self.correction:
            raise ShapeError(
                f"{self.name} divides by the number of elements less {self.correction}, "
                f"but along these axes of {x} there is only {count}",
                help="correction=0 divides by the number of elements",
            )
        return reduced(x, axes, keep=self.keep)

    def requires(self, x: Shape) -> tuple[Requirement, ...]:
        return at_least(self._count(x), self.correction + 1)

    def _options(self) -> dict[str, Any]:
        return {} if self.correction == 1 else {"correction": self.correction}

    def _count(self, x: Shape) -> Any:
        count: Any = 1
        for axis in self._axes(x):
            count = count * x.dims[axis]
        return count


@layer("var")
class Var(Spread):
    """The variance along axes; by default over all positions, or over the features where there are no positions.

    Shape: (C, *S) -> (C).
    Example: `var(correction=0)`
    """

    function = "{0}.var("


@layer("std")
class Std(Spread):
    """The standard deviation along axes; by default over all positions, or over the features where there are none.

    Shape: (C, *S) -> (C).
    Example: `(x - mean(x, keep=true)) / std(x, keep=true)`
    """

    function = "{0}.std("


@layer("argmax")
class ArgMax(Layer):
    """The index of the largest along an axis, by default the channels or features.

    Shape: (C, *S) -> int (*S).
    Example: `linear(10) -> argmax`
    """

    dtypes: ClassVar[tuple[str, ...]] = ("float", "int")

    axis: Int = Field(default=0, description="0 for the channels or features, -1 for the last")
    keep: Bool = Field(default=False, description="keep the axis, with size 1")

    def infer(self, x: Shape) -> Shape:
        return Shape(reduced(x, (position(self.axis, x),), keep=self.keep).dims, "int")

    def reach(self, x: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING if position(self.axis, x) > 0 else None

    def torch(self, x: Shape) -> TorchCall:
        keep = ", keepdim=True" if self.keep else ""
        return TorchCall(apply=f"{{0}}.argmax({torch_dim(self.axis)}{keep})")
