"""What data are: samples and what is to be said about them, in memory or read when they are wanted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from netspec.layers.declaration.base import NonNegative
from netspec.train.data.files import DataError, Place
from netspec.train.parts import Fraction, Part, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netspec.train.data.objects.objects import ObjectKinds

Dims = tuple[int, ...]
Sample = tuple["NDArray[Any]", ...]
"""A sample, an array for each input of a net; what is to be said about it, an array for each target; and, where places
weigh differently, how much each of them does."""

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

    def labels(self) -> NDArray[Any] | None:
        """The first target of every sample, where these are known without reading the samples."""
        return None

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


class Drawing(ABC):
    """Samples that are put together anew for every epoch, out of those that are held: pairs."""

    @abstractmethod
    def __len__(self) -> int:
        """Samples in an epoch."""

    @abstractmethod
    def drawn(self, seed: int) -> tuple[Sequence[NDArray[Any]], NDArray[Any]]:
        """For each input the index of what it is given in each sample (n), and what is to be said about these (n)."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Samples `x` (n, *shape) and what is to be said about them, `y` (n, *target), entry by entry.

    `more` is what the further inputs of a net are given, each (n, *shape). `weight` (n, *target) is there where each
    place of a target has its own. `further` is what else is to be said, each (n, *target). With a `source`, the arrays
    only say what sort the samples are, and hold nothing or what a drawing puts together.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any] | None = None
    source: Source | Stream | Drawing | None = None
    more: tuple[NDArray[Any], ...] = ()
    further: tuple[NDArray[Any], ...] = ()

    def __len__(self) -> int:
        return len(self.x) if self.source is None else len(self.source)

    @property
    def inputs(self) -> tuple[NDArray[Any], ...]:
        """What each input of a net is given."""
        return (self.x, *self.more)

    @property
    def targets(self) -> tuple[NDArray[Any], ...]:
        """All that is to be said about the samples."""
        return (self.y, *self.further)

    def part(self, indices: Sequence[int]) -> Split:
        """The samples of these indices, of those that are held."""
        x, *more = (array[indices] for array in self.inputs)
        y, *further = (array[indices] for array in self.targets)
        return Split(x, y, more=tuple(more), further=tuple(further))

    def spread(self, count: int) -> list[int]:
        """The indices of at most so many samples, spread evenly over the split."""
        import numpy as np

        places: list[int] = np.linspace(0, max(len(self) - 1, 0), min(count, len(self))).astype(int).tolist()
        return list(dict.fromkeys(places))

    def some(self, count: int) -> list[Sample]:
        """At most so many samples, spread evenly over the split; of a stream the first ones."""
        if isinstance(self.source, Stream):
            return [sample for sample, _ in zip(self.source.samples(None), range(count), strict=False)]
        picked = self.spread(count)
        if isinstance(self.source, Source):
            return [self.source[index] for index in picked]
        if self.source is None:
            return [tuple(array[index] for array in (*self.inputs, *self.targets)) for index in picked]
        places, y = self.source.drawn(0)
        return [
            (*(x[place[index]] for x, place in zip(self.inputs, places, strict=True)), y[index]) for index in picked
        ]

    def every_target(self, index: int) -> NDArray[Any] | None:
        """A target of all samples; None of a stream or of pairs, where it is not known before."""
        import numpy as np

        if self.source is None:
            return self.targets[index]
        if not isinstance(self.source, Source):
            return None
        known = self.source.labels() if index == 0 else None
        if known is not None:
            return known
        place = len(self.inputs) + index
        return np.stack([self.source[number][place] for number in range(len(self))])

    def adapted(self, data: DataSet, wanted: Sequence[Dims]) -> Split | None:
        """The split with its samples in the shapes that a net's inputs want; None where they are something else."""
        adapted = _adapted(self.inputs, data, wanted)
        if adapted is None:
            return None
        x, *more = adapted
        source = self.source
        if isinstance(source, Stream):
            source = AdaptedStream(source, data, wanted)
        elif isinstance(source, Source):
            source = AdaptedSource(source, data, wanted)
        return replace(self, x=x, more=tuple(more), source=source)

    def weighed(self, weigh: Weigh) -> Split:
        """The split with the weights of the places of each target."""
        import numpy as np

        match self.source:
            case None:
                weights = [weigh(target) for target in self.y]
                return replace(self, weight=np.stack(weights) if weights else kind_of(self.y.shape[1:], "float32"))
            case Source():
                nothing = kind_of(self.y.shape[1:], "float32")
                return replace(self, weight=nothing, source=WeighedSource(self.source, weigh))
            case _:
                raise DataError("the masks of a stream cannot be weighed")


