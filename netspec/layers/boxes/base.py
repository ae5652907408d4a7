"""What the layers of boxes share. A box is (x1, y1, x2, y2), its corners in pixels, x to the right and y down."""

from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field, Strict

from netspec.layers.declaration.axes import at_least
from netspec.layers.declaration.base import FigureWeight, Layer, ShapeError
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape

Length: TypeAlias = (
    Annotated[int, Strict(), Field(gt=0, le=2**31 - 1)] | Annotated[float, Strict(), Field(gt=0, le=2**31 - 1)]
)
"""A length in pixels, or a ratio of two of them."""

Lengths: TypeAlias = Annotated[tuple[Length, ...], Field(min_length=1)]


class BoxLayer(Layer):
    """Base of the layers that make boxes, or numbers from which boxes are made. None of them has weights."""

    family: ClassVar[str] = "boxes"
    figure_weight: ClassVar[FigureWeight] = "slight"


def check_map(name: str, x: Shape, image: Shape) -> None:
    """Raises ShapeError unless x is a map of the image, both of two spatial axes, and no larger than it."""
    for what, shape in (("maps", x), ("an image", image)):
        if shape.rank != 3 or shape.dtype != "float":
            raise ShapeError(f"{name} takes {what} of float [C, H, W], but this value is {shape}", code="E0303")
    for size, whole in zip(x.spatial, image.spatial, strict=True):
        room = whole - size
        if isinstance(room, int) and room < 0:
            raise ShapeError(
                f"{name} takes a map that is no larger than its image, but the map is {x} and the image {image}",
                help="of=... names the value whose pixels the boxes are in, mostly the net's input",
            )


def map_fits(x: Shape, image: Shape) -> tuple[Requirement, ...]:
    """What makes a map of open size no larger than its image."""
    pairs = zip(x.spatial, image.spatial, strict=True)
    return tuple(need for size, whole in pairs for need in at_least(whole, size))
