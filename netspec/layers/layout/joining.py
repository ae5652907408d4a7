"""Layers that join several values into one: end to end, or on an axis of its own."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from netspec.layers.declaration.axes import (
    agreed,
    differ,
    equal,
    mismatch,
    position,
    torch_dim,
)
from netspec.layers.declaration.base import (
    Int,
    ShapeError,
    TorchCall,
    layer,
)
from netspec.layers.layout.rearrangement import Rearrangement
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape


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
