"""Data sets in tables of comma-separated values: signals a row, a series a column, texts and their classes."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from netspec.layers.declaration.base import Bool, Int, Positive
from netspec.train.data import files
from netspec.train.data.base import (
    DATA,
    DIVIDING,
    Data,
    Dims,
    Divided,
    InProject,
    MaybeInProject,
    Sample,
    Source,
    Split,
    divide,
    kind_of,
)
from netspec.train.data.files import DataError, Place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Length = Annotated[Positive, Field(le=2**20)]
Column = str | Int
"""A column by its name in the first line, or by its number: 0 the first, -1 the last."""


@dataclass(frozen=True, eq=False)
class Table:
    """The cells of a file, all rows as long as the first. `names` are those of the columns, where it has them.

    `lines` are where the rows stand in the file, from 1.
    """

    name: str
    rows: list[list[str]]
    names: list[str] | None
    lines: list[int]

    @cached_property
    def width(self) -> int:
        return len(self.rows[0])

    def place(self, column: Column) -> int:
        """The number of a column from 0; raises DataError where there is none."""
        if isinstance(column, int):
            if not -self.width <= column < self.width:
                raise DataError(f"{self.name} has {self.width} columns, and no column {column}")
            return column % self.width
        names = self.names or []
        if column not in names:
            listed = ", ".join(names[:20])
            raise DataError(
                f"{self.name} has no column {column}",
                notes=(f"its columns are {listed}" if names else "its first line holds no names",),
                help="" if names else "a column has a number: 0 is the first, -1 the last",
            )
        return names.index(column)

    def numbers(self, columns: Sequence[int]) -> NDArray[np.float32]:
        """The cells of these columns as numbers (rows, columns); raises DataError with the line of one that is none."""
        import numpy as np

        try:
            array = np.array([[float(row[column]) for column in columns] for row in self.rows], np.float32)
        except ValueError:
            raise self._no_number(columns) from None
        if not np.isfinite(array).all():
            raise self._no_number(columns)
        return array

    def _no_number(self, columns: Sequence[int]) -> DataError:
        for line, row in zip(self.lines, self.rows, strict=True):
            for column in columns:
                if not _is_number(row[column]):
                    cell = f'"{row[column][:40]}"' if row[column].strip() else "nothing"
                    return DataError(f"{self.name} holds {cell} in line {line}, column {column}, instead of a number")
        raise AssertionError

    def classes(self, column: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """The class of each row, and the classes' names: what the cells hold, numbers by size and words by letter."""
        import numpy as np

        cells = [row[column].strip() for row in self.rows]
        if all(map(_is_number, cells)):
            cells = [f"{float(cell):g}" for cell in cells]
        distinct = sorted(set(cells), key=lambda cell: (0, float(cell), "") if _is_number(cell) else (1, 0.0, cell))
        places = {cell: place for place, cell in enumerate(distinct)}
        return np.array([places[cell] for cell in cells], np.int64), tuple(distinct)


