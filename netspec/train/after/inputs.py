"""Files that a trained net is asked about: pictures, NumPy arrays, tables of numbers, as samples that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.syntax.source import Source, Span
from netspec.train.data import DataSet, files, pictures, tables
from netspec.train.data.files import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from netspec.train.after.restored import Restored
    from netspec.train.data import Dims
    from netspec.train.data.pictures import Fit


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One sample in the shape in which it is sent to the net. `name` is that of its file, with its number there.

    `changed` says what had to be done to it that was not done to the training data.
    """

    name: str
    x: NDArray[Any]
    changed: str = ""

    def tensor(self) -> Tensor:
        """The sample as a batch of one, (1, *shape)."""
        import numpy as np
        import torch

        return torch.from_numpy(np.array(self.x[None]))


def read(paths: Sequence[str | Path], run: Restored) -> Iterator[Sample]:
    """The samples in these files, and in the pictures of folders, in their order; each is read when its turn comes.

    Raises NetspecError: E0653 where a file cannot be read, E0654 where it holds something else than the net takes.
    """
    if len(run.graph.inputs) != 1:
        count, name = len(run.graph.inputs), run.graph.name
        raise _wrong("E0654", Path(), f"{name} has {count} inputs, and a file is a sample of one")
    for path in paths:
        yield from _samples(Path(path), run)


def _samples(path: Path, run: Restored) -> Iterator[Sample]:
    try:
        if path.is_dir():
            found = pictures.pictures(path)
            if not found:
                raise DataError(f"there are no pictures in {path}")
            for picture in found:
                yield _picture(picture, run)
            return
        if not path.exists():
            raise DataError(f"there is no file {path}")
        reader = READERS.get(path.suffix.lower())
        if reader is None:
            known = ", ".join(READERS)
            raise DataError(f"{path} is none of the files that can be read", help=f"they end in {known}")
        yield from reader(path, run)
    except DataError as error:
        help = error.help.removesuffix(", or go on without it: --skip-bad")
        raise _wrong("E0653", path, error.message, help) from None


def _picture(path: Path, run: Restored) -> Sample:
    """A picture as the training data had theirs: with their channels, and brought to their size where it differs."""
    sent = run.meaning.sent
    if len(sent) not in (2, 3) or (len(sent) == 3 and sent[0] not in (1, 3)):
        raise _wrong("E0654", path, f"{path} is a picture, and {run.graph.name} takes {_written(sent)}")
    channels = sent[0] if len(sent) == 3 else 1
    x = _adapted(pictures.read(path, str(path), channels, None, "crop")[None], run)
    if x is not None:
        return Sample(str(path), x[0])
    fit: Fit = getattr(_data(run), "fit", "stretch")
    head = pictures.header(path, str(path))
    x = pictures.read(path, str(path), channels, (sent[-2], sent[-1]), fit).reshape(sent)
    note = f"{head.width} x {head.height} pixels brought to {sent[-1]} x {sent[-2]} ({fit})"
    return Sample(str(path), x, "" if hasattr(_data(run), "fit") else note)


def _npy(path: Path, run: Restored) -> Iterator[Sample]:
    """One sample, or several along the first axis."""
    import numpy as np

    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        if "pickle" in str(error).lower():
            raise DataError(
                f"{path} holds Python objects, which could run anything when read", help="save an array of numbers"
            ) from None
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except MemoryError:
        raise DataError(f"{path} does not fit into memory") from None
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path} is an archive of several arrays", help="name it with the end .npz")
    return _each(files.numbers(array, str(path)), path, run)


def _npz(path: Path, run: Restored) -> Iterator[Sample]:
    """The samples of `x`, of `x_test`, or of the only array."""
    arrays = files.read_npz(path, str(path))
    name = next((name for name in ("x", "x_test", *(arrays if len(arrays) == 1 else ())) if name in arrays), None)
    if name is None:
        raise DataError(f"{path} holds no array x or x_test", notes=(f"it holds {', '.join(arrays) or 'nothing'}",))
    return _each(files.numbers(arrays[name], f"{name} of {path}"), path, run)


