"""Boxes that are there before anything is seen: the same at every position of a map, from which offsets are told."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import Field

from netspec.layers.boxes.base import BoxLayer, Length, Lengths, check_map, map_fits
from netspec.layers.declaration.base import Bool, ShapeError, Support, TorchCall, layer
from netspec.layers.declaration.symbols import following
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension

Sizes: TypeAlias = Annotated[tuple[Length | Lengths, ...], Field(min_length=1)]
"""For each map one length, or a list of them."""

Shares: TypeAlias = Annotated[tuple[Annotated[float, Field(gt=0, le=16)], ...], Field(min_length=2)]
"""Lengths as shares of the image's."""

MANY: tuple[str, ...] = ("from collections.abc import Sequence",)


class _Grid(BoxLayer):
    """Boxes around every position of some maps of an image."""

    tensors: ClassVar[tuple[str, ...]] = ("*maps", "of")
    shape_only: ClassVar[tuple[str, ...]] = ("*maps", "of")
    ranks: ClassVar[tuple[int, ...] | None] = (3,)

    def _per_position(self, count: int) -> tuple[int, ...]:
        """How many boxes a position of each of `count` maps has; raises ShapeError where the arguments do not fit."""
        raise NotImplementedError

    def _number(self, maps: Sequence[Shape]) -> Dimension:
        """How many boxes there are over all maps."""
        total: Dimension = 0
        for x, each in zip(maps, self._per_position(len(maps)), strict=True):
            total = total + x.spatial[0] * x.spatial[1] * each
        return total

    def infer(self, *xs: Shape) -> tuple[Shape, ...]:
        *maps, image = xs
        for x in maps:
            check_map(self.name, x, image)
        number = self._number(maps)
        return Shape.of(number, 4), Shape.of(number, dtype="int")

    def requires(self, *xs: Shape) -> tuple[Requirement, ...]:
        *maps, image = xs
        return tuple(dict.fromkeys(need for x in maps for need in map_fits(x, image)))

    def explain(self, axis: int, *xs: Shape) -> str | None:
        if axis:
            return None
        *maps, _ = xs
        each = self._per_position(len(maps))
        parts = [f"{x.spatial[0]}*{x.spatial[1]}*{k}" for x, k in zip(maps, each, strict=True) if not x.is_open]
        return f"{self._number(maps)} = {' + '.join(parts)}" if len(parts) == len(maps) else None

    def _applied(self, function: str, count: int, arguments: str) -> str:
        """The call of a function of maps, their image and arguments."""
        maps = ", ".join(f"{{{place}}}" for place in range(count - 1))
        return f"{function}([{maps}], {{{count - 1}}}, {arguments})"


ANCHORS = Support(
    "anchors",
    '''\
def anchors(
    maps: Sequence[Tensor],
    image: Tensor,
    sizes: Sequence[float | Sequence[float]],
    ratios: Sequence[float],
) -> tuple[Tensor, Tensor]:
    """Boxes (N, A, 4) around every position of the maps of an image, in pixels, and the map (N, A) that each is of.

    At a position they go through the ratios of height to width, and in each through the map's sizes, the roots of their
    areas. Corners are rounded, and a position is its number times the stride.
    """
    height, width = image.shape[2:]
    boxes, levels = [], []
    for level, (x, lengths) in enumerate(zip(maps, sizes, strict=True)):
        rows, columns = x.shape[2:]
        length = torch.tensor(lengths if isinstance(lengths, Sequence) else [lengths], dtype=torch.float32)
        root = torch.tensor(ratios, dtype=torch.float32).sqrt()
        sides = torch.stack([torch.outer(1 / root, length), torch.outer(root, length)], -1).view(-1, 2)
        around = (torch.cat([-sides, sides], 1) / 2).round().to(image)
        y = torch.arange(rows, device=image.device).mul(height // rows)
        x = torch.arange(columns, device=image.device).mul(width // columns)
        at = torch.stack([x.repeat(rows), y.repeat_interleave(columns)], 1)
        boxes.append((at.repeat(1, 2).unsqueeze(1) + around).view(-1, 4))
        levels.append(torch.full((len(boxes[-1]),), level, device=image.device))
    return torch.cat(boxes).expand(len(image), -1, -1), torch.cat(levels).expand(len(image), -1)
''',
    imports=MANY,
)


@layer("anchors", "AnchorGenerator", "anchor_grid")
class Anchors(_Grid):
    """Boxes of some sizes and shapes around every position of one map or several, and the map that each is of.

    Shape: maps [C, H, W], ..., and the image `of` -> boxes [A, 4] in pixels of the image, and int [A], the number of
    its map; A is the sum over the maps of H W k, with k = sizes times ratios. A position's boxes follow one another,
    the positions of a map row by row, then the next map: the order of `per_anchor`.
    Source: Ren et al., "Faster R-CNN", 2015, section 3.1.1; several maps: Lin et al., "Feature Pyramid Networks for
    Object Detection", 2017, section 4.1.

    A box of size s and ratio r is s sqrt(r) high and s / sqrt(r) wide, so that its area is s^2. The box of position i
    is around the pixel i times the stride, the size of the image over that of the map, rounded down; its corners are
    rounded, as torchvision does it. Of the values nothing is read but their sizes.

    Example: `let grid, level = anchors([p3, p4], of=image, sizes=[32, 64], ratios=[0.5, 1, 2])`
    """

    sizes: Sizes = Field(description="for each map a length in pixels, or a list of them")
    ratios: Lengths = Field(default=(1,), description="height over width, for all maps")

    def _per_position(self, count: int) -> tuple[int, ...]:
        if len(self.sizes) != count:
            raise ShapeError(
                f"anchors has {len(self.sizes)} sizes for {count} maps",
                help="an entry for each map; several sizes on one map are a list: sizes=[[64, 128, 256]]",
                code="E0306",
            )
        each = [size if isinstance(size, tuple) else (size,) for size in self.sizes]
        return tuple(
            following(len(size) * len(self.ratios), self.sizes, self.ratios, *self.ratios, *size) for size in each
        )

    def torch(self, *xs: Shape) -> TorchCall:
        apply = self._applied("anchors", len(xs), "{sizes}, {ratios}")
        return TorchCall(apply=apply, kwargs={"sizes": self.sizes, "ratios": self.ratios}, support=(ANCHORS,))


