"""What data are: samples and what is to be said about them, in memory or read when they are wanted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from netspec.layers.base import NonNegative
from netspec.train.data.files import DataError, Place
from netspec.train.parts import Part, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

Dims = tuple[int, ...]
Sample = tuple["NDArray[Any]", ...]
"""A sample, what is to be said about it, and, where places weigh differently, how much each of them does."""

Weigh = Callable[["NDArray[Any]"], "NDArray[Any]"]
"""The weights of the places of a target."""

IGNORED = -100
"""The class of a place about which nothing is to be said; torch's own number for it."""


class Source(ABC):
    """Samples that are read one by one, from files say, by several workers at once."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Sample:
        """The sample of that index; raises DataError where it is damaged."""

    def drawn(self, index: int, seed: int) -> Sample:
        """The sample, where reading it is random as a function of `seed`; reading files is not."""
        return self[index]


class Stream(ABC):
    """Samples that come one after another, in an order that is a function of a seed."""

    @abstractmethod
    def __len__(self) -> int:
        """Samples in an epoch."""

    @abstractmethod
    def samples(self, seed: int | None) -> Iterator[Sample]:
        """The samples of an epoch in the order of that seed; in their own order where it is None."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Samples `x` (n, *shape) and what is to be said about them, `y` (n, *target), entry by entry.

    `weight` (n, *target) is there where each place of a target has its own. With a `source`, the arrays have no entries
    and only say what sort the samples are.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any] | None = None
    source: Source | Stream | None = None

    def __len__(self) -> int:
        return len(self.x) if self.source is None else len(self.source)

    def some(self, count: int) -> list[Sample]:
        """At most so many samples, spread evenly over the split; of a stream the first ones."""
        import numpy as np

        if isinstance(self.source, Stream):
            return [sample for sample, _ in zip(self.source.samples(None), range(count), strict=False)]
        picked = np.unique(np.linspace(0, max(len(self) - 1, 0), min(count, len(self))).astype(int)).tolist()
        if self.source is None:
            return [(self.x[index], self.y[index]) for index in picked]
        return [self.source[index] for index in picked]

    def adapted(self, data: DataSet, wanted: Dims) -> Split | None:
        """The split with its samples in the shape that a net wants; None where they are something else."""
        x = data.adapt(self.x, wanted)
        if x is None:
            return None
        match self.source:
            case None:
                return replace(self, x=x)
            case Stream():
                return replace(self, x=x, source=AdaptedStream(self.source, data, wanted))
            case _:
                return replace(self, x=x, source=AdaptedSource(self.source, data, wanted))

    def weighed(self, weigh: Weigh) -> Split:
        """The split with the weights of the places of each target."""
        import numpy as np

        match self.source:
            case None:
                weights = [weigh(target) for target in self.y]
                return replace(self, weight=np.stack(weights) if weights else kind_of(self.y.shape[1:], "float32"))
            case Stream():
                raise DataError("a stream's masks cannot be weighed")
            case _:
                nothing = kind_of(self.y.shape[1:], "float32")
                return replace(self, weight=nothing, source=WeighedSource(self.source, weigh))


@dataclass(frozen=True, slots=True, eq=False)
class WeighedSource(Source):
    """The samples of another source, with the weights of the places of their targets."""

    source: Source
    weigh: Weigh

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        x, y = self.source[index]
        return x, y, self.weigh(y)


@dataclass(frozen=True, slots=True, eq=False)
class AdaptedSource(Source):
    """The samples of another source in the shape that a net wants."""

    source: Source
    data: DataSet
    wanted: Dims

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        return _adapted(self.source[index], self.data, self.wanted)

    def drawn(self, index: int, seed: int) -> Sample:
        return _adapted(self.source.drawn(index, seed), self.data, self.wanted)


@dataclass(frozen=True, slots=True, eq=False)
class AdaptedStream(Stream):
    """The samples of another stream in the shape that a net wants."""

    source: Stream
    data: DataSet
    wanted: Dims

    def __len__(self) -> int:
        return len(self.source)

    def samples(self, seed: int | None) -> Iterator[Sample]:
        return (_adapted(sample, self.data, self.wanted) for sample in self.source.samples(seed))


