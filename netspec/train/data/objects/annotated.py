"""Picture files and what is annotated in them: brought into one form whatever file says it, and read when wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.train.data.base import Data, Divided, Split, divide, kind_of
from netspec.train.data.files import DataError, Place
from netspec.train.data.objects.objects import ObjectKinds, Objects, ObjectSample, ObjectSource, Size, no_masks
from netspec.train.data.objects.segmentation import Segmentation, is_number
from netspec.train.data.vision import pictures
from netspec.train.data.vision.images import Sieve
from netspec.train.data.vision.pictures import Damaged

if TYPE_CHECKING:
    from numpy.typing import NDArray

BESIDE = 1.0
"""A box may reach so many pixels out of its picture, as rounding has it; what is outside is cut off."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """An object as a file has it. `where` is the annotation as messages name it."""

    where: str
    box: Box
    label: int
    area: float
    crowd: bool = False
    difficult: bool = False
    segmentation: Segmentation | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Annotated:
    """A picture file, called `name` in messages, of that size, and the objects in it."""

    path: Path
    name: str
    image: int
    size: Size
    marks: tuple[Mark, ...]


def edges(box: Sequence[Any], size: Size) -> Box:
    """A box x1, y1, x2, y2 of an annotation, cut where it reaches out of its picture; raises ValueError."""
    if len(box) != 4 or not all(map(is_number, box)):
        raise ValueError("its box is not four numbers")
    x1, y1, x2, y2 = map(float, box)
    if x2 <= x1 or y2 <= y1:
        raise ValueError(f"its box has no area: {x2 - x1:g} x {y2 - y1:g}")
    height, width = size
    if x1 < -BESIDE or y1 < -BESIDE or x2 > width + BESIDE or y2 > height + BESIDE:
        shown = f"{x1:g}, {y1:g} to {x2:g}, {y2:g}"
        raise ValueError(f"its box reaches from {shown}, and the picture is {width} wide and {height} high")
    inside = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
    if inside[2] <= inside[0] or inside[3] <= inside[1]:
        raise ValueError("its box is outside of the picture")
    return inside


class ObjectSieve(Sieve):
    """A sieve for annotations as well: a damaged one is refused, or left out and noted where `skip_bad` says so."""

    def refuse(self, where: str, why: str) -> None:
        """Raises Damaged with what is wrong with an annotation or a picture, or notes it."""
        if not self.skip_bad:
            raise Damaged(f"{where}: {why}", where)
        self.skipped.add(where)


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedPictures(ObjectSource):
    """Annotated pictures, read when they are wanted; with their `masks`, if so."""

    pictures: tuple[Annotated, ...]
    masks: bool

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> ObjectSample:  # type: ignore[override]
        return self._read(self.pictures[index])

    def check(self, one: Annotated) -> None:
        """Raises Damaged where a picture or a mask cannot be read."""
        self._read(one)

    def _read(self, one: Annotated) -> ObjectSample:
        x = pictures.read(one.path, one.name, 3, None, "crop", deep=False)
        if x.shape[1:] != one.size:
            (height, width), (own, wide) = one.size, x.shape[1:]
            message = f"{one.name} is {own} x {wide}, and its annotations are of {height} x {width}"
            raise Damaged(message, one.name)
        return x, self._objects(one)

    def _objects(self, one: Annotated) -> Objects[NDArray[Any]]:
        import numpy as np

        masks = None
        if self.masks:
            drawn = [mark.segmentation.mask(one.size) for mark in one.marks if mark.segmentation is not None]
            masks = np.stack(drawn) if drawn else no_masks(one.size)
        return Objects(
            np.array([mark.box for mark in one.marks], np.float32).reshape(-1, 4),
            np.array([mark.label for mark in one.marks], np.int64),
            masks,
            np.array([mark.area for mark in one.marks], np.float32),
            np.array([mark.crowd for mark in one.marks], bool),
            np.array([mark.difficult for mark in one.marks], bool),
            one.image,
            one.size,
        )


class AnnotatedSet(Divided):
    """Base of the data sets of annotated picture files."""

    of_objects = True

    def parts(self, train: Sequence[Annotated], test: Sequence[Annotated] | None) -> list[list[Annotated]]:
        """The pictures to train with, to test with, and to choose by where there is a `val`."""
        if test is None:
            return [[train[index] for index in sorted(part)] for part in self.divided(len(train), None)]
        if not self.val:
            return [list(train), list(test)]
        kept, chosen = divide(len(train), None, self.val, self.split)
        return [[train[index] for index in sorted(kept)], list(test), [train[index] for index in sorted(chosen)]]

    def data(
        self,
        parts: Sequence[Sequence[Annotated]],
        names: tuple[str, ...],
        sieve: ObjectSieve,
        *,
        masks: bool | None,
        ids: Sequence[int] | None = None,
    ) -> Data:
        """The data of these pictures, with the masks of their objects; with None, where all of these have one.

        `ids` are the files' numbers of the labels from 1, where they are others.

        Raises DataError where a part holds no picture, or an object lacks the mask that is asked for.
        """
        for part, what in zip(parts, ("train on", "test with", "choose by"), strict=False):
            if not part:
                raise DataError(f"{self.name} holds no picture to {what}")
        every = [mark for part in parts for one in part for mark in one.marks]
        bare = next((mark for mark in every if mark.segmentation is None), None)
        if masks and bare is not None:
            raise DataError(f"{bare.where}: it has no segmentation, and the net is trained on masks")
        masked = bare is None and bool(every) if masks is None else masks
        train, test, *val = (self._split(part, sieve, masked) for part in parts)
        chosen = next(iter(val), None)
        kinds = ObjectKinds(tuple(range(1, len(names)) if ids is None else ids), masked)
        skipped = sieve.names
        return Data(train, test, len(names), names=names, skipped=skipped, val=chosen, called="boxes", objects=kinds)

    def _split(self, part: Sequence[Annotated], sieve: ObjectSieve, masks: bool) -> Split:
        source = AnnotatedPictures(tuple(part), masks)
        if sieve.skip_bad:
            good = sieve(part, source.check)
            source = AnnotatedPictures(tuple(one for one, _ in good), masks)
        sizes = {one.size for one in source.pictures}
        size = sizes.pop() if len(sizes) == 1 else (0, 0)
        return Split(kind_of((3, *size), "uint8"), kind_of((4,), "float32"), source=source)


def wanted_masks(inputs: Iterable[str], targets: Iterable[str]) -> bool | None:
    """Whether a net with these inputs is trained on masks; None where it says of no target what it is called."""
    named = {*inputs, *targets}
    return True if "masks" in named else False if "boxes" in named else None


def files_of(place: Place, folder: str) -> Path:
    """The folder of that name; raises DataError where there is none."""
    from netspec.train.data.files import folders_beside, near

    home = place.resolve(folder)
    if not home.is_dir():
        raise DataError(f"there is no folder {folder}", help=near(home, folders_beside(home)))
    return home