def read(path: Path, name: str, *, named: bool = False) -> Table:
    """The table in a file; raises DataError where it cannot be read, or its rows differ in length.

    Cells are parted by commas, semicolons or tabs, whichever the first line has most of. The first line holds names
    where it is said to (`named`), and where it has something else above a number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
            reader = csv.reader(file, delimiter=max(",;\t", key=first.count))
            lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except FileNotFoundError:
        raise DataError(f"there is no file {name}", help="paths are relative to the spec's folder") from None
    except UnicodeDecodeError:
        raise DataError(f"{name} is no text in UTF-8") from None
    except (OSError, csv.Error) as error:
        raise DataError(f"{name} cannot be read: {files.reason(error)}") from None
    if not lines:
        raise DataError(f"{name} is empty")
    width = len(lines[0][1])
    for line, row in lines:
        if len(row) != width:
            raise DataError(f"{name} has {len(row)} cells in line {line}, and {width} in the first")
    first_row, second_row = lines[0][1], lines[min(1, len(lines) - 1)][1]
    above = any(not _is_number(one) and _is_number(two) for one, two in zip(first_row, second_row, strict=True))
    names = [cell.strip() for cell in first_row] if named or above else None
    body = lines[1:] if names else lines
    if not body:
        raise DataError(f"{name} holds the names of its columns and nothing else")
    return Table(name, [row for _, row in body], names, [line for line, _ in body])


def _is_number(text: str) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return value == value and abs(value) != float("inf")


class Tabled(Divided):
    """Base of the data sets in tables. `test_file` is a table to test with, in place of the share `test`."""

    file: InProject
    test_file: MaybeInProject = None

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        last = ("test_file", *DIVIDING)
        return (*(name for name in cls.model_fields if name not in last), *last)

    def tables(self, place: Place, *columns: Column) -> tuple[Table, Table | None]:
        """The table, and the one to test with where there is one; `columns` are those that will be asked for."""
        named = any(isinstance(column, str) for column in columns)
        first = read(place.resolve(self.file), self.file, named=named)
        if self.test_file is None:
            return first, None
        self.check_divisible(self.test_file)
        second = read(place.resolve(self.test_file), self.test_file, named=named)
        if second.width != first.width:
            raise DataError(f"{self.file} has {first.width} columns, and {self.test_file} {second.width}")
        return first, second

    def joined(self, first: Table, second: Table | None) -> Table:
        """Both tables as one, so that a class is the same number in both."""
        if second is None:
            return first
        return Table(first.name, [*first.rows, *second.rows], first.names, [*first.lines, *second.lines])

    def parts(self, first: Table, second: Table | None, labels: Any) -> list[list[int]]:
        """The rows of the joined table to train and to test with, and those to choose by where there are any."""
        if second is None:
            return self.divided(len(first.rows), labels)
        count = len(first.rows)
        tested = list(range(count, count + len(second.rows)))
        if not self.val:
            return [list(range(count)), tested]
        train, chosen = divide(count, None if labels is None else labels[:count], self.val, self.split)
        return [train, tested, chosen]


@DATA("csv")
class Csv(Tabled):
    """Signals, one a row: the column `target` says what each is, all other columns are its values.

    Shape: [channels, columns / channels], the values of one channel after those of the other; or [columns], where there
    is one. Targets are classes, whatever their names; with `real`, numbers. A column is named as in the first line, or
    numbered from 0; the first holds the targets where nothing else is said, as in the UCR archive (Dau et al. 2018).
    """

    target: Column = 0
    channels: Positive = 1
    real: Bool = False

    def load(self, place: Place) -> Data:
        first, second = self.tables(place, self.target)
        table = self.joined(first, second)
        column = table.place(self.target)
        columns = [number for number in range(table.width) if number != column]
        if not columns or len(columns) % self.channels:
            raise DataError(
                f"{self.file} has {len(columns)} values a row, which are not those of {self.channels} channels"
            )
        x = table.numbers(columns).reshape(len(table.rows), self.channels, -1)
        names: tuple[str, ...] = ()
        if self.real:
            y: NDArray[Any] = table.numbers([column])[:, 0]
        else:
            y, names = table.classes(column)
        parts = self.parts(first, second, None if self.real else y)
        train, test, *val = (Split(x[part], y[part]) for part in parts)
        classes = None if self.real else len(names)
        return Data(train, test, classes, exact=False, names=names, val=next(iter(val), None))


@DATA("series")
class Series(Divided):
    """A series, a moment a row and a channel a column, in windows of `window` moments; each is to say what comes next.

    Shape: [columns, window]. The target is the window `ahead` moments later, of the column `target` (of all, where none
    is named): at each moment what comes `ahead` moments after it. A window begins every `step` moments, `window` where
    nothing is said. The last share `test` of the series is set aside. With `levels`, values from -1 to 1 become that
    many classes by the mu-law, and samples are their indices, [window], or one-hot, [levels, window].
    Source of the mu-law: ITU-T G.711; of its use here: van den Oord et al., "WaveNet", 2016, section 2.2.
    """

    file: InProject
    window: Positive
    step: Positive | None = None
    ahead: Positive = 1
    target: Column | None = None
    levels: Positive | None = None

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        return ("file", "window", "step", "ahead", "target", "levels", "test", "val")

    def load(self, place: Place) -> Data:
        import numpy as np

        table = read(place.resolve(self.file), self.file)
        values: NDArray[Any] = table.numbers(range(table.width)).T
        column = None if self.target is None else table.place(self.target)
        targets = values if column is None else values[column : column + 1]
        if self.levels is not None:
            if len(values) > 1 or np.abs(values).max() > 1:
                raise DataError(f"{self.file} is no single series from -1 to 1, which the mu-law is for")
            values = targets = mu_law(values, self.levels)
        count = len(table.rows)
        cut = count - round(self.test * count)
        first = cut - round(self.val * count)
        places = [slice(first), slice(cut, None), *([slice(first, cut)] if first < cut else [])]
        train, test, *val = (self._split(values[:, part], targets[:, part]) for part in places)
        return Data(train, test, self.levels, levels=self.levels, val=next(iter(val), None))

    def _split(self, values: NDArray[Any], targets: NDArray[Any]) -> Split:
        whole = self.levels is not None
        last = values.shape[1] - self.window - self.ahead
        if last < 0:
            moments = self.window + self.ahead
            raise DataError(f"{self.file} is too short: both of its parts need {moments} moments at least")
        source = Windows(values, targets, self.window, self.step or self.window, self.ahead, flat=whole)
        x, y = source[0]
        return Split(kind_of(x.shape, x.dtype), kind_of(y.shape, y.dtype), source=source)


@dataclass(frozen=True, slots=True, eq=False)
class Windows(Source):
    """The windows of a series (channels, moments), each with the one that is to be said about it."""

    values: NDArray[Any]
    wanted: NDArray[Any]
    window: int
    step: int
    ahead: int
    flat: bool

    def __len__(self) -> int:
        return int((self.values.shape[1] - self.window - self.ahead) // self.step + 1)

    def __getitem__(self, index: int) -> Sample:
        start = index * self.step
        x = self.values[:, start : start + self.window]
        y = self.wanted[:, start + self.ahead : start + self.ahead + self.window]
        return (x[0], y[0]) if self.flat else (x, y)


def mu_law(values: NDArray[Any], levels: int) -> NDArray[np.int64]:
    """Values from -1 to 1 as indices from 0 to levels - 1: sign(x) ln(1 + mu |x|) / ln(1 + mu), mu = levels - 1."""
    import numpy as np

    mu = levels - 1
    bent = np.sign(values) * np.log1p(mu * np.abs(values.astype(np.float64))) / np.log1p(mu)
    result: NDArray[np.int64] = np.floor((bent + 1) / 2 * mu + 0.5).astype(np.int64)
    return result


ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{}\n"
"""The 70 characters of Zhang, Zhao, LeCun 2015, section 2.2; the hyphen is among them twice, as it is there."""


@DATA("text")
class Text(Tabled):
    """Texts, one a row, as characters: the columns `text` and `target` of a table.

    Shape: [length], the places of the characters in the alphabet from 1, and 0 for another one and after the end; or
    one-hot, [characters, length], where 0 is a place with nothing in it. Longer texts are cut. Capitals count as small
    letters where the alphabet has none. With `backward` the last character comes first, as in the paper.
    Source: Zhang, Zhao, LeCun, "Character-level convolutional networks for text classification", 2015, section 2.
    """

    text: Column = "text"
    target: Column = "label"
    length: Length = 1014
    alphabet: str = ALPHABET
    backward: Bool = False

    def load(self, place: Place) -> Data:
        first, second = self.tables(place, self.text, self.target)
        table = self.joined(first, second)
        label, text = table.place(self.target), table.place(self.text)
        y, names = table.classes(label)
        x = characters([row[text] for row in table.rows], self.alphabet, self.length, self.backward)
        train, test, *val = (Split(x[part], y[part]) for part in self.parts(first, second, y))
        levels, chosen = len(self.alphabet) + 1, next(iter(val), None)
        return Data(train, test, len(names), exact=False, names=names, levels=levels, blank=True, val=chosen)

    def mend(self, wanted: Dims | None) -> str:
        if wanted is None or len(wanted) not in (1, 2):
            return ""
        if len(wanted) == 2 and wanted[0] != len(self.alphabet):
            count = len(self.alphabet)
            return f"the alphabet has {count} characters: declare the input [{count}, {wanted[1]}]"
        return f'data text("{self.file}", length={wanted[-1]})'


def characters(texts: Sequence[str], alphabet: str, length: int, backward: bool = False) -> NDArray[np.int64]:
    """The places of each text's characters in an alphabet from 1 (texts, length); 0 where there is none."""
    import numpy as np

    places = {character: place for place, character in enumerate(alphabet, 1)}
    lower = alphabet == alphabet.lower()
    array = np.zeros((len(texts), length), np.int64)
    for row, text in zip(array, texts, strict=True):
        cut = (text.lower() if lower else text)[:length]
        indices = [places.get(character, 0) for character in (reversed(cut) if backward else cut)]
        row[: len(indices)] = indices
    return array


def text_of(places: NDArray[Any], alphabet: str, backward: bool = False) -> str:
    """The text that `characters` has made these places of (length), or their one-hot form (characters, length).

    What is not in the alphabet comes back as a space.
    """
    if places.ndim == 2:
        places = places.any(0) * (places.argmax(0) + 1)
    text = "".join(alphabet[int(place) - 1] if place else " " for place in places).rstrip()
    return text[::-1] if backward else text
