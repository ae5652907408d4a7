"""Layers that take a value apart along one axis: its parts, one position, a range of them."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from netspec.layers.declaration.axes import (
    at_least,
    axis_name,
    differ,
    equal,
    position,
    torch_dim,
)
from netspec.layers.declaration.base import (
    EVERYTHING,
    Int,
    Positive,
    Reach,
    ShapeError,
    TorchCall,
    layer,
)
from netspec.layers.declaration.symbols import following, is_number, plain
from netspec.layers.layout.rearrangement import Rearrangement, indexed
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, minimum


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
        return TorchCall(apply=indexed(x, {position(self.axis, x): str(index)}))

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
        return TorchCall(apply=indexed(x, {position(self.axis, x): self._text()}))

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


def _even(size: int, parts: int) -> list[int]:
    """The size in parts that differ by one at most."""
    return [size // parts + (part < size % parts) for part in range(parts)]