def _table(path: Path, run: Restored) -> Iterator[Sample]:
    """A table as the training data had theirs: signals or texts a row, or moments a row."""
    table = tables.read(path, str(path))
    match run.settings.data:
        case tables.Text() as data:
            column = table.place(data.text) if table.names and data.text in table.names else table.width - 1
            return _texts([row[column] for row in table.rows], path, run, data)
        case tables.Series() as data:
            return iter([_window(table, path, run, data)])
        case data:
            return _signals(table, path, run, data)


def _lines(path: Path, run: Restored) -> Iterator[Sample]:
    """Texts, one a line, for a net that reads texts; else numbers."""
    data = run.settings.data
    if not isinstance(data, tables.Text):
        return _table(path, run)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    return _texts(lines, path, run, data)


def _texts(texts: Sequence[str], path: Path, run: Restored, data: tables.Text) -> Iterator[Sample]:
    return _each(tables.characters(texts, data.alphabet, data.length, data.backward), path, run)


def _window(table: tables.Table, path: Path, run: Restored, data: tables.Series) -> Sample:
    """The last moments of a series, as many as the net was trained on."""
    values = table.numbers(range(table.width)).T[:, -data.window :]
    if data.levels is not None:
        values = tables.mu_law(values, data.levels)[0]
    return next(_each(values, path, run))


def _signals(table: tables.Table, path: Path, run: Restored, data: DataSet) -> Iterator[Sample]:
    """A sample a row, its channels in turn; or one sample, with a row for each place and a column for each channel."""
    sent = run.meaning.sent
    columns = list(range(table.width))
    if isinstance(data, tables.Csv) and table.width == prod(sent) + 1:
        columns.remove(table.place(data.target))
    array = table.numbers(columns)
    if len(sent) == 2 and sent[0] > 1 and array.shape == sent[::-1]:
        return iter([Sample(str(path), array.T)])
    if len(columns) == prod(sent):
        return _each(array.reshape(len(array), *sent), path, run, several=True)
    found = f"{path} has {table.width:,} columns, and a sample of {run.graph.name} is {_written(sent)}"
    raise _wrong("E0654", path, found, f"a sample a row: {prod(sent):,} numbers, the channels in turn")


READERS: dict[str, Callable[[Path, Restored], Iterator[Sample]]] = {
    **{ending: lambda path, run: iter([_picture(path, run)]) for ending in sorted(pictures.ENDINGS)},
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _table,
    ".tsv": _table,
    ".txt": _lines,
}
"""How a file is read, by its end."""


def _each(array: NDArray[Any], path: Path, run: Restored, *, several: bool = False) -> Iterator[Sample]:
    """The samples of an array: it is one, or `several` along its first axis; raises NetspecError (E0654)."""
    one = None if several else _adapted(array[None], run)
    if one is not None:
        yield Sample(str(path), one[0])
        return
    found = _adapted(array, run) if array.ndim > 1 else None
    if found is None:
        sent = _written(run.meaning.sent)
        help = f"one sample {sent}, or several along a first axis"
        raise _wrong("E0654", path, f"{path} holds {_written(array.shape)}, and {run.graph.name} takes {sent}", help)
    if len(found) == 0:
        raise _wrong("E0654", path, f"{path} holds no samples")
    for index, x in enumerate(found):
        yield Sample(f"{path}[{index}]", x)


def _adapted(x: NDArray[Any], run: Restored) -> NDArray[Any] | None:
    """Samples in the shape in which they are sent, where they are that; checked against the kind of numbers taken."""
    return _data(run).adapt(x, run.meaning.sent)


def _data(run: Restored) -> DataSet:
    """The data set of the training."""
    return run.settings.data


def _written(shape: Dims) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _wrong(code: str, path: Path, message: str, help: str = "") -> NetspecError:
    return NetspecError((Diagnostic(code, message, Span(Source(str(path), ""), 0, 0), help=help),))
