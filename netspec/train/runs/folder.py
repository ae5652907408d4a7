"""The folder of a run: there with all that a run can be taken up from, or not at all, as is every file in it later."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.files import put
from netspec.syntax.source import place_outside

if TYPE_CHECKING:
    from torch import Tensor

SPEC, SOURCE, METRICS, WEIGHTS, CURVES, RECORD = (
    "spec.net",
    "model.py",
    "metrics.csv",
    "model.safetensors",
    "curves.png",
    "run.json",
)
EPOCHS = "epochs"
"""The folder of the weights of single epochs."""
OWN = frozenset((SPEC, SOURCE, METRICS, WEIGHTS, RECORD, EPOCHS, "checkpoints", "imports", "tensorboard"))
"""What a run is taken up and read from; what else is in its folder has been drawn from it, and can be again."""
FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says where a disk, or one's share of it, is full."""


TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)
"""What the system says where a folder cannot be renamed since something has the name."""
OUTDATED = 3600
"""So many seconds after it was begun, a folder that never got its name is swept away: whoever made it was killed."""


@contextmanager
def claimed(path: Path, write: Callable[[Path], object]) -> Iterator[Path]:
    """The folder `path`, or where there is one the next free number of it, at the disposal of this process alone.

    `write` makes its files in a hidden folder beside it, which is renamed when they are whole: a process that is killed
    leaves a run that can be taken up, or none. Raises NetspecError (E0610).
    """
    beside = path.parent / f".netspec-{secrets.token_hex(4)}.partial"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_outdated(path.parent)
        beside.mkdir()
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from None
    with occupied(beside):
        try:
            write(beside)
            folder = _placed(beside, path)
        except (OSError, ValueError, NetspecError) as error:
            cause = error.__cause__ if isinstance(error, NetspecError) else error
            if isinstance(cause, OSError | ValueError):  # what is said of the hidden folder helps nobody
                raise unwritable(path, cause) from None
            raise
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        yield folder


def _placed(beside: Path, path: Path) -> Path:
    """Gives a folder the name that is wanted, or its next free number; raises OSError, and ValueError for no name."""
    for number in count(1):
        folder = path if number == 1 else path.with_name(f"{path.name}-{number}")
        if os.path.lexists(folder):
            continue
        try:
            beside.rename(folder)
        except OSError as error:
            if error.errno not in TAKEN:
                raise
        else:
            _sync_folder(folder.parent)
            return folder
    raise AssertionError


def _sweep_outdated(parent: Path) -> None:
    """Takes away the hidden folders of processes that were killed before their run had its name."""
    for beside in parent.glob(".netspec-*.partial"):
        with suppress(OSError):
            if beside.is_dir() and time() - beside.stat().st_mtime > OUTDATED:
                shutil.rmtree(beside)


@contextmanager
def occupied(folder: Path) -> Iterator[None]:
    """A folder at the disposal of this process alone; raises NetspecError (E0646) where another one is at work in it.

    The system lets go of the folder when the process ends, however it ends.
    """
    try:
        import fcntl
    except ImportError:  # not on every system
        yield
        return
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        here = place_outside(folder)
        message = f"a training is at work in {folder}"
        raise NetspecError((Diagnostic("E0646", message, here, help="wait for its end, or stop it first"),)) from None
    try:
        yield
    finally:
        os.close(opened)


def sweep(folder: Path) -> None:
    """Takes away what a process that was killed had begun to write in a folder."""
    for beside in folder.glob(".*.partial"):
        with suppress(OSError):
            beside.unlink()


def make_folder(folder: Path) -> None:
    """Makes a folder, and those around it, where there is none; raises NetspecError (E0610)."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None


def replacing(path: Path, write: Callable[[Path], object]) -> None:
    """Has `write` make the file beside its place, then renames it: it is there whole or not at all.

    A link is followed, and into a pipe or a device the result is written. Raises NetspecError (E0610).
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            put(path, write)
            return
        try:
            write(beside)
            beside.chmod(path.parent.stat().st_mode & 0o666)
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            beside.replace(path)
            _sync_folder(path.parent)
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from error


def _sync_folder(folder: Path) -> None:
    """Brings the names in a folder to the disk, where the system can: a rename alone may be lost with the power."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def save_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Writes tensors of the CPU as a safetensors file, each whole where several share memory; raises OSError."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    memories: set[int] = set()
    own: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        memory = tensor.untyped_storage().data_ptr()
        shared = memory in memories
        own[name] = tensor.clone(memory_format=torch.contiguous_format) if shared else tensor.contiguous()
        memories.add(own[name].untyped_storage().data_ptr())
    try:
        save_file(own, path, dict(metadata))
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        raise (OSError(int(number[1]), os.strerror(int(number[1]))) if number else OSError(str(error))) from None


def unwritable(path: Path, error: Exception) -> NetspecError:
    """That a file or folder of a run cannot be written, and why."""
    reason = getattr(error, "strerror", None) or str(error)
    blocking = next(
        filter(_is_file, (path, *path.parents) if isinstance(error, FileExistsError) else path.parents), None
    )
    mend = f"{blocking} is a file, and a folder is needed there" if blocking else ""
    if isinstance(error, IsADirectoryError):
        mend = f"{path} is a folder: choose another name"
    if getattr(error, "errno", None) in FULL:
        mend = "make room there; a run that has begun is taken up with netspec train --resume RUN"
    span = place_outside(path)
    message = f"{path} cannot be written: {reason[:1].lower()}{reason[1:]}"
    return NetspecError((Diagnostic("E0610", message, span, help=mend or "name another folder: --out FOLDER"),))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