@dataclass(frozen=True, slots=True, eq=False)
class WeighedSource(Source):
    """The samples of another source, with the weights of the places of their targets."""

    source: Source
    weigh: Weigh

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        *inputs, y = self.source[index]
        return *inputs, y, self.weigh(y)


@dataclass(frozen=True, slots=True, eq=False)
class AdaptedSource(Source):
    """The samples of another source in the shape that a net wants."""

    source: Source
    data: DataSet
    wanted: Sequence[Dims]

    def __len__(self) -> int:
        return len(self.source)

    def labels(self) -> NDArray[Any] | None:
        return self.source.labels()

    def __getitem__(self, index: int) -> Sample:
        return _one_adapted(self.source[index], self.data, self.wanted)

    def drawn(self, index: int, seed: int) -> Sample:
        return _one_adapted(self.source.drawn(index, seed), self.data, self.wanted)


@dataclass(frozen=True, slots=True, eq=False)
class AdaptedStream(Stream):
    """The samples of another stream in the shape that a net wants."""

    source: Stream
    data: DataSet
    wanted: Sequence[Dims]

    def __len__(self) -> int:
        return len(self.source)

    def samples(self, seed: int | None) -> Iterator[Sample]:
        return (_one_adapted(sample, self.data, self.wanted) for sample in self.source.samples(seed))


def _adapted(inputs: Sequence[NDArray[Any]], data: DataSet, wanted: Sequence[Dims]) -> tuple[NDArray[Any], ...] | None:
    """What each input is given in the shape that it wants; None where one of them is something else."""
    sides = [data.adapt(x, shape) for x, shape in zip(inputs, wanted, strict=True)]
    adapted = tuple(x for x in sides if x is not None)
    return adapted if len(adapted) == len(sides) else None


def _one_adapted(sample: Sample, data: DataSet, wanted: Sequence[Dims]) -> Sample:
    count = len(wanted)
    adapted = _adapted([x[None] for x in sample[:count]], data, wanted)
    assert adapted is not None
    return (*(x[0] for x in adapted), *sample[count:])


