"""Data sets of the Hugging Face hub, and those in its formats in a folder, through the `datasets` package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from netspec.layers.declaration.base import Bool, Positive
from netspec.train.data.base import (
    DATA,
    Data,
    DataSet,
    InProject,
    Sample,
    SetAside,
    Source,
    Split,
    Stream,
    divide,
    held,
    kind_of,
)
from netspec.train.data.files import DataError, Place
from netspec.train.data.tables import ALPHABET, Length, characters
from netspec.train.data.vision import pictures
from netspec.train.data.vision.images import IN_MEMORY, Side
from netspec.train.data.vision.pictures import Fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUFFER = 1000
"""A stream is shuffled through a buffer of so many samples, and by its files."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How a row becomes a sample: its columns `x` and `y`, and what a sample of pictures or of text looks like."""

    x: str
    y: str
    real: bool
    channels: int
    size: tuple[int, int] | None
    fit: Fit
    alphabet: str
    length: int
    project: Place | None = None
    """What rows of a folder of the project do not leave; those of the hub name files of its cache."""

    def __call__(self, row: dict[str, Any], place: str) -> Sample:
        """The sample in a row; raises DataError."""
        import numpy as np

        try:
            y = np.asarray(row[self.y], np.float32 if self.real else np.int64)
        except (TypeError, ValueError):
            raise DataError(f"the column {self.y} of {place} holds no {'number' if self.real else 'class'}") from None
        return self._values(row[self.x], place), y

    def _values(self, value: Any, place: str) -> NDArray[Any]:
        import numpy as np

        if isinstance(value, Mapping) and value.keys() == {"bytes", "path"}:
            with pictures.opened(self._file(value), f"the picture of {place}") as image:
                return pictures.pixels(image, self.channels, self.size, self.fit, place)
        if isinstance(value, str):
            text: NDArray[Any] = characters([value], self.alphabet, self.length)[0]
            return text
        array: NDArray[Any] = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise DataError(f"the column {self.x} of {place} holds no picture, text or numbers")
        if array.dtype.kind == "f":
            return array.astype(np.float32)
        return array if array.dtype == np.uint8 else array.astype(np.int64)

    def _file(self, picture: Mapping[str, Any]) -> BinaryIO:
        """The file of a picture, which its row holds or names; raises DataError where a row leaves the project."""
        from datasets.utils.file_utils import xopen

        if picture["bytes"] is not None:
            return BytesIO(picture["bytes"])
        if self.project is not None and not self.project.holds(picture["path"]):
            raise DataError(f"a row names the picture {picture['path']}, which lies outside the project")
        file: BinaryIO = xopen(picture["path"], "rb")
        return file


@dataclass(frozen=True, slots=True, eq=False)
class Rows(Source):
    """The rows of a data set that is there as a whole."""

    rows: Any
    columns: Columns
    kind: NDArray[Any]
    name: str

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Sample:
        return _alike(self.columns(self.rows[index], f"row {index} of {self.name}"), self.kind, index, self.name)


@dataclass(frozen=True, slots=True, eq=False)
class RowStream(Stream):
    """The first `count` rows of a data set that comes bit by bit, in an order that is a function of a seed."""

    rows: Any
    columns: Columns
    kind: NDArray[Any]
    name: str
    count: int
    skip_bad: bool

    def __len__(self) -> int:
        return self.count

    def samples(self, seed: int | None) -> Iterator[Sample]:
        rows = self.rows if seed is None else self.rows.shuffle(seed=seed % 2**32, buffer_size=BUFFER)
        count_read = 0
        for index, row in enumerate(rows):
            if count_read == self.count:
                return
            try:
                sample = self.columns(row, f"row {index} of {self.name}")
            except pictures.Damaged:
                if self.skip_bad:
                    continue
                raise
            count_read += 1
            yield _alike(sample, self.kind, index, self.name)


def _encoded(part: Any, column: str) -> Any:
    """A part whose pictures come as files: what is wrong with one is said where it is read, by its row."""
    import datasets

    if isinstance((part.features or {}).get(column), datasets.Image):
        return part.cast_column(column, datasets.Image(decode=False))
    return part


def _alike(sample: Sample, kind: NDArray[Any], index: int, name: str) -> Sample:
    """The sample, where it is of that kind, an array of none (0, *shape); raises DataError."""
    if sample[0].shape != kind.shape[1:]:
        own, first = list(sample[0].shape), list(kind.shape[1:])
        raise DataError(
            f"the samples of {name} differ in shape: the first is {first}, that of row {index} {own}",
            help="pictures come to one size with size=..., texts with length=...",
        )
    if sample[0].dtype != kind.dtype:
        message = (
            f"the samples of {name} differ in kind: the first is {kind.dtype}, that of row {index} {sample[0].dtype}"
        )
        raise DataError(message, help="bring all pictures to one depth")
    return sample


