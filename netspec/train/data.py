"""Data sets by name. Each is one class here: its arguments, what is known of it unloaded, and how it is loaded.

A data set is arrays: `x` (samples, *shape) and `y`, which is (samples, ...) whole numbers for classes, or real numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from netspec.layers.base import NonNegative, Positive
from netspec.train import files
from netspec.train.files import DataError, Place
from netspec.train.parts import AboveZero, Part, Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Dims = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Samples and what is to be said about them, entry by entry."""

    x: NDArray[Any]
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A loaded data set. `classes` is None where `y` holds real numbers instead of classes.

    `exact` says that there are that many classes and no more; else they are those that were found.
    """

    train: Split
    test: Split
    classes: int | None
    exact: bool = True

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


def outline(shape: Dims, classes: int | None) -> Data:
    """Data of that sort with no samples in them."""
    import numpy as np

    nothing = Split(np.empty((0, *shape), np.float32), np.empty(0, np.int64))
    return Data(nothing, nothing, classes)


@DATA("mnist1d")
class Mnist1D(DataSet):
    """4,000 training and 1,000 test signals of length 40, shaped like the ten digits.

    Shape: [1, 40], or [40].
    Source: Greydanus & Kobak, "Scaling down deep learning with MNIST-1D", 2024: the published set, made anew by the
    `mnist1d` package from its published seed.
    """

    def outline(self) -> Data | None:
        return outline((1, 40), 10)

    def load(self, place: Place) -> Data:
        return _mnist1d()


@DATA("digits")
class Digits(DataSet):
    """1,797 images of handwritten digits, of which the share `test` is set aside, as many of each digit.

    Shape: [1, 8, 8], or [1, size, size] by bilinear interpolation; brightness from 0 to 1. `split` chooses the split.
    Source: Alpaydin & Kaynak, "Optical recognition of handwritten digits", UCI 1998, as scikit-learn has it.
    """

    size: Positive = Field(default=8, le=4096)
    test: AboveZero = Field(default=0.2, lt=1)
    split: NonNegative = 0

    def outline(self) -> Data | None:
        return outline((1, self.size, self.size), 10)

    def load(self, place: Place) -> Data:
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        x = (images.reshape(-1, 1, 8, 8) / 16).astype("float32")
        if self.size != 8:
            x = _resized(x, self.size)
        return Data(*_split(x, labels.astype("int64"), self.test, self.split, classes=True), 10)

    def mend(self, wanted: Dims | None) -> str:
        if wanted and len(wanted) == 3 and wanted[0] == 1 and wanted[1] == wanted[2]:
            return f"data digits(size={wanted[1]})"
        return ""


@DATA("mnist")
class Mnist(DataSet):
    """60,000 training and 10,000 test images of handwritten digits, from their four published files in `folder`.

    Shape: [1, 28, 28], or [1, 32, 32] with a border of zeros, as LeNet-5 was trained; brightness from 0 to 1.
    Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998.
    """

    published: ClassVar[tuple[str, ...]] = (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )
    folder: str = "data/mnist"

    def outline(self) -> Data | None:
        return outline((1, 28, 28), 10)

    def load(self, place: Place) -> Data:
        folder = place.resolve(self.folder)
        found = [files.published(folder, name) for name in self.published]
        missing = [name for name, path in zip(self.published, found, strict=True) if path is None]
        if missing:
            raise DataError(
                f"the files of MNIST are not in {self.folder}",
                notes=tuple(f"missing: {name}, or {name}.gz" for name in missing),
                help=f"get the four files, packed or not, from https://ossci-datasets.s3.amazonaws.com/mnist/\n"
                f"and put them into {folder}",
            )
        train_x, train_y, test_x, test_y = (files.read_idx(path) for path in found if path is not None)
        return Data(self._images(train_x, train_y), self._images(test_x, test_y), 10)

    def _images(self, x: NDArray[np.uint8], y: NDArray[np.uint8]) -> Split:
        if x.ndim != 3 or x.shape[1:] != (28, 28) or y.shape != x.shape[:1] or y.max(initial=0) > 9:
            raise DataError(f"the files in {self.folder} are not those of MNIST: they hold {x.shape} and {y.shape}")
        return Split(x[:, None], y.astype("int64"))

    def adapt(self, x: NDArray[Any], wanted: Dims) -> NDArray[Any] | None:
        import numpy as np

        if wanted[-2:] == (32, 32):
            x = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))
        return super().adapt(x, wanted)


@DATA("npz")
class Npz(DataSet):
    """Arrays of one NumPy file: `x_train`, `y_train`, `x_test`, `y_test`; or `x`, `y`, of which `test` is set aside.

    Shape: that of `x` without its first axis. Bytes become brightness from 0 to 1. A `y` of whole numbers holds
    classes from 0, as many as `classes` or else as are found; a `y` of real numbers holds values.
    """

    file: str
    classes: Positive | None = None
    test: AboveZero = Field(default=0.2, lt=1)
    split: NonNegative = 0

    def load(self, place: Place) -> Data:
        arrays = files.read_npz(place.resolve(self.file), self.file)
        x, y = _array(arrays, "x_train", "x"), _array(arrays, "y_train", "y")
        named = "x_train" in arrays
        pairs = [(x, y), (_array(arrays, "x_test"), _array(arrays, "y_test"))] if named else [(x, y)]
        names = [("x_train", "y_train"), ("x_test", "y_test")] if named else [("x", "y")]
        splits = [self._split(*pair, *name) for pair, name in zip(pairs, names, strict=True)]
        if len({split.x.shape[1:] for split in splits}) > 1 or len({split.y.shape[1:] for split in splits}) > 1:
            raise DataError(f"the training and test arrays of {self.file} differ in shape")
        if len({split.y.dtype.kind for split in splits}) > 1:
            raise DataError(f"y_train and y_test of {self.file} are of different kinds: one classes, one real numbers")
        classes = self._classes(splits)
        if not named:
            whole = splits[0]
            splits = list(_split(whole.x, whole.y, self.test, self.split, classes=classes is not None))
        return Data(splits[0], splits[1], classes, exact=self.classes is not None)

    def _split(self, x: NDArray[Any], y: NDArray[Any], x_name: str, y_name: str) -> Split:
        x, y = files.numbers(x, f"{x_name} of {self.file}"), files.numbers(y, f"{y_name} of {self.file}")
        if x.ndim < 2 or y.ndim < 1 or len(x) != len(y):
            raise DataError(f"{x_name} and {y_name} of {self.file} do not go together: {_size(x)} and {_size(y)}")
        if len(x) == 0:
            raise DataError(f"{x_name} of {self.file} holds no samples")
        if y.dtype.kind != "f":
            y = y.astype("int64")
            y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        return Split(x, y)

    def _classes(self, splits: list[Split]) -> int | None:
        if splits[0].y.dtype.kind == "f":
            return None
        least, most = min(int(split.y.min()) for split in splits), max(int(split.y.max()) for split in splits)
        if least < 0:
            raise DataError(f"the classes of {self.file} count from 0, and there is a {least}")
        if self.classes is not None and most >= self.classes:
            raise DataError(f"{self.file} is said to hold {self.classes} classes, and there is a class {most}")
        return self.classes or most + 1


@cache
def _mnist1d() -> Data:
    """MNIST-1D, made once a process: that takes seconds."""
    with _own_randomness():
        from mnist1d.data import get_dataset_args, make_dataset

        made = make_dataset(get_dataset_args())
    splits = [
        Split(made[f"x{end}"].astype("float32")[:, None], made[f"y{end}"].astype("int64")) for end in ("", "_test")
    ]
    return Data(splits[0], splits[1], 10)


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Leaves the global generators of Python and NumPy as they were, whatever is drawn inside."""
    import random

    import numpy as np

    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _array(arrays: Mapping[str, NDArray[Any]], *names: str) -> NDArray[Any]:
    for name in names:
        if name in arrays:
            return arrays[name]
    raise DataError(
        f"the file holds no array {' or '.join(names)}",
        notes=(f"it holds {', '.join(arrays) or 'nothing'}",),
        help="save it with numpy.savez(file, x_train=..., y_train=..., x_test=..., y_test=...), or with x and y alone",
    )


def _size(array: NDArray[Any]) -> str:
    return f"[{', '.join(map(str, array.shape))}]"


def _split(x: NDArray[Any], y: NDArray[Any], test: float, number: int, *, classes: bool) -> tuple[Split, Split]:
    """A fixed split, with as much of each class on both sides where there are classes of single samples."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    labels = y if classes and y.ndim == 1 else None
    if len(x) < 2:
        raise DataError("there have to be two samples at least, one of them to test with")
    counts = np.unique(labels, return_counts=True)[1] if labels is not None else np.array([2])
    aside = min(max(1, round(test * len(x))), len(x) - 1)
    if counts.min() < 2 or min(aside, len(x) - aside) < len(counts):
        labels = None
    parts = train_test_split(x, y, test_size=aside, random_state=number, stratify=labels)
    return Split(parts[0], parts[2]), Split(parts[1], parts[3])


def _resized(x: NDArray[Any], size: int) -> NDArray[Any]:
    import torch
    from torch.nn import functional

    resized = functional.interpolate(torch.from_numpy(x), (size, size), mode="bilinear", align_corners=False)
    result: NDArray[Any] = resized.numpy()
    return result
