"""Layers that put the same elements into another shape or order. None of them computes."""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar, Literal

from pydantic import Field

from netspec.layers.declaration.axes import (
    Axes,
    as_tuple,
    axis_name,
    differ,
    equal,
    position,
    positions,
    torch_dim,
    torch_dims,
)
from netspec.layers.declaration.base import (
    EVERYTHING,
    FigureWeight,
    Int,
    Reach,
    ShapeError,
    TorchCall,
    layer,
)
from netspec.layers.declaration.symbols import is_number
from netspec.layers.layout.rearrangement import Rearrangement
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize


@layer("identity", "noop")
class Identity(Rearrangement):
    """The value as it is.

    Shape: any -> the same.
    Example: `identity`
    """

    idle_in_eval: ClassVar[bool] = True
    keeps_elements: ClassVar[bool] = True

    def infer(self, x: Shape) -> Shape:
        return x

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("nn.Identity")


@layer("flatten")
class Flatten(Rearrangement):
    """Joins the axes from start to end into one; by default all of them.

    Shape: (C, *S) -> (C * prod(S)).
    Example: `global_avgpool -> flatten -> linear(1000)`
    """

    figure_weight: ClassVar[FigureWeight] = "wrap"
    keeps_elements: ClassVar[bool] = True
    axis_arguments: ClassVar[tuple[str, ...]] = ("start", "end")

    start: Int = Field(default=0, description="the first axis to join; the batch is not counted")
    end: Int = Field(default=-1, description="the last axis to join")

    def infer(self, x: Shape) -> Shape:
        start, end = self._range(x)
        return x.with_dims(*x.dims[:start], prod(x.dims[start : end + 1]), *x.dims[end + 1 :])

    def explain(self, axis: int, x: Shape) -> str | None:
        start, end = self._range(x)
        if axis != start or start == end:
            return None
        joined = x.dims[start : end + 1]
        return f"{prod(joined)} = {'*'.join(_factor(size) for size in joined)}"

    def torch(self, x: Shape) -> TorchCall:
        kwargs: dict[str, Any] = {}
        if self.start != 0:
            kwargs["start_dim"] = torch_dim(self.start)
        if self.end != -1:
            kwargs["end_dim"] = torch_dim(self.end)
        return TorchCall("nn.Flatten", kwargs=kwargs)

    def _range(self, x: Shape) -> tuple[int, int]:
        start, end = position(self.start, x), position(self.end, x)
        if start > end:
            raise ShapeError(f"flatten goes from axis {start} to axis {end} of {x}: start must not come after end")
        return start, end


