"""The objects of a picture: their boxes, labels and masks, and what else a score has to know of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from netspec.train.data.base import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Size = tuple[int, int]
"""Height and width in pixels."""
A = TypeVar("A")
"""What objects are held in: arrays of NumPy in a data set, tensors in a batch."""
B = TypeVar("B")


@dataclass(frozen=True, slots=True, eq=False)
class Objects(Generic[A]):
    """The n objects of one picture of H x W.

    `boxes` (n, 4) float32 are x1, y1, x2, y2, the edges in pixels of the picture; `labels` (n) int64 count from 1, and
    0 is what holds no object; `masks` (n, H, W) uint8 are 1 where the object is, and None where nobody asks for them.
    `area` (n) float32 is what sizes are told by. A score passes over those that stand for a `crowd` of objects, and
    over those that are too `difficult` (n) bool; nothing is trained on either. `image` is the picture's number in its
    data set, and `size` the height and width that it had there, in which it is scored.
    """

    boxes: A
    labels: A
    masks: A | None
    area: A
    crowd: A
    difficult: A
    image: int
    size: Size

    def __len__(self) -> int:
        return len(self.boxes)  # type: ignore[arg-type]

    def each(self, change: Callable[[A], B]) -> Objects[B]:
        """The objects with everything that is said of them changed."""
        return Objects(
            change(self.boxes),
            change(self.labels),
            None if self.masks is None else change(self.masks),
            change(self.area),
            change(self.crowd),
            change(self.difficult),
            self.image,
            self.size,
        )

    def chosen(self, which: A) -> Objects[A]:
        """Those of a mask (n) or of indices."""
        return self.each(lambda values: values[which])  # type: ignore[index]

    def trained(self) -> Objects[A]:
        """Those that are trained on: neither crowds nor difficult ones."""
        of: Any = self
        left_out = of.crowd | of.difficult
        return self.chosen(~left_out) if left_out.any() else self


@dataclass(frozen=True, slots=True)
class ObjectKinds:
    """What the objects of a data set are: `ids` are the numbers that the labels from 1 have in its files.

    `masked` says whether objects have masks.
    """

    ids: tuple[int, ...]
    masked: bool


ObjectSample = tuple["NDArray[np.uint8]", Objects["NDArray[Any]"]]
"""A picture [3, H, W] and its objects."""


class ObjectSource(Source):
    """Pictures with their objects, each of a size of its own."""

    def __getitem__(self, index: int) -> ObjectSample:  # type: ignore[override]
        """The picture of that index and its objects; raises DataError where it is damaged."""
        raise NotImplementedError


def boxes_of(masks: NDArray[Any]) -> NDArray[np.float32]:
    """The smallest boxes (n, 4) that hold masks (n, H, W); zeros for a mask that holds nothing."""
    import numpy as np

    boxes = np.zeros((len(masks), 4), np.float32)
    for axis, first in ((1, 0), (2, 1)):
        there: NDArray[np.bool_] = np.any(masks, axis)
        least, most = there.argmax(1), there.shape[1] - there[:, ::-1].argmax(1)
        boxes[:, first], boxes[:, first + 2] = least, np.where(there.any(1), most, 0)
    return boxes


def no_masks(size: Size) -> NDArray[np.uint8]:
    """The masks of no objects in a picture of that height and width."""
    import numpy as np

    return np.zeros((0, *size), np.uint8)
