"""Pictures with objects that come from Python: samples of a picture and a mapping, as torchvision's detectors take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from netspec.train.data.base import Data, Source, Split, kind_of
from netspec.train.data.files import DataError
from netspec.train.data.objects.annotated import edges
from netspec.train.data.objects.objects import ObjectKinds, Objects, ObjectSample, ObjectSource, Size, no_masks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEEDED = ("boxes", "labels")
KNOWN = (*NEEDED, "masks", "area", "iscrowd", "difficult", "image_id")
LOOKED = 16
"""So many pictures are looked at to know whether all have one size."""


def holds_objects(said: Any) -> bool:
    """Whether what a data set says about a sample is a set of objects."""
    return isinstance(said, Mapping) and all(name in said for name in NEEDED)


@dataclass(frozen=True, slots=True, eq=False)
class GivenPictures(ObjectSource):
    """Pictures of another source, whose samples are a picture [3, H, W] and what is said of it by these `names`.

    `boxes` (n, 4) are x1, y1, x2, y2 in pixels, `labels` (n) count from 1; `masks` (n, H, W) are there where asked for,
    and `area`, `iscrowd`, `difficult` (n) and `image_id` where a sample has them.
    """

    source: Source
    names: tuple[str, ...]
    size: Size | None = None
    """The size of all pictures, where they have one."""

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> ObjectSample:  # type: ignore[override]
        return self._objects(self.source[index], index)

    def drawn(self, index: int, seed: int) -> ObjectSample:  # type: ignore[override]
        return self._objects(self.source.drawn(index, seed), index)

    def _objects(self, sample: Sequence[NDArray[Any]], index: int) -> ObjectSample:
        import numpy as np

        x, *values = sample
        said = dict(zip(self.names, values, strict=True))
        if x.ndim != 3 or len(x) != 3:
            raise DataError(f"sample {index} of the data set is {list(x.shape)}, and a picture is [3, height, width]")
        size = x.shape[1], x.shape[2]
        if self.size not in (None, size):
            first = ", ".join(map(str, self.size or ()))
            message = f"sample {index} of the data set is {list(x.shape)}, and the first ones are [3, {first}]"
            raise DataError(message, help="put one of another size among the first, or bring all to one")
        boxes = _boxes(said["boxes"], size, index)
        count = len(boxes)
        labels = _row(said["labels"], count, "labels", index).astype(np.int64)
        if (labels < 1).any():
            raise DataError(
                f"sample {index} of the data set has the label {int(labels.min())}",
                help="labels count from 1: 0 is for what is no object",
            )
        sides = boxes[:, 2:] - boxes[:, :2]
        flags = {
            name: _row(said.get(name, np.zeros(count)), count, name, index).astype(bool)
            for name in ("iscrowd", "difficult")
        }
        return x, Objects(
            boxes,
            labels,
            _masks(said["masks"], (count, *size), index) if "masks" in said else None,
            _row(said.get("area", sides.prod(1)), count, "area", index).astype(np.float32),
            flags["iscrowd"],
            flags["difficult"],
            int(said["image_id"].reshape(-1)[0]) if said.get("image_id", np.zeros(0)).size else index,
            size,
        )


def data_of(sources: Sequence[Source], names: tuple[str, ...], classes: Sequence[str]) -> Data:
    """The data of pictures to train with, to test with, and to choose by where there are three.

    Their sizes are taken for those of the first ones. Without names of the classes from 1 all labels are looked at.
    """
    pictures = [GivenPictures(source, names) for source in sources]
    first = [
        picture.size for each in pictures for _, picture in (each[index] for index in range(min(LOOKED, len(each))))
    ]
    size = first[0] if len(set(first)) == 1 else None
    whole = [replace(each, size=size) for each in pictures]
    if not classes:
        labels = (each[index][1].labels for each in whole for index in range(len(each)))
        classes = [str(label + 1) for label in range(max((int(own.max(initial=1)) for own in labels), default=1))]
    splits = [Split(kind_of((3, *(size or (0, 0))), "uint8"), kind_of((4,), "float32"), source=each) for each in whole]
    train, test, *val = splits
    kinds = ObjectKinds(tuple(range(1, len(classes) + 1)), "masks" in names)
    called = ("background", *classes)
    chosen = next(iter(val), None)
    return Data(train, test, len(called), names=called, val=chosen, called="boxes", objects=kinds)


def _boxes(said: NDArray[Any], size: Size, index: int) -> NDArray[Any]:
    """Boxes (n, 4), cut at the border of their picture; raises DataError where one cannot be."""
    import numpy as np

    if said.size and (said.ndim != 2 or said.shape[1] != 4):
        raise DataError(f"the boxes of sample {index} of the data set are {list(said.shape)}, and not [n, 4]")
    boxes = np.zeros((len(said) if said.size else 0, 4), np.float32)
    for place, row in enumerate(said.tolist() if said.size else ()):
        try:
            boxes[place] = edges(row, size)
        except ValueError as error:
            raise DataError(f"object {place} of sample {index} of the data set: {error}") from None
    return boxes


def _row(said: NDArray[Any], count: int, name: str, index: int) -> NDArray[Any]:
    """A number an object; raises DataError where there are more or fewer."""
    if said.shape != (count,) and (said.size or count):
        raise DataError(f"the {name} of sample {index} of the data set are {list(said.shape)}, for {count} boxes")
    return said.reshape(count)


def _masks(said: NDArray[Any], shape: tuple[int, int, int], index: int) -> NDArray[Any]:
    """Masks of 0 and 1; raises DataError where they are of another number or size."""
    import numpy as np

    if not shape[0]:
        return no_masks(shape[1:])
    if said.shape != shape:
        message = f"the masks of sample {index} of the data set are {list(said.shape)}, and not {list(shape)}"
        raise DataError(message, help="masks are [objects, height, width], as large as the picture")
    masks: NDArray[np.uint8] = (said != 0).astype(np.uint8)
    return masks