@layer("reshape", "view")
class Reshape(Rearrangement):
    """The same elements, in the same order, in another shape; one size may be -1 and follows from the others.

    Shape: any -> shape.
    Example: `linear(6272) -> reshape([128, 7, 7])`
    """

    keeps_elements: ClassVar[bool] = True

    shape: tuple[Int, ...]

    def infer(self, x: Shape) -> Shape:
        if any(size < 1 and size != -1 for size in self.shape) or self.shape.count(-1) > 1:
            raise ShapeError(
                f"reshape takes sizes of at least 1, one of which may be -1 and follows from the others, "
                f"not {list(self.shape)}",
                code="E0306",
            )
        product, elements = prod(size for size in self.shape if size != -1), x.elements
        if -1 in self.shape:
            if isinstance(elements, int) and elements % product:
                raise ShapeError(
                    f"{x} has {elements} elements{_product(x)}, "
                    f"which do not divide by the {product} of {list(self.shape)}"
                )
            return x.with_dims(*(elements // product if size == -1 else size for size in self.shape))
        if differ(elements, product):
            raise ShapeError(
                f"{x} has {elements} elements{_product(x)}, but {list(self.shape)} has {product}",
                help=_reshape_help(elements, self.shape),
            )
        return x.with_dims(*self.shape)

    def requires(self, x: Shape) -> tuple[Requirement, ...]:
        product = prod(size for size in self.shape if size != -1)
        return equal(x.elements % product, 0) if -1 in self.shape else equal(x.elements, product)

    def explain(self, axis: int, x: Shape) -> str | None:
        if self.shape[axis] != -1:
            return None
        product = prod(size for size in self.shape if size != -1)
        return f"{x.elements // product} = {x.elements} / {product}"

    def torch(self, x: Shape) -> TorchCall:
        sizes = ", ".join(map(str, self.shape))
        batch = "{0}.shape[0]" if any(is_number(size, -1) for size in self.shape) else "-1"
        return TorchCall(apply=f"{{0}}.reshape({batch}, {sizes})" if sizes else "{0}.reshape(-1)")


@layer("permute")
class Permute(Rearrangement):
    """The axes in another order: axis i of the result is axis axes[i] of the value.

    Shape: (d0, d1, ...) -> (d_axes[0], d_axes[1], ...).
    Example: `permute([1, 2, 0])` moves the channels last
    """

    axes: tuple[Int, ...]

    def infer(self, x: Shape) -> Shape:
        axes = positions(self.axes, x)
        if len(axes) != x.rank:
            raise ShapeError(
                f"permute takes each axis of {x} once, so {x.rank} of them, not {list(self.axes)}", code="E0306"
            )
        return x.with_dims(*(x.dims[axis] for axis in axes))

    def torch(self, x: Shape) -> TorchCall:
        axes = ", ".join(str(axis + 1) for axis in positions(self.axes, x))
        return TorchCall(apply=f"{{0}}.permute(0, {axes})")


@layer("transpose", "swapaxes")
class Transpose(Rearrangement):
    """Two axes exchanged.

    Shape: (..., d_a, ..., d_b, ...) -> (..., d_b, ..., d_a, ...).
    Example: `conv(768, 16, stride=16) -> flatten(1) -> transpose(0, 1)` makes a sequence [L, E]
    """

    axis_arguments: ClassVar[tuple[str, ...]] = ("a", "b")

    a: Int
    b: Int

    def infer(self, x: Shape) -> Shape:
        a, b = position(self.a, x), position(self.b, x)
        return x.replace(axis=a, size=x.dims[b]).replace(axis=b, size=x.dims[a])

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(apply=f"{{0}}.transpose({torch_dim(self.a)}, {torch_dim(self.b)})")


@layer("expand", "broadcast_to")
class Expand(Rearrangement):
    """Repeats axes of size 1, without a copy; -1 keeps an axis as it is.

    Shape: (1, ...) -> shape.
    Example: `expand([-1, 28, 28])`
    """

    figure_name: ClassVar[str] = "expand to"

    shape: tuple[Int, ...]

    def infer(self, x: Shape) -> Shape:
        if len(self.shape) != x.rank:
            raise ShapeError(
                f"expand takes a size for each axis of {x}, -1 to keep one: {x.rank} of them, not {list(self.shape)}",
                code="E0306",
            )
        if any(size < 1 and size != -1 for size in self.shape):
            raise ShapeError(f"expand takes sizes of at least 1, and -1 to keep one, not {list(self.shape)}")
        wrong = [
            axis
            for axis, (old, new) in enumerate(zip(x.dims, self.shape, strict=True))
            if new != -1 and old != 1 and differ(old, new)
        ]
        if wrong:
            (axis, *_) = wrong
            raise ShapeError(
                f"expand repeats axes of size 1, but the {axis_name(axis, x.rank)} of {x} "
                f"{'are' if axis == 0 else 'is'} {x.dims[axis]}, not 1 or {self.shape[axis]}"
            )
        return x.with_dims(*(old if new == -1 else new for old, new in zip(x.dims, self.shape, strict=True)))

    def requires(self, x: Shape) -> tuple[Requirement, ...]:
        pairs = zip(x.dims, self.shape, strict=True)
        return tuple(
            requirement
            for old, new in pairs
            if new != -1 and isinstance(old, OpenSize)
            for requirement in equal(old, new)
        )

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(apply=f"{{0}}.expand({', '.join(map(str, (-1, *self.shape)))})")

    @classmethod
    def figure_arguments(cls, texts: Mapping[str, str]) -> Mapping[str, str]:
        """A dot stands for an axis that stays as it is."""
        return {"shape": texts["shape"].replace("-1", "·")}


@layer("squeeze")
class Squeeze(Rearrangement):
    """Leaves out axes of size 1: those given, or all of them.

    Shape: (F, 1, 1) -> (F).
    Example: `conv(1000, 1) -> squeeze`
    """

    figure_weight: ClassVar[FigureWeight] = "wrap"
    keeps_elements: ClassVar[bool] = True

    axis: Axes | None = None

    def infer(self, x: Shape) -> Shape:
        axes = self._axes(x)
        for axis in axes:
            if differ(x.dims[axis], 1):
                raise ShapeError(
                    f"squeeze leaves out axes of size 1, but the {axis_name(axis, x.rank)} of {x} "
                    f"{'are' if axis == 0 else 'is'} {x.dims[axis]}",
                    help="select(0, axis) takes one entry of an axis, mean(axis) the mean",
                )
        return x.with_dims(*(size for axis, size in enumerate(x.dims) if axis not in axes))

    def requires(self, x: Shape) -> tuple[Requirement, ...]:
        return tuple(requirement for axis in self._axes(x) for requirement in equal(x.dims[axis], 1))

    def torch(self, x: Shape) -> TorchCall:
        axes = self._axes(x) if self.axis is None else as_tuple(self.axis)
        if not axes:
            return TorchCall(apply="{0}")
        dims = torch_dim(axes[0]) if len(axes) == 1 else torch_dims(axes)
        return TorchCall(apply=f"{{0}}.squeeze({dims})")

    def _axes(self, x: Shape) -> tuple[int, ...]:
        if self.axis is not None:
            return positions(self.axis, x)
        return tuple(axis for axis, size in enumerate(x.dims) if size == 1)


@layer("unsqueeze", "expand_dims")
class Unsqueeze(Rearrangement):
    """Puts in an axis of size 1 before the given one; -1 puts it last.

    Shape: (F) -> (1, F) for axis 0.
    Example: `unsqueeze(0)` makes a map of one channel
    """

    figure_weight: ClassVar[FigureWeight] = "wrap"
    keeps_elements: ClassVar[bool] = True

    axis: Int

    def infer(self, x: Shape) -> Shape:
        if not -x.rank - 1 <= self.axis <= x.rank:
            raise ShapeError(
                f"unsqueeze cannot put an axis at {self.axis} of {x}",
                help=f"0 to {x.rank}, or -1 for the last",
                code="E0306",
            )
        place = self.axis if self.axis >= 0 else self.axis + x.rank + 1
        return x.with_dims(*x.dims[:place], 1, *x.dims[place:])

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(apply=f"{{0}}.unsqueeze({torch_dim(self.axis)})")


@layer("flip")
class Flip(Rearrangement):
    """Axes back to front.

    Shape: any -> the same.
    Example: `flip(-1)`
    """

    axis: Axes

    def infer(self, x: Shape) -> Shape:
        positions(self.axis, x)
        return x

    def reach(self, x: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING if any(axis > 0 for axis in positions(self.axis, x)) else None

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(apply=f"{{0}}.flip({torch_dims(self.axis)})")


@layer("roll")
class Roll(Rearrangement):
    """Moves the entries of axes by a shift; what leaves at one end enters at the other.

    Shape: any -> the same.
    Example: `roll([-3, -3], axis=[1, 2])`
    """

    shift: Axes
    axis: Axes

    def infer(self, x: Shape) -> Shape:
        axes, shifts = positions(self.axis, x), as_tuple(self.shift)
        if len(axes) != len(shifts):
            raise ShapeError(f"roll takes a shift for each axis, not {len(shifts)} for {len(axes)}", code="E0306")
        return x

    def reach(self, x: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING if any(axis > 0 for axis in positions(self.axis, x)) else None

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(apply=f"{{0}}.roll({self.shift}, {torch_dims(self.axis)})")


def _product(x: Shape) -> str:
    return f" ({'*'.join(_factor(size) for size in x.dims)})" if x.rank > 1 else ""


def _factor(size: Dimension) -> str:
    """A size as a factor of a product."""
    text = str(size)
    return f"({text})" if " " in text and not text.startswith("floor(") else text


def _reshape_help(elements: Dimension, shape: tuple[int, ...]) -> str:
    rest = prod(shape[1:])
    if isinstance(elements, int) and elements % rest == 0:
        return f"{[elements // rest, *shape[1:]]} would do"
    return ""
