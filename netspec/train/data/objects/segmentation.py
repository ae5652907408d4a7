"""Where objects are, as annotations say it: polygons, runs of pixels, or a picture of numbers; each becomes a mask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.train.data.objects.objects import Size
from netspec.train.data.vision import pictures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Segmentation(ABC):
    """Where an object is in its picture."""

    @abstractmethod
    def mask(self, size: Size) -> NDArray[np.uint8]:
        """1 where the object is, in a picture (height, width); raises DataError where a file cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class Polygons(Segmentation):
    """The parts of an object, each the corners x, y, x, y, ... (2 k) of a polygon, as COCO draws them."""

    parts: tuple[NDArray[np.float64], ...]

    def mask(self, size: Size) -> NDArray[np.uint8]:
        from faster_coco_eval.core import mask

        drawn = mask.merge(mask.frPyObjects([part.tolist() for part in self.parts], *size))
        result: NDArray[np.uint8] = mask.decode(drawn)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Runs(Segmentation):
    """How many pixels in a row are not the object's and are its own, in turn; down the columns, one after another."""

    counts: NDArray[np.int64]

    def mask(self, size: Size) -> NDArray[np.uint8]:
        import numpy as np

        inside = (np.arange(len(self.counts)) % 2).astype(np.uint8)
        return np.repeat(inside, self.counts).reshape(size[::-1]).T


@dataclass(frozen=True, slots=True)
class Numbered(Segmentation):
    """The pixels of that number in a picture of numbers, as VOC has one for all objects of a picture."""

    path: Path
    name: str
    number: int

    def mask(self, size: Size) -> NDArray[np.uint8]:
        import numpy as np

        numbers = pictures.read_labels(self.path, self.name, None, "crop")
        if numbers.shape != size:
            raise pictures.Damaged(
                f"{self.name} is {_size_text(numbers.shape)}, and its picture {_size_text(size)}", self.name
            )
        mask: NDArray[np.uint8] = (numbers == self.number).astype(np.uint8)
        return mask


def segmentation(outlines: Any, size: Size) -> Segmentation:
    """What COCO's `segmentation` says of an object in a picture of that size; raises ValueError with what is wrong."""
    if isinstance(outlines, list):
        return polygons(outlines, size)
    if not isinstance(outlines, dict) or not {"size", "counts"} <= outlines.keys():
        raise ValueError("its segmentation is neither polygons nor runs with size and counts")
    if outlines["size"] != list(size):
        own = outlines["size"]
        text = _size_text(own) if isinstance(own, list) and own and all(map(is_number, own)) else "of no size"
        raise ValueError(f"its mask is {text}, and the picture {_size_text(size)}")
    counts = outlines["counts"]
    return Runs(_counted(unpacked(counts) if isinstance(counts, str) else counts, size))


def polygons(outlines: Sequence[Any], size: Size) -> Polygons:
    """Polygons of three corners and more, in or near a picture of that size; raises ValueError."""
    import numpy as np

    if not outlines:
        raise ValueError("its segmentation holds no polygon")
    parts = []
    for part in outlines:
        if not isinstance(part, list) or len(part) < 6 or len(part) % 2 or not all(map(is_number, part)):
            raise ValueError("one of its polygons is no list of x, y, x, y, ... of three corners at least")
        corners = np.array(part, np.float64)
        for axis, side in ((0, size[1]), (1, size[0])):
            if corners[axis::2].min() < -side or corners[axis::2].max() > 2 * side:
                raise ValueError(f"one of its polygons is far outside of the picture, {_size_text(size)}")
        parts.append(corners)
    return Polygons(tuple(parts))


def unpacked(text: str) -> list[int]:
    """The counts of COCO's packed runs: groups of 5 bits, least first, as characters from "0"; raises ValueError.

    From the fourth on each is the difference to the one before the last. Source: `rleFrString` of COCO's maskApi.
    """
    counts: list[int] = []
    value = place = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64 or place > 6:
            raise ValueError("the packed runs of its mask are damaged")
        value |= (group & 31) << 5 * place
        place += 1
        if not group & 32:
            value -= (group & 16) << 5 * (place - 1) + 1
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = place = 0
    if place:
        raise ValueError("the packed runs of its mask are cut off")
    return counts


def _counted(counts: Any, size: Size) -> NDArray[np.int64]:
    """Counts that are those of a picture's pixels; raises ValueError."""
    import numpy as np

    pixels = size[0] * size[1]
    if not isinstance(counts, list) or not all(type(count) is int and 0 <= count <= pixels for count in counts):
        raise ValueError("the runs of its mask are damaged")
    if sum(counts) != pixels:
        raise ValueError(f"the runs of its mask are {sum(counts):,} pixels, and the picture has {pixels:,}")
    return np.array(counts, np.int64)


def is_number(value: Any) -> bool:
    """Whether a value of a file is a number that can be pixels: finite, and not beyond all pictures."""
    return type(value) in (int, float) and abs(value) < 2**31


def _size_text(size: Sequence[int]) -> str:
    return " x ".join(map(str, size))
