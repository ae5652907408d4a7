"""COCO's instances: a JSON file of pictures, categories and annotations with boxes, polygons and packed masks."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.layers.declaration.base import Bool
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
from netspec.train.data.objects.segmentation import is_number, segmentation

MOST_IDS = 10_000
"""With `ids`, no category has a larger number: there is a score for each."""
LONGEST = 2**16
"""No picture has a longer side."""


@DATA("coco", "CocoDetection", "mscoco")
class Coco(AnnotatedSet):
    """Pictures in the folder `images`, and their objects in a file of COCO's instances, with polygons or packed masks.

    Shape: [3, height, width] of each picture its own, brightness from 0 to 1. Labels count the categories from 1 in the
    order of their ids; with `ids` they are these, holes and all, as the weights of torchvision have them. Crowds are
    not trained on, and a score passes over them. `test_images` and `test_annotations` are to test with, in place of the
    share `test`. Source: Lin et al., "Microsoft COCO", 2014; the format is that of its website.
    """

    images: InProject
    annotations: InProject
    test_images: MaybeInProject = None
    test_annotations: MaybeInProject = None
    ids: Bool = False

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        return ("images", "annotations", "test_images", "test_annotations", "ids", *DIVIDING)

    def load(self, place: Place) -> Data:
        return self._loaded(place, None)

    def load_for(self, place: Place, inputs: Sequence[str], targets: Sequence[str] = ("y",)) -> Data:
        return self._loaded(place, wanted_masks(inputs, targets))

    def _loaded(self, place: Place, masks: bool | None) -> Data:
        if (self.test_images is None) != (self.test_annotations is None):
            raise DataError("test_images and test_annotations go together")
        sieve = ObjectSieve(place.skip_bad)
        first = Instances.read(place.resolve(self.annotations), self.annotations)
        train = list(first.pictures(place, self.images, self._labels(first), sieve, masks=masks))
        test = None
        if self.test_images is not None and self.test_annotations is not None:
            self.check_divisible(self.test_annotations)
            second = Instances.read(place.resolve(self.test_annotations), self.test_annotations)
            if second.categories != first.categories:
                raise DataError(f"{self.test_annotations} has other categories than {self.annotations}")
            test = list(second.pictures(place, self.test_images, self._labels(second), sieve, masks=masks))
        ids = None if self.ids else tuple(first.categories)
        return self.data(self.parts(train, test), self._names(first), sieve, masks=masks, ids=ids)

    def _labels(self, instances: Instances) -> dict[int, int]:
        """The label of each category, by its id."""
        return {number: number if self.ids else place for place, number in enumerate(instances.categories, 1)}

    def _names(self, instances: Instances) -> tuple[str, ...]:
        labels = self._labels(instances)
        if (most := max(labels.values())) > MOST_IDS:
            raise DataError(
                f"{self.annotations} has a category of the id {most}, and with ids there is a score for each"
            )
        names = {labels[number]: name for number, name in instances.categories.items()}
        return ("background", *(names.get(label, "N/A") for label in range(1, most + 1)))


@dataclass(frozen=True, slots=True, eq=False)
class Instances:
    """What such a file says: the name of each category by its id, in their order, pictures and annotations."""

    name: str
    categories: dict[int, str]
    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path, name: str) -> Instances:
        """That of a file; raises DataError where it cannot be read, or is no such file."""
        content = _parsed(path, name)
        for key in ("images", "annotations", "categories"):
            rows = content.get(key) if isinstance(content, dict) else None
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                message = f"{name} has no list {key}, so that it is no file of COCO's instances"
                raise DataError(message, help="it holds images, annotations and categories")
        categories: dict[int, str] = {}
        for place, row in enumerate(content["categories"]):
            number, category = row.get("id"), row.get("name")
            if type(number) is not int or number < 1 or not isinstance(category, str):
                raise DataError(f"category {place} of {name} has no id from 1, or no name")
            if number in categories:
                raise DataError(f"{name} has two categories of the id {number}: {categories[number]} and {category}")
            categories[number] = category
        if not categories:
            raise DataError(f"{name} has no categories")
        return cls(name, dict(sorted(categories.items())), content["images"], content["annotations"])

    def pictures(
        self, place: Place, folder: str, labels: dict[int, int], sieve: ObjectSieve, *, masks: bool | None
    ) -> Iterator[Annotated]:
        """The pictures in a folder with what is annotated in them, in the order of the file; raises DataError."""
        home, sizes, chosen = files_of(place, folder), {}, []
        for row in self.images:
            try:
                number, file, size = _picture(row, self.name)
                path = self._path(place, home, folder, file)
                if number in sizes:
                    raise DataError(f"{self.name} has two pictures of the id {number}")
            except ValueError as error:
                sieve.refuse(f"picture {row.get('id')!r} of {self.name}", str(error))
                continue
            sizes[number] = size
            chosen.append((number, file, path))
        marks = self._marks(sizes, labels, sieve, masks=masks)
        for number, file, path in chosen:
            yield Annotated(path, f"{folder}/{file}", number, sizes[number], tuple(marks[number]))

    def _path(self, place: Place, home: Path, folder: str, file: str) -> Path:
        """A picture's file; raises ValueError where it is not there, DataError where it is outside of the project."""
        if "\0" in file or "\\" in file or Path(file).is_absolute() or ".." in Path(file).parts:
            raise ValueError(f"its file is no path in {folder}")
        path = home / file
        if not path.is_file():
            raise ValueError(f"there is no file {folder}/{file}")
        return next(place.contained([path]))

    def _marks(
        self, sizes: dict[int, Size], labels: dict[int, int], sieve: ObjectSieve, *, masks: bool | None
    ) -> dict[int, list[Mark]]:
        """The objects of each picture, by its id."""
        image_ids = {row.get("id") for row in self.images if isinstance(row.get("id"), int)}
        marks: dict[int, list[Mark]] = defaultdict(list)
        for row in self.annotations:
            where = f"annotation {row.get('id')!r} of {self.name}"
            try:
                image = row.get("image_id")
                if type(image) is not int or image not in image_ids:
                    raise ValueError(f"it is of the picture {image!r}, which the file does not have")
                if image in sizes:
                    marks[image].append(_mark(row, where, sizes[image], labels, masks=masks))
            except ValueError as error:
                sieve.refuse(where, str(error))
        return marks


