"""Data sets of picture files: a folder for each class, or a mask for each picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field, model_validator

from netspec.layers.declaration.base import Positive
from netspec.train.data.base import (
    DATA,
    DIVIDING,
    Data,
    Dims,
    Divided,
    InProject,
    MaybeInProject,
    Sample,
    Source,
    Split,
    divide,
    kind_of,
)
from netspec.train.data.files import DataError, Place, folders_beside, near
from netspec.train.data.vision import pictures
from netspec.train.data.vision.masks import MaskValues
from netspec.train.data.vision.pictures import Damaged, Fit, Header, Part
from netspec.train.parts import AboveZero

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")
F = TypeVar("F")
Side = Annotated[Positive, Field(le=2**14)]

IN_MEMORY = 2**28
"""Pictures that take at most so many bytes are read once; of more, each is read when it is wanted."""
TEST_FOLDERS = ("test", "val", "valid", "validation")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture file and its class, or the file of its mask. Names are as messages show them."""

    path: Path
    name: str
    label: int = 0
    mask: Path | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How pictures are read: their channels and size (height, width), and what the values of a mask stand for.

    `deep` pictures have more than 8 bits a pixel and are real numbers.
    """

    channels: int
    size: tuple[int, int]
    fit: Fit
    values: MaskValues | None = None
    deep: bool = False

    def __call__(self, file: Labelled, part: Part | None = None) -> Sample:
        """The picture, or a part of it, and what is to be said about it; raises Damaged."""
        import numpy as np

        x = pictures.read(file.path, file.name, self.channels, self.size, self.fit, self.deep, part)
        if file.mask is None or self.values is None:
            return x, np.array(file.label, np.int64)
        name = f"{file.mask.parent.name}/{file.mask.name}"
        own, other = pictures.header(file.path, file.name), pictures.header(file.mask, name)
        if (own.height, own.width) != (other.height, other.width):
            raise DataError(
                f"{name} is {other.height} x {other.width}, and {file.name} is {own.height} x {own.width}",
                help="a mask has the size of its picture",
            )
        values = pictures.read_labels(file.mask, name, self.size, self.fit)
        y = self.values.classes(values)
        if (y == -1).any():
            wrong = int(values[y == -1].flat[0])
            raise DataError(
                f"the mask {name} holds the value {wrong}, and there are {len(self.values)} classes",
                help="the values of a mask are classes from 0; 255 is for pixels that do not count",
            )
        return x, y

    def check(self, file: Labelled) -> None:
        """Raises Damaged where the file cannot be read."""
        self(file)


@dataclass(frozen=True, slots=True, eq=False)
class Pictures(Source):
    """Pictures that are read when they are wanted; where there is a `share`, of each another part every time."""

    files: tuple[Labelled, ...]
    reading: Reading
    share: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:
        return self.reading(self.files[index])

    def labels(self) -> NDArray[Any] | None:
        import numpy as np

        return None if self.files[0].mask is not None else np.array([file.label for file in self.files], np.int64)

    def drawn(self, index: int, seed: int) -> Sample:
        part = None if self.share is None else pictures.random_part(self.share, seed)
        return self.reading(self.files[index], part)


class Sieve:
    """Reads many files at once. A damaged one is refused, or left out and noted where `skip_bad` says so."""

    def __init__(self, skip_bad: bool) -> None:
        self.skip_bad = skip_bad
        self.skipped: set[str] = set()

    def __call__(self, files: Sequence[F], read: Callable[[F], T]) -> list[tuple[F, T]]:
        """Each file that can be read, with what is read of it, in their order; raises DataError where none can."""

        def one(file: F) -> tuple[F, T] | Damaged:
            try:
                return file, read(file)
            except Damaged as error:
                return error

        good: list[tuple[F, T]] = []
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as readers:
            for result in readers.map(one, files):
                if not isinstance(result, Damaged):
                    good.append(result)
                elif self.skip_bad:
                    self.skipped.add(result.name)
                else:
                    readers.shutdown(cancel_futures=True)
                    raise result
        if not good:
            raise DataError("not one of the pictures can be read")
        return good

    @property
    def names(self) -> tuple[str, ...]:
        """What was left out."""
        return tuple(sorted(self.skipped))


class Pictured(Divided):
    """Base of the data sets of pictures."""

    size: Side | tuple[Side, Side] | None = None
    fit: Fit = "crop"
    channels: Literal[1, 3] | None = None

    def read(
        self,
        files: Sequence[Sequence[Labelled]],
        sieve: Sieve,
        values: MaskValues | None = None,
        share: tuple[float, float] | None = None,
    ) -> list[Split]:
        """The splits of these files: in memory where they are small, else as files that are read when wanted.

        The first is to train on: with a `share`, on another part of each picture in every epoch.
        """
        reading, parts = self._reading([list(part) for part in files], sieve, values)
        cost = reading.channels * (4 if reading.deep else 1) + (8 if values else 0)
        fits_memory = sum(map(len, parts)) * cost * reading.size[0] * reading.size[1] <= IN_MEMORY
        splits = []
        for part, own in zip(parts, (share, *(None,) * len(parts)), strict=False):
            if fits_memory and own is None:
                splits.append(_stacked([sample for _, sample in sieve(part, reading)]))
            else:
                good = [file for file, _ in sieve(part, reading.check)] if sieve.skip_bad else part
                splits.append(_lazy(good, reading, own))
        return splits

    def mend(self, wanted: Dims | None) -> str:
        if wanted is None or len(wanted) != 3 or wanted[0] not in (1, 3):
            return ""
        channels, height, width = wanted
        size = height if height == width else (height, width)
        grey = {"channels": 1} if channels == 1 else {}
        return f"data {self.model_copy(update={'size': size, **grey}).written()}"

    def _reading(
        self, parts: list[list[Labelled]], sieve: Sieve, values: MaskValues | None
    ) -> tuple[Reading, list[list[Labelled]]]:
        """How the pictures are read, and those that can be: their first bytes say what the spec leaves out."""
        size = (self.size, self.size) if isinstance(self.size, int) else self.size
        if size is not None and self.channels is not None:
            return Reading(self.channels, size, self.fit, values, _is_deep(parts[0])), parts
        headers = [sieve(part, lambda file: pictures.header(file.path, file.name)) for part in parts]
        flat = [pair for part in headers for pair in part]
        channels = self.channels or (1 if all(header.grey for _, header in flat) else 3)
        size = size or self._common(flat)
        deep = any(header.deep for _, header in flat)
        reading = Reading(channels, size, self.fit, values, deep)
        return reading, [[file for file, _ in part] for part in headers]

    def _common(self, headers: Sequence[tuple[Labelled, Header]]) -> tuple[int, int]:
        """The size of all pictures; raises DataError where they differ."""
        (one, first), *others = sorted(headers, key=lambda pair: pair[0].name)
        size = (first.height, first.width)
        for other, header in others:
            if (header.height, header.width) != size:
                raise DataError(
                    f"the pictures differ in size: {one.name} is {size[0]} x {size[1]}, "
                    f"{other.name} is {header.height} x {header.width}",
                    help=f"say a size that all are brought to: {self.name}(..., size={min(size)})",
                )
        return size


@DATA("images", "ImageFolder", "imagenet", "folder")
class Images(Pictured):
    """Pictures in a folder for each class, or in such folders below `train` and `test` (or `val`, or both).

    Shape: [channels, height, width]; brightness from 0 to 1. Classes are the folders in the order of their names. All
    pictures have one size, or `size` (or [height, width]) says to which they are brought: as `fit` says, by their
    middle (crop), out of proportion (stretch) or with a border (pad). `channels` is 1 or 3; 1 where all are grey.

    With `part`, [low, high], what is trained on is of each file as it is a part of a size between these shares of its
    area and of any shape from 3:4 to 4:3, another one in every epoch, brought to `size`: [0.08, 1.0] is the recipe for
    ImageNet of Szegedy et al., "Going deeper with convolutions", 2015, section 6.
    """

    folder: InProject
    part: tuple[AboveZero, AboveZero] | None = None

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        return ("folder", "size", "fit", "channels", "part", *DIVIDING)

    @model_validator(mode="after")
    def _parted(self) -> Images:
        if self.part is not None and not self.part[0] <= self.part[1] <= 1:
            raise ValueError("part is [low, high], shares of a picture's area up to 1")
        if self.part is not None and self.size is None:
            raise ValueError("with part the size has to be said that parts are brought to")
        return self

    def load(self, place: Place) -> Data:
        home = place.resolve(self.folder)
        if not home.is_dir():
            near_folder = near(home, folders_beside(home))
            raise DataError(
                f"there is no folder {self.folder}", help=near_folder or "pictures lie in a folder for each class"
            )
        folders = [name for name in ("train", *TEST_FOLDERS) if (home / name).is_dir()]
        if folders and folders[0] == "train" and len(folders) > 1:
            self.check_divisible(self.folder)
            names = _classes(home / "train", f"{self.folder}/train")
            others = [folders[1]] if len(folders) == 2 else ["test" if "test" in folders else folders[1], folders[-1]]
            parts = [self._of_known(place, home, part, names) for part in dict.fromkeys(["train", *others])]
        else:
            home, location = self._only_train(home)
            names = _classes(home, location)
            files = self._labelled(place, home, names, location)
            chosen = self.divided(len(files), [file.label for file in files])
            parts = [[files[index] for index in sorted(part)] for part in chosen]
        sieve = Sieve(place.skip_bad)
        train, test, *val = self.read(parts, sieve, share=self.part)
        return Data(train, test, len(names), names=names, skipped=sieve.names, val=next(iter(val), None))

    def _only_train(self, home: Path) -> tuple[Path, str]:
        """The folder of the classes: that of the data, or `train`, where it holds nothing else."""
        inside = [path.name for path in home.iterdir() if path.is_dir() and not path.name.startswith(".")]
        if inside == ["train"] and any(path.is_dir() for path in (home / "train").iterdir()):
            return home / "train", f"{self.folder}/train"
        return home, self.folder

    def _of_known(self, place: Place, home: Path, part: str, names: Sequence[str]) -> list[Labelled]:
        """The pictures of a part; raises DataError where it has a class that those to train with lack."""
        others = _classes(home / part, f"{self.folder}/{part}")
        if extra := sorted(set(others) - set(names)):
            raise DataError(f"{self.folder}/{part} has the class {extra[0]}, which {self.folder}/train lacks")
        return self._labelled(place, home / part, names, f"{self.folder}/{part}")

    def _labelled(self, place: Place, home: Path, names: Sequence[str], location: str) -> list[Labelled]:
        return [
            Labelled(path, f"{location}/{path.relative_to(home).as_posix()}", label)
            for label, name in enumerate(names)
            if (home / name).is_dir()
            for path in place.contained(pictures.pictures(home / name))
        ]


@DATA("segmentation")
class Segmentation(Pictured):
    """Pictures in the folder `images` and for each of them a mask of the same name in `masks`, which may end otherwise.

    Shape: [channels, height, width]; of the target [height, width]. The values of a mask are classes from 0, as many as
    `classes`, of 8, 16 or 32 bits. Masks of 0 and 255 alone, or of any two values, hold classes 0 and 1; beside other
    values 255 is for pixels that do not count (65535 where there are more classes), and so is a border of `fit=pad`.
    `test_images` and `test_masks` are folders to test with, in place of the share `test`.
    """

    images: InProject
    masks: InProject
    classes: Positive | None = None
    test_images: MaybeInProject = None
    test_masks: MaybeInProject = None

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        own = ("images", "masks", "size", "fit", "channels", "classes")
        return (*own, "test_images", "test_masks", *DIVIDING)

    def load(self, place: Place) -> Data:
        if (self.test_images is None) != (self.test_masks is None):
            raise DataError("test_images and test_masks go together")
        train = self._paired(place, self.images, self.masks)
        if self.test_images is not None and self.test_masks is not None:
            self.check_divisible(self.test_images)
            parts = [train, self._paired(place, self.test_images, self.test_masks)]
            if self.val:
                kept, chosen = divide(len(train), None, self.val, self.split)
                parts = [[train[index] for index in kept], parts[1], [train[index] for index in chosen]]
        else:
            chosen_parts = self.divided(len(train), None)
            parts = [[train[index] for index in sorted(part)] for part in chosen_parts]
        sieve = Sieve(place.skip_bad)
        values = self._values([file for part in parts for file in part], sieve)
        splits = self.read(parts, sieve, values)
        ignores = bool(values.voids) or (self.size is not None and self.fit == "pad")
        exact, (first, second, *others) = self.classes is not None, splits
        val = next(iter(others), None)
        return Data(first, second, len(values), exact=exact, ignores=ignores, skipped=sieve.names, val=val)

    def _paired(self, place: Place, images: str, masks: str) -> list[Labelled]:
        """The pictures of a folder, each with its mask."""
        for folder in (images, masks):
            if not (path := place.resolve(folder)).is_dir():
                raise DataError(f"there is no folder {folder}", help=near(path, folders_beside(path)))
        home, other = place.resolve(images), place.resolve(masks)
        by_name = {
            path.relative_to(other).with_suffix("").as_posix(): path
            for path in place.contained(pictures.pictures(other))
        }
        files = list(place.contained(pictures.pictures(home)))
        if not files:
            raise DataError(f"the folder {images} holds no pictures")
        labelled = []
        for path in files:
            key = path.relative_to(home).with_suffix("").as_posix()
            if key not in by_name:
                raise DataError(f"{images}/{path.name} has no mask in {masks}", help=f"a mask is called {key}.png")
            labelled.append(Labelled(path, f"{images}/{path.relative_to(home).as_posix()}", mask=by_name[key]))
        return labelled

    def _values(self, files: Sequence[Labelled], sieve: Sieve) -> MaskValues:
        """What the values of the masks stand for. They are looked through where that does not follow from `classes`."""
        if self.classes is not None and self.classes > 2:
            return MaskValues.counted(self.classes)
        return MaskValues.of(self._mask_values(files, sieve), self.classes)

    def _mask_values(self, files: Sequence[Labelled], sieve: Sieve) -> set[int]:
        import numpy as np

        def values(file: Labelled) -> list[int]:
            assert file.mask is not None
            name = f"{file.mask.parent.name}/{file.mask.name}"
            return [int(value) for value in np.unique(pictures.read_labels(file.mask, name, None, "crop"))]

        return {value for _, own in sieve(files, values) for value in own}


def _classes(home: Path, location: str) -> tuple[str, ...]:
    """The folders below one, in the order of their names; raises DataError where there are none."""
    names = tuple(sorted(path.name for path in home.iterdir() if path.is_dir() and not path.name.startswith(".")))
    if not names:
        raise DataError(
            f"{location} holds no folders", help="pictures lie in a folder for each class, named after it: cats/1.png"
        )
    empty = [name for name in names if not pictures.pictures(home / name)]
    if empty:
        raise DataError(f"the folder {location}/{empty[0]} holds no pictures")
    return names


def _is_deep(files: Sequence[Labelled]) -> bool:
    """Whether pictures have more than 8 bits a pixel: as the first one says that can be read."""
    for file in files:
        with suppress(Damaged):
            return pictures.header(file.path, file.name).deep
    return False


def _stacked(samples: Sequence[Any]) -> Split:
    import numpy as np

    return Split(np.stack([sample[0] for sample in samples]), np.stack([sample[1] for sample in samples]))


def _lazy(files: Sequence[Labelled], reading: Reading, share: tuple[float, float] | None) -> Split:
    target: Dims = reading.size if files[0].mask is not None else ()
    x = kind_of((reading.channels, *reading.size), "float32" if reading.deep else "uint8")
    return Split(x, kind_of(target, "int64"), source=Pictures(tuple(files), reading, share))
