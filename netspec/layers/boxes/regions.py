"""What maps say of regions of an image: each region as a map of one size, whatever its own."""

from typing import ClassVar, Literal

from pydantic import Field

from netspec.layers.boxes.base import BoxLayer, Length, check_map, map_fits
from netspec.layers.boxes.coding import check_boxes
from netspec.layers.declaration.arguments import options
from netspec.layers.declaration.axes import differ, equal
from netspec.layers.declaration.base import (
    EVERYTHING,
    Bool,
    FigureWeight,
    Positive,
    Reach,
    ShapeError,
    Support,
    TorchCall,
    layer,
)
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape

ON_MAPS = Support(
    "on_maps",
    '''\
def on_maps(
    maps: Sequence[Tensor], boxes: Tensor, count: Tensor, image: Tensor, canonical: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where boxes (R, 4), of each image `count` (N), lie in the maps (N, C, H, W) of the images: in positions (R, 4) of
    one map each, with that map's sizes (R, 2), width first, the place (R) of the first position of the image in it,
    and all maps as one table, a row a position.

    The step of a map is a power of two. A box with an area of canonical^2 is in the map of step 16, one of twice the
    sides in that of twice the step, and so on as far as there are maps.
    """
    scales = [2.0 ** round(math.log2(x.shape[2] / image.shape[2])) for x in maps]
    roots = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1).sqrt()
    level = torch.floor(4 + torch.log2(roots / canonical) + 1e-6) + math.log2(scales[0])
    level = level.nan_to_num().clamp(0, len(maps) - 1).long()
    sizes = torch.tensor([[x.shape[3], x.shape[2]] for x in maps], device=boxes.device)
    places = sizes.prod(1)
    number = torch.arange(len(count), device=boxes.device).repeat_interleave(count)
    first = (places.cumsum(0) - places)[level] * len(count) + places[level] * number
    table = torch.cat([x.permute(0, 2, 3, 1).flatten(0, 2) for x in maps])
    return boxes * boxes.new_tensor(scales)[level, None], sizes[level], first, table
''',
    imports=("import math", "from collections.abc import Sequence"),
)

ROI_ALIGN = Support(
    "roi_align",
    '''\
def roi_align(
    maps: Sequence[Tensor],
    boxes: Tensor,
    count: Tensor,
    image: Tensor,
    size: int,
    samples: int = 2,
    *,
    aligned: bool = False,
    canonical: float = 224,
) -> Tensor:
    """Regions (R, C, size, size) of the maps (N, C, H, W) of images, of boxes (R, 4), of each image `count` (N).

    A cell is the mean of samples^2 points, and a point lies between four positions: a weighted sum of rows of a table.
    """
    corners, sizes, first, table = on_maps(maps, boxes.detach(), count, image, canonical)
    corners = corners - 0.5 if aligned else corners
    sides = corners[:, 2:] - corners[:, :2]
    cells = (sides if aligned else sides.clamp(min=1)) / size
    points = (torch.arange(size * samples, device=boxes.device) + 0.5) / samples
    at = corners[:, :2, None] + cells[:, :, None] * points
    end = sizes[:, :, None]
    inside = (at >= -1) & (at <= end)
    at = torch.minimum(torch.where(inside, at, 0).clamp(min=0), end - 1)
    low = at.floor()
    share = at - low
    weights = torch.stack([1 - share, share], -1) * inside.unsqueeze(-1) / samples
    ends = torch.stack([low, torch.minimum(low + 1, end - 1)], -1).long()
    across, down = ends.unflatten(2, (size, samples)).flatten(3).unbind(1)
    wide, high = weights.unflatten(2, (size, samples)).flatten(3).unbind(1)
    down = first[:, None, None] + down * sizes[:, :1, None]
    rows = down[:, :, None, :, None] + across[:, None, :, None, :]
    shares = high[:, :, None, :, None] * wide[:, None, :, None, :]
    found = F.embedding_bag(
        rows.flatten(3).flatten(0, 2), table, mode="sum", per_sample_weights=shares.flatten(3).flatten(0, 2).to(table)
    )
    return found.view(-1, size, size, table.shape[1]).permute(0, 3, 1, 2)
''',
    imports=("import math", "from collections.abc import Sequence"),
)


