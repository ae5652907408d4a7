"""Masks of regions, of which a head makes one for each class, and masks of the image."""

from typing import ClassVar

from netspec.layers.boxes.base import BoxLayer
from netspec.layers.boxes.coding import check_boxes
from netspec.layers.declaration.axes import differ, equal
from netspec.layers.declaration.base import ShapeError, Support, TorchCall, layer
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension

PICKED = Support(
    "picked",
    '''\
def picked(x: Tensor, index: Tensor) -> Tensor:
    """Of x (N, ..., C, ...) what index (N, ...) says of the axis that comes after its own."""
    axis = index.dim()
    return x.take_along_dim(index.view(*index.shape, *[1] * (x.dim() - axis)), axis).squeeze(axis)
''',
)


@layer("pick")
class Pick(BoxLayer):
    """Of several values the one whose number is said: of the masks of all classes that of the class that was found.

    Shape: x [..., C, ...] and index int [...] -> x without the axis that comes after those of the index. Numbers are
    from 0 to C - 1.
    Source: He et al., "Mask R-CNN", 2017, section 3: the k-th mask, of the class k of the region.

    Example: `pick(masks, label)` makes [28, 28] of [91, 28, 28] and int []
    """

    rearranges: ClassVar[bool] = True
    tensors: ClassVar[tuple[str, ...]] = ("x", "index")
    dtypes: ClassVar[tuple[str, ...]] = ("float", "int", "bool")

    def infer(self, x: Shape, index: Shape) -> Shape:
        if index.dtype != "int":
            raise ShapeError(f"pick takes an index of int, but this value is {index}", code="E0304")
        common = zip(x.dims, index.dims, strict=False)
        if x.rank <= index.rank or any(differ(a, b) for a, b in common):
            raise ShapeError(
                f"pick takes an index for each of the first axes of x, but x is {x} and the index {index}",
                help="the axis to pick from comes after those of the index",
                code="E0301",
            )
        return x.with_dims(*x.dims[: index.rank], *x.dims[index.rank + 1 :])

    def requires(self, x: Shape, index: Shape) -> tuple[Requirement, ...]:
        return tuple(need for a, b in zip(x.dims, index.dims, strict=False) for need in equal(a, b))

    def torch(self, x: Shape, index: Shape) -> TorchCall:
        return TorchCall(apply="picked({0}, {1})", support=(PICKED,))


PASTE_MASKS = Support(
    "paste_masks",
    '''\
def paste_masks(masks: Tensor, boxes: Tensor, image: Tensor) -> Tensor:
    """Masks (D, m, m) of boxes (D, 4) as masks (D, H, W) of their image: each stretched to its box, bilinear.

    Rows and columns are stretched by a matrix each. Around a mask is a cell of zeros, so that its border fades; corners
    are whole pixels, those of the last belonging to the box.
    """
    cells = masks.shape[1] + 2
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    first = (middle - half * (cells / masks.shape[1])).trunc()
    last = (middle + half * (cells / masks.shape[1])).trunc()
    sides = (last - first + 1).clamp(min=1)
    padded = F.pad(masks, (1, 1, 1, 1))

    def stretched(axis: int, size: int) -> Tensor:
        offset = torch.arange(size, device=boxes.device) - first[:, axis, None]
        at = ((offset + 0.5) * (cells / sides[:, axis, None]) - 0.5).clamp(0, cells - 1)
        near = 1 - (at.unsqueeze(-1) - torch.arange(cells, device=boxes.device)).abs()
        inside = (offset >= 0) & (offset < sides[:, axis, None])
        return near.clamp(min=0) * inside.unsqueeze(-1)

    return stretched(1, image.shape[2]).to(masks) @ padded @ stretched(0, image.shape[3]).to(masks).transpose(1, 2)
''',
)


@layer("paste_masks", "paste_masks_in_image")
class PasteMasks(BoxLayer):
    """The masks of boxes as masks of their image.

    Shape: masks [m, m] and boxes [4] in pixels of the image `of` [C, H, W], of one set -> [H, W] of the same set. A
    mask that holds probabilities holds them afterwards, and 0 outside of its box.
    Source: He et al., "Mask R-CNN", 2017, section 3.1: the mask is resized to the box.

    A mask is stretched bilinearly, with a cell of zeros around it; the box grows with it, and its corners become whole
    pixels, as Detectron and torchvision have it.

    Example: `paste_masks(sigmoid(pick(masks, label)), found, of=image)`
    """

    tensors: ClassVar[tuple[str, ...]] = ("masks", "boxes", "of")
    shape_only: ClassVar[tuple[str, ...]] = ("of",)
    of_pictures: ClassVar[tuple[str, ...]] = ("of",)

    def infer(self, masks: Shape, boxes: Shape, image: Shape) -> Shape:
        check_boxes(self.name, "boxes", boxes)
        if masks.each is None or boxes.rank != 1:
            raise ShapeError(
                f"paste_masks takes masks [m, m] and boxes [4] of a set, but these are {masks} and {boxes}",
                code="E0303",
            )
        if masks.rank != 2 or masks.dims[0] != masks.dims[1] or masks.dtype != "float":
            raise ShapeError(
                f"paste_masks takes masks [m, m], but this value is {masks}",
                help="pick(masks, label) takes the mask of one class",
                code="E0303",
            )
        if image.rank != 3:
            raise ShapeError(f"paste_masks takes an image [C, H, W], but this value is {image}", code="E0303")
        return Shape.of(*image.spatial)

    def requires(self, masks: Shape, boxes: Shape, image: Shape) -> tuple[Requirement, ...]:
        return equal(boxes.dims[-1], 4)

    def macs(self, masks: Shape, boxes: Shape, image: Shape) -> Dimension:
        """Those of two products, of rows and of columns."""
        cells, (height, width) = masks.dims[0] + 2, image.spatial
        return height * cells * (cells + width)

    def torch(self, masks: Shape, boxes: Shape, image: Shape) -> TorchCall:
        return TorchCall(apply="paste_masks({0}, {1}, {2})", support=(PASTE_MASKS,))
