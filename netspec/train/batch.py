"""A batch: samples on the device, what is to be said about them, and how much each place of it counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from netspec.train.data.objects.objects import Objects, Size

if TYPE_CHECKING:
    from torch import Tensor

MULTIPLE = 32
"""Pictures of unlike sizes get borders up to a multiple of so many pixels, since most detectors halve them 5 times."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What an output is compared with: the target of that index, what the input of that index is given, or a number."""

    kind: Literal["target", "input", "number"] = "target"
    index: int = 0
    number: float = 0.0


TARGET = Reference()
"""The first target of the data, which most losses are about."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """`x` (n, *shape), `y` (n, *target); `weight` (n, *target) where a loss weighs places, as U-Net's does.

    `more` is what the further inputs of a net are given, each (n, *shape), and `further` what else is to be said, each
    (n, *target).

    Where samples are blended with others (mixup, cutmix), `blend` is the batch of the others and `share` is what this
    one has of the blend: the loss is that of `y` and of `blend.y` in those shares. `x` is blended already.

    Where samples are pictures with `objects`, a set for each, `sizes` are their heights and widths: those of unlike
    sizes have borders of zeros to the right and below, and boxes are in pixels from the upper left.
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None = None
    blend: Batch | None = None
    share: float = 1.0
    more: tuple[Tensor, ...] = ()
    further: tuple[Tensor, ...] = ()
    objects: tuple[Objects[Tensor], ...] = ()
    sizes: tuple[Size, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What each input of a net is given."""
        return (self.x, *self.more)

    @property
    def targets(self) -> tuple[Tensor, ...]:
        """All that is to be said about the samples."""
        return (self.y, *self.further)

    @property
    def most(self) -> Batch:
        """The batch itself; where it is blended, the one that has the larger part in it."""
        return self if self.blend is None or self.share >= 0.5 else self.blend

    def reference(self, reference: Reference, output: Tensor, *, classes: bool) -> Tensor:
        """What an output (n, ...) is compared with; `classes` says that it gives scores of these, (n, classes, *S)."""
        match reference.kind:
            case "target":
                return self.targets[reference.index]
            case "input":
                return self.inputs[reference.index]
            case "number":
                if classes:
                    return output.new_full((len(output), *output.shape[2:]), reference.number).long()
                return output.new_full(output.shape, reference.number)

    def with_x(self, x: Tensor) -> Batch:
        """The batch with other samples about which the same is to be said."""
        return replace(self, x=x)

    def pictures(self) -> Iterator[Batch]:
        """Of pictures with objects each as a batch by itself, without a border."""
        for index, (objects, size) in enumerate(zip(self.objects, self.sizes, strict=True)):
            here = slice(index, index + 1)
            x = self.x[here, :, : size[0], : size[1]]
            yield replace(self, x=x, y=self.y[here], objects=(objects,), sizes=(size,))


def together(pictures: Sequence[Batch], multiple: int = MULTIPLE) -> Batch:
    """Batches of one picture each as one: those of unlike sizes get borders, up to a multiple of so many pixels."""
    import torch

    sizes = tuple((each.x.shape[2], each.x.shape[3]) for each in pictures)
    objects = tuple(own for each in pictures for own in each.objects)
    y = torch.cat([each.y for each in pictures])
    x = bordered([each.x[0] for each in pictures], multiple)
    return Batch(x, y, objects=objects, sizes=sizes)


def bordered(pictures: Sequence[Tensor], multiple: int = 1) -> Tensor:
    """Pictures [C, h, w] in one tensor (n, C, H, W), those of unlike sizes with zeros to the right and below.

    Then H and W are multiples of `multiple`. Source: `GeneralizedRCNNTransform` of torchvision.
    """
    import torch

    if len({picture.shape for picture in pictures}) == 1:
        return torch.stack(list(pictures))
    most = (max(picture.shape[axis] for picture in pictures) for axis in (1, 2))
    height, width = (-(-side // multiple) * multiple for side in most)
    x = pictures[0].new_zeros(len(pictures), pictures[0].shape[0], height, width)
    for row, picture in zip(x, pictures, strict=True):
        row[:, : picture.shape[1], : picture.shape[2]] = picture
    return x
