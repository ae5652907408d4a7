"""Shapes: what one sample of a value looks like. The batch is implied and never written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

from netspec.shapes.sets import Set
from netspec.shapes.sizes import Dimension, OpenSize

DType: TypeAlias = Literal["float", "int", "bool"]


@dataclass(frozen=True, slots=True)
class Shape:
    """The dimensions of one sample, channels first: `(C, *S)` for maps, `(F,)` for features, `(L, E)` for sequences.

    A value that a sample has several of, for each member of a set, is `each` of that set: its dimensions are those of
    one member, and how many there are is no axis, but takes the place of the batch.
    """

    dims: tuple[Dimension, ...]
    dtype: DType = "float"
    each: Set | None = None

    @staticmethod
    def of(*dims: Dimension, dtype: DType = "float") -> Shape:
        return Shape(tuple(dims), dtype)

    @property
    def rank(self) -> int:
        """The number of dimensions, the batch not counted."""
        return len(self.dims)

    @property
    def kind(self) -> tuple[int, DType, Set | None]:
        """All but the sizes."""
        return self.rank, self.dtype, self.each

    @property
    def channels(self) -> Dimension:
        return self.dims[0]

    @property
    def spatial(self) -> tuple[Dimension, ...]:
        """What follows the channels."""
        return self.dims[1:]

    @property
    def elements(self) -> Dimension:
        """The number of elements of one sample."""
        return prod(self.dims)

    @property
    def is_open(self) -> bool:
        return any(isinstance(size, OpenSize) for size in self.dims)

    def replace(self, *, axis: int, size: Dimension) -> Shape:
        """The same shape with another size at `axis`."""
        dims = list(self.dims)
        dims[axis] = size
        return self.with_dims(*dims)

    def with_dims(self, *dims: Dimension) -> Shape:
        """Another shape of the same element type and set."""
        return Shape(tuple(dims), self.dtype, self.each)

    def as_float(self) -> Shape:
        return Shape(self.dims, each=self.each)

    def of_each(self, members: Set | None) -> Shape:
        """The same shape for each member of a set; of a sample itself where that is None."""
        return self if self.each is members else Shape(self.dims, self.dtype, members)

    def __or__(self, other: Shape) -> Shape:
        """What two shapes of one rank have in common: sizes that differ are open."""
        return Shape(
            tuple(
                a if a == b else OpenSize.symbol(f"size{axis}")
                for axis, (a, b) in enumerate(zip(self.dims, other.dims, strict=True))
            ),
            self.dtype,
            self.each,
        )

    def __str__(self) -> str:
        text = f"[{', '.join(map(str, self.dims))}]"
        text = text if self.dtype == "float" else f"{self.dtype} {text}"
        return text if self.each is None else f"{text} {self.each}"


def sets_of(shapes: Iterable[Shape]) -> tuple[Set, ...]:
    """The sets that values are of, each once."""
    return tuple(dict.fromkeys(shape.each for shape in shapes if shape.each is not None))


COUNT = Shape((), "int")
"""What the number of members of a set looks like, one for each picture. No spec sees it: layers that make a set leave
it in PyTorch after their outputs, and what needs it is handed it. It is known by identity."""
