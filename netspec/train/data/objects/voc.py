"""Pascal VOC: an XML file for each picture, lists of those to train and to test with, masks of the objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from netspec.layers.declaration.base import Bool
from netspec.train.data import files
from netspec.train.data.base import DATA, DIVIDING, Data, InProject
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
from netspec.train.data.objects.segmentation import Numbered

LARGEST = 2**20
"""No annotation of a picture has more bytes."""


@dataclass(frozen=True, slots=True)
class Described:
    """An object as its XML has it; `kind` is the class's name, and `place` its place from 1 in the file."""

    kind: str
    place: int
    box: tuple[float, float, float, float]
    difficult: bool


@DATA("voc", "VOCDetection", "pascal_voc")
class Voc(AnnotatedSet):
    """Pascal VOC: pictures in `JPEGImages` of the folder, and an XML file for each in `Annotations`.

    Shape: [3, height, width] of each picture its own, brightness from 0 to 1. Labels count the classes from 1 in the
    order of their names. Trained and tested is with `trainval` and `test` of `ImageSets/Main`, or `train` and `val`;
    without these lists with shares of all. Corners count pixels from 1, the last one included. Difficult objects are
    not trained on, and a score passes over them. With `masks` these are the pictures that have one in
    `SegmentationObject`. Source: Everingham et al., "The Pascal Visual Object Classes Challenge", 2010.
    """

    folder: InProject
    masks: Bool = False

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        return ("folder", "masks", *DIVIDING)

    def load(self, place: Place) -> Data:
        return self._loaded(place, masks=self.masks)

    def load_for(self, place: Place, inputs: Sequence[str], targets: Sequence[str] = ("y",)) -> Data:
        return self._loaded(place, masks=self.masks or bool(wanted_masks(inputs, targets)))

    def _loaded(self, place: Place, *, masks: bool) -> Data:
        home, sieve = files_of(place, self.folder), ObjectSieve(place.skip_bad)
        for folder in ("Annotations", "JPEGImages", *(("SegmentationObject",) if masks else ())):
            files_of(place, f"{self.folder}/{folder}")
        lists = self._lists(home, masks=masks)
        described = [self._described(place, home, stems, sieve) for stems in lists]
        kinds = sorted({each.kind for part in described for *_, objects in part for each in objects})
        labels = {kind: label for label, kind in enumerate(kinds, 1)}
        train, *test = ([self._annotated(home, one, labels, sieve, masks=masks) for one in part] for part in described)
        parts = self.parts(train, next(iter(test), None))
        return self.data(parts, ("background", *kinds), sieve, masks=masks)

    def _lists(self, home: Path, *, masks: bool) -> list[list[str]]:
        """The names of the pictures to train and to test with; of all alone, where no list says so."""
        lists = home / "ImageSets" / ("Segmentation" if masks else "Main")
        for train, test in (("trainval", "test"), ("train", "val")):
            if (lists / f"{train}.txt").is_file() and (lists / f"{test}.txt").is_file():
                self.check_divisible(self.folder)
                return [_stems(lists / f"{name}.txt") for name in (train, test)]
        of = "SegmentationObject" if masks else "Annotations"
        stems = sorted(path.stem for path in (home / of).iterdir() if path.suffix in (".xml", ".png"))
        if not stems:
            raise DataError(f"{self.folder}/{of} is empty")
        return [stems]

    def _described(
        self, place: Place, home: Path, stems: Sequence[str], sieve: ObjectSieve
    ) -> list[tuple[str, Size, list[Described]]]:
        """Of each picture its name, its size, and its objects; raises DataError."""
        described = []
        for stem in stems:
            path = home / "Annotations" / f"{stem}.xml"
            where = f"{self.folder}/Annotations/{stem}.xml"
            try:
                if not (home / "JPEGImages" / f"{stem}.jpg").is_file():
                    raise ValueError(f"there is no picture JPEGImages/{stem}.jpg")
                root = _tree(next(place.contained([path])))
                size = _size(root)
            except ValueError as error:
                sieve.refuse(where, str(error))
                continue
            objects = []
            for number, element in enumerate(root.iterfind("object"), 1):
                try:
                    objects.append(_object(element, number, size))
                except ValueError as error:
                    sieve.refuse(f"object {number} of {where}", str(error))
            described.append((stem, size, objects))
        return described

    def _annotated(
        self,
        home: Path,
        one: tuple[str, Size, list[Described]],
        labels: dict[str, int],
        sieve: ObjectSieve,
        *,
        masks: bool,
    ) -> Annotated:
        stem, size, objects = one
        mask, location = home / "SegmentationObject" / f"{stem}.png", f"{self.folder}/SegmentationObject/{stem}.png"
        marks = tuple(
            Mark(
                f"object {each.place} of {self.folder}/Annotations/{stem}.xml",
                each.box,
                labels[each.kind],
                (each.box[2] - each.box[0]) * (each.box[3] - each.box[1]),
                difficult=each.difficult,
                segmentation=Numbered(mask, location, each.place) if masks else None,
            )
            for each in objects
        )
        path = home / "JPEGImages" / f"{stem}.jpg"
        return Annotated(path, f"{self.folder}/JPEGImages/{stem}.jpg", _number(stem), size, marks)


def _stems(path: Path) -> list[str]:
    """The pictures that a list names; raises DataError."""
    try:
        stems = [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} cannot be read: {files.reason(error)}") from None
    if bad := next((stem for stem in stems if "/" in stem or "\\" in stem or "\0" in stem), None):
        raise DataError(f"{path.name} names the picture {bad!r}, and a name holds no /")
    return stems


def _tree(path: Path) -> ElementTree.Element:
    """The XML of a file, which declares nothing; raises ValueError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ValueError("there is no such file") from None
    except OSError as error:
        raise ValueError(f"it cannot be read: {files.reason(error)}") from None
    if len(content) > LARGEST or b"<!" in content.replace(b"<!--", b""):
        raise ValueError("it is no annotation of VOC")
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ValueError(f"it is cut off or no XML: {error}") from None


def _size(root: ElementTree.Element) -> Size:
    height, width = (_whole(root, f"size/{name}") for name in ("height", "width"))
    return height, width


def _whole(root: ElementTree.Element, at: str) -> int:
    text = (root.findtext(at) or "").strip()
    if not text.isascii() or not text.isdigit() or not 0 < len(text) < 10 or int(text) < 1:
        raise ValueError(f"its {at} is no number from 1")
    return int(text)


def _object(element: ElementTree.Element, place: int, size: Size) -> Described:
    """What an object's element says; raises ValueError."""
    kind = (element.findtext("name") or "").strip()
    if not kind:
        raise ValueError("it has no name")
    corners: list[Any] = []
    for name in ("xmin", "ymin", "xmax", "ymax"):
        try:
            corners.append(float(element.findtext(f"bndbox/{name}") or ""))
        except ValueError:
            raise ValueError(f"its {name} is no number") from None
    box = edges([corners[0] - 1, corners[1] - 1, *corners[2:]], size)
    return Described(kind, place, box, (element.findtext("difficult") or "0").strip() == "1")


def _number(stem: str) -> int:
    """The number of a picture: that which its name is, as results of VOC have it, or one made of its letters."""
    from zlib import crc32

    digits = stem.replace("_", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else crc32(stem.encode())