def _adapted(sample: Sample, data: DataSet, wanted: Dims) -> Sample:
    x = data.adapt(sample[0][None], wanted)
    assert x is not None
    return (x[0], *sample[1:])


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A loaded data set. `classes` is None where `y` holds real numbers instead of classes.

    `exact` says that there are that many classes and no more; else they are those that were found. `names` are the
    classes' names where they have any. `levels`, where samples hold indices, is how many there are; with `blank` the
    first of them stands for nothing. `ignores` says that some places of the targets are IGNORED. `skipped` are the
    files that were damaged and left out.
    """

    train: Split
    test: Split
    classes: int | None
    exact: bool = True
    names: tuple[str, ...] = ()
    levels: int | None = None
    blank: bool = False
    ignores: bool = False
    skipped: tuple[str, ...] = ()

    @property
    def shape(self) -> Dims:
        """The shape of a sample."""
        return tuple(self.train.x.shape[1:])

    @property
    def target(self) -> Dims:
        """The shape of what is to be said about a sample: `()` for one class."""
        return tuple(self.train.y.shape[1:])

    @property
    def whole(self) -> bool:
        """Whether samples hold whole numbers, which can be indices."""
        return bool(self.train.x.dtype.kind in "iu")


class DataSet(Part):
    """Base of all data sets."""

    def load(self, place: Place) -> Data:
        """The data; raises DataError where they cannot be had. Paths are relative to `place`."""
        raise NotImplementedError

    def outline(self) -> Data | None:
        """The data with no samples in them, where shape and classes are known before they are loaded."""
        return None

    def adapt(self, x: NDArray[Any], wanted: Dims) -> NDArray[Any] | None:
        """The samples in the shape that a net wants, where that is the same data; None where it is not.

        A channel of one is added or left out.
        """
        own = tuple(x.shape[1:])
        if own == wanted or own == (1, *wanted) or (1, *own) == wanted:
            return x.reshape(len(x), *wanted)
        return None

    def mend(self, wanted: Dims | None) -> str:
        """How the data could be asked for in the shape that a net wants; empty where they could not."""
        return ""


DATA: Table[DataSet] = Table("data set")

SetAside = Annotated[float, Field(gt=0, lt=1)]


class Divided(DataSet):
    """Base of the data sets of which the share `test` is set aside, as much of each class; `split` chooses which."""

    test: SetAside = 0.2
    split: NonNegative = 0

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        """The data set's own arguments first."""
        last = ("test", "split")
        return (*(name for name in cls.model_fields if name not in last), *last)

    def divided(self, count: int, labels: Sequence[int] | NDArray[Any] | None) -> tuple[list[int], list[int]]:
        """The indices of the training and of the test samples, as `divide` chooses them."""
        return divide(count, labels, self.test, self.split)


def divide(
    count: int, labels: Sequence[int] | NDArray[Any] | None, test: float, number: int
) -> tuple[list[int], list[int]]:
    """The indices of training and test samples in split `number`; raises DataError where there are too few.

    There is as much of each class on both sides, where `labels` are given and each has two samples.
    """
    import numpy as np
    from sklearn.model_selection import train_test_split

    if count < 2:
        raise DataError("there have to be two samples at least, one of them to test with")
    aside = min(max(1, round(test * count)), count - 1)
    if labels is not None:
        counts = np.unique(np.asarray(labels), return_counts=True)[1]
        if counts.min() < 2 or min(aside, count - aside) < len(counts):
            labels = None
    parts = train_test_split(np.arange(count), test_size=aside, random_state=number, stratify=labels)
    return parts[0].tolist(), parts[1].tolist()


def held(source: Source, most: int) -> Split:
    """The samples of a source: in memory where they take at most so many bytes, else read when they are wanted."""
    import numpy as np

    x, y, *_ = source[0]
    if len(source) * (x.nbytes + y.nbytes) > most:
        return Split(kind_of(x.shape, x.dtype), kind_of(y.shape, y.dtype), source=source)
    samples = [source[index] for index in range(len(source))]
    return Split(np.stack([sample[0] for sample in samples]), np.stack([sample[1] for sample in samples]))


def kind_of(shape: Dims, dtype: Any) -> NDArray[Any]:
    """No samples, of that shape and type."""
    import numpy as np

    return np.empty((0, *shape), dtype)


def outline(shape: Dims, classes: int | None) -> Data:
    """Data of that sort with no samples in them."""
    nothing = Split(kind_of(shape, "float32"), kind_of((), "int64"))
    return Data(nothing, nothing, classes)


def written_size(array: NDArray[Any]) -> str:
    """The shape of an array as messages show it."""
    return f"[{', '.join(map(str, array.shape))}]"
