"""What an augmentation is: one frozen declaration with its arguments, what it makes of a shape, and how it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Field

from netspec.layers.declaration.base import Size
from netspec.train.augment.carrying import Points, carried
from netspec.train.batch import Batch
from netspec.train.data.base import IGNORED
from netspec.train.parts import Part, Table

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.train.data import Dims, Split

Step: TypeAlias = Callable[[Batch], Batch]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Fill: TypeAlias = Literal["zeros", "edge", "reflect"]
"""What lies outside a sample: nothing, its edge carried on, or its mirror image."""


class AugmentError(Exception):
    """An augmentation does not go with these samples; the text says why. Whoever knows the setting adds the place."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.message, self.help = message, help


class Augment(Part):
    """Base of all augmentations. Every random number comes from torch's generators, of the CPU and the batch's device.

    Augmentations work on batches of samples [channels, *S]; `ranks` are the numbers of axes in S that they work on.
    Those that move places around move a target with the axes S along with its sample.
    """

    ranks: ClassVar[tuple[int, ...]] = (2,)
    package: ClassVar[str] = "torch"
    """What does it."""
    moves: ClassVar[bool] = False
    """Whether it moves places at random."""
    varies: ClassVar[bool] = False
    """Whether it gives each picture a size of its own."""

    def shape(self, shape: Dims) -> Dims:
        """The shape of a sample afterwards; raises AugmentError where it cannot be done to such a sample.

        Pictures of unlike sizes have sides of 0.
        """
        if len(shape) - 1 not in self.ranks:
            kinds = " or ".join(_KINDS[rank] for rank in self.ranks)
            raise AugmentError(f"{self.name} works on {kinds}, and the samples are [{', '.join(map(str, shape))}]")
        return self.resized(shape) if all(shape[1:]) else self.of_unlike(shape)

    def of_unlike(self, shape: Dims) -> Dims:
        """The shape afterwards of pictures of unlike sizes."""
        return shape

    def check_objects(self, *, masks: bool) -> None:
        """Raises AugmentError where it cannot be done to pictures with objects in them, which may have masks."""

    def resized(self, shape: Dims) -> Dims:
        """`shape` for samples of the right rank."""
        return shape

    def build(self) -> Step:
        """What is done to a batch in training."""
        raise NotImplementedError

    def tested(self) -> Augment | None:
        """What stands in its place outside training, where nothing is random; None for nothing."""
        return None

    def fitted(self, split: Split, inputs: Sequence[int] = (0,)) -> Self:
        """The augmentation with what it takes from the training samples of these inputs; raises AugmentError."""
        return self


_KINDS = {1: "signals [channels, length]", 2: "images [channels, height, width]", 3: "volumes"}

AUGMENTS: Table[Augment] = Table("augmentation", "an")


class Sized(Augment):
    """Base of those that give all samples this size."""

    size: Size

    def of_unlike(self, shape: Dims) -> Dims:
        return (shape[0], *sizes(self.size, len(shape) - 1))


def check_fill(augment: Augment, fill: Fill) -> None:
    """Raises AugmentError where what lies outside of a picture shows its objects again."""
    if fill != "zeros":
        shows = "mirror images" if fill == "reflect" else "the edges"
        message = (
            f"{augment.name} fills what lies outside of a picture with {shows} of its objects, without their boxes"
        )
        raise AugmentError(message, f"{augment.name}(..., fill=zeros)")


def sizes(size: int | tuple[int, ...], rank: int) -> tuple[int, ...]:
    """A size for each of `rank` axes; raises AugmentError where there is another number of them."""
    sides = (size,) * rank if isinstance(size, int) else size
    if len(sides) != rank:
        raise AugmentError(f"there are {len(sides)} sizes for {rank} axes")
    return sides


def follows(target: Tensor, x: Tensor) -> bool:
    """Whether a target has the axes of its sample, so that it moves with it: a mask, a class at each step."""
    axes = x.shape[2:]
    return target.ndim > len(axes) and target.shape[-len(axes) :] == axes


def moved(batch: Batch, move: Callable[[Tensor], Tensor], points: Points | None = None) -> Batch:
    """The batch after `move`, which takes places from elsewhere as they are: of samples and of what follows them.

    `points` say where points of a single picture come to lie, if it has objects.
    """
    y, *further = (move(target) if follows(target, batch.x) else target for target in batch.targets)
    weight = None if batch.weight is None else move(batch.weight)
    x = move(batch.x)
    objects = carried(batch, x, move, points)
    return replace(batch, x=x, y=y, weight=weight, further=tuple(further), objects=objects)


def warped(batch: Batch, warp: Callable[[Tensor, bool], Tensor], points: Points | None = None) -> Batch:
    """The batch after `warp(tensor, nearest)`, which interpolates (n, channels, *S); classes take the nearest place.

    What does not count is 0 on the way, and so is what `warp` makes of places outside. `points` are those of `moved`.
    """

    def target(tensor: Tensor) -> Tensor:
        axes = batch.x.ndim - 2
        classes = not tensor.is_floating_point()
        flat = tensor.reshape(len(tensor), -1, *batch.x.shape[2:]).to(batch.x.dtype)
        result = warp(flat - IGNORED, True) + IGNORED if classes else warp(flat, False)
        return result.reshape(*tensor.shape[:-axes], *result.shape[2:]).to(tensor.dtype)

    y, *further = (target(tensor) if follows(tensor, batch.x) else tensor for tensor in batch.targets)
    weight = None if batch.weight is None else target(batch.weight)
    x = warp(batch.x, False)
    objects = carried(batch, x, lambda masks: warp(masks, True), points)
    return replace(batch, x=x, y=y, weight=weight, further=tuple(further), objects=objects)


def some(batch: Batch, p: float, x: Tensor) -> Batch:
    """The batch with `x` in place of its samples, of each with probability p."""
    import torch

    if p >= 1:
        return replace(batch, x=x)
    return replace(batch, x=torch.where(per_sample(torch.rand(len(x), device=x.device) < p, x), x, batch.x))


def per_sample(values: Tensor, like: Tensor) -> Tensor:
    """A value a sample, in the shape that meets `like` (n, ...)."""
    return values.reshape(-1, *(1,) * (like.ndim - 1))
