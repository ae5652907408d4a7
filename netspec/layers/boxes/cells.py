"""A head's map as rows, one for each box that it tells of; and as boxes, where cells of a grid tell of them."""

from typing import Annotated, ClassVar

from pydantic import Field

from netspec.layers.boxes.base import BoxLayer, Length, check_map, map_fits
from netspec.layers.declaration.arguments import known_channels, options
from netspec.layers.declaration.base import Bool, Positive, ShapeError, Support, TorchCall, layer
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import as_factor


@layer("per_anchor")
class PerAnchor(BoxLayer):
    """The numbers of a head's map as a row for each of the k boxes of a position, in the order of `anchors`.

    Shape: (k n, H, W) -> (H W k, n); where n is none, (k, H, W) -> (H W k). Channels hold the numbers of a position's
    first box, then those of its second, and so on.
    Source: Ren et al., "Faster R-CNN", 2015, figure 3: 4 k numbers at each position for its k boxes.

    Example: `conv(3 * 4, 1) -> per_anchor(4)` makes a row of four for each of three boxes a position
    """

    rearranges: ClassVar[bool] = True
    ranks: ClassVar[tuple[int, ...] | None] = (3,)

    n: Positive | None = Field(default=None, description="numbers for each box")

    def infer(self, x: Shape) -> Shape:
        channels, height, width = known_channels(self.name, x), *x.spatial
        if self.n is None:
            return x.with_dims(height * width * channels)
        if channels % self.n:
            raise ShapeError(f"per_anchor({self.n}) takes a multiple of {self.n} channels, but this value is {x}")
        return x.with_dims(height * width * (channels // self.n), self.n)

    def explain(self, axis: int, x: Shape) -> str | None:
        if axis:
            return None
        each = x.channels if self.n is None else x.channels // self.n
        factors = [*map(as_factor, x.spatial), str(each)]
        return f"{self.infer(x).dims[0]} = {'*'.join(factors)}"

    def torch(self, x: Shape) -> TorchCall:
        if self.n is None:
            return TorchCall(apply="{0}.permute(0, 2, 3, 1).flatten(1)")
        return TorchCall(apply="{0}.unflatten(1, (-1, {n})).permute(0, 3, 4, 1, 2).flatten(1, 3)", kwargs={"n": self.n})


class _Cells(BoxLayer):
    """Boxes and scores that the cells of a grid over an image tell of."""

    tensors: ClassVar[tuple[str, ...]] = ("x", "of")
    shape_only: ClassVar[tuple[str, ...]] = ("of",)
    ranks: ClassVar[tuple[int, ...] | None] = (3,)

    def _boxes(self) -> int:
        """The boxes of a cell."""
        raise NotImplementedError

    def _classes(self, channels: int) -> int:
        """What the channels leave for classes; raises ShapeError where they do not fit."""
        raise NotImplementedError

    def infer(self, x: Shape, image: Shape) -> tuple[Shape, ...]:
        check_map(self.name, x, image)
        classes = self._classes(known_channels(self.name, x))
        number = x.spatial[0] * x.spatial[1] * self._boxes()
        return Shape.of(number, 4), Shape.of(number, classes)

    def requires(self, x: Shape, image: Shape) -> tuple[Requirement, ...]:
        return map_fits(x, image)

    def explain(self, axis: int, x: Shape, image: Shape) -> str | None:
        if axis:
            return None
        return f"{self.infer(x, image)[0].dims[0]} = {'*'.join(map(as_factor, x.spatial))}*{self._boxes()}"


YOLO_CELLS = Support(
    "yolo_cells",
    '''\
def yolo_cells(x: Tensor, image: Tensor, boxes: int = 2, *, roots: bool = True) -> tuple[Tensor, Tensor]:
    """Boxes (N, H W boxes, 4) in pixels of an image, and scores (N, H W boxes, C), of cells (N, 5 boxes + C, H, W).

    A cell has x, y, width, height and confidence of each box, then its classes.
    """
    rows, columns = x.shape[2:]
    pixels = image.new_tensor([image.shape[3], image.shape[2]])
    told, classes = x.permute(0, 2, 3, 1).tensor_split([5 * boxes], -1)
    place, sides, confidence = told.unflatten(-1, (boxes, 5)).split([2, 2, 1], -1)
    down, across = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    cell = torch.stack([across, down], -1).unsqueeze(2).to(x.device)
    middle = (place + cell) / pixels.new_tensor([columns, rows]) * pixels
    half = (sides.square() if roots else sides) * pixels / 2
    scores = confidence * classes.unsqueeze(3)
    return torch.cat([middle - half, middle + half], -1).flatten(1, 3), scores.flatten(1, 3)
''',
)


@layer("yolo_cells")
class YoloCells(_Cells):
    """The boxes that the cells of YOLO's grid tell of, and a score for each of their classes.

    Shape: (5 boxes + C, H, W) and the image `of` -> boxes [H W boxes, 4] in pixels of the image, (x1, y1, x2, y2), and
    scores [H W boxes, C]. C is what the channels leave. A cell has x, y, width, height and confidence of its first box,
    of its second, and so on, then its classes.
    Source: Redmon et al., "You Only Look Once: Unified, Real-Time Object Detection", 2016, section 2, equation 1.

    x and y are where in the cell the middle is, from 0 to 1; width and height are shares of the image, and with `roots`
    told by their square roots, as section 2.2 has them learned. A score is the confidence times that of the class.

    Example: `fc2 = linear(7 * 7 * 30) -> reshape([30, 7, 7]) -> yolo_cells(of=image)` makes 98 boxes of 20 classes
    """

    boxes: Positive = Field(default=2, description="the boxes of a cell")
    roots: Bool = Field(default=True, description="whether sides are told by their square roots")

    def _boxes(self) -> int:
        return self.boxes

    def _classes(self, channels: int) -> int:
        if channels <= 5 * self.boxes:
            raise ShapeError(
                f"yolo_cells takes 5 numbers for each of {self.boxes} boxes, then one for each class, "
                f"but a cell has {channels}",
                help=f"{5 * self.boxes} channels and one for each class",
            )
        return channels - 5 * self.boxes

    def torch(self, x: Shape, image: Shape) -> TorchCall:
        chosen = options(boxes=(self.boxes, 2), roots=(self.roots, True))
        keywords = "".join(f", {name}={{{name}}}" for name in chosen)
        return TorchCall(apply=f"yolo_cells({{0}}, {{1}}{keywords})", kwargs=chosen, support=(YOLO_CELLS,))


YOLO_BOXES = Support(
    "yolo_boxes",
    '''\
def yolo_boxes(
    x: Tensor, image: Tensor, sides: Sequence[Sequence[float]], *, softmax: bool = False
) -> tuple[Tensor, Tensor]:
    """Boxes (N, H W k, 4) in pixels of an image, and scores (N, H W k, C), of cells (N, k (5 + C), H, W).

    A cell has for each of k sides x, y, width, height, objectness and classes, before sigmoids and exponentials.
    """
    rows, columns = x.shape[2:]
    pixels = image.new_tensor([image.shape[3], image.shape[2]])
    told = x.permute(0, 2, 3, 1).unflatten(-1, (len(sides), -1))
    down, across = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    cell = torch.stack([across, down], -1).unsqueeze(2).to(x.device)
    middle = (told[..., :2].sigmoid() + cell) / pixels.new_tensor([columns, rows]) * pixels
    half = told[..., 2:4].exp() * pixels.new_tensor(sides) / 2
    classes = told[..., 5:].softmax(-1) if softmax else told[..., 5:].sigmoid()
    scores = told[..., 4:5].sigmoid() * classes
    return torch.cat([middle - half, middle + half], -1).flatten(1, 3), scores.flatten(1, 3)
''',
    imports=("from collections.abc import Sequence",),
)


@layer("yolo_boxes")
class YoloBoxes(_Cells):
    """The boxes that a map of YOLO v2 or v3 tells of, and a score for each of their classes.

    Shape: (k (5 + C), H, W) and the image `of` -> boxes [H W k, 4] in pixels of the image, (x1, y1, x2, y2), and
    scores [H W k, C]; k is the number of `sides`. A cell has x, y, width, height, objectness and classes of its first
    box, of its second, and so on: what a convolution leaves, and Darknet's order.
    Source: Redmon & Farhadi, "YOLO9000: Better, Faster, Stronger", 2017, section 2, and "YOLOv3", 2018, section 2.1:
    b_x = sigmoid(t_x) + c_x, b_y = sigmoid(t_y) + c_y, b_w = p_w exp(t_w), b_h = p_h exp(t_h).

    A score is sigmoid(objectness) times that of the class, which is its sigmoid, or with `softmax` its share of all
    classes, as in v2.

    Example: `conv(255, 1) -> yolo_boxes(of=image, sides=[[116, 90], [156, 198], [373, 326]])`
    """

    sides: Annotated[
        tuple[Annotated[tuple[Length, ...], Field(min_length=2, max_length=2)], ...], Field(min_length=1)
    ] = Field(description="width and height in pixels of each of a cell's boxes before the exponential")
    softmax: Bool = Field(default=False, description="whether a box is of one class, as in v2")

    def _boxes(self) -> int:
        return len(self.sides)

    def _classes(self, channels: int) -> int:
        each, rest = divmod(channels, len(self.sides))
        if rest or each < 6:
            raise ShapeError(
                f"yolo_boxes takes 5 numbers and one for each class for each of {len(self.sides)} boxes, "
                f"but a cell has {channels}",
                help=f"{len(self.sides)} * (5 + classes) channels",
            )
        return each - 5

    def torch(self, x: Shape, image: Shape) -> TorchCall:
        chosen = {"sides": self.sides} | options(softmax=(self.softmax, False))
        keywords = ", ".join(f"{name}={{{name}}}" for name in chosen)
        return TorchCall(apply=f"yolo_boxes({{0}}, {{1}}, {keywords})", kwargs=chosen, support=(YOLO_BOXES,))
