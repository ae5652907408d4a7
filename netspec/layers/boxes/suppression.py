"""Which of many boxes stay: those that an image is proposed to hold, and those that are found in the end."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from netspec.layers.boxes.base import BoxLayer, Length
from netspec.layers.boxes.coding import CLIP_BOXES, check_boxes
from netspec.layers.declaration.arguments import options
from netspec.layers.declaration.axes import differ, equal
from netspec.layers.declaration.base import Bool, Positive, ShapeError, Support, TorchCall, layer
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension

SUPPRESSED = Support(
    "suppressed",
    '''\
def suppressed(boxes: Tensor, groups: Tensor, iou: float, most: int) -> Tensor:
    """The places of those that stay of boxes (n, 4), the best first: those that share no more than `iou` of their area
    with a better one of their group (n) that stays; so many at most.

    They are looked at in blocks. In a block all stay at first; then those go that a better one rules out which stays,
    again and again until nothing changes.
    """
    x1, y1, x2, y2 = boxes.detach().unbind(1)
    areas = (x2 - x1) * (y2 - y1)

    def shared(rows: Tensor, columns: Tensor) -> Tensor:
        wide = torch.minimum(x2[rows, None], x2[columns]) - torch.maximum(x1[rows, None], x1[columns])
        high = torch.minimum(y2[rows, None], y2[columns]) - torch.maximum(y1[rows, None], y1[columns])
        both = wide.clamp_(min=0).mul_(high.clamp_(min=0))
        either = (areas[rows, None] + areas[columns]).sub_(both)
        return (both.div_(either) > iou).logical_and_(groups[rows, None] == groups[columns])

    kept = torch.arange(0, device=boxes.device)
    for block in torch.arange(len(boxes), device=boxes.device).split(512):
        if len(kept) >= most:
            break
        block = block[~shared(block, kept).any(1)]
        better = shared(block, block).tril(-1)
        before, stays = better.any(1), torch.ones_like(block, dtype=torch.bool)
        while not torch.equal(before, stays):
            before, stays = stays, ~(better & stays).any(1)
        kept = torch.cat([kept, block[stays]])
    return kept[:most]
''',
)

BEST_FIRST = Support(
    "best_first",
    '''\
def best_first(scores: Tensor, groups: Tensor, most: int | None = None) -> Tensor:
    """The places of scores (n) from the highest to the lowest, so many at most of each of the groups (n)."""
    order = scores.argsort(descending=True, stable=True)
    if most is None:
        return order
    within = order[groups[order].argsort(stable=True)]
    sizes = groups.bincount()
    first = sizes.cumsum(0) - sizes
    within = within[torch.arange(len(order), device=order.device) - first[groups[within]] < most]
    return within[scores[within].argsort(descending=True, stable=True)]
''',
)

DETECTIONS = Support(
    "detections",
    '''\
def detections(
    scores: Tensor,
    boxes: Tensor,
    image: Tensor,
    levels: Tensor | None = None,
    count: Tensor | None = None,
    *,
    least: float = 0.05,
    iou: float = 0.5,
    most: int = 100,
    before: int | None = None,
    smallest: float = 0.0,
    background: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What is found in images: boxes (D, 4), scores (D) and classes (D), the best of an image first, and how many of
    them each image has (N).

    Scores are (N, A, K), boxes (N, A, 4) or (N, A, K, 4), levels (N, A); or the first axis holds the boxes of all
    images one after another, of which each has `count` (N).
    """
    sizes = [scores.shape[1]] * len(scores) if count is None else count.tolist()
    parts = [scores, boxes, scores[..., 0] if levels is None else levels]
    parts = [x if count is not None else x.flatten(0, 1) for x in parts]
    found = []
    for score, box, level in zip(*(x.split(sizes) for x in parts), strict=True):
        place, label = (score[:, int(background) :] > least).nonzero().unbind(1)
        label = label + int(background)
        score, box = score[place, label], box[place, label] if box.dim() == 3 else box[place]
        box = clip_boxes(box, image)
        order = best_first(score, label if levels is None else level[place], before)
        order = order[(box[order, 2:] - box[order, :2] >= smallest).all(1)]
        order = order[suppressed(box[order], label[order], iou, most)]
        found.append((box[order], score[order], label[order]))
    boxes, scores, labels = (torch.cat(x) for x in zip(*found, strict=True))
    return boxes, scores, labels, torch.tensor([len(x) for x, *_ in found], device=boxes.device)
