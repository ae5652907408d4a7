"""Data sets given from Python: any `torch.utils.data.Dataset` of samples and what is to be said about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr

from netspec.train.data.base import DATA, Data, DataSet, Labels, Sample, Source, Split, divide, kind_of
from netspec.train.data.files import DataError, Place
from netspec.train.data.objects import given

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEST = 0.2
"""The share of a single data set that is tested with."""


@dataclass(frozen=True, slots=True, eq=False)
class PythonSource(Source):
    """The samples of a data set from Python. Its randomness, should it have any, is a function of the sample's seed."""

    samples: Any
    indices: list[int] | None = None
    inputs: tuple[str, ...] = ("x",)
    targets: tuple[str, ...] = ("y",)

    def __len__(self) -> int:
        return len(self.samples) if self.indices is None else len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        return self.drawn(index, index)

    def drawn(self, index: int, seed: int) -> Sample:
        at = index if self.indices is None else self.indices[index]
        with _seeded(seed):
            sample = self.samples[at]
        if not isinstance(sample, tuple | list) or len(sample) != 2:
            if self.targets:
                raise DataError(f"sample {at} of the data set is no pair of a sample and what is to be said about it")
            sample = (sample, 0.0)
        said = [_array(value, at) for value in self._by_target(sample[1], at)]
        inputs = (_array(value, at) for value in self._by_input(sample[0], at))
        return *inputs, *(y if y.dtype.kind == "f" else y.astype("int64") for y in said)

    def labels(self) -> NDArray[Any] | None:
        import numpy as np

        known = _labels(self.samples) if len(self.targets) == 1 else None
        if known is None:
            return None
        every = np.asarray(known, np.int64)
        return every if self.indices is None else every[self.indices]

    def _by_target(self, y: Any, at: int) -> Sequence[Any]:
        """What is to be said, by the names that the loss has for it; the only thing needs none."""
        if not self.targets:
            return [0.0]
        if not isinstance(y, Mapping):
            if len(self.targets) == 1:
                return [y]
            names = ", ".join(self.targets)
            message = f"sample {at} of the data set says one thing, and the loss is about {names}"
            raise DataError(
                message, help=f"a sample is (x, {{{', '.join(f'{name!r}: ...' for name in self.targets)}}})"
            )
        for name in self.targets:
            if name not in y:
                raise DataError(
                    f"sample {at} of the data set says nothing about {name}",
                    notes=(f"it says {', '.join(map(str, y))}",),
                )
        return [y[name] for name in self.targets]

    def _by_input(self, x: Any, at: int) -> Sequence[Any]:
        """What each input of the net is given: of several in their order, or by their names."""
        if isinstance(x, Mapping):
            for name in self.inputs:
                if name not in x:
                    message = f"sample {at} of the data set has nothing for the input {name}"
                    raise DataError(message, notes=(f"it has {', '.join(map(str, x))}",), input=name)
            return [x[name] for name in self.inputs]
        if len(self.inputs) == 1:
            return [x]
        count = len(x) if isinstance(x, tuple | list) else 1
        if count != len(self.inputs):
            names = ", ".join(self.inputs)
            raise DataError(
                f"sample {at} of the data set is for {count} input{'s' * (count != 1)}, and the net has {names}",
                help=f"a sample is (({names}), target), or a mapping by these names in place of the inner tuple",
                input=self.inputs[min(count, len(self.inputs) - 1)],
            )
        return list(x)


