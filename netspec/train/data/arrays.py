"""Data sets that are arrays: those that ship with the packages that training needs, and NumPy files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import Field

from netspec.layers.base import Positive
from netspec.train.data import files
from netspec.train.data.base import DATA, Data, DataSet, Dims, Divided, Split, outline, written_size
from netspec.train.data.files import DataError, Place

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
class Digits(Divided):
    """1,797 images of handwritten digits, of which the share `test` is set aside, as many of each digit.

    Shape: [1, 8, 8], or [1, size, size] by bilinear interpolation; brightness from 0 to 1. `split` chooses the split.
    Source: Alpaydin & Kaynak, "Optical recognition of handwritten digits", UCI 1998, as scikit-learn has it.
    """

    size: Positive = Field(default=8, le=4096)

    def outline(self) -> Data | None:
        return outline((1, self.size, self.size), 10)

    def load(self, place: Place) -> Data:
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        x = (images.reshape(-1, 1, 8, 8) / 16).astype("float32")
        if self.size != 8:
            x = _resized(x, self.size)
        y = labels.astype("int64")
        train, test = (Split(x[part], y[part]) for part in self.divided(len(y), y))
        return Data(train, test, 10)

    def mend(self, wanted: Dims | None) -> str:
        if wanted and len(wanted) == 3 and wanted[0] == 1 and wanted[1] == wanted[2]:
            return f"data digits(size={wanted[1]})"
        return ""


@DATA("npz")
class Npz(Divided):
    """Arrays of one NumPy file: `x_train`, `y_train`, `x_test`, `y_test`; or `x`, `y`, of which `test` is set aside.

    Shape: that of `x` without its first axis. Bytes become brightness from 0 to 1. A `y` of whole numbers holds
    classes from 0, as many as `classes` or else as are found; a `y` of real numbers holds values.
    """

    file: str
    classes: Positive | None = None

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
            labels = whole.y if classes is not None and whole.y.ndim == 1 else None
            splits = [Split(whole.x[part], whole.y[part]) for part in self.divided(len(whole), labels)]
        return Data(splits[0], splits[1], classes, exact=self.classes is not None, levels=_levels(splits))

    def _split(self, x: NDArray[Any], y: NDArray[Any], x_name: str, y_name: str) -> Split:
        x, y = files.numbers(x, f"{x_name} of {self.file}"), files.numbers(y, f"{y_name} of {self.file}")
        if x.ndim < 2 or y.ndim < 1 or len(x) != len(y):
            raise DataError(
                f"{x_name} and {y_name} of {self.file} do not go together: {written_size(x)} and {written_size(y)}"
            )
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


def _levels(splits: Sequence[Split]) -> int | None:
    """How many indices there are, where samples hold whole numbers from 0 that are no bytes."""
    if any(split.x.dtype.kind != "i" or split.x.min() < 0 for split in splits):
        return None
    return max(int(split.x.max()) for split in splits) + 1


def _resized(x: NDArray[Any], size: int) -> NDArray[Any]:
    import torch
    from torch.nn import functional

    resized = functional.interpolate(torch.from_numpy(x), (size, size), mode="bilinear", align_corners=False)
    result: NDArray[Any] = resized.numpy()
    return result