@DATA("huggingface")
class HuggingFace(DataSet):
    """A data set of the Hugging Face hub by its name, or one in its formats (Parquet, Arrow, ...) in a folder.

    Shape: that of the column `x`: a picture in `size` and `channels`, a text of `length` characters (see `text`), or
    numbers. The column `y` holds classes, or with `real` numbers. `split` is trained on and `test_split` tested on;
    where there is none of that name, the share `test` of `split`. With `streaming` nothing is downloaded as a whole:
    rows come bit by bit, `samples` an epoch and `test_samples` to test with, through a shuffling buffer of 1,000.
    """

    dataset: InProject
    split: str = "train"
    test_split: str = "test"
    config: str | None = None
    revision: str | None = None
    x: str | None = None
    y: str = "label"
    real: Bool = False
    size: Side | tuple[Side, Side] | None = None
    fit: Fit = "crop"
    channels: Literal[1, 3] = 3
    length: Length = 1014
    alphabet: str = ALPHABET
    streaming: Bool = False
    samples: Positive | None = None
    test_samples: Positive | None = None
    test: SetAside = 0.2

    def load(self, place: Place) -> Data:
        parts = self._parts(place)
        columns, names = self._columns(parts[0], place)
        parts = _encoded(parts[0], columns.x), _encoded(parts[1], columns.x)
        if self.streaming:
            counts = (self.samples, self.test_samples)
            splits = [
                self._stream(part, count, columns, place, name)
                for part, count, name in zip(parts, counts, ("samples", "test_samples"), strict=True)
            ]
        else:
            splits = [held(self._rows(part, columns), IN_MEMORY) for part in parts]
        classes = None if self.real else len(names) or 1 + max(int(split.y.max(initial=0)) for split in splits)
        text = splits[0].x.dtype.kind == "i" and isinstance(next(iter(parts[0]))[columns.x], str)
        levels = len(self.alphabet) + 1 if text else None
        return Data(splits[0], splits[1], classes, exact=bool(names), names=names, levels=levels, blank=text)

    def _parts(self, place: Place) -> tuple[Any, Any]:
        """What is trained on and what is tested on, as `datasets` has them."""
        whole = self._opened(place)
        if self.split not in whole:
            raise DataError(f"{self.dataset} has no split {self.split}", notes=(f"it has {', '.join(whole)}",))
        train = whole[self.split]
        if self.test_split in whole:
            return train, whole[self.test_split]
        if self.streaming:
            raise DataError(
                f"{self.dataset} has no split {self.test_split} to test with",
                notes=(f"it has {', '.join(whole)}",),
                help="name another one: test_split=..., or read the data set as a whole, without streaming",
            )
        kept, aside = divide(len(train), None, self.test, 0)
        return train.select(kept), train.select(aside)

    def _opened(self, place: Place) -> Any:
        """The splits by name; the package's many ways to fail are one here."""
        try:
            import datasets
        except ImportError:
            message = "huggingface needs the package datasets, which is not installed"
            raise DataError(message, help="pip install 'netspec-nn[data]'") from None
        local = self._local(place)
        datasets.disable_progress_bars()
        try:
            if local is not None and (local / "dataset_dict.json").exists():
                return datasets.load_from_disk(str(local))
            return datasets.load_dataset(
                str(local or self.dataset), self.config, streaming=self.streaming, revision=self.revision
            )
        except Exception as error:
            first = str(error).strip().partition("\n")[0] or type(error).__name__
            raise DataError(
                f"huggingface cannot get {self.dataset}: {first}",
                help="a name on the hub is like stanfordnlp/imdb; a folder of the project holds Parquet files, say",
            ) from None

    def _local(self, place: Place) -> Path | None:
        """The folder of the project that the name means, where there is one; raises DataError where it is another."""
        path = place.resolve(self.dataset)
        if path.is_dir():
            list(place.contained(sorted(path.rglob("*"))))
            return path
        if Path(self.dataset).exists():  # which `datasets` would take, wherever a spec lies
            message = f"{self.dataset} is in the working directory, and data lie beside the spec"
            raise DataError(message, help="name the folder that it lies in: --data FOLDER")
        return None

    def _columns(self, part: Any, place: Place) -> tuple[Columns, tuple[str, ...]]:
        """The columns that make a sample, and the names of the classes where the data set has them."""
        features = part.features or dict.fromkeys(next(iter(part)))
        x = self.x or next((name for name in ("image", "img", "text", "x") if name in features), None)
        for name in (x, self.y):
            if name not in features:
                raise DataError(
                    f"{self.dataset} has no column {name or 'image, img, text or x'}",
                    notes=(f"its columns are {', '.join(features)}",),
                    help="name the columns: huggingface(..., x=..., y=...)",
                )
        assert x is not None
        size = (self.size, self.size) if isinstance(self.size, int) else self.size
        names = tuple(getattr(features[self.y], "names", None) or ())
        project = place if self._local(place) else None
        look = (self.channels, size, self.fit, self.alphabet, self.length)
        return Columns(x, self.y, self.real, *look, project), names

    def _rows(self, part: Any, columns: Columns) -> Rows:
        if len(part) == 0:
            raise DataError(f"{self.dataset} holds no rows")
        first = columns(part[0], f"row 0 of {self.dataset}")
        return Rows(part, columns, kind_of(first[0].shape, first[0].dtype), self.dataset)

    def _stream(self, part: Any, count: int | None, columns: Columns, place: Place, argument: str) -> Split:
        split = part.info.splits.get(part.split) if part.info.splits else None
        count = count or (split.num_examples if split is not None and split.num_examples else None)
        if count is None:
            raise DataError(f"a stream has no end that is known: say how many rows an epoch has, {argument}=10000")
        x, y = columns(next(iter(part)), f"row 0 of {self.dataset}")
        kind = kind_of(x.shape, x.dtype)
        rows = RowStream(part, columns, kind, self.dataset, count, place.skip_bad)
        return Split(kind, kind_of(y.shape, y.dtype), source=rows)
