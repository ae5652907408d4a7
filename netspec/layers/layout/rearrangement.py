"""What the layers that only move elements have in common."""

from typing import ClassVar

from netspec.layers.declaration.base import (
    FigureWeight,
    Layer,
)
from netspec.shapes.shape import Shape

ANY = ("float", "int", "bool")


class Rearrangement(Layer):
    """Base of the layers that take elements of any type as they are."""

    family: ClassVar[str] = "shape"
    figure_weight: ClassVar[FigureWeight] = "slight"
    rearranges: ClassVar[bool] = True
    dtypes: ClassVar[tuple[str, ...]] = ANY


def indexed(x: Shape, index: dict[int, str]) -> str:
    """`{0}[:, :, 1:-1]`: an index expression by axis, without the colons that say nothing at the end."""
    parts = [":", *(index.get(axis, ":") for axis in range(x.rank))]
    while parts and parts[-1] == ":":
        parts.pop()
    return f"{{0}}[{', '.join(parts)}]" if parts else "{0}"
