"""Layers that move elements about: flatten and reshape, cut and join, pad and crop. None of them computes."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from netspec.layers.declaration.arguments import Padding
from netspec.layers.declaration.axes import (
    Axes,
    agreed,
    as_tuple,
    at_least,
    axis_name,
    differ,
    equal,
    mismatch,
    position,
    positions,
    torch_dim,
    torch_dims,
)
from netspec.layers.declaration.base import (
    EVERYTHING,
    FigureWeight,
    Int,
    Layer,
    Number,
    Positive,
    Reach,
    ShapeError,
    Size,
    Support,
    TorchCall,
    layer,
    per_axis,
    spec_literal,
)
from netspec.layers.declaration.symbols import following, is_number, plain
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize, minimum

ANY = ("float", "int", "bool")


class Rearrangement(Layer):
    """Base of the layers that take elements of any type as they are."""

    figure_weight: ClassVar[FigureWeight] = "slight"
    rearranges: ClassVar[bool] = True
    dtypes: ClassVar[tuple[str, ...]] = ANY


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


@layer("split", "chunk")
class Split(Rearrangement):
    """Cuts an axis into several values: into equal parts, or into parts of the sizes given.

    Shape: (C, *S) -> (C / parts, *S), parts times; or (sizes[0], *S), (sizes[1], *S), ...
    Example: `let a, b = split(2)`; `split([32, 96])`
    """

    parts: Annotated[Positive, Field(le=4096)] | tuple[Positive, ...] = Field(
        description="the number of equal parts, or a list of their sizes"
    )
    along_channels: ClassVar[bool] = True

    axis: Int = Field(default=0, description="0 for the channels")

    def infer(self, x: Shape) -> tuple[Shape, ...]:
        axis = position(self.axis, x)
        size, name = x.dims[axis], axis_name(axis, x.rank)
        if isinstance(self.parts, int):
            if isinstance(size, int) and size % self.parts:
                raise ShapeError(
                    f"split cannot cut the {size} {name} of {x} into {self.parts} equal parts",
                    help=f"give the sizes of the parts: split({_even(size, self.parts)})"
                    if self.parts <= min(size, 8)
                    else "",
                )
            return (x.replace(axis=axis, size=size // self.parts),) * self.parts
        if not self.parts:
            raise ShapeError("split takes the sizes of one part or more, not an empty list", code="E0306")
        total = sum(self.parts)
        if differ(size, total):
            raise ShapeError(f"the parts {list(self.parts)} of split add up to {total}, but {x} has {size} {name}")
        return tuple(x.replace(axis=axis, size=part) for part in self.parts)

    def requires(self, x: Shape) -> tuple[Requirement, ...]:
        size = x.dims[position(self.axis, x)]
        if isinstance(self.parts, int):
            return equal(size % self.parts, 0)
        return equal(size, sum(self.parts))

    def torch(self, x: Shape) -> TorchCall:
        dim = torch_dim(self.axis)
        if isinstance(self.parts, int):
            return TorchCall(apply=f"{{0}}.chunk({self.parts}, {dim})" if self.parts > 1 else "{0}")
        return TorchCall(apply=f"{{0}}.split({list(self.parts)}, {dim})" if len(self.parts) > 1 else "{0}")

    @classmethod
    def figure_arguments(cls, texts: Mapping[str, str]) -> Mapping[str, str]:
        return {"count": texts["parts"] + _of_axis(texts)}


@layer("select")
class Select(Rearrangement):
    """One entry of an axis, which then goes away, or those of a list, in its order.

    Shape: (d0, d1, ...) without d_axis; with a list of n, d_axis becomes n.
    Example: `select(0, axis=0)` takes the class token of a sequence [L, E]; `select([0, 1, 5])` three channels
    """

    may_vary: ClassVar[frozenset[str]] = frozenset({"index"})

    index: Int | Annotated[tuple[Int, ...], Field(min_length=1)] = Field(
        description="0 for the first, -1 for the last; a list keeps the axis"
    )
    axis: Int = Field(default=0, description="0 for the channels")

    def infer(self, x: Shape) -> Shape:
        axis = position(self.axis, x)
        size = x.dims[axis]
        for index in self._entries():
            if isinstance(size, int) and not -size <= index < size:
                raise ShapeError(
                    f"there is no entry {index} among the {size} {axis_name(axis, x.rank)} of {x}", code="E0306"
                )
        if isinstance(self.index, tuple):
            return x.replace(axis=axis, size=len(self.index))
        return x.with_dims(*x.dims[:axis], *x.dims[axis + 1 :])

    def requires(self, x: Shape) -> tuple[Requirement, ...]:
        most = max(index + 1 if index >= 0 else -index for index in self._entries())
        return at_least(x.dims[position(self.axis, x)], most)

    def reach(self, x: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING if position(self.axis, x) > 0 else None

    def torch(self, x: Shape) -> TorchCall:
        index = list(self.index) if isinstance(self.index, tuple) else self.index
        return TorchCall(apply=_indexed(x, {position(self.axis, x): str(index)}))

    def _entries(self) -> tuple[int, ...]:
        return self.index if isinstance(self.index, tuple) else (self.index,)

    @classmethod
    def figure_arguments(cls, texts: Mapping[str, str]) -> Mapping[str, str]:
        return {"index": texts["index"] + _of_axis(texts)}


@layer("slice", "narrow")
class Slice(Rearrangement):
    """The entries start, start + step, ... of an axis that come before stop; counted as Python counts.

    Shape: (C, *S) -> (ceil((stop - start) / step), *S), start and stop within 0 and C.
    Example: `slice(stop=32)` keeps the first 32 channels; `slice(step=2, axis=1)` every other row
    """

    may_vary: ClassVar[frozenset[str]] = frozenset({"start", "stop"})

    start: Int | None = None
    stop: Int | None = None
    step: Positive = 1
    axis: Int = Field(default=0, description="0 for the channels")

    def infer(self, x: Shape) -> Shape:
        axis = position(self.axis, x)
        size = x.dims[axis]
        if isinstance(size, int):
            entries = range(plain(size))[plain(self.start) : plain(self.stop) : plain(self.step)]
            if not entries:
                raise ShapeError(
                    f"slice leaves nothing: {self._text()} of the {size} {axis_name(axis, x.rank)} of {x} is empty",
                    code="E0305",
                )
            length: Dimension = following(len(entries), size, self.start, self.stop, self.step)
        else:
            length = (self._stop(size) - self._start(size) + (self.step - 1)) // self.step
        return x.replace(axis=axis, size=length)

    def reach(self, x: Shape) -> Reach | Literal["everything"] | None:
        axis = position(self.axis, x)
        if axis == 0:
            return None
        start = self._start(x.dims[axis])
        if not isinstance(start, int):
            return EVERYTHING
        ones = (1,) * len(x.spatial)
        stride = [self.step if at == axis else 1 for at in range(1, x.rank)]
        offset = [start if at == axis else 0 for at in range(1, x.rank)]
        return Reach(ones, tuple(map(Fraction, stride)), tuple(map(Fraction, offset)))

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(apply=_indexed(x, {position(self.axis, x): self._text()}))

    def _text(self) -> str:
        text = f"{'' if self.start is None else self.start}:{'' if self.stop is None else self.stop}"
        return text if is_number(self.step, 1) else f"{text}:{self.step}"

    def _start(self, size: Dimension) -> Dimension:
        if isinstance(size, int):
            return range(size)[self.start :].start
        start = self.start or 0
        return start if start >= 0 else size - minimum(-start, size)

    def _stop(self, size: Dimension) -> Dimension:
        if self.stop is None:
            return size
        return minimum(self.stop, size) if self.stop >= 0 else size + self.stop

    @classmethod
    def figure_arguments(cls, texts: Mapping[str, str]) -> Mapping[str, str]:
        """Start, stop and step as Python writes them."""
        bounds = [texts.get("start", ""), texts.get("stop", ""), *([texts["step"]] if "step" in texts else [])]
        return {"index": ":".join(bounds) + _of_axis(texts)}


def _of_axis(texts: Mapping[str, str]) -> str:
    return f" of axis {texts['axis']}" if "axis" in texts else ""


def _numbers(value: int | str | tuple[int | tuple[int, int], ...]) -> int | tuple[int | tuple[int, int], ...]:
    if isinstance(value, str):
        raise PydanticCustomError(
            "amount", "an amount is a number, or a list of one number or pair [left, right] an axis, not {value}",
            {"value": value},
        )  # fmt: skip
    return value


_Amount: TypeAlias = int | str | tuple[int | tuple[int, int], ...]
Sides: TypeAlias = Annotated[Padding, AfterValidator(_numbers)]
"""How much at the ends of the spatial axes: `1`, `[1, 2]` (one an axis), or `[[2, 0], [1, 1]]` (left and right)."""


def _sides(amount: _Amount, axes: int) -> tuple[tuple[int, int], ...]:
    """Left and right of each axis."""
    assert not isinstance(amount, str)
    entries = amount if isinstance(amount, tuple) else (amount,) * axes
    if len(entries) != axes:
        raise ShapeError(
            f"amount has {len(entries)} entries, but the value has {axes} spatial {'axis' if axes == 1 else 'axes'}",
            code="E0306",
        )
    return tuple((entry, entry) if isinstance(entry, int) else (entry[0], entry[1]) for entry in entries)


_PADS = {"reflect": "ReflectionPad", "replicate": "ReplicationPad", "circular": "CircularPad"}


@layer("pad", "ZeroPad", "zero_padding")
class Pad(Rearrangement):
    """Adds to both ends of each spatial axis, or of the one axis given.

    Shape: (C, *S) -> (C, *(S + left + right)).
    Example: `pad(1)`; `pad([[0, 1], [0, 1]])`; `pad(3, mode=reflect)`; `pad([8, 8], axis=0)` adds channels of zeros
    """

    amount: Sides = Field(description="a number, a list of one an axis, or pairs [left, right]")
    value: Number = Field(default=0, description="what constant padding is filled with")
    mode: Literal["zeros", "constant", "reflect", "replicate", "circular"] = "zeros"
    axis: Int | None = Field(
        default=None, description="pads this axis alone; 0 for the channels; `amount` may then be one pair"
    )

    def infer(self, x: Shape) -> Shape:
        sides = self._by_axis(x)
        for axis, (left, right) in sides.items():
            size, most = x.dims[axis], max(left, right)
            if isinstance(size, int) and most > self._limit(size):
                raise ShapeError(
                    f"{self.mode} padding of {most} takes it from the value, "
                    f"but the {axis_name(axis, x.rank)} of {x} is only {size}"
                )
        return x.with_dims(*(size + sum(sides.get(axis, (0, 0))) for axis, size in enumerate(x.dims)))

    def requires(self, x: Shape) -> tuple[Requirement, ...]:
        spare = {"reflect": 1, "circular": 0}.get(self.mode)
        if spare is None:
            return ()
        sides = self._by_axis(x)
        return tuple(need for axis, pair in sides.items() for need in at_least(x.dims[axis], max(pair) + spare))

    def reach(self, x: Shape) -> Reach | Literal["everything"] | None:
        sides = self._by_axis(x)
        if self.mode == "circular":
            return EVERYTHING
        ones = (1,) * len(x.spatial)
        offset = (Fraction(-sides.get(axis, (0, 0))[0]) for axis in range(1, x.rank))
        return Reach(ones, tuple(map(Fraction, ones)), tuple(offset))

    def explain(self, axis: int, x: Shape) -> str | None:
        sides = self._by_axis(x)
        if axis not in sides:
            return None
        left, right = sides[axis]
        return f"{x.dims[axis] + left + right} = {x.dims[axis]} + {left} + {right}"

    def torch(self, x: Shape) -> TorchCall:
        sides = self._by_axis(x)
        axes = len(x.spatial)
        if self.axis is not None or axes not in (1, 2, 3):
            filled = self.mode in ("zeros", "constant")
            first = min(sides, default=x.rank) if filled else 1  # other modes are defined for all spatial axes at once
            amounts = [end for axis in reversed(range(first, x.rank)) for end in sides.get(axis, (0, 0))]
            options = "" if filled else f', mode="{self.mode}"'
            options += f", value={self.value}" if self.value != 0 else ""
            return TorchCall(apply=f"F.pad({{0}}, ({', '.join(map(str, amounts))}){options})")
        ends = tuple(end for axis in reversed(range(1, x.rank)) for end in sides[axis])
        amount = ends[0] if len(set(ends)) == 1 else ends
        if self.value != 0:
            return TorchCall(f"nn.ConstantPad{axes}d", (amount, self.value))
        return TorchCall(f"nn.{_PADS.get(self.mode, 'ZeroPad')}{axes}d", (amount,))

    def _limit(self, size: int) -> float:
        return {"reflect": size - 1, "circular": size}.get(self.mode, float("inf"))

    def _by_axis(self, x: Shape) -> dict[int, tuple[int, int]]:
        """Left and right by axis."""
        if self.mode != "constant" and self.value != 0:
            raise ShapeError(
                f"pad fills with {self.value} only where the padding is constant, but the mode is {self.mode}",
                help="mode=constant",
            )
        if self.axis is None:
            if x.rank < 2:
                raise ShapeError(
                    f"pad adds to spatial axes, and {x} has none", help="name the axis: pad(1, axis=0)", code="E0303"
                )
            pairs = dict(enumerate(_sides(self.amount, len(x.spatial)), 1))
        else:
            pairs = {position(self.axis, x): _one_side(self.amount)}
        if self.mode not in ("zeros", "constant") and (0 in pairs or x.rank not in (2, 3, 4)):
            raise ShapeError(
                f"{self.mode} padding is for the spatial axes of maps of rank 2 to 4; {x} can take zeros there"
            )
        if self.mode not in ("zeros", "constant") and x.dtype != "float":
            raise ShapeError(f"{self.mode} padding takes floats, but this value is {x}", code="E0304")
        return pairs


def _one_side(amount: _Amount) -> tuple[int, int]:
    """Left and right of the one axis: `[1, 2]` is a pair here."""
    match amount:
        case int(both) | (int(both),):
            return both, both
        case (int(left), int(right)) | ((int(left), int(right)),):
            return left, right
    raise ShapeError(
        f"pad of one axis takes a number or a pair [left, right], not {spec_literal(amount)}", code="E0306"
    )


@layer("crop", "cropping")
class Crop(Rearrangement):
    """Cuts off both ends of each spatial axis.

    Shape: (C, *S) -> (C, *(S - left - right)).
    Example: `crop(4)`; `crop([[0, 2]])` cuts two samples off the end of a 1-d map
    """

    crops: ClassVar[bool] = True
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)

    amount: Sides = Field(description="a number, a list of one an axis, or pairs [left, right]")

    def infer(self, x: Shape) -> Shape:
        sides = _sides(self.amount, len(x.spatial))
        return x.with_dims(
            x.channels, *(size - (left + right) for size, (left, right) in zip(x.spatial, sides, strict=True))
        )

    def reach(self, x: Shape) -> Reach | Literal["everything"] | None:
        return _shift([left for left, _ in _sides(self.amount, len(x.spatial))])

    def explain(self, axis: int, x: Shape) -> str | None:
        if axis == 0:
            return None
        left, right = _sides(self.amount, len(x.spatial))[axis - 1]
        return f"{x.dims[axis] - (left + right)} = {x.dims[axis]} - {left} - {right}"

    def torch(self, x: Shape) -> TorchCall:
        sides = enumerate(_sides(self.amount, len(x.spatial)), 1)
        return TorchCall(apply=_indexed(x, {axis: f"{left or ''}:{-right or ''}" for axis, (left, right) in sides}))


CENTER_CROP = Support(
    "center_crop",
    '''\
def center_crop(x: Tensor, size: Sequence[int]) -> Tensor:
    """The middle of x with the given spatial size; an odd margin leaves one more at the end."""
    for dim, length in enumerate(size, 2):
        x = x.narrow(dim, (x.shape[dim] - length) // 2, length)
    return x
''',
    imports=("from collections.abc import Sequence",),
)


@layer("center_crop")
class CenterCrop(Rearrangement):
    """The middle of the spatial axes: of the size given, or of that of another value. It starts at (in - out) // 2.

    Shape: (C, *S) -> (C, *size).
    Source: Ronneberger, Fischer, Brox, "U-Net", MICCAI 2015, whose skips are cropped so.
    Example: `concat(center_crop(e4, like=_), _)`; `center_crop(224)`
    """

    crops: ClassVar[bool] = True
    shape_only: ClassVar[tuple[str, ...]] = ("like?",)
    tensors: ClassVar[tuple[str, ...]] = ("x", "like?")
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)

    size: Size | None = None

    def infer(self, x: Shape, like: Shape | None = None) -> Shape:
        sizes = self._target_sizes(x, like)
        for axis, (old, new) in enumerate(zip(x.spatial, sizes, strict=True), 1):
            margin = old - new
            if isinstance(margin, int) and margin < 0:
                raise ShapeError(
                    f"center_crop cannot cut {x} to {x.with_dims(x.channels, *sizes)}: "
                    f"its {axis_name(axis, x.rank)}, {old}, is less than {new}",
                    help="crop the larger of the two: center_crop(large, like=small)"
                    if like
                    else "pad adds at the ends",
                )
        return x.with_dims(x.channels, *sizes)

    def requires(self, x: Shape, like: Shape | None = None) -> tuple[Requirement, ...]:
        pairs = zip(x.spatial, self._target_sizes(x, like), strict=True)
        return tuple(need for old, new in pairs for need in at_least(old, new))

    def reach(self, x: Shape, like: Shape | None = None) -> Reach | Literal["everything"] | None:
        margins = [old - new for old, new in zip(x.spatial, self._target_sizes(x, like), strict=True)]
        return _shift([margin // 2 if isinstance(margin, int) else 0 for margin in margins])

    def explain(self, axis: int, x: Shape, like: Shape | None = None) -> str | None:
        if axis == 0:
            return None
        start = (x.dims[axis] - self._target_sizes(x, like)[axis - 1]) // 2
        return f"{self._target_sizes(x, like)[axis - 1]} = the middle of {x.dims[axis]}, from {start} on"

    def torch(self, x: Shape, like: Shape | None = None) -> TorchCall:
        if like is not None:
            return TorchCall(apply="center_crop({0}, {1}.shape[2:])", support=(CENTER_CROP,))
        sizes = ", ".join(map(str, self._target_sizes(x, like)))
        sizes = f"{sizes}," if len(x.spatial) == 1 else sizes
        return TorchCall(apply=f"center_crop({{0}}, ({sizes}))", support=(CENTER_CROP,))

    def _target_sizes(self, x: Shape, like: Shape | None) -> tuple[Dimension, ...]:
        if like is not None:
            if self.size is not None:
                raise ShapeError("center_crop takes a size or a value to be like, not both", code="E0306")
            if like.rank != x.rank:
                raise ShapeError(f"center_crop cannot cut {x} to the size of {like}: their ranks differ", code="E0301")
            return like.spatial
        if self.size is None:
            raise ShapeError(
                "center_crop takes a size, or a value to be like", help="center_crop(x, like=y)", code="E0306"
            )
        return per_axis(self.size, len(x.spatial), "size")


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


@layer("concat", "Concatenate", "cat")
class Concat(Rearrangement):
    """Values one after another along an axis, by default the channels; they agree on the other axes.

    Shape: (C1, *S), (C2, *S), ... -> (C1 + C2 + ..., *S).
    Example: `concat(e4, _)`
    """

    join_sign: ClassVar[str] = "concat"
    tensors: ClassVar[tuple[str, ...]] = ("*xs",)
    overwritable: ClassVar[bool] = True

    along_channels: ClassVar[bool] = True

    axis: Int = Field(default=0, description="0 for the channels")

    def infer(self, *xs: Shape) -> Shape:
        axis, first = position(self.axis, xs[0]), xs[0]
        for x in xs[1:]:
            _same_kind(self.name, first, x)
            wrong = [at for at in range(x.rank) if at != axis and differ(first.dims[at], x.dims[at])]
            if wrong:
                raise mismatch(self.name, first, x, wrong, help=_concat_help(axis, wrong))
        dims = [agreed(sizes) for sizes in zip(*(x.dims for x in xs), strict=True)]
        dims[axis] = sum((x.dims[axis] for x in xs[1:]), first.dims[axis])
        return first.with_dims(*dims)

    def requires(self, *xs: Shape) -> tuple[Requirement, ...]:
        axis = position(self.axis, xs[0])
        return _equal_axes(xs, [at for at in range(xs[0].rank) if at != axis])

    def explain(self, axis: int, *xs: Shape) -> str | None:
        if axis != position(self.axis, xs[0]) or len(xs) < 2:
            return None
        sizes = [x.dims[axis] for x in xs]
        return f"{sum(sizes[1:], sizes[0])} = {' + '.join(map(str, sizes))}"

    def torch(self, *xs: Shape) -> TorchCall:
        return TorchCall(apply=f"torch.cat([{{inputs}}], {torch_dim(self.axis)})")


@layer("stack")
class Stack(Rearrangement):
    """Values of one shape as the entries of a new axis.

    Shape: n times (d0, d1, ...) -> (n, d0, d1, ...) for axis 0.
    Example: `stack(a, b)`
    """

    join_sign: ClassVar[str] = "stack"
    tensors: ClassVar[tuple[str, ...]] = ("*xs",)

    axis: Int = Field(default=0, description="where the new axis comes; -1 for the last")

    def infer(self, *xs: Shape) -> Shape:
        first = xs[0]
        if not -first.rank - 1 <= self.axis <= first.rank:
            raise ShapeError(
                f"stack cannot put an axis at {self.axis} of {first}",
                help=f"0 to {first.rank}, or -1 for the last",
                code="E0306",
            )
        for x in xs[1:]:
            _same_kind(self.name, first, x)
            wrong = [at for at in range(x.rank) if differ(first.dims[at], x.dims[at])]
            if wrong:
                raise mismatch(self.name, first, x, wrong)
        dims = [agreed(sizes) for sizes in zip(*(x.dims for x in xs), strict=True)]
        place = self.axis if self.axis >= 0 else self.axis + first.rank + 1
        return first.with_dims(*dims[:place], len(xs), *dims[place:])

    def requires(self, *xs: Shape) -> tuple[Requirement, ...]:
        return _equal_axes(xs, range(xs[0].rank))

    def torch(self, *xs: Shape) -> TorchCall:
        return TorchCall(apply=f"torch.stack([{{inputs}}], {torch_dim(self.axis)})")


def _equal_axes(xs: Sequence[Shape], axes: Sequence[int]) -> tuple[Requirement, ...]:
    first = xs[0]
    needs = (need for x in xs[1:] for axis in axes for need in equal(first.dims[axis], x.dims[axis]))
    return tuple(dict.fromkeys(needs))


def _same_kind(name: str, first: Shape, x: Shape) -> None:
    if x.rank != first.rank:
        raise ShapeError(
            f"{name} cannot join {first} and {x}: one has rank {first.rank}, the other {x.rank}",
            help="flatten, reshape and unsqueeze change the rank",
            code="E0301",
        )
    if x.dtype != first.dtype:
        raise ShapeError(f"{name} cannot join {first} and {x}: their element types differ", code="E0304")


def _concat_help(axis: int, wrong: Sequence[int]) -> str:
    if 0 in wrong or axis != 0:
        return ""
    return "crop the larger with center_crop(large, like=small), resize it, or pad the convolutions between"


def _indexed(x: Shape, index: dict[int, str]) -> str:
    """`{0}[:, :, 1:-1]`: an index expression by axis, without the colons that say nothing at the end."""
    parts = [":", *(index.get(axis, ":") for axis in range(x.rank))]
    while parts and parts[-1] == ":":
        parts.pop()
    return f"{{0}}[{', '.join(parts)}]" if parts else "{0}"


def _shift(offset: Sequence[int]) -> Reach:
    ones = (1,) * len(offset)
    return Reach(ones, tuple(map(Fraction, ones)), tuple(map(Fraction, offset)))


def _product(x: Shape) -> str:
    return f" ({'*'.join(_factor(size) for size in x.dims)})" if x.rank > 1 else ""


def _factor(size: Dimension) -> str:
    """A size as a factor of a product."""
    text = str(size)
    return f"({text})" if " " in text and not text.startswith("floor(") else text


def _even(size: int, parts: int) -> list[int]:
    """The size in parts that differ by one at most."""
    return [size // parts + (part < size % parts) for part in range(parts)]


def _reshape_help(elements: Dimension, shape: tuple[int, ...]) -> str:
    rest = prod(shape[1:])
    if isinstance(elements, int) and elements % rest == 0:
        return f"{[elements // rest, *shape[1:]]} would do"
    return ""
