"""Writing results: the file is there whole or not at all, and what goes wrong is a diagnostic."""

from __future__ import annotations

import os
from pathlib import Path

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.syntax.source import Source, Span


def write_text(path: str | Path, text: str, *, replace: bool = True) -> None:
    """Writes a text beside the place first, then renames; raises NetspecError (E0004).

    Without `replace`, a file that is there already stays as it is, which is an error, too.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"), replace=replace)


def write_bytes(path: str | Path, content: bytes, *, replace: bool = True) -> None:
    """The same for bytes."""
    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}.partial") if target.name else target
    try:
        if target.is_dir():
            raise IsADirectoryError(0, "a folder is in its place")
        if not replace and target.exists():
            raise FileExistsError(0, "it is there already, and stays as it is")
        try:
            beside.write_bytes(content)
            if target.exists():
                beside.chmod(target.stat().st_mode & 0o777)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"{path} cannot be written: {reason[:1].lower()}{reason[1:]}"
        help = f"make the folder {target.parent} first" if not target.parent.exists() else ""
        help = "choose another name" if isinstance(error, FileExistsError) else help
        raise NetspecError((Diagnostic("E0004", message, Span(Source(str(path), ""), 0, 0), help=help),)) from None
