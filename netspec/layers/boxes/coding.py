"""Boxes as numbers that a head can learn, and those numbers as boxes again."""

from math import log
from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field, Strict

from netspec.layers.boxes.base import BoxLayer, Length
from netspec.layers.declaration.arguments import options
from netspec.layers.declaration.axes import differ, equal
from netspec.layers.declaration.base import Bool, ShapeError, Support, TorchCall, layer
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension

Weights: TypeAlias = Annotated[tuple[Length, ...], Field(min_length=4, max_length=4)]
LIMIT = log(1000 / 16)
"""What an offset of a side is at most: a box of 16 pixels becomes one of 1000."""


def check_boxes(name: str, what: str, x: Shape) -> None:
    """Raises ShapeError unless the last axis of x has four numbers."""
    if x.rank == 0 or differ(x.dims[-1], 4) or x.dtype != "float":
        raise ShapeError(
            f"{name} takes {what} of four numbers in the last axis, but this value is {x}",
            help="per_anchor(4) makes them of a head's map",
            code="E0303" if x.rank == 0 else "E0302",
        )


class _Coding(BoxLayer):
    """Four numbers for each box of one value, in relation to the boxes of another.

    Where a box has several fours, as one for each class, its axis is missing in the other value: [A, K, 4] and [A, 4].
    """

    first: ClassVar[str]
    second: ClassVar[str]

    def infer(self, x: Shape, boxes: Shape) -> Shape:
        check_boxes(self.name, self.first, x)
        check_boxes(self.name, self.second, boxes)
        for axis, size in enumerate(self._leading(x, boxes)):
            if differ(size, x.dims[axis]):
                raise ShapeError(f"{self.name} cannot join {self.first} {x} and {self.second} {boxes}", code="E0301")
        return x

    def requires(self, x: Shape, boxes: Shape) -> tuple[Requirement, ...]:
        leading = self._leading(x, boxes)
        fours = (*equal(x.dims[-1], 4), *equal(boxes.dims[-1], 4))
        return (*fours, *(need for axis, size in enumerate(leading) for need in equal(size, x.dims[axis])))

    def _leading(self, x: Shape, boxes: Shape) -> tuple[Dimension, ...]:
        """The sizes of the boxes' axes that are axes of x, too; raises ShapeError where there are too few or many."""
        if boxes.rank not in (x.rank, x.rank - 1) or boxes.rank == 0:
            raise ShapeError(
                f"{self.name} takes a box for each four of {self.first}, or one for all of its last but one axis, "
                f"but these are {x} and {boxes}",
                code="E0301",
            )
        return boxes.dims[:-1]

    def _second(self, x: Shape, boxes: Shape) -> str:
        """The other value as torch aligns it."""
        return "{1}" if boxes.rank == x.rank else "{1}.unsqueeze(-2)"


BOX_DECODE = Support(
    "box_decode",
    '''\
def box_decode(
    offsets: Tensor,
    boxes: Tensor,
    weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0),
    limit: float = math.log(1000 / 16),
) -> Tensor:
    """Boxes (x1, y1, x2, y2) from offsets to others: of the middle in sides of the box, of the sides as logarithms."""
    x1, y1, x2, y2 = boxes.unbind(-1)
    width, height = x2 - x1, y2 - y1
    dx, dy, dw, dh = (offset / weight for offset, weight in zip(offsets.unbind(-1), weights, strict=True))
    x = dx * width + (x1 + 0.5 * width)
    y = dy * height + (y1 + 0.5 * height)
    half_width = 0.5 * (dw.clamp(max=limit).exp() * width)
    half_height = 0.5 * (dh.clamp(max=limit).exp() * height)
    return torch.stack([x - half_width, y - half_height, x + half_width, y + half_height], -1)
''',
    imports=("import math", "from collections.abc import Sequence"),
)