ROI_POOL = Support(
    "roi_pool",
    '''\
def roi_pool(x: Tensor, boxes: Tensor, count: Tensor, image: Tensor, size: int) -> Tensor:
    """Regions (R, C, size, size) of the map (N, C, H, W) of images, of boxes (R, 4), of each image `count` (N).

    A cell is the largest of the positions that it covers: of four overlapping windows whose sides are powers of two,
    for which the largest of all such windows are found once.
    """
    scaled = boxes.detach().nan_to_num() * 2.0 ** round(math.log2(x.shape[2] / image.shape[2]))
    corners = (scaled + 0.5 * scaled.sign()).trunc()
    first, cells = corners[:, :2, None], ((corners[:, 2:] - corners[:, :2] + 1).clamp(min=1) / size).unsqueeze(2)
    end = torch.tensor([[x.shape[3]], [x.shape[2]]], device=boxes.device)
    steps = torch.arange(size, device=boxes.device)
    begin = torch.minimum((first + (cells * steps).floor()).clamp(min=0), end).long()
    stop = torch.minimum((first + (cells * (steps + 1)).ceil()).clamp(min=0), end).long()
    sides = stop - begin
    power = torch.frexp(sides.double())[1] - 1
    across, down = power[:, 0, None, :], power[:, 1, :, None]
    filled = (sides[:, 0, None, :] > 0) & (sides[:, 1, :, None] > 0)
    number = torch.arange(len(count), device=boxes.device).repeat_interleave(count)
    found = x.new_zeros(len(boxes), size, size, x.shape[1])
    tall = x.permute(0, 2, 3, 1)
    for high in range(int(down.max()) + 1 if len(boxes) else 0):
        tall = tall if high == 0 else torch.maximum(tall[:, : -(2 ** (high - 1))], tall[:, 2 ** (high - 1) :])
        largest = tall
        for wide in range(int(across.max()) + 1):
            step = 2 ** (wide - 1) if wide else 0
            largest = largest if wide == 0 else torch.maximum(largest[:, :, :-step], largest[:, :, step:])
            box, row, column = (filled & (down == high) & (across == wide)).nonzero().unbind(1)
            top, low = begin[box, 1, row], stop[box, 1, row] - 2**high
            left, right = begin[box, 0, column], stop[box, 0, column] - 2**wide
            table, rows, columns = largest.flatten(0, 2), largest.shape[1], largest.shape[2]
            above, below = ((number[box] * rows + edge) * columns for edge in (top, low))
            upper = torch.maximum(table.index_select(0, above + left), table.index_select(0, above + right))
            lower = torch.maximum(table.index_select(0, below + left), table.index_select(0, below + right))
            found[box, row, column] = torch.maximum(upper, lower)
    return found.permute(0, 3, 1, 2)
''',
    imports=("import math",),
)


