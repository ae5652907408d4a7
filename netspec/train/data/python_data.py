"""Data sets given from Python: any `torch.utils.data.Dataset` of samples and what is to be said about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr

from netspec.train.data.base import DATA, Data, DataSet, Sample, Source, Split, divide, kind_of
from netspec.train.data.files import DataError, Place

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

    def __len__(self) -> int:
        return len(self.samples) if self.indices is None else len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        return self.drawn(index, index)

    def drawn(self, index: int, seed: int) -> Sample:
        at = index if self.indices is None else self.indices[index]
        with _seeded(seed):
            sample = self.samples[at]
        if not isinstance(sample, tuple | list) or len(sample) != 2:
            raise DataError(f"sample {at} of the data set is no pair of a sample and what is to be said about it")
        y = _array(sample[1], at)
        inputs = (_array(value, at) for value in self._by_input(sample[0], at))
        return *inputs, y if y.dtype.kind == "f" else y.astype("int64")

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
    several inputs a sample is `((a, b), target)`, or `({"left": a, "right": b}, target)`.
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

    def load_for(self, place: Place, inputs: Sequence[str]) -> Data:
        if self._train is None:
            raise DataError(
                "these data are given from Python, and none were",
                help="netspec.train.train(spec, data=dataset), in each process where there are several",
            )
        if self._test is None:
            parts = divide(len(self._train), _labels(self._train), TEST, 0)
            sources = [PythonSource(self._train, part, tuple(inputs)) for part in parts]
        else:
            sets = [each for each in (self._train, self._test, self._val) if each is not None]
            sources = [PythonSource(samples, None, tuple(inputs)) for samples in sets]
        splits = [self._split(source) for source in sources]
        if len({tuple(x.shape for x in split.inputs) for split in splits}) > 1:
            raise DataError("the samples to train and to test with differ in shape")
        classes, names = self._classes(splits, sources)
        train, test, *val = splits
        return Data(train, test, classes, exact=bool(names), names=names, val=next(iter(val), None))

    def _split(self, source: PythonSource) -> Split:
        if len(source) == 0:
            raise DataError("the data set holds no samples")
        x, *more, y = (kind_of(array.shape, array.dtype) for array in source[0])
        return Split(x, y, source=source, more=tuple(more))

    def _classes(self, splits: list[Split], sources: list[PythonSource]) -> tuple[int | None, tuple[str, ...]]:
        """How many classes there are, and their names: the data set's own `classes`, else the targets are looked at."""
        if splits[0].y.dtype.kind == "f":
            return None, ()
        names = getattr(self._train, "classes", None)
        if names is not None:
            return len(names), tuple(map(str, names))
        most = max(int(source[index][-1].max()) for source in sources for index in range(len(source)))
        return most + 1, ()


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
