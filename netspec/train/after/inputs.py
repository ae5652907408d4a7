"""Files that a trained net is asked about: pictures, NumPy arrays, tables of numbers, as samples that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.files import regular
from netspec.syntax.source import place_outside
from netspec.train.data import DataSet, files, tables
from netspec.train.data.files import DataError
from netspec.train.data.pairs import Pairs
from netspec.train.data.tokens import Tokens
from netspec.train.data.vision import pictures

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from netspec.train.after.restored import Restored
    from netspec.train.data import Dims
    from netspec.train.data.vision.pictures import Fit


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One sample in the shape in which it is sent to the net. `name` is that of its file, with its number there.

    `more` is what further inputs are given. `changed` says what had to be done to it that was not done to the training
    data.
    """

    name: str
    x: NDArray[Any]
    changed: str = ""
    more: tuple[NDArray[Any], ...] = ()

    def tensors(self) -> list[Tensor]:
        """What each input is given, as batches of one, (1, *shape)."""
        import numpy as np
        import torch

        return [torch.from_numpy(np.array(x[None])) for x in (self.x, *self.more)]


@dataclass(frozen=True, slots=True)
class Port:
    """An input of a trained net, which `taker` calls in words: it takes samples of the shape `sent`.

    `data` is the data set of the training, of which files are read as far as they can be.
    """

    name: str
    taker: str
    sent: Dims
    data: DataSet

    def adapted(self, x: NDArray[Any]) -> NDArray[Any] | None:
        """Samples in the shape in which they are sent, where they are that."""
        return self.data.adapt(x, self.sent)


def _ports(run: Restored) -> list[Port]:
    net, data = run.graph.name, run.settings.data
    names = [value.name for value in run.graph.inputs]
    takers = [net] if len(names) == 1 else [f"the input {name} of {net}" for name in names]
    source = data.of if isinstance(data, Pairs) else data
    return [Port(*each, source) for each in zip(names, takers, run.signature.sent, strict=True)]


def read(paths: Sequence[str | Path], run: Restored) -> Iterator[Sample]:
    """The samples in these files, and in the pictures of folders, in their order; each is read when its turn comes.

    A net of several inputs takes a file for each of them in turn, or an .npz with an array for each.
    Raises NetspecError: E0653 where a file cannot be read, E0654 where it holds something else than the net takes.
    """
    ports = _ports(run)
    coming = map(Path, paths)
    for path in coming:
        if len(ports) == 1:
            yield from _samples(path, ports[0])
        elif path.suffix.lower() == ".npz" and path.exists():
            yield from _joined([path], [_of_archive(path, port) for port in ports], run)
        else:
            group = [path, *islice(coming, len(ports) - 1)]
            if len(group) < len(ports):
                names = ", ".join(port.name for port in ports)
                message = f"{run.graph.name} takes a file for each of its inputs {names}, and there is none for "
                raise _wrong("E0654", path, message + ports[len(group)].name)
            yield from _joined(group, map(_samples, group, ports), run)


def first(path: str | Path, run: Restored) -> Sample:
    """The first sample of a file, for a net of one input; raises NetspecError (E0653 to E0655)."""
    if len(run.graph.inputs) != 1:
        message = f"{run.graph.name} has {len(run.graph.inputs)} inputs, and a map lies over what a single one is given"
        raise _wrong("E0655", Path(path), message)
    return next(read([path], run))


def _joined(paths: Sequence[Path], columns: Iterable[Iterator[Sample]], run: Restored) -> Iterator[Sample]:
    """The samples of several inputs, each out of what its input is given."""
    for row in zip_longest(*columns):
        samples = [sample for sample in row if sample is not None]
        if len(samples) < len(row):
            files = " and ".join(map(str, paths))
            message = f"the inputs of {run.graph.name} are given different numbers of samples by {files}"
            raise _wrong("E0654", paths[0], message)
        names = ", ".join(dict.fromkeys(sample.name for sample in samples))
        changed = "; ".join(dict.fromkeys(sample.changed for sample in samples if sample.changed))
        yield Sample(names, samples[0].x, changed, tuple(sample.x for sample in samples[1:]))


def _of_archive(path: Path, port: Port) -> Iterator[Sample]:
    """The samples of the array that is named after an input."""
    try:
        arrays = files.read_npz(path, str(path))
        name = next((name for name in (port.name, f"{port.name}_test") if name in arrays), None)
        if name is None:
            raise DataError(f"{path} holds no array {port.name} or {port.name}_test")
        yield from _each(files.numbers(arrays[name], f"{name} of {path}"), path, port)
    except DataError as error:
        raise _wrong("E0653", path, error.message, error.help) from None


def _samples(path: Path, port: Port) -> Iterator[Sample]:
    try:
        if str(path) == "-":
            raise DataError("samples are read from files, not from the standard input", help="name a file or a folder")
        if path.is_dir():
            paths = pictures.pictures(path)
            if not paths:
                raise DataError(f"there are no pictures in {path}")
            for picture in paths:
                yield _picture(picture, port)
            return
        try:
            regular(path)
        except FileNotFoundError:
            raise DataError(f"there is no file {path}") from None
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read: {files.reason(error)}") from None
        reader = READERS.get(path.suffix.lower())
        if reader is None:
            endings = ", ".join(READERS)
            raise DataError(f"{path} is none of the files that can be read", help=f"they end in {endings}")
        yield from reader(path, port)
    except DataError as error:
        help = error.help.removesuffix(", or go on without it: --skip-bad")
        raise _wrong("E0653", path, error.message, help) from None


