"""Axes and sizes as layers need them: counting from the end, agreeing with one another, staying open."""

from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

from netspec.layers.declaration.base import Int, ShapeError
from netspec.layers.declaration.symbols import LARGEST, Symbolic, is_opaque, size_of
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, evaluate

Axes: TypeAlias = Int | tuple[Int, ...]
"""One axis or several. 0 is the channels, -1 the last; the batch is not counted."""

_NAMES = {
    1: ("features",),
    2: ("channels", "length"),
    3: ("channels", "height", "width"),
    4: ("channels", "depth", "height", "width"),
}


def axis_name(axis: int, rank: int) -> str:
    """`height`, as values name their axes; `axis 5` where there is no name."""
    return _NAMES[rank][axis] if rank in _NAMES else f"axis {axis}"


def position(axis: int, x: Shape) -> int:
    """The axis counted from the front; raises ShapeError where x has no such axis."""
    if not -x.rank <= axis < x.rank:
        raise ShapeError(f"there is no axis {axis} in {x}", help=_axes_help(x), code="E0306")
    return axis % x.rank


def positions(axes: Axes, x: Shape) -> tuple[int, ...]:
    """The axes counted from the front; raises ShapeError where x lacks one, one comes twice, or there are none."""
    if axes == ():
        raise ShapeError("this takes one axis or more, not an empty list", code="E0306")
    indices = tuple(position(axis, x) for axis in as_tuple(axes))
    if len(set(indices)) < len(indices):
        raise ShapeError(f"the axes {list(as_tuple(axes))} name one axis of {x} twice", code="E0306")
    return indices


def as_tuple(axes: int | Sequence[int]) -> tuple[int, ...]:
    return (axes,) if isinstance(axes, int) else tuple(axes)


def torch_dim(axis: int) -> int:
    """The axis as torch counts it, where the batch comes first."""
    return axis + 1 if axis >= 0 else axis


def torch_dims(axes: Axes) -> int | tuple[int, ...]:
    return torch_dim(axes) if isinstance(axes, int) else tuple(torch_dim(axis) for axis in axes)


def fixed(size: Dimension, x: Shape, why: str) -> int:
    """The size as a number; raises ShapeError where it is open. `why` says what needs it: `prelu learns a slope ...`"""
    if isinstance(size, int):
        return size
    raise ShapeError(
        f"{why}, but in {x} that size, {size}, depends on {' and '.join(sorted(size.symbols))}",
        code="E0307",
        help="declare the input with a number there, or pool it to a fixed size before",
    )


def differ(left: Dimension, right: Dimension) -> bool:
    """Whether the sizes can never be equal. Open ones that may be are the business of `equal`."""
    difference = left - right
    return isinstance(difference, int) and difference != 0


def equal(left: Dimension, right: Dimension) -> tuple[Requirement, ...]:
    """What makes the sizes equal: nothing where they are."""
    return () if left == right else (Requirement(left, "==", right),)


def at_least(left: Dimension, right: Dimension) -> tuple[Requirement, ...]:
    """What makes `left` at least `right`: nothing where it always is."""
    difference = left - right
    return () if isinstance(difference, int) and difference >= 0 else (Requirement(left, ">=", right),)


def agreed(sizes: Sequence[Dimension]) -> Dimension:
    """The size that equal sizes have, said in the simplest way: as a number where one of them is."""
    numbers = [size for size in sizes if isinstance(size, int)]
    return min(numbers, key=_parts, default=sizes[0])


def _parts(number: int) -> int:
    """How many parts the expression of a number has, none where it stands for itself."""
    if not isinstance(number, Symbolic):
        return 0
    return LARGEST + 1 if is_opaque(number.expression) else size_of(number.expression)


def mismatch(name: str, a: Shape, b: Shape, axes: Sequence[int], *, help: str = "") -> ShapeError:
    """The error for two shapes that differ on `axes`."""
    parts = [f"{axis_name(axis, a.rank)} {a.dims[axis]} and {b.dims[axis]}" for axis in axes]
    return ShapeError(f"{name} cannot join {a} and {b}: {', '.join(parts)}", help=help, code="E0301")