@dataclass(frozen=True, slots=True)
class Labels:
    """What a further target says: one of so many `classes`, or where it is None numbers."""

    name: str
    classes: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A loaded data set. `classes` is None where `y` holds real numbers instead of classes.

    `exact` says that there are that many classes and no more; else they are those that were found. `names` are the
    classes' names where they have any. `levels`, where samples hold indices, is how many there are; with `blank` the
    first of them stands for nothing. `ignores` says that some places of the targets are IGNORED. `skipped` are the
    files that were damaged and left out. Where there is a `val`, the best epoch is chosen by it, and `test` is looked
    at once, at the end. `called` is the name of the first target, and `further` are the others.
    Where it says yes or no of several labels, `label_names` are what these are called, where they are called anything.
    Where samples are pictures with a set of objects each, `objects` says of what kinds; the classes begin with that of
    no object, and sides that are not the same in all pictures are 0.
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
    val: Split | None = None
    called: str = "y"
    label_names: tuple[str, ...] = ()
    objects: ObjectKinds | None = None
    further: tuple[Labels, ...] = ()

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names of all that is to be said about a sample."""
        return (self.called, *(labels.name for labels in self.further))

    def of_target(self, index: int) -> Data:
        """No samples, of the sort about which the target of that index alone is to be said."""
        if index == 0:
            return self
        labels = self.further[index - 1]
        split = Split(self.train.x[:0], self.train.further[index - 1][:0], more=self.train.more)
        return replace(
            self, train=split, test=split, val=None, classes=labels.classes, exact=False, names=(), further=()
        )

    @property
    def held(self) -> Split:
        """What a training is looked at with after each epoch: `val`, or where there is none `test`."""
        return self.test if self.val is None else self.val

    @property
    def splits(self) -> dict[str, Split]:
        """The parts by name."""
        return {"train": self.train, **({} if self.val is None else {"val": self.val}), "test": self.test}

    def with_splits(self, change: Callable[[Split], Split]) -> Data:
        """The data with every part changed."""
        val = None if self.val is None else change(self.val)
        return replace(self, train=change(self.train), val=val, test=change(self.test))

    @property
    def shape(self) -> Dims:
        """The shape of a sample; of several inputs, of what the first one is given."""
        return tuple(self.train.x.shape[1:])

    @property
    def shapes(self) -> tuple[Dims, ...]:
        """The shape of what each input is given."""
        return tuple(tuple(x.shape[1:]) for x in self.train.inputs)

    def of_input(self, index: int) -> Data:
        """No samples, of the sort that one input is given."""
        split = Split(self.train.inputs[index][:0], self.train.y[:0])
        return replace(self, train=split, test=split, val=None)

    @property
    def target(self) -> Dims:
        """The shape of what is to be said about a sample: `()` for one class."""
        return tuple(self.train.y.shape[1:])

    @property
    def whole(self) -> bool:
        """Whether samples hold whole numbers, which can be indices."""
        return bool(self.train.x.dtype.kind in "iu")


@dataclass(frozen=True, slots=True)
class Within:
    """The mark of an argument that is a path in the project."""


InProject = Annotated[str, Within()]
MaybeInProject = Annotated[str | None, Within()]


class DataSet(Part):
    """Base of all data sets."""

    of_objects: ClassVar[bool] = False
    """Whether samples are pictures with a set of objects each."""

    def paths(self) -> list[str]:
        """The paths that the spec names."""
        marked = (name for name, field in type(self).model_fields.items() if Within() in field.metadata)
        return [path for name in marked if (path := getattr(self, name)) is not None]

    def load(self, place: Place) -> Data:
        """The data; raises DataError where they cannot be had. Paths are relative to `place`."""
        raise NotImplementedError

    def load_for(self, place: Place, inputs: Sequence[str], targets: Sequence[str] = ("y",)) -> Data:
        """The data for a net whose inputs have these names, with the targets that its loss is about, `y` without names.

        Raises DataError where they cannot be had.
        """
        return self.load(place)

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
    """Base of the data sets of which the share `test` is set aside, as much of each class; `split` chooses which.

    The share `val`, where there is one, is set aside to choose the best epoch by. With `folds`, in place of the share
    `test`, the samples are shared out over so many folds, and those of number `fold` from 0 are set aside.
    """

    test: SetAside = 0.2
    val: Fraction = 0.0
    split: NonNegative = 0
    folds: Annotated[int, Field(ge=2)] | None = None
    fold: NonNegative = 0

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        """The data set's own arguments first."""
        return (*(name for name in cls.model_fields if name not in DIVIDING), *DIVIDING)

    @model_validator(mode="after")
    def _has_the_fold(self) -> Self:
        if self.fold >= (self.folds or 1):
            raise ValueError("fold is a number from 0 to below folds")
        return self

    def divided(self, count: int, labels: Sequence[int] | NDArray[Any] | None) -> list[list[int]]:
        """The indices of the training and of the test samples, and of those of `val` where there are any."""
        if self.folds is None:
            return divide_in_parts(count, labels, self.test, self.val, self.split)
        train, aside = folded(count, labels, self.folds, self.fold, self.split)
        if not self.val:
            return [train, aside]
        own = None if labels is None else [labels[index] for index in train]
        kept, chosen = divide(len(train), own, self.val, self.split)
        return [[train[index] for index in kept], aside, [train[index] for index in chosen]]

    def check_divisible(self, what: str) -> None:
        """Raises DataError where folds are asked for, and the data say by themselves what is tested with."""
        if self.folds is not None:
            message = f"{what} says by itself what is tested with, so that there is nothing to share out over folds"
            raise DataError(message, help="give all samples without parts, or leave folds out")


DIVIDING = ("test", "split", "val", "folds", "fold")
"""The arguments that say how samples are divided."""


def folded(
    count: int, labels: Sequence[int] | NDArray[Any] | None, folds: int, fold: int, number: int
) -> tuple[list[int], list[int]]:
    """The indices of the samples outside of a fold, and of those in it; raises DataError where there are too few.

    Folds do not overlap and together are all samples, with as much of each class in each as goes.
    """
    import numpy as np
    from sklearn.model_selection import KFold, StratifiedKFold

    if count < folds:
        raise DataError(f"{count} samples cannot be shared out over {folds} folds")
    if labels is not None and np.unique(np.asarray(labels), return_counts=True)[1].min() < folds:
        labels = None
    kind = KFold if labels is None else StratifiedKFold
    parts = kind(folds, shuffle=True, random_state=number).split(np.zeros(count), labels)
    train, aside = list(parts)[fold]
    return train.tolist(), aside.tolist()


def divide_in_parts(
    count: int, labels: Sequence[int] | NDArray[Any] | None, test: float, val: float, number: int
) -> list[list[int]]:
    """The indices of training and test samples, and of those to choose by where `val` is a share above 0.

    What is tested with is the same with and without `val`. Raises DataError where there are too few.
    """
    train, aside = divide(count, labels, test, number)
    if not val:
        return [train, aside]
    if test + val >= 1:
        raise DataError(f"a share of {test:g} to test with and of {val:g} to choose by leave nothing to train on")
    own = None if labels is None else [labels[index] for index in train]
    kept, chosen = divide(len(train), own, val * count / len(train), number)
    return [[train[index] for index in kept], aside, [train[index] for index in chosen]]


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