def _parsed(path: Path, name: str) -> Any:
    """The content of a JSON file; raises DataError."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        near_file = files.near(path, path.parent.glob("*.json"))
        raise DataError(
            f"there is no file {name}", help=near_file or "paths are relative to the spec's folder"
        ) from None
    except OSError as error:
        raise DataError(f"{name} cannot be read: {files.reason(error)}") from None
    except json.JSONDecodeError as error:
        cut = not error.doc.rstrip().endswith("}")
        why = "is cut off" if cut else f"is no JSON: line {error.lineno}, column {error.colno}"
        raise DataError(f"{name} {why}") from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise DataError(f"{name} is no JSON") from None
    except MemoryError:
        raise DataError(f"{name} does not fit into memory") from None


def _picture(row: dict[str, Any], name: str) -> tuple[int, str, Size]:
    """Number, file and size of a picture; raises ValueError."""
    number, file, size = row.get("id"), row.get("file_name"), (row.get("height"), row.get("width"))
    if type(number) is not int:
        raise DataError(f"{name} has a picture without an id that is a whole number")
    if not isinstance(file, str) or not file:
        raise ValueError("it names no file")
    height, width = size
    if type(height) is not int or type(width) is not int or not (0 < height <= LONGEST and 0 < width <= LONGEST):
        raise ValueError(f"it has no height and width from 1 to {LONGEST:,}")
    return number, file, (height, width)


def _mark(row: dict[str, Any], where: str, size: Size, labels: dict[int, int], *, masks: bool | None) -> Mark:
    """An annotation; raises ValueError with what is wrong with it."""
    category, box, crowd = row.get("category_id"), row.get("bbox"), row.get("iscrowd", 0)
    if type(category) is not int or category not in labels:
        raise ValueError(f"it is of the category {category!r}, which the file does not have")
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        raise ValueError("its bbox is not four numbers: x, y, width, height")
    if crowd not in (0, 1):
        raise ValueError(f"its iscrowd is {crowd!r}, and that is 0 or 1")
    x, y, width, height = box
    own = edges([x, y, x + width, y + height], size)
    area = row.get("area", width * height)
    if not is_number(area) or area < 0:
        raise ValueError(f"its area is {area!r}")
    outline = row.get("segmentation")
    shape = None if outline is None or masks is False else segmentation(outline, size)
    return Mark(where, own, labels[category], float(area), bool(crowd), segmentation=shape)
