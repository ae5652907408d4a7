"""Layers that add to the ends of axes, or cut these off."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from netspec.layers.declaration.arguments import Padding
from netspec.layers.declaration.axes import (
    at_least,
    axis_name,
    position,
)
from netspec.layers.declaration.base import (
    EVERYTHING,
    Int,
    Number,
    Reach,
    ShapeError,
    Size,
    Support,
    TorchCall,
    layer,
    per_axis,
    spec_literal,
)
from netspec.layers.layout.rearrangement import Rearrangement, indexed
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension


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
        return TorchCall(apply=indexed(x, {axis: f"{left or ''}:{-right or ''}" for axis, (left, right) in sides}))


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


def _shift(offset: Sequence[int]) -> Reach:
    ones = (1,) * len(offset)
    return Reach(ones, tuple(map(Fraction, ones)), tuple(map(Fraction, offset)))