class _Region(BoxLayer):
    """Cuts the boxes of a set out of maps; each is a map of one size then."""

    shape_only: ClassVar[tuple[str, ...]] = ("of",)
    counts: ClassVar[tuple[str, ...]] = ("boxes",)
    figure_weight: ClassVar[FigureWeight] = "medium"
    mixes_positions: ClassVar[bool] = True

    size: Positive

    def infer(self, *xs: Shape) -> Shape:
        *maps, boxes, image = xs
        for x in maps:
            check_map(self.name, x, image)
            if differ(x.channels, maps[0].channels):
                raise ShapeError(f"{self.name} takes maps of as many channels, but these are {maps[0]} and {x}")
        check_boxes(self.name, "boxes", boxes)
        if boxes.each is None or boxes.rank != 1:
            raise ShapeError(
                f"{self.name} takes the boxes of a set, each [4], but this value is {boxes}",
                help="proposals and detections make a set of the boxes of an image",
                code="E0303",
            )
        return Shape.of(maps[0].channels, self.size, self.size)

    def requires(self, *xs: Shape) -> tuple[Requirement, ...]:
        *maps, boxes, image = xs
        needs = [*equal(boxes.dims[-1], 4)]
        for x in maps:
            needs += [*map_fits(x, image), *equal(x.channels, maps[0].channels)]
        return tuple(dict.fromkeys(needs))

    def reach(self, *xs: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING

    def explain(self, axis: int, *xs: Shape) -> str | None:
        return f"{self.size} = size of this {self.name}" if axis else None


@layer("roi_align", "RoIAlign", "MultiScaleRoIAlign", "ROIAlign")
class RoIAlign(_Region):
    """Regions of maps, each as a map of one size, read off between the positions.

    Shape: maps [C, H, W], ..., boxes [4] of a set, in pixels of the image `of` -> [C, size, size] of the same set.
    Source: He et al., "Mask R-CNN", 2017, section 3; the map for a box: Lin et al., "Feature Pyramid Networks for
    Object Detection", 2017, equation 1.

    A region is divided into size^2 cells; a cell is the mean of samples^2 points, evenly spread in it; a point is
    between the four positions around it, bilinear; a point more than a position outside of the map is 0. Positions are
    points, as in the paper; with `aligned` they are squares around these, half a position more, as in Detectron2. The
    step of a map is the power of two that is next to the image's size over the map's. Of several maps a box is read off
    the one of step 16 if its sides are like `canonical`, and of the next where they are twice that. No gradient flows
    to the boxes.

    Example: `roi_align([p2, p3, p4, p5], boxes=rois, of=image, size=7)`
    """

    figure_name: ClassVar[str] = "RoIAlign"
    tensors: ClassVar[tuple[str, ...]] = ("*maps", "boxes", "of")
    of_pictures: ClassVar[tuple[str, ...]] = ("*maps", "of")

    size: Positive = Field(description="the cells of a region along each axis")
    samples: Positive = Field(default=2, description="the points of a cell along each axis")
    aligned: Bool = Field(default=False, description="whether positions are squares, not points")
    canonical: Length = Field(default=224, description="the side in pixels of what is read off the map of step 16")

    def torch(self, *xs: Shape) -> TorchCall:
        chosen = options(samples=(self.samples, 2), aligned=(self.aligned, False), canonical=(self.canonical, 224))
        maps = ", ".join(f"{{{place}}}" for place in range(len(xs) - 2))
        named = "".join(f", {name}={{{name}}}" for name in chosen)
        boxes, image, count = range(len(xs) - 2, len(xs) + 1)
        apply = f"roi_align([{maps}], {{{boxes}}}, {{{count}}}, {{{image}}}, {{size}}{named})"
        return TorchCall(apply=apply, kwargs={"size": self.size, **chosen}, support=(ON_MAPS, ROI_ALIGN))


@layer("roi_pool", "RoIPool", "ROIPool")
class RoIPool(_Region):
    """Regions of a map, each as a map of one size, the largest of the positions in each cell.

    Shape: a map [C, H, W] and boxes [4] of a set, in pixels of the image `of` -> [C, size, size] of the same set.
    Source: Girshick, "Fast R-CNN", 2015, section 2.1.

    The corners of a box are rounded to positions, those of the last belonging to it; a cell covers every position that
    it touches, and one that is outside of the map is 0. The step of the map is the power of two that is next to the
    image's size over the map's. No gradient flows to the boxes.

    Example: `roi_pool(c4, rois, of=image, size=7)`
    """

    figure_name: ClassVar[str] = "RoIPool"
    tensors: ClassVar[tuple[str, ...]] = ("x", "boxes", "of")
    of_pictures: ClassVar[tuple[str, ...]] = ("x", "of")

    size: Positive = Field(description="the cells of a region along each axis")

    def torch(self, *xs: Shape) -> TorchCall:
        return TorchCall(apply="roi_pool({0}, {1}, {3}, {2}, {size})", kwargs={"size": self.size}, support=(ROI_POOL,))