''',
)

Share = Annotated[float, Field(gt=0, le=1)]
"""Of the area of two boxes together, what both have."""


@layer("detections", "nms", "batched_nms", "postprocess_detections")
class Detections(BoxLayer):
    """What is found in an image: of boxes with scores those that are good enough, and no two alike of a class.

    Shape: scores [A, K], boxes [A, 4] or for each class [A, K, 4], in pixels, and the image `of` [C, H, W] -> a new set
    of at most `most`: boxes [4], scores [] and classes int [], the best first. Of a set of boxes, scores [K] and boxes
    [4] or [K, 4] of each.
    Source: Girshick et al., "Rich feature hierarchies", 2014, section 2.2, where what is not the best is suppressed.

    Every class of every box with more than `least` is a candidate, clipped to the image. Of the candidates of a level,
    where `levels` int [A] are given, else of a class, the best `before` are looked at. One goes where it shares more
    than `iou` with a better one of its class that stays: the area of both over that of either. With `background`, class
    0 is none. A candidate with a side below `smallest` pixels goes, too. Scores are given as they are compared: after
    a sigmoid or softmax.

    Example: `let found, sure, label = detections(sigmoid(scores), boxes, of=image, levels=level, before=1000)`
    """

    tensors: ClassVar[tuple[str, ...]] = ("scores", "boxes", "of", "levels?")
    shape_only: ClassVar[tuple[str, ...]] = ("of",)
    makes_set: ClassVar[bool] = True
    of_pictures: ClassVar[tuple[str, ...]] = ("of",)
    counts: ClassVar[tuple[str, ...]] = ("scores",)

    least: float = Field(default=0.05, description="what a score is more than")
    iou: Share = Field(default=0.5, description="what two boxes of a class share at most")
    most: Positive = Field(default=100, description="of an image")
    before: Positive | None = Field(default=None, description="candidates of a level, or a class, that are looked at")
    smallest: Length | Annotated[float, Field(ge=0, le=0)] = Field(default=0.0, description="sides in pixels")
    background: Bool = Field(default=False, description="whether class 0 is that of no object")

    def infer(self, scores: Shape, boxes: Shape, image: Shape, levels: Shape | None = None) -> tuple[Shape, ...]:
        leading = scores.rank - 1
        if leading != (scores.each is None):
            kind = "[A, K] of an image, or [K] of a box of a set" if scores.each is None else "[K] of each box"
            raise ShapeError(f"detections takes scores {kind}, but this value is {scores}", code="E0303")
        check_boxes(self.name, "boxes", boxes)
        wanted = [scores.dims[:leading], scores.dims]
        if boxes.rank - 1 not in (leading, leading + 1) or any(
            differ(a, b) for a, b in zip(boxes.dims[:-1], wanted[boxes.rank - 1 - leading], strict=True)
        ):
            raise ShapeError(
                "detections takes a box for each row of scores, or one for each score, "
                f"but the scores are {scores} and the boxes {boxes}",
                code="E0301",
            )
        if image.rank != 3:
            raise ShapeError(f"detections takes an image [C, H, W], but this value is {image}", code="E0303")
        if levels is not None and (levels.dtype != "int" or levels.dims != scores.dims[:leading]):
            raise ShapeError(
                f"detections takes a level for each box, int {list(scores.dims[:leading])}, but this value is {levels}",
                help="the second output of anchors",
                code="E0301",
            )
        if self.background and not differ(scores.dims[-1], 1):
            raise ShapeError("detections with a background takes scores of two classes or more, but there is one")
        return Shape.of(4), Shape.of(), Shape.of(dtype="int")

    def capacity(self, *x: Shape) -> Dimension:
        return self.most

    def requires(
        self, scores: Shape, boxes: Shape, image: Shape, levels: Shape | None = None
    ) -> tuple[Requirement, ...]:
        pairs = zip(boxes.dims[:-1], scores.dims, strict=False)
        return (*equal(boxes.dims[-1], 4), *(need for a, b in pairs for need in equal(a, b)))

    def torch(self, *x: Shape) -> TorchCall:
        chosen = options(
            least=(self.least, 0.05),
            iou=(self.iou, 0.5),
            most=(self.most, 100),
            before=(self.before, None),
            smallest=(self.smallest, 0.0),
            background=(self.background, False),
        )
        tensors = ["{0}", "{1}", "{2}", *(["levels={3}"] if len(x) > 3 else [])]
        tensors += [f"count={{{len(x)}}}"] if self.counted(*x) else []
        named = [f"{name}={{{name}}}" for name in chosen]
        apply = f"detections({', '.join([*tensors, *named])})"
        return TorchCall(apply=apply, kwargs=chosen, support=(CLIP_BOXES, BEST_FIRST, SUPPRESSED, DETECTIONS))


PROPOSALS = Support(
    "Proposals",
    '''\
