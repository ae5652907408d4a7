"""YOLO's text labels: a line an object, its class and where it is in shares of the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated as Marked

from pydantic import Field

from netspec.train.data import files
from netspec.train.data.base import DATA, DIVIDING, Data, InProject, MaybeInProject
from netspec.train.data.files import DataError, Place
from netspec.train.data.objects.annotated import (
    Annotated,
    AnnotatedSet,
    Mark,
    ObjectSieve,
    edges,
    files_of,
    wanted_masks,
)
from netspec.train.data.objects.objects import Size
from netspec.train.data.objects.segmentation import Segmentation, polygons
from netspec.train.data.vision import pictures

if TYPE_CHECKING:
    from netspec.train.data.vision.pictures import Header

MOST_CLASSES = 10_000


@DATA("yolo", "darknet")
class Yolo(AnnotatedSet):
    """Pictures in the folder `images`, and for each in `labels` a text of its name, with a line for each object.

    A line is the class from 0 and the middle, width and height of its box, in shares of the picture; or the class and
    the corners x y x y ... of a polygon. A picture without a text holds no object. Shape: [3, height, width] of each
    picture its own, brightness from 0 to 1. Labels count from 1, class 0 of the text first. `names` is a text of the
    classes' names, one a line. `test_images` and `test_labels` are to test with, in place of the share `test`.
    Source: Redmon's Darknet, and Ultralytics' YOLO.
    """

    images: InProject
    labels: InProject
    names: MaybeInProject = None
    classes: Marked[int, Field(ge=1, le=MOST_CLASSES)] | None = None
    test_images: MaybeInProject = None
    test_labels: MaybeInProject = None

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        return ("images", "labels", "names", "classes", "test_images", "test_labels", *DIVIDING)

    def load(self, place: Place) -> Data:
        return self._loaded(place, None)

    def load_for(self, place: Place, inputs: Sequence[str], targets: Sequence[str] = ("y",)) -> Data:
        return self._loaded(place, wanted_masks(inputs, targets))

    def _loaded(self, place: Place, masks: bool | None) -> Data:
        if (self.test_images is None) != (self.test_labels is None):
            raise DataError("test_images and test_labels go together")
        sieve, class_names = ObjectSieve(place.skip_bad), self._class_names(place)
        most = len(class_names) or self.classes or MOST_CLASSES
        train, test = list(self._annotated(place, self.images, self.labels, most, sieve)), None
        if self.test_images is not None and self.test_labels is not None:
            self.check_divisible(self.test_labels)
            test = list(self._annotated(place, self.test_images, self.test_labels, most, sieve))
        every = (mark.label for one in (*train, *(test or ())) for mark in one.marks)
        count = len(class_names) or self.classes or max(every, default=1)
        names = class_names or tuple(str(number) for number in range(count))
        parts = self.parts(train, test)
        return self.data(parts, ("background", *names), sieve, masks=masks, ids=range(count))

    def _class_names(self, place: Place) -> tuple[str, ...]:
        """The names of the classes, where a file says them."""
        if self.names is None:
            return ()
        text = _text(place.resolve(self.names), self.names)
        if text is None:
            raise DataError(f"there is no file {self.names}")
        names = tuple(line.strip() for line in text.splitlines() if line.strip())
        if not 1 <= len(names) <= MOST_CLASSES or (self.classes or len(names)) != len(names):
            raise DataError(
                f"{self.names} holds {len(names)} names" + f", and classes is {self.classes}" * bool(self.classes)
            )
        return names

    def _annotated(self, place: Place, images: str, labels: str, most: int, sieve: ObjectSieve) -> Iterator[Annotated]:
        """The pictures of a folder with their objects, of up to so many classes; raises DataError."""
        home, texts = files_of(place, images), files_of(place, labels)
        paths = list(place.contained(pictures.pictures(home)))
        if not paths:
            raise DataError(f"the folder {images} holds no pictures")

        def display_name(path: Path) -> str:
            return f"{images}/{path.relative_to(home).as_posix()}"

        headers: list[tuple[Path, Header]] = sieve(paths, lambda path: pictures.header(path, display_name(path)))
        for number, (path, header) in enumerate(headers, 1):
            stem = path.relative_to(home).with_suffix(".txt")
            where, size = f"{labels}/{stem.as_posix()}", (header.height, header.width)
            text = _text(next(place.contained([texts / stem])), where)
            yield Annotated(path, display_name(path), number, size, tuple(_marks(text or "", where, size, most, sieve)))


def _text(path: Path, name: str) -> str | None:
    """A text; None where there is no such file. Raises DataError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise DataError(f"{name} is no text in UTF-8") from None
    except OSError as error:
        raise DataError(f"{name} cannot be read: {files.reason(error)}") from None


def _marks(text: str, where: str, size: Size, most: int, sieve: ObjectSieve) -> Iterator[Mark]:
    """The objects that a text describes."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        at = f"line {number} of {where}"
        try:
            yield _mark(line.split(), at, size, most)
        except ValueError as error:
            sieve.refuse(at, str(error))


def _mark(words: Sequence[str], where: str, size: Size, most: int) -> Mark:
    """The object of a line; raises ValueError with what is wrong with it."""
    if not words[0].isascii() or not words[0].isdigit() or len(words[0]) > 6:
        raise ValueError(f"it begins with {words[0]!r}, and a class is a number from 0")
    if (kind := int(words[0])) >= most:
        raise ValueError(f"it is of class {kind}, and there are {most}")
    try:
        shares = [float(word) for word in words[1:]]
    except ValueError:
        raise ValueError("it holds a word that is no number") from None
    height, width = size
    shape: Segmentation | None = None
    if len(shares) == 4:
        x, y, wide, high = shares
        corners = [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]
    elif len(shares) >= 6 and len(shares) % 2 == 0:
        scaled = [share * side for share, side in zip(shares, (width, height) * (len(shares) // 2), strict=True)]
        shape = polygons([scaled], size)
        corners = [min(shares[::2]), min(shares[1::2]), max(shares[::2]), max(shares[1::2])]
    else:
        raise ValueError(
            f"it holds {len(shares)} numbers after its class: a box has four, a polygon x y of each corner"
        )
    box = edges([corner * side for corner, side in zip(corners, (width, height) * 2, strict=True)], size)
    return Mark(where, box, kind + 1, (box[2] - box[0]) * (box[3] - box[1]), segmentation=shape)