@DATA("given")
class PythonData(DataSet):
    """A `torch.utils.data.Dataset` given from Python: `train(spec, data=(training set, test set))`, or one of them.

    Of three, `(training set, validation set, test set)`, the best epoch is chosen by the second.
    Shape: that of its samples. Whole numbers as targets are classes, as many as its `classes` or else as are found. Of
    one data set alone a fifth is set aside to test with, as much of each class where it has `targets`. For a net of
    several inputs a sample is `((a, b), target)`, or `({"left": a, "right": b}, target)`; where the loss names targets,
    `(x, {"kind": 3, "age": 41.0})`. A picture with objects is `(x, {"boxes": ..., "labels": ...})`.
    """

    _train: Any = PrivateAttr(default=None)
    _test: Any = PrivateAttr(default=None)
    _val: Any = PrivateAttr(default=None)

    @classmethod
    def of(cls, data: Any) -> PythonData:
        """The data set, or two or three of them; raises TypeError where they have no length or no samples by index."""
        pair = data if isinstance(data, tuple | list) else (data, None)
        if len(pair) not in (2, 3) or not all(
            hasattr(each, "__len__") and hasattr(each, "__getitem__") for each in pair if each is not None
        ):
            raise TypeError(
                "data is a torch.utils.data.Dataset with a length, or a pair of them: to train, to test; "
                "or three: to train, to choose by, to test"
            )
        dataset = cls()
        dataset._train, *chosen, dataset._test = pair
        dataset._val = next(iter(chosen), None)
        return dataset

    def load(self, place: Place) -> Data:
        return self.load_for(place, ["x"])

    def load_for(self, place: Place, inputs: Sequence[str], targets: Sequence[str] = ("y",)) -> Data:
        if self._train is None:
            raise DataError(
                "these data are given from Python, and none were",
                help="netspec.train.train(spec, data=dataset), in each process where there are several",
            )
        if "boxes" not in targets and (names := self._object_names(inputs)):
            return self._of_objects(names)
        if self._test is None:
            parts = divide(len(self._train), _labels(self._train), TEST, 0)
            sources = [PythonSource(self._train, part, tuple(inputs), tuple(targets)) for part in parts]
        else:
            sets = [each for each in (self._train, self._test, self._val) if each is not None]
            sources = [PythonSource(samples, None, tuple(inputs), tuple(targets)) for samples in sets]
        splits = [self._split(source) for source in sources]
        if len({tuple(x.shape for x in split.inputs) for split in splits}) > 1:
            raise DataError("the samples to train and to test with differ in shape")
        names = tuple(map(str, getattr(self._train, "classes", None) or ())) if len(targets) == 1 else ()
        y = splits[0].y
        labels = names if y.dtype.kind != "f" and y.shape[1:] == (len(names),) else ()
        names = () if labels else names
        counts = self._classes(splits, sources, names)
        train, test, *val = splits
        called, *others = [*targets] or ["y"]
        further = tuple(Labels(name, count) for name, count in zip(others, counts[1:], strict=True))
        chosen = next(iter(val), None)
        names = () if counts[0] is None else names
        return Data(
            train,
            test,
            counts[0],
            exact=bool(names),
            names=names,
            val=chosen,
            called=called,
            further=further,
            label_names=labels,
        )

    def _object_names(self, inputs: Sequence[str]) -> tuple[str, ...]:
        """What the samples say of the objects in their pictures; nothing where they say something else."""
        sample = self._train[0] if len(self._train) else None
        if not isinstance(sample, tuple | list) or len(sample) != 2 or not given.holds_objects(sample[1]):
            return ()
        masked = "masks" in inputs or "boxes" not in inputs
        return tuple(name for name in given.KNOWN if name in sample[1] and (masked or name != "masks"))

    def _of_objects(self, names: tuple[str, ...]) -> Data:
        """The data, where samples are pictures with objects."""
        if self._test is None:
            parts = divide(len(self._train), None, TEST, 0)
            sources = [PythonSource(self._train, part, ("image",), names) for part in parts]
        else:
            sets = (each for each in (self._train, self._test, self._val) if each is not None)
            sources = [PythonSource(samples, None, ("image",), names) for samples in sets]
        return given.data_of(sources, names, tuple(map(str, getattr(self._train, "classes", None) or ())))

    def _split(self, source: PythonSource) -> Split:
        if len(source) == 0:
            raise DataError("the data set holds no samples")
        count = len(source.inputs)
        arrays = [kind_of(array.shape, array.dtype) for array in source[0]]
        (x, *more), (y, *further) = arrays[:count], arrays[count:]
        return Split(x, y, source=source, more=tuple(more), further=tuple(further))

    def _classes(self, splits: list[Split], sources: list[PythonSource], names: tuple[str, ...]) -> list[int | None]:
        """How many classes each target tells apart: as many as have names; as `targets` say; else all are looked at."""
        counts: list[int | None] = [None if y.dtype.kind == "f" else 0 for y in splits[0].targets]
        if names and counts[0] is not None:
            return [len(names), *counts[1:]]
        if not any(count is not None for count in counts):
            return counts
        sets = {id(source.samples): source.samples for source in sources}.values()
        known = [_labels(samples) for samples in sets] if len(counts) == 1 else [None]
        if all(labels is not None for labels in known):
            return [max(max(labels or [0]) for labels in known) + 1]
        for source in sources:
            for index in range(len(source)):
                said = source[index][len(source.inputs) :]
                counts = [
                    None if count is None else max(count, int(y.max()) + 1)
                    for count, y in zip(counts, said, strict=True)
                ]
        return counts


def _labels(samples: Any) -> list[int] | None:
    """The class of each sample, where a data set says them all at once, as torchvision's do by `targets`."""
    import numpy as np

    said = getattr(samples, "targets", None)
    if said is None or len(said) != len(samples):
        return None
    labels = np.asarray(said)
    return labels.tolist() if labels.ndim == 1 and labels.dtype.kind in "iu" else None


def _array(value: Any, index: int) -> NDArray[Any]:
    """A tensor, an array, a picture of Pillow or a number, as data are kept: float32, int64 or bytes."""
    import numpy as np

    picture = hasattr(value, "convert")
    try:
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except (TypeError, ValueError):
        raise DataError(f"sample {index} of the data set holds {type(value).__name__}, which is no array") from None
    if picture:
        return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))
    if array.dtype.kind not in "fiub":
        raise DataError(f"sample {index} of the data set holds {array.dtype}, and training takes numbers")
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    return array if array.dtype == np.uint8 and array.ndim else array.astype(np.int64)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seeds the global generators of Python, NumPy and torch, and leaves them as they were."""
    import random

    import numpy as np
    import torch

    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed % 2**32)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