def _picture(path: Path, port: Port) -> Sample:
    """A picture as the training data had theirs: with their channels, and brought to their size where it differs."""
    sent = port.sent
    if len(sent) not in (2, 3) or (len(sent) == 3 and sent[0] not in (1, 3)):
        raise _wrong("E0654", path, f"{path} is a picture, and {port.taker} takes {_shape_text(sent)}")
    channels = sent[0] if len(sent) == 3 else 1
    x = port.adapted(pictures.read(path, str(path), channels, None, "crop")[None])
    if x is not None:
        return Sample(str(path), x[0])
    fit: Fit = getattr(port.data, "fit", "stretch")
    head = pictures.header(path, str(path))
    x = pictures.read(path, str(path), channels, (sent[-2], sent[-1]), fit).reshape(sent)
    note = f"{head.width} x {head.height} pixels brought to {sent[-1]} x {sent[-2]} ({fit})"
    return Sample(str(path), x, "" if hasattr(port.data, "fit") else note)


def _npy(path: Path, port: Port) -> Iterator[Sample]:
    """One sample, or several along the first axis."""
    import numpy as np

    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        if "pickle" in str(error).lower():
            raise DataError(
                f"{path} holds Python objects, which could run anything when read", help="save an array of numbers"
            ) from None
        raise DataError(f"{path} cannot be read: {files.reason(error)}") from None
    except files.BAD_HEADER:
        raise DataError(f"{path} cannot be read: its header is damaged") from None
    except MemoryError:
        raise DataError(f"{path} does not fit into memory") from None
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path} is an archive of several arrays", help="name it with the end .npz")
    return _each(files.numbers(array, str(path)), path, port)


def _npz(path: Path, port: Port) -> Iterator[Sample]:
    """The samples of `x`, of `x_test`, or of the only array."""
    arrays = files.read_npz(path, str(path))
    name = next((name for name in ("x", "x_test", *(arrays if len(arrays) == 1 else ())) if name in arrays), None)
    if name is None:
        raise DataError(f"{path} holds no array x or x_test", notes=(f"it holds {', '.join(arrays) or 'nothing'}",))
    return _each(files.numbers(arrays[name], f"{name} of {path}"), path, port)


def _table(path: Path, port: Port) -> Iterator[Sample]:
    """A table as the training data had theirs: signals or texts a row, or moments a row."""
    table = tables.read(path, str(path))
    match port.data:
        case tables.Text() as data:
            column = table.place(data.text) if table.names and data.text in table.names else table.width - 1
            return _texts([row[column] for row in table.rows], path, port, data)
        case tables.Series() as data:
            return iter([_window(table, path, port, data)])
        case data:
            return _signals(table, path, port, data)


def _lines(path: Path, port: Port) -> Iterator[Sample]:
    """Texts, one a line, for a net that reads texts; else numbers."""
    data = port.data
    if isinstance(data, Tokens):
        help = f"--prompt TEXT, or an array of {prod(port.sent):,} token numbers"
        raise _wrong("E0654", path, f"{port.taker} goes on with a text instead of judging it", help)
    if not isinstance(data, tables.Text):
        return _table(path, port)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    return _texts(lines, path, port, data)


def _texts(texts: Sequence[str], path: Path, port: Port, data: tables.Text) -> Iterator[Sample]:
    return _each(tables.characters(texts, data.alphabet, data.length, data.backward), path, port)


def _window(table: tables.Table, path: Path, port: Port, data: tables.Series) -> Sample:
    """The last moments of a series, as many as the net was trained on."""
    values = table.numbers(range(table.width)).T[:, -data.window :]
    if data.levels is not None:
        values = tables.mu_law(values, data.levels)[0]
    return next(_each(values, path, port))


def _signals(table: tables.Table, path: Path, port: Port, data: DataSet) -> Iterator[Sample]:
    """A sample a row, its channels in turn; or one sample, with a row for each place and a column for each channel."""
    sent = port.sent
    columns = list(range(table.width))
    if isinstance(data, tables.Csv) and table.width == prod(sent) + 1:
        columns.remove(table.place(data.target))
    array = table.numbers(columns)
    if len(sent) == 2 and sent[0] > 1 and array.shape == sent[::-1]:
        return iter([Sample(str(path), array.T)])
    if len(columns) == prod(sent):
        return _each(array.reshape(len(array), *sent), path, port, several=True)
    description = f"{path} has {table.width:,} columns, and a sample of {port.taker} is {_shape_text(sent)}"
    raise _wrong("E0654", path, description, f"a sample a row: {prod(sent):,} numbers, the channels in turn")


READERS: dict[str, Callable[[Path, Port], Iterator[Sample]]] = {
    **{ending: lambda path, port: iter([_picture(path, port)]) for ending in sorted(pictures.ENDINGS)},
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _table,
    ".tsv": _table,
    ".txt": _lines,
}
"""How a file is read, by its end."""


def _each(array: NDArray[Any], path: Path, port: Port, *, several: bool = False) -> Iterator[Sample]:
    """The samples of an array: it is one, or `several` along its first axis; raises NetspecError (E0654)."""
    one = None if several else port.adapted(array[None])
    if one is not None:
        yield Sample(str(path), one[0])
        return
    samples = port.adapted(array) if array.ndim > 1 else None
    if samples is None:
        sent = _shape_text(port.sent)
        help = f"one sample {sent}, or several along a first axis"
        raise _wrong("E0654", path, f"{path} holds {_shape_text(array.shape)}, and {port.taker} takes {sent}", help)
    if len(samples) == 0:
        raise _wrong("E0654", path, f"{path} holds no samples")
    for index, x in enumerate(samples):
        yield Sample(f"{path}[{index}]", x)


def _shape_text(shape: Dims) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _wrong(code: str, path: Path, message: str, help: str = "") -> NetspecError:
    return NetspecError((Diagnostic(code, message, place_outside(path), help=help),))
