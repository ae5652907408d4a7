"""The command line: where each command is found, and how the program starts.

Only the file of the command that is called for is read, so that `netspec check` starts quickly.
"""

from __future__ import annotations

import codecs
import errno
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

SUBJECTS = {
    "nets": ("check", "summary", "emit", "graph", "render"),
    "text": ("fmt",),
    "editing": ("lsp", "serve"),
    "lifting": ("lift",),
    "comparison": ("diff", "migrate"),
    "training": ("train", "lr-find", "preview", "fit", "verify-resume", "sweep", "curves"),
    "trained": ("eval", "predict", "cam", "report", "export"),
    "reference": ("zoo", "new", "layers", "explain", "schema"),
}
"""The commands that each file of `netspec.commands` holds, in the order of the help."""

UNWRITABLE = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""What is wrong where the output cannot take what is printed."""
STANDARD_OUTPUT = 1

WIDEST_HELP = 120
"""Help takes the terminal's width up to this."""

SPELT = "netspec.spelt"
_SPELLINGS = {
    "×": "x",
    "→": "->",
    "…": "...",
    "—": "-",
    "–": "-",
    "≤": "<=",
    "≥": ">=",
    "·": "*",
    "─": "-",
    "│": "|",
    "“": '"',
    "”": '"',
}
"""What stands for characters that the terminal's encoding has not; others are shown by their numbers."""


def _spelt(error: UnicodeError) -> tuple[str | bytes, int]:
    """The handler of what an encoding has no character for."""
    assert isinstance(error, UnicodeEncodeError)
    missing = error.object[error.start : error.end]
    return "".join(_SPELLINGS.get(c, c.encode("ascii", "backslashreplace").decode()) for c in missing), error.end


codecs.register_error(SPELT, _spelt)


def main() -> None:
    """The `netspec` program."""
    gc.set_threshold(100_000)  # modules and graphs live until the end: looking through them for garbage finds none
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them takes longer than checking a net
    _open_streams()
    try:
        try:
            application(sys.argv[1:2])(prog_name="netspec")
        finally:
            sys.stdout.flush()
    except OSError as error:
        if sys.stdout.writable() and (error.filename is not None or error.errno not in UNWRITABLE):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), STANDARD_OUTPUT)  # what is left is written at the very end
        if not isinstance(error, BrokenPipeError):  # who reads our output has seen enough
            reason = f"cannot be written: {(error.strerror or '').lower()}" if error.errno else "is closed"
            print(f"error: the output {reason}", file=sys.stderr)
        sys.exit(1)


def _open_streams() -> None:
    """Has the three streams stand for what they should, also where the shell has closed them (`>&-`).

    A closed number would be that of the next file that is opened. What is printed to a closed output fails.
    """
    for number in (0, STANDARD_OUTPUT, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number == STANDARD_OUTPUT else os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=SPELT)


def application(arguments: Sequence[str] = ()) -> typer.Typer:
    """The commands as one application; where the first argument names one, that one alone, which is faster."""
    from netspec.commands.command import COMMANDS, Parsed

    app = typer.Typer(
        name="netspec",
        help="Neural networks as tables: check them, read them, compile them to PyTorch, train them.",
        no_args_is_help=True,
        add_completion=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDEST_HELP},
    )
    app.callback()(_options)
    subject_of = {name: subject for subject, names in SUBJECTS.items() for name in names}
    for name in [name for name in arguments if name in subject_of] or subject_of:
        import_module(f"netspec.commands.{subject_of[name]}")
        app.command(name, cls=Parsed)(COMMANDS[name])
    return app


def _version(is_asked: bool) -> None:
    if is_asked:
        from netspec import __version__

        print(f"netspec {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """What can stand before a command."""
