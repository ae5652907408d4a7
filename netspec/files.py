"""Writing results: a file is there whole or not at all, and what goes wrong is a diagnostic.

Links are followed. A regular file is replaced by renaming another one to it, and keeps its mode and owner; into what is
none, a pipe or a device, the result is written.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.syntax.source import place_outside

STANDARD_OUTPUT = 1


def regular(path: Path) -> Path:
    """The path of a file that can be read to its end; raises OSError where a pipe or a device is there.

    Opening a pipe waits for somebody to write into it.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # of a folder the system says so itself
        raise OSError(errno.EINVAL, f"it is a {'pipe' if stat.S_ISFIFO(mode) else 'device'}, not a file")
    return path


def write_text(path: str | Path, text: str, *, replace: bool = True) -> None:
    """Writes a text to a file; raises NetspecError (E0004).

    Without `replace`, a file that is there already stays as it is, which is an error, too.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"), replace=replace)


def write_bytes(path: str | Path, content: bytes, *, replace: bool = True) -> None:
    """The same for bytes."""
    try:
        if not str(path):
            raise ValueError("it has no name")
        if not replace and os.path.lexists(path):
            raise FileExistsError(0, "it is there already, and stays as it is")
        put(Path(path), lambda beside: beside.write_bytes(content))
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from None


def unwritable(path: str | Path, error: OSError | ValueError, help: str = "") -> NetspecError:
    """What to say of a result that cannot be written."""
    reason = getattr(error, "strerror", None) or str(error)
    if isinstance(error, FileExistsError):
        help = help or "choose another name"
    elif isinstance(error, FileNotFoundError) and not Path(path).parent.exists():
        help = f"make the folder {Path(path).parent} first"
    message = f"{path or 'the result'} cannot be written: {reason[:1].lower()}{reason[1:]}"
    return NetspecError((Diagnostic("E0004", message, place_outside(path), help=help),))


def put(path: Path, write: Callable[[Path], object]) -> None:
    """Has `write` make a file, and puts that in the place of `path`; raises OSError, and whatever `write` does."""
    target = Path(os.path.realpath(path))
    present = _status(path)
    if present is not None:
        _check_writable(path, present)
    into = present is not None and (_is_standard_output(present) or not stat.S_ISREG(present.st_mode))
    folder = Path(tempfile.gettempdir()) if into else target.parent
    beside = folder / f".netspec-{secrets.token_hex(4)}.partial"
    try:
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))  # never through a link laid there
        usual = beside.stat()
        write(beside)
        if into:
            _pour(beside, path)
            return
        if present is not None:
            _keep_owner(beside, present)
        beside.chmod(stat.S_IMODE((present or usual).st_mode))
        beside.replace(target)
    finally:
        with suppress(OSError):
            beside.unlink()


def _status(path: Path) -> os.stat_result | None:
    """What is at a path, links followed; None where nothing is. Raises OSError, as for links that go in a circle."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _check_writable(path: Path, present: os.stat_result) -> None:
    if stat.S_ISDIR(present.st_mode):
        raise IsADirectoryError(0, "a folder is in its place")
    if stat.S_ISBLK(present.st_mode):
        raise PermissionError(0, "it is a disk")
    if not os.access(path, os.W_OK):
        raise PermissionError(0, "it is there, and may not be written")


def _is_standard_output(present: os.stat_result) -> bool:
    """Whether a file is where our standard output goes, as /dev/stdout is: what went there before has to stay."""
    try:
        return os.path.samestat(present, os.fstat(STANDARD_OUTPUT))
    except OSError:
        return False


def _pour(content: Path, path: Path) -> None:
    """Writes a file's content into a pipe, a device or the standard output."""
    own = _is_standard_output(path.stat())
    with content.open("rb") as source, open(STANDARD_OUTPUT if own else path, "wb", closefd=not own) as stream:
        shutil.copyfileobj(source, stream)


def _keep_owner(beside: Path, present: os.stat_result) -> None:
    status = beside.stat()
    if (status.st_uid, status.st_gid) == (present.st_uid, present.st_gid):
        return
    try:
        os.chown(beside, present.st_uid, present.st_gid)
    except PermissionError:
        raise PermissionError(0, "it belongs to somebody else, which a new file would not") from None
