"""Data sets that are arrays: the digits that ship with scikit-learn, and NumPy files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from netspec.layers.declaration.base import Positive
from netspec.train.data import files
from netspec.train.data.base import DATA, Data, Dims, Divided, InProject, Labels, Split, outline, written_size
from netspec.train.data.files import DataError, Place

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
        train, test, *val = (Split(x[part], y[part]) for part in self.divided(len(y), y))
        return Data(train, test, 10, val=next(iter(val), None))

    def mend(self, wanted: Dims | None) -> str:
        if wanted and len(wanted) == 3 and wanted[0] == 1 and wanted[1] == wanted[2]:
            return f"data digits(size={wanted[1]})"
        return ""


@DATA("npz")
class Npz(Divided):
    """Arrays of one NumPy file: `x_train`, `y_train`, `x_test`, `y_test`; or `x`, `y`, of which `test` is set aside.

    With `x_val`, `y_val`, or a share `val`, the best epoch is chosen by these.

    Shape: that of `x` without its first axis. Bytes become brightness from 0 to 1. A `y` of whole numbers holds
    classes from 0, as many as `classes` or else as are found; a `y` of real numbers holds values. For a net of several
    inputs there is an array for each in place of `x`, named after it: `left_train`, `left_test`, or `left`. Where the
    loss names targets, `cross_entropy(logits, kind) + mse(years, age)`, there is an array for each in place of `y`:
    `kind_train`, `age_train`; and none where its targets are inputs. Where `y` holds 0 or 1 for each of several labels,
    an array `names` of texts says what these are called.
    """

    file: InProject
    classes: Positive | None = None

    def load(self, place: Place) -> Data:
        return self.load_for(place, ["x"])

    def load_for(self, place: Place, inputs: Sequence[str], targets: Sequence[str] = ("y",)) -> Data:
        arrays = files.read_npz(place.resolve(self.file), self.file)
        names = list(inputs) if len(inputs) > 1 else ["x"]
        if "y" in names:
            message = f"the array y of {self.file} is what is to be said, and cannot be what an input named y is given"
            raise DataError(message, help="call the input something else", input="y")
        divided = any(f"{name}_train" in arrays for name in names)
        chosen = [end for end in ("_val", "_valid") if any(f"{name}{end}" in arrays for name in names)][:1]
        ends = ("_train", "_test", *chosen) if divided else ("",)
        if divided:
            self.check_divisible(self.file)
        splits = [self._split(arrays, names, targets, end) for end in ends]
        if len({tuple(array.shape[1:] for array in (*split.inputs, *split.targets)) for split in splits}) > 1:
            raise DataError(f"the training and test arrays of {self.file} differ in shape")
        classes = [self._classes(splits, index, name) for index, name in enumerate(targets)]
        if not divided:
            whole = splits[0]
            labels = whole.y if classes and classes[0] is not None and whole.y.ndim == 1 else None
            splits = [whole.part(part) for part in self.divided(len(whole), labels)]
        levels = _levels(splits) if len(names) == 1 else None
        train, test, *val = splits
        exact = self.classes is not None
        own = zip(targets, classes, strict=True)
        (called, first), *further = [*own] or [("y", None)]
        return Data(
            train,
            test,
            first,
            exact=exact,
            levels=levels,
            val=next(iter(val), None),
            called=called,
            further=tuple(Labels(name, count) for name, count in further),
            label_names=_label_names(arrays, train) if first == 2 else (),
        )

    def _split(
        self, arrays: Mapping[str, NDArray[Any]], names: Sequence[str], targets: Sequence[str], end: str
    ) -> Split:
        """The samples of the arrays whose names end so; where nothing is to be said about them, they say 0."""
        import numpy as np

        several = len(names) > 1
        inputs = [
            files.numbers(_array(arrays, name, end, input=name if several else None), f"{name}{end} of {self.file}")
            for name in names
        ]
        target_arrays = [files.numbers(_array(arrays, name, end), f"{name}{end} of {self.file}") for name in targets]
        if not target_arrays and inputs[0].ndim:
            target_arrays = [np.zeros(len(inputs[0]), np.float32)]
        for name, x in zip(names, inputs, strict=True):
            for target, y in zip([*targets] or ["y"], target_arrays, strict=True):
                if x.ndim < (1 if several else 2) or y.ndim < 1 or len(x) != len(y):
                    raise DataError(
                        f"{name}{end} and {target}{end} of {self.file} do not go together: "
                        f"{written_size(x)} and {written_size(y)}"
                    )
        if len(target_arrays[0]) == 0:
            raise DataError(f"{names[0]}{end} of {self.file} holds no samples")
        y, *further = map(_target, target_arrays)
        return Split(inputs[0], y, more=tuple(inputs[1:]), further=tuple(further))

    def _classes(self, splits: list[Split], index: int, name: str) -> int | None:
        """How many classes a target tells apart, None where it holds numbers."""
        arrays = [split.targets[index] for split in splits]
        if len({array.dtype.kind for array in arrays}) > 1:
            message = (
                f"{name}_train and {name}_test of {self.file} are of different kinds: one classes, one real numbers"
            )
            raise DataError(message)
        if arrays[0].dtype.kind == "f":
            return None
        least, most = min(int(array.min()) for array in arrays), max(int(array.max()) for array in arrays)
        if least < 0:
            raise DataError(f"the classes of {self.file} count from 0, and there is a {least}")
        if index:
            return most + 1
        if self.classes is not None and most >= self.classes:
            raise DataError(f"{self.file} is said to hold {self.classes} classes, and there is a class {most}")
        return self.classes or most + 1


def _label_names(arrays: Mapping[str, NDArray[Any]], split: Split) -> tuple[str, ...]:
    """What the labels of a target (n, labels) are called, where the file says that."""
    names = arrays.get("names")
    if names is None or split.y.ndim != 2 or names.dtype.kind != "U" or names.shape != split.y.shape[1:]:
        return ()
    return tuple(map(str, names))


def _target(y: NDArray[Any]) -> NDArray[Any]:
    """A target as it is compared: real numbers, or classes, of which a column is one a sample."""
    if y.dtype.kind == "f":
        return y
    y = y.astype("int64")
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _array(arrays: Mapping[str, NDArray[Any]], name: str, end: str, input: str | None = None) -> NDArray[Any]:
    """The array of that name with that end, which may be for one of several inputs; raises DataError."""
    if f"{name}{end}" in arrays:
        return arrays[f"{name}{end}"]
    x = input or "x"
    raise DataError(
        f"the file holds no array {name}{end}" if end else f"the file holds no array {name}_train or {name}",
        notes=(f"it holds {', '.join(arrays) or 'nothing'}",),
        help=f"save it with numpy.savez(file, {x}_train=..., y_train=..., {x}_test=..., y_test=...), "
        f"or with {x} and y alone",
        input=input,
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