def broadcast(name: str, xs: Sequence[Shape]) -> tuple[tuple[Dimension, ...], tuple[Requirement, ...]]:
    """The dimensions that the shapes have in common, sizes of 1 stretched, and what open sizes must satisfy.

    Shapes of different rank are refused: behind the batch axis, torch would align them wrongly.
    """
    dims, requirements = list(xs[0].dims), list[Requirement]()
    joined = xs[0]
    for x in xs[1:]:
        if x.rank != joined.rank:
            raise ShapeError(
                f"{name} cannot join {joined} and {x}: one has {_axes(joined)}, the other {_axes(x)}",
                help=_rank_help(joined, x),
                code="E0301",
            )
        wrong = [
            axis for axis, (a, b) in enumerate(zip(dims, x.dims, strict=True)) if a != 1 and b != 1 and differ(a, b)
        ]
        if wrong:
            raise mismatch(name, joined, x, wrong, help=_size_help(joined, x, wrong))
        for axis, (a, b) in enumerate(zip(dims, x.dims, strict=True)):
            if a == 1:
                dims[axis] = b
            elif b != 1:
                dims[axis], demands = _stretched(a, b)
                requirements += demands
        joined = joined.with_dims(*dims)
    return tuple(dims), tuple(dict.fromkeys(requirements))


def _stretched(a: Dimension, b: Dimension) -> tuple[Dimension, tuple[Requirement, ...]]:
    """The size that two have in common where one of 1 is stretched, and what lets them have it; neither is known as 1.

    Where they are never equal, or either may be the one that is stretched, they have to be equal.
    """
    alike = agreed((a, b)), equal(a, b)
    if a == b or (isinstance(a, int) and isinstance(b, int)):
        return alike
    first, second = _alone(a, b)
    return alike if first == second else (b if first else a, (Requirement(a, "broadcasts", b),))


@cache
def _alone(a: Dimension, b: Dimension) -> tuple[bool, bool]:
    """Whether each of two sizes may be 1 while the other one is larger, of such as may be equal."""
    if Requirement(a, "==", b).status == "never":
        return False, False
    values = Requirement(a, "broadcasts", b).candidates
    left, right = evaluate(a, values), evaluate(b, values)
    return bool(((left == 1) & (right > 1)).any()), bool(((right == 1) & (left > 1)).any())


def _axes(x: Shape) -> str:
    return f"{x.rank} {'axis' if x.rank == 1 else 'axes'}"


def _axes_help(x: Shape) -> str:
    if x.rank == 0:
        return "the value has no axes: it is one number a sample"
    return f"its axes are 0 to {x.rank - 1}, the batch not counted; -1 is the last"


def _rank_help(a: Shape, b: Shape) -> str:
    small, large = (a, b) if a.rank < b.rank else (b, a)
    ones = ["1"] * (large.rank - small.rank)
    if small.rank and small.dims[-1] == large.dims[-1] and small.dims[0] != large.dims[0]:
        dims = [*ones, *map(str, small.dims)]
    else:
        dims = [*map(str, small.dims), *ones]
    return f"give {small} the missing axes first: reshape([{', '.join(dims)}])" if not small.is_open else ""


def _size_help(a: Shape, b: Shape, wrong: Sequence[int]) -> str:
    if a.rank == 1:
        return f"bring them to one width with linear({max(map(str, (a.dims[0], b.dims[0])), key=len)})"
    if list(wrong) == [0]:
        return f"bring them to the same channels with conv({a.dims[0]}, 1) or conv({b.dims[0]}, 1)"
    strided = all(_is_strided(a.dims[axis], b.dims[axis]) for axis in wrong if axis)
    if 0 in wrong and strided:
        return "bring one to the other's shape, as with conv(channels, 1, stride)"
    means = "a stride, a resize," if strided else "a resize"
    return f"bring one to the other's size with {means} or center_crop(large, like=small)"


def _is_strided(a: Dimension, b: Dimension) -> bool:
    """Whether a stride may make one size of the other: open ones may be anything."""
    if not (isinstance(a, int) and isinstance(b, int)):
        return True
    small, large = sorted((a, b))
    return any(-(-large // stride) == small for stride in range(2, large // small + 2))
