"""What is said of an option whose text means nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netspec.diagnostics import NetspecError


def bad_option(
    flag: str, option: str, example: str, message: str = "", help: str = "", stretch: tuple[int, int] | None = None
) -> NetspecError:
    """What is raised for the text of an option that cannot be read, or for a stretch of it.

    `help` is said in place of an example.
    """
    said = help or f"{flag} '{example}'"
    return refusal("E0005", flag, message or f"{flag} takes a name and a value", option, said, stretch)


def refusal(
    code: str, name: str, message: str, text: str = "", help: str = "", stretch: tuple[int, int] | None = None
) -> NetspecError:
    """An error at an option or a stretch of its text."""
    from netspec.diagnostics import Diagnostic, NetspecError
    from netspec.syntax.source import Source, Span

    start, end = stretch or (0, len(text))
    return NetspecError((Diagnostic(code, message, Span(Source(name, text), start, end), help=help),))