DEFAULT_BOXES = Support(
    "default_boxes",
    '''\
def default_boxes(
    maps: Sequence[Tensor],
    image: Tensor,
    scales: Sequence[float],
    ratios: Sequence[Sequence[float]],
    steps: Sequence[float] | None = None,
    *,
    clip: bool = True,
) -> tuple[Tensor, Tensor]:
    """Boxes (N, A, 4) around the middle of every position of the maps of an image, in pixels, and the map (N, A) that
    each is of: a square of the map's scale, one of the mean of that and the next, and two for each of its ratios.
    """
    height, width = image.shape[2:]
    boxes, levels = [], []
    for level, x in enumerate(maps):
        scale, mean = scales[level], (scales[level] * scales[level + 1]) ** 0.5
        shares = [(scale, scale), (mean, mean)]
        for root in (ratio**0.5 for ratio in ratios[level]):
            shares += [(scale * root, scale / root), (scale / root, scale * root)]
        sides = torch.tensor(shares, dtype=torch.float32).clamp(max=1 if clip else None, min=0).to(image)
        rows, columns = x.shape[2:]
        down, across = (rows, columns) if steps is None else (height / steps[level], width / steps[level])
        y = ((torch.arange(rows, device=image.device) + 0.5) / down).to(image)
        x = ((torch.arange(columns, device=image.device) + 0.5) / across).to(image)
        middle = torch.stack([x.repeat(rows), y.repeat_interleave(columns)], 1).unsqueeze(1)
        boxes.append(torch.cat([middle - 0.5 * sides, middle + 0.5 * sides], -1).view(-1, 4))
        levels.append(torch.full((len(boxes[-1]),), level, device=image.device))
    pixels = torch.cat(boxes) * torch.tensor([width, height, width, height], device=image.device)
    return pixels.expand(len(image), -1, -1), torch.cat(levels).expand(len(image), -1)
''',
    imports=MANY,
)


@layer("default_boxes", "DefaultBoxGenerator", "prior_box", "PriorBox")
class DefaultBoxes(_Grid):
    """The default boxes of SSD: their sides are shares of the image's, their middles those of a map's positions.

    Shape: maps [C, H, W], ..., and the image `of` -> boxes [A, 4] in pixels of the image, and int [A], the number of
    its map; A is the sum over the maps of H W (2 + 2 ratios). The order is that of `per_anchor`.
    Source: Liu et al., "SSD: Single Shot MultiBox Detector", 2016, section 2.2.

    A map k has a square of the share s_k, one of sqrt(s_k s_{k+1}), and for each of its ratios a box s_k sqrt(r) wide
    and s_k / sqrt(r) high, and the same on end; so there is one scale more than maps. A position i has its middle at
    (i + 0.5) times the step in pixels, which is that of the map where none are given.

    Example: `let grid = default_boxes([c4, c7], of=image, scales=[0.2, 0.5, 0.9], ratios=[[2], [2, 3]])`
    """

    scales: Shares = Field(description="the share of the image's side that boxes of each map have, and one more")
    ratios: tuple[tuple[Length, ...], ...] = Field(description="for each map the ratios of its boxes but 1")
    steps: Lengths | None = Field(default=None, description="for each map the pixels from a position to the next")
    clip: Bool = Field(default=True, description="whether no box is larger than the image")

    def _per_position(self, count: int) -> tuple[int, ...]:
        lengths = {"scales": len(self.scales) - 1, "ratios": len(self.ratios)}
        lengths |= {} if self.steps is None else {"steps": len(self.steps)}
        for name, length in lengths.items():
            if length != count:
                more = " and one more" if name == "scales" else ""
                raise ShapeError(
                    f"default_boxes takes an entry of {name} for each of the {count} maps{more}, "
                    f"but there are {len(getattr(self, name))}",
                    code="E0306",
                )
        return tuple(following(2 + 2 * len(each), self.ratios, each, *each) for each in self.ratios)

    def torch(self, *xs: Shape) -> TorchCall:
        arguments: dict[str, Any] = {"scales": self.scales, "ratios": self.ratios}
        if self.steps is not None:
            arguments["steps"] = self.steps
        if not self.clip:
            arguments["clip"] = self.clip
        keywords = ", ".join(f"{name}={{{name}}}" for name in arguments)
        return TorchCall(
            apply=self._applied("default_boxes", len(xs), keywords), kwargs=arguments, support=(DEFAULT_BOXES,)
        )
