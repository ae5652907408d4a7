"""Shapes: what one sample of a value looks like. The batch is implied and never written."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

from netspec.shapes.sizes import Dimension, OpenSize

DType: TypeAlias = Literal["float", "int", "bool"]


@dataclass(frozen=True, slots=True)
class Shape:
    """The dimensions of one sample, channels first: `(C, *S)` for maps, `(F,)` for features, `(L, E)` for sequences."""

    dims: tuple[Dimension, ...]
    dtype: DType = "float"

    @staticmethod
    def of(*dims: Dimension, dtype: DType = "float") -> Shape:
        return Shape(tuple(dims), dtype)

    @property
    def rank(self) -> int:
        """The number of dimensions, the batch not counted."""
        return len(self.dims)

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
        return Shape(tuple(dims), self.dtype)

    def with_dims(self, *dims: Dimension) -> Shape:
        """Another shape of the same element type."""
        return Shape(tuple(dims), self.dtype)

    def as_float(self) -> Shape:
        return Shape(self.dims)

    def __or__(self, other: Shape) -> Shape:
        """What two shapes of one rank have in common: sizes that differ are open."""
        return Shape(
            tuple(
                a if a == b else OpenSize.symbol(f"size{axis}")
                for axis, (a, b) in enumerate(zip(self.dims, other.dims, strict=True))
            ),
            self.dtype,
        )

    def __str__(self) -> str:
        text = f"[{', '.join(map(str, self.dims))}]"
        return text if self.dtype == "float" else f"{self.dtype} {text}"