@layer("box_decode", "decode_boxes", "delta2bbox", "bbox_transform_inv")
class BoxDecode(_Coding):
    """Boxes from offsets (dx, dy, dw, dh) to other boxes: of the middle in sides of these, of the sides as logarithms.

    Shape: offsets [..., 4] and boxes [..., 4] in pixels -> boxes [..., 4] in pixels, (x1, y1, x2, y2); the boxes may
    lack the axis before the last: [A, K, 4] and [A, 4] -> [A, K, 4].
    Source: Ren et al., "Faster R-CNN", 2015, equation 2, solved for the box:
    x = dx w_a + x_a, y = dy h_a + y_a, w = w_a exp(dw), h = h_a exp(dh).

    Offsets are divided by `weights` first. dw and dh are `limit` at most, so that no side overflows: log(1000 / 16)
    makes 1000 pixels of 16, as Detectron has it.

    Example: `box_decode(deltas, anchors([p3, p4], of=image, sizes=[32, 64]), weights=[10, 10, 5, 5])`
    """

    tensors: ClassVar[tuple[str, ...]] = ("offsets", "boxes")
    first: ClassVar[str] = "offsets"
    second: ClassVar[str] = "boxes"

    weights: Weights = Field(default=(1, 1, 1, 1), description="what dx, dy, dw and dh are divided by")
    limit: Annotated[float, Strict(), Field(gt=0, le=64)] = Field(default=LIMIT, description="the largest dw and dh")

    def torch(self, offsets: Shape, boxes: Shape) -> TorchCall:
        chosen = options(weights=(self.weights, (1, 1, 1, 1)), limit=(self.limit, LIMIT))
        return _call("box_decode", self._second(offsets, boxes), chosen, BOX_DECODE)


BOX_ENCODE = Support(
    "box_encode",
    '''\
def box_encode(boxes: Tensor, others: Tensor, weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0)) -> Tensor:
    """The offsets (dx, dy, dw, dh) that make boxes (x1, y1, x2, y2) of others: what `box_decode` undoes."""
    x1, y1, x2, y2 = others.unbind(-1)
    width, height = x2 - x1, y2 - y1
    left, top, right, bottom = boxes.unbind(-1)
    wide, high = right - left, bottom - top
    wx, wy, ww, wh = weights
    dx = wx * ((left + 0.5 * wide) - (x1 + 0.5 * width)) / width
    dy = wy * ((top + 0.5 * high) - (y1 + 0.5 * height)) / height
    return torch.stack([dx, dy, ww * torch.log(wide / width), wh * torch.log(high / height)], -1)
''',
    imports=("from collections.abc import Sequence",),
)


@layer("box_encode", "encode_boxes", "bbox2delta", "bbox_transform")
class BoxEncode(_Coding):
    """The offsets (dx, dy, dw, dh) that lead from other boxes to these: what a head is to learn.

    Shape: boxes [..., 4] and the others [..., 4], both in pixels and of some area -> offsets [..., 4]; the others may
    lack the axis before the last.
    Source: Ren et al., "Faster R-CNN", 2015, equation 2:
    dx = (x - x_a) / w_a, dy = (y - y_a) / h_a, dw = log(w / w_a), dh = log(h / h_a).

    They are multiplied by `weights`, so that their spreads are alike: [10, 10, 5, 5] in the heads of Fast R-CNN.

    Example: `box_encode(truth, anchors([p3], of=image, sizes=[32]))`
    """

    tensors: ClassVar[tuple[str, ...]] = ("boxes", "others")
    first: ClassVar[str] = "boxes"
    second: ClassVar[str] = "others"

    weights: Weights = Field(default=(1, 1, 1, 1), description="what dx, dy, dw and dh are multiplied by")

    def torch(self, boxes: Shape, others: Shape) -> TorchCall:
        chosen = options(weights=(self.weights, (1, 1, 1, 1)))
        return _call("box_encode", self._second(boxes, others), chosen, BOX_ENCODE)


DISTANCE_DECODE = Support(
    "distance_decode",
    '''\
def distance_decode(distances: Tensor, boxes: Tensor, *, relative: bool = True) -> Tensor:
    """Boxes (x1, y1, x2, y2) from distances (left, top, right, bottom) to the middles of others, in their sides."""
    x1, y1, x2, y2 = boxes.unbind(-1)
    x, y = 0.5 * (x1 + x2), 0.5 * (y1 + y2)
    left, top, right, bottom = distances.unbind(-1)
    if relative:
        left, right = left * (x2 - x1), right * (x2 - x1)
        top, bottom = top * (y2 - y1), bottom * (y2 - y1)
    return torch.stack([x - left, y - top, x + right, y + bottom], -1)
''',
)


