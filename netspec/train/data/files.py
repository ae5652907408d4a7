"""Files that data come from: found below the project only, read without running anything, refused in words."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.files import regular
from netspec.syntax.source import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.lib.npyio import NpzFile
    from numpy.typing import NDArray


SAVED = "save it with numpy.savez(file, x=..., y=...)"
SHARE_UNPACKED = 1 / 4
"""Arrays may take this share of a machine's memory: numbers are brought to one type, and divided, which are copies."""
LARGE_UNPACKED, MOST_PACKED = 2**30, 100
"""Larger archives than so many bytes are data only where they are packed at most so many times."""
MOST_PUBLISHED = 2**30
"""No published file holds more bytes."""
OTHER_FOLDER = "; another one is named with --data FOLDER"


class DataError(Exception):
    """Data cannot be had; the text says why. Whoever knows the setting adds the place.

    `input` names the input of the net for which there is nothing.
    """

    def __init__(self, message: str, *, notes: tuple[str, ...] = (), help: str = "", input: str | None = None) -> None:
        super().__init__(message)
        self.message, self.notes, self.help, self.input = message, notes, help, input

    def at(self, span: Span) -> NetspecError:
        """The error as a diagnostic at its place (E0609)."""
        return NetspecError((Diagnostic("E0609", self.message, span, notes=self.notes, help=self.help),))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a spec's paths begin, and the folder that they do not leave.

    `named` says that the user named that folder (`--data`) instead of the spec's own. With `skip_bad`, damaged files
    are left out instead of refused.
    """

    folder: Path
    root: Path
    named: bool = False
    skip_bad: bool = False

    def resolve(self, location: str) -> Path:
        """The path that a spec means; raises DataError where it is not inside the project."""
        path = self.within(location)
        try:
            return regular(path)
        except FileNotFoundError:
            return path
        except (OSError, ValueError) as error:
            raise DataError(f"{location} cannot be read: {reason(error)}") from None

    def within(self, location: str) -> Path:
        """The same, whatever is there."""
        if not location or "\0" in location or "\\" in location or Path(location).is_absolute():
            raise DataError(
                f"data are named by a path relative to {'the folder of --data' if self.named else 'the spec'}, with /",
                help="write data/signals.npz, or give the folder that it lies in: --data FOLDER",
            )
        path = Path(os.path.realpath(self.folder / location))
        if not self.holds(path):
            raise self._outside(location, "lies")
        return path

    def contained(self, paths: Iterable[Path]) -> Iterator[Path]:
        """Paths below a resolved one, those of one folder in a row; raises DataError where a link leads outside."""
        inside: Path | None = None
        for path in paths:
            link = path.is_symlink()
            if link or path.parent != inside:
                if not self.holds(path):
                    raise self._outside(os.path.relpath(path, os.path.realpath(self.folder)), "leads by a link")
                inside = inside if link else path.parent
            yield path

    def holds(self, path: str | Path) -> bool:
        """Whether a path lies in the folder that is not left, wherever links lead."""
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.root))

    def _outside(self, location: str, how: str) -> DataError:
        """What is said of a path that leaves that folder."""
        where, other = ("the folder of --data", "") if self.named else ("the project", OTHER_FOLDER)
        help = f"data stay inside the folder {self.root.name}{other}"
        return DataError(f'"{location}" {how} outside {where}', help=help)


BAD_HEADER = (SyntaxError, TypeError, OverflowError, RecursionError, TokenError)
"""What NumPy raises where the text that says what an array is cannot be read."""
_IN_HEADER = re.compile(
    "malformed node|header does not|shape is not valid|negative dimensions|descr is not|cannot be parsed"
)
"""What it says of such a text where it raises a ValueError."""


def read_npz(path: Path, name: str) -> Mapping[str, NDArray[Any]]:
    """Every array of a NumPy file; nothing pickled is ever read. Raises DataError."""
    import zipfile
    import zlib

    import numpy as np

    try:
        _check_size(path, name)
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(f"{name} holds a single array without a name", help=SAVED)
            _check_headers(archive, name)
            return {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise DataError(
            f"there is no file {name}",
            help=near(path, path.parent.glob("*.npz")) or "paths are relative to the spec's folder",
        ) from None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        if "pickle" in str(error).lower():
            raise DataError(
                f"{name} holds Python objects, which could run anything when read",
                help="save arrays of numbers: numpy.savez(file, x=..., y=...)",
            ) from None
        raise DataError(f"{name} cannot be read: {reason(error)}") from None
    except BAD_HEADER:
        raise DataError(f"{name} cannot be read: the header of an array is damaged") from None
    except MemoryError:
        raise DataError(f"{name} does not fit into memory") from None


def _check_size(path: Path, name: str) -> None:
    """Refuses an archive that says of itself that it does not fit into memory, or unpacks to what nobody has packed."""
    import zipfile

    if path.is_dir():
        raise DataError(f"{name} is a folder, not a file")
    if not zipfile.is_zipfile(path):
        if path.exists():
            raise DataError(f"{name} is no NumPy archive, or is damaged", help=SAVED)
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**63
    if size > memory * SHARE_UNPACKED:
        raise DataError(
            f"{name} unpacks to {size / 1e9:,.1f} GB, and this machine has {memory / 1e9:,.0f} GB of memory",
            help="bytes take less than numbers of 64 bits; pictures and streams are not held as a whole",
        )
    packed = path.stat().st_size
    if size > LARGE_UNPACKED and size > MOST_PACKED * packed:
        message = f"{name} unpacks to {size / 1e9:,.1f} GB, {size / packed:,.0f} times its own size"
        raise DataError(message, help=f"if there is that much in it, {SAVED}, without compression")


def _check_headers(archive: NpzFile, name: str) -> None:
    """Refuses arrays that say they are larger than what is there, before room is made for them; raises ValueError."""
    from math import prod

    import numpy as np

    headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    files = archive.zip
    for entry in files.infolist() if files is not None else ():
        if files is None or not entry.filename.endswith(".npy"):
            continue
        with files.open(entry) as stream:
            read = headers.get(np.lib.format.read_magic(stream))
            if read is None:
                continue
            shape, _, dtype = read(stream)
        size = prod(shape) * dtype.itemsize
        if size > sys.maxsize:
            raise DataError(f"{name} cannot be read: the header of an array is damaged")
        if not dtype.hasobject and size > entry.file_size:
            array = entry.filename.removesuffix(".npy")
            raise DataError(f"{name} is cut off: {array} is to have {size:,} bytes, and {entry.file_size:,} are there")


def read_bytes(path: Path) -> bytes:
    """The content of a file; raises DataError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {reason(error)}") from None


def numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
    """An array as data are kept: float32, int64, or bytes as they are; raises DataError."""
    import numpy as np

    if array.dtype.kind not in "fiub":
        raise DataError(f"{name} holds {array.dtype}, and training takes numbers")
    if array.dtype.kind != "f":
        return array if array.dtype == np.uint8 else array.astype(np.int64)
    result = array.astype(np.float32)
    bad = ~np.isfinite(result)
    if bad.any():
        count, first = int(bad.sum()), [int(index) for index in np.argwhere(bad)[0]]
        entries = "entry that is" if count == 1 else "entries that are"
        raise DataError(f"{name} holds {count:,} {entries} not finite, the first at {first}")
    return result


def published(folder: Path, name: str) -> Path | None:
    """The published file of that name, packed or not, under either spelling of its end."""
    for stem in (name, name.replace("-idx", ".idx")):
        for path in (folder / stem, folder / f"{stem}.gz"):
            if path.is_file():
                return path
    return None


IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path) -> NDArray[np.uint8]:
    """An IDX file: two zeros, a type, a rank, the sizes as big-endian words, the entries. Raises DataError.

    Source: LeCun, "The MNIST database", file formats.
    """
    import gzip
    import zlib
    from math import prod

    import numpy as np

    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in IDX_TYPES:
                raise DataError(f"{path.name} is no IDX file: it begins with {head.hex(' ') or 'nothing'}")
            shape = tuple(int.from_bytes(file.read(4), "big") for _ in range(head[3]))
            kind = np.dtype(IDX_TYPES[head[2]])
            size = prod(shape) * kind.itemsize
            if size > MOST_PUBLISHED:
                raise DataError(f"{path.name} claims to hold {size:,} bytes, which no published file does")
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} cannot be read: {reason(error)}") from None
    if len(content) != size:
        says = "more" if len(content) > size else f"{len(content):,}"
        raise DataError(f"{path.name} is damaged: it should hold {size:,} bytes and holds {says}")
    return np.frombuffer(content, kind).reshape(shape)


def near(path: Path, there: Iterable[Path]) -> str:
    """What may have been meant by a path at which nothing is, of those that are there; nothing where none is alike."""
    from netspec.spelling import nearest

    name = nearest(path.name, [entry.name for entry in there])
    return f"did you mean {name}?" if name else ""


def folders_beside(path: Path) -> Iterator[Path]:
    """The folders in that of a path."""
    return (entry for entry in path.parent.glob("*") if entry.is_dir())


def reason(error: Exception) -> str:
    """Why something could not be read, as the end of a sentence."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if isinstance(error, ValueError) and _IN_HEADER.search(text.lower()):
        return "the header of an array is damaged"
    return f"{text[:1].lower()}{text[1:]}"
