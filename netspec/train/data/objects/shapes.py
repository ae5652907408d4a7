"""Drawn pictures with circles, squares and triangles in them: a data set of detection that needs no files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from netspec.layers.declaration.base import Positive
from netspec.train.data.base import DATA, Data, DataSet, Split, kind_of
from netspec.train.data.files import Place
from netspec.train.data.objects.objects import ObjectKinds, Objects, ObjectSample, ObjectSource, boxes_of, no_masks

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import RandomState
    from numpy.typing import NDArray

KINDS = ("circle", "square", "triangle")
NAMES = ("background", *KINDS)
MOST, TRIES = 4, 6
"""A picture holds up to so many objects; for each, so many places are tried."""
EMPTY = 0.05
"""The share of pictures without objects."""
SEEN, LEAST = 0.4, 64
"""Of every object this share of its pixels is seen, and of the foremost so many."""
GRAIN = 16
"""Corners lie on such parts of a pixel."""
NOISE, CONTRAST = 20, 64
"""Colours vary by up to so much, and objects differ from the ground by so much, of 255."""

Side = Annotated[Positive, Field(ge=32, le=1024)]


@DATA("shapes")
class Shapes(DataSet):
    """`count` drawn pictures with circles, squares and triangles in them, and a sixth as many to test with.

    Shape: [3, size, size], or with [low, high] sides of between so many pixels, each picture its own; brightness from 0
    to 1. A picture holds up to four objects, one in twenty none. Boxes are those of what is seen of an object. Every
    number comes from `seed`.
    """

    of_objects = True
    size: Side | tuple[Side, Side] = 96
    count: Annotated[int, Field(ge=2, le=100_000)] = 600
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _in_order(self) -> Shapes:
        if isinstance(self.size, tuple) and self.size[0] > self.size[1]:
            raise ValueError("size is a side in pixels, or [low, high]")
        return self

    def outline(self) -> Data | None:
        return _data(*(Split(_kind(self._sides), kind_of((4,), "float32")) for _ in range(2)))

    def load(self, place: Place) -> Data:
        tested = max(1, self.count // 6)
        low, high = self._sides
        parts = ((0, self.count), (self.count, self.count + tested))
        return _data(*(_split(Drawn(self.seed, low, high, *part)) for part in parts))

    @property
    def _sides(self) -> tuple[int, int]:
        return self.size if isinstance(self.size, tuple) else (self.size, self.size)


def _data(train: Split, test: Split) -> Data:
    kinds = ObjectKinds(tuple(range(1, len(NAMES))), masked=True)
    return Data(train, test, len(NAMES), names=NAMES, called="boxes", objects=kinds)


def _kind(sides: tuple[int, int]) -> NDArray[Any]:
    side = sides[0] if sides[0] == sides[1] else 0
    return kind_of((3, side, side), "uint8")


def _split(source: Drawn) -> Split:
    return Split(_kind((source.low, source.high)), kind_of((4,), "float32"), source=source)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn(ObjectSource):
    """The pictures of the numbers from `first` to before `last`, with sides from `low` to `high`."""

    seed: int
    low: int
    high: int
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, index: int) -> ObjectSample:  # type: ignore[override]
        return _drawn(self.seed, self.low, self.high, range(self.first, self.last)[index])


@lru_cache(maxsize=1024)
def _drawn(seed: int, low: int, high: int, number: int) -> ObjectSample:
    """The picture of that number: noise of one colour, and in it shapes of others, the later in front."""
    import numpy as np

    chance = np.random.RandomState([seed, number])  # its numbers are the same in all versions of NumPy
    height, width = (int(side) for side in chance.randint(low, high + 1, 2))
    wanted = 0 if chance.rand() < EMPTY else chance.randint(1, MOST + 1)
    ground = chance.randint(0, 256, 3)
    picture = np.broadcast_to(ground[:, None, None], (3, height, width))
    masks = no_masks((height, width)).astype(bool)
    labels: list[int] = []
    for _ in range(TRIES * wanted):
        if len(labels) == wanted:
            break
        kind, shape = _placed(chance, height, width)
        kept = masks & ~shape
        if not _seen(kept, masks, shape):
            continue
        masks = np.concatenate([kept, shape[None]])
        labels.append(KINDS.index(kind) + 1)
        picture = np.where(shape, _colour(chance, ground)[:, None, None], picture)
    noisy = np.clip(picture + chance.randint(-NOISE, NOISE + 1, picture.shape), 0, 255).astype(np.uint8)
    return noisy, _objects(masks, labels, number)


def _seen(kept: NDArray[Any], masks: NDArray[Any], shape: NDArray[Any]) -> bool:
    """Whether of a shape, and of those behind it, enough is seen."""
    hidden = kept.sum((1, 2)) < SEEN * masks.sum((1, 2))
    return bool(shape.sum() >= LEAST and not hidden.any())


def _placed(chance: RandomState, height: int, width: int) -> tuple[str, NDArray[np.bool_]]:
    """A shape of any kind, size and turn, and where it is: (height, width). Its middle is in the picture.

    Corners lie on sixteenths of a pixel, so that every test is one of whole numbers, and the same on every machine.
    """
    import numpy as np

    kind = KINDS[chance.randint(len(KINDS))]
    side = min(height, width)
    radius = int(chance.randint(side * GRAIN // 11, side * GRAIN // 4))
    x, y = (int(chance.randint(radius // 2, size * GRAIN - radius // 2)) for size in (width, height))
    turn = chance.rand()
    down, right = np.ogrid[:height, :width]
    down, right = GRAIN * down + GRAIN // 2 - y, GRAIN * right + GRAIN // 2 - x
    if kind == "circle":
        return kind, down**2 + right**2 <= radius**2
    corners = 4 if kind == "square" else 3
    angles = 2 * np.pi * (turn + np.arange(corners)) / corners
    points = np.round(radius * np.stack([np.cos(angles), np.sin(angles)], 1)).astype(np.int64)
    inside = np.ones((height, width), bool)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, 0), strict=True):
        inside &= (x2 - x1) * (down - y1) - (y2 - y1) * (right - x1) >= 0
    return kind, inside


def _colour(chance: RandomState, ground: NDArray[Any]) -> NDArray[Any]:
    """A colour that is told from that of the ground."""
    import numpy as np

    while True:
        colour = chance.randint(0, 256, 3)
        if np.abs(colour - ground).max() >= CONTRAST:
            return colour


def _objects(masks: NDArray[np.bool_], labels: list[int], number: int) -> Objects[NDArray[Any]]:
    import numpy as np

    none = np.zeros(len(labels), bool)
    return Objects(
        boxes_of(masks),
        np.array(labels, np.int64),
        masks.astype(np.uint8),
        masks.sum((1, 2)).astype(np.float32),
        none,
        none,
        number,
        (masks.shape[1], masks.shape[2]),
    )