@layer("distance_decode", "distance2bbox")
class DistanceDecode(_Coding):
    """Boxes from the distances (left, top, right, bottom) of their sides to the middles of other boxes.

    Shape: distances [..., 4] and boxes [..., 4] in pixels -> boxes [..., 4] in pixels, (x1, y1, x2, y2); the boxes may
    lack the axis before the last.
    Source: Tian et al., "FCOS: Fully Convolutional One-Stage Object Detection", 2019, equation 1.

    Distances are in sides of the other boxes, or with relative=false in pixels. FCOS has one square a position, as wide
    as the stride.

    Example: `distance_decode(relu(sides), anchors([p3, p4], of=image, sizes=[8, 16]))`
    """

    tensors: ClassVar[tuple[str, ...]] = ("distances", "boxes")
    first: ClassVar[str] = "distances"
    second: ClassVar[str] = "boxes"

    relative: Bool = Field(default=True, description="distances in sides of the other box, not in pixels")

    def torch(self, distances: Shape, boxes: Shape) -> TorchCall:
        chosen = options(relative=(self.relative, True))
        return _call("distance_decode", self._second(distances, boxes), chosen, DISTANCE_DECODE)


DISTANCE_ENCODE = Support(
    "distance_encode",
    '''\
def distance_encode(boxes: Tensor, others: Tensor, *, relative: bool = True) -> Tensor:
    """The distances (left, top, right, bottom) of the sides of boxes to the middles of others, in sides of these."""
    x1, y1, x2, y2 = others.unbind(-1)
    x, y = 0.5 * (x1 + x2), 0.5 * (y1 + y2)
    left, top, right, bottom = boxes.unbind(-1)
    distances = torch.stack([x - left, y - top, right - x, bottom - y], -1)
    return distances / torch.stack([x2 - x1, y2 - y1] * 2, -1) if relative else distances
''',
)


@layer("distance_encode", "bbox2distance")
class DistanceEncode(_Coding):
    """The distances (left, top, right, bottom) of the sides of boxes to the middles of others: what a head is to learn.

    Shape: boxes [..., 4] and the others [..., 4], both in pixels -> distances [..., 4]; the others may lack the axis
    before the last. A distance is negative where a middle is outside.
    Source: Tian et al., "FCOS: Fully Convolutional One-Stage Object Detection", 2019, equation 1.

    Example: `distance_encode(truth, anchors([p3], of=image, sizes=[8]))`
    """

    tensors: ClassVar[tuple[str, ...]] = ("boxes", "others")
    first: ClassVar[str] = "boxes"
    second: ClassVar[str] = "others"

    relative: Bool = Field(default=True, description="distances in sides of the other box, not in pixels")

    def torch(self, boxes: Shape, others: Shape) -> TorchCall:
        chosen = options(relative=(self.relative, True))
        return _call("distance_encode", self._second(boxes, others), chosen, DISTANCE_ENCODE)


CLIP_BOXES = Support(
    "clip_boxes",
    '''\
def clip_boxes(boxes: Tensor, image: Tensor) -> Tensor:
    """Boxes (x1, y1, x2, y2) without what of them is outside of an image."""
    height, width = image.shape[2:]
    x1, y1, x2, y2 = boxes.unbind(-1)
    x1, x2 = x1.clamp(0, width), x2.clamp(0, width)
    return torch.stack([x1, y1.clamp(0, height), x2, y2.clamp(0, height)], -1)
''',
)


@layer("clip_boxes", "clip_boxes_to_image", "ClipBoxes")
class ClipBoxes(BoxLayer):
    """Boxes without what of them is outside of an image: x from 0 to its width, y from 0 to its height.

    Shape: boxes [..., 4] in pixels and the image `of` [C, H, W] -> the same. Of the image nothing is read but its size.
    Source: Ren et al., "Faster R-CNN", 2015, section 3.3.
    Example: `box_decode(deltas, grid) -> clip_boxes(of=image)`
    """

    tensors: ClassVar[tuple[str, ...]] = ("boxes", "of")
    shape_only: ClassVar[tuple[str, ...]] = ("of",)

    def infer(self, boxes: Shape, image: Shape) -> Shape:
        check_boxes(self.name, "boxes", boxes)
        if image.rank != 3:
            raise ShapeError(f"clip_boxes takes an image [C, H, W], but this value is {image}", code="E0303")
        return boxes

    def requires(self, boxes: Shape, image: Shape) -> tuple[Requirement, ...]:
        return equal(boxes.dims[-1], 4)

    def torch(self, boxes: Shape, image: Shape) -> TorchCall:
        return TorchCall(apply="clip_boxes({0}, {1})", support=(CLIP_BOXES,))


def _call(function: str, second: str, arguments: dict[str, object], support: Support) -> TorchCall:
    """A function of two values and these arguments."""
    keywords = "".join(f", {name}={{{name}}}" for name in arguments)
    return TorchCall(apply=f"{function}({{0}}, {second}{keywords})", kwargs=arguments, support=(support,))