class Proposals(nn.Module):
    """The boxes of images that most likely hold an object (R, 4), and how many of them each image has (N).

    Of boxes (N, A, 4) with scores (N, A) the best `before` of each level (N, A) are looked at, and the best `after` of
    what is no double of a better one are proposed; both are `training` while training, where that is given.
    """

    def __init__(
        self,
        before: int = 1000,
        after: int = 1000,
        training: int | None = None,
        iou: float = 0.7,
        smallest: float = 0.001,
    ) -> None:
        super().__init__()
        self.before, self.after, self.iou, self.smallest = before, after, iou, smallest
        self.before_training, self.after_training = training or before, training or after

    @torch.no_grad()
    def forward(self, boxes: Tensor, scores: Tensor, levels: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        before = self.before_training if self.training else self.before
        after = self.after_training if self.training else self.after
        proposed = []
        for box, score, level in zip(clip_boxes(boxes, image), scores, levels, strict=True):
            order = best_first(score, level, before)
            order = order[(box[order, 2:] - box[order, :2] >= self.smallest).all(1)]
            proposed.append(box[order[suppressed(box[order], level[order], self.iou, after)]])
        return torch.cat(proposed), torch.tensor([len(x) for x in proposed], device=boxes.device)
''',
)


@layer("proposals", "RegionProposalNetwork", "filter_proposals")
class Proposals(BoxLayer):
    """The boxes that most likely hold an object, of those of a region proposal network.

    Shape: boxes [A, 4] in pixels, scores [A], levels int [A] and the image `of` [C, H, W] -> boxes [4] of a new set of
    at most `after`, the best first.
    Source: Ren et al., "Faster R-CNN", 2015, section 3.3; levels: Lin et al., "Feature Pyramid Networks for Object
    Detection", 2017, section 4.2.

    Boxes are clipped to the image. The best `before` of each level are looked at; one goes where it shares more than
    `iou` with a better one of its level that stays, or where a side is below `smallest` pixels. No gradient flows
    through what is proposed.

    Example: `rois = proposals(box_decode(offsets, grid), score, level, of=image, training=2000)`
    """

    tensors: ClassVar[tuple[str, ...]] = ("boxes", "scores", "levels", "of")
    shape_only: ClassVar[tuple[str, ...]] = ("of",)
    makes_set: ClassVar[bool] = True
    of_pictures: ClassVar[tuple[str, ...]] = ("boxes", "scores", "levels", "of")

    before: Positive = Field(default=1000, description="boxes of a level that are looked at")
    after: Positive = Field(default=1000, description="boxes of an image that are proposed")
    training: Positive | None = Field(default=None, description="both of these while training; as otherwise where none")
    iou: Share = Field(default=0.7, description="what two boxes of a level share at most")
    smallest: Length | Annotated[float, Field(ge=0, le=0)] = Field(default=0.001, description="sides in pixels")

    def infer(self, boxes: Shape, scores: Shape, levels: Shape, image: Shape) -> Shape:
        check_boxes(self.name, "boxes", boxes)
        rows = boxes.dims[:-1]
        if len(rows) != 1:
            raise ShapeError(f"proposals takes boxes [A, 4], but this value is {boxes}", code="E0303")
        for what, shape, dtype in (("score", scores, "float"), ("level", levels, "int")):
            if shape.dtype != dtype or shape.rank != 1 or differ(shape.dims[0], rows[0]):
                wanted = Shape.of(*rows, dtype="int" if dtype == "int" else "float")
                help = "per_anchor without a number makes scores of a head's map" if what == "score" else ""
                raise ShapeError(
                    f"proposals takes a {what} for each box, {wanted}, but this value is {shape}",
                    help=help or "the second output of anchors",
                    code="E0301",
                )
        if image.rank != 3:
            raise ShapeError(f"proposals takes an image [C, H, W], but this value is {image}", code="E0303")
        return Shape.of(4)

    def capacity(self, *x: Shape) -> Dimension:
        return self.after

    def requires(self, boxes: Shape, scores: Shape, levels: Shape, image: Shape) -> tuple[Requirement, ...]:
        rows = boxes.dims[0]
        return (*equal(boxes.dims[-1], 4), *equal(scores.dims[0], rows), *equal(levels.dims[0], rows))

    def torch(self, *x: Shape) -> TorchCall:
        chosen: dict[str, Any] = options(
            before=(self.before, 1000),
            after=(self.after, 1000),
            training=(self.training, None),
            iou=(self.iou, 0.7),
            smallest=(self.smallest, 0.001),
        )
        return TorchCall(
            "Proposals",
            kwargs=chosen,
            apply="{module}({0}, {1}, {2}, {3})",
            support=(CLIP_BOXES, BEST_FIRST, SUPPRESSED, PROPOSALS),
        )
