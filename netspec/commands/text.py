"""Commands over the text of specs: how it is written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netspec.commands.command import command
from netspec.commands.options.refusals import bad_option
from netspec.commands.options.shared import standard_input
from netspec.commands.printing import display_path, print_diagnostics

if TYPE_CHECKING:
    from netspec.diagnostics import Diagnostic
    from netspec.format.files import Rewrite

STDIN = Path("-")


@command
def fmt(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE...]", help="Files, folders, or - for the standard input; . if not given."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 where something would.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print what would change instead of writing it.")] = False,
) -> None:
    """Write specs in the one way that they are written; comments stay.

    The exit status is 0; with --check or --diff 1 where a file would change; 2 where one has mistakes: that one stays.
    """
    from netspec.diagnostics import NetspecError
    from netspec.discovery import specs
    from netspec.format import files as format_files

    paths = files or [Path()]
    piped = paths == [STDIN]
    if STDIN in paths and not piped:
        raise bad_option(
            "-", "-", "", "files are written where they are, and the standard input to the output", "fmt - alone"
        )
    results: list[Rewrite] = []
    mistakes: list[Diagnostic] = []
    for path in paths if piped else specs(paths):
        try:
            result = _of_stdin() if piped else format_files.read(path)
            if result.changed and not (check or diff or piped):
                format_files.write(path, result)
            results.append(result)
        except NetspecError as error:
            mistakes.extend(error.diagnostics)
    print_diagnostics(mistakes, sys.stderr)
    for text in (
        [result.after for result in results] if piped and not (check or diff) else _report(results, check, diff)
    ):
        print(text, end="")
    if mistakes or ((check or diff) and any(result.changed for result in results)):
        raise typer.Exit(2 if mistakes else 1)


def _of_stdin() -> Rewrite:
    """What the standard input holds; raises NetspecError where it is no spec."""
    from netspec.elaborate.project.files import source_in
    from netspec.format.files import rewrite

    return rewrite(source_in(standard_input(), "<stdin>"))


def _report(results: list[Rewrite], check: bool, diff: bool) -> Iterator[str]:
    """The lines that say what was done, or would be."""
    changed = [result for result in results if result.changed]
    if diff:
        yield from (result.difference for result in changed)
        return
    if check:
        yield from (f"would change: {display_path(Path(result.name))}\n" for result in changed)
    verb = ("would be changed" if check else "changed", "as it should be")
    counts = [
        f"{number} file{'s' if number != 1 else ''} {outcome}"
        for number, outcome in zip((len(changed), len(results) - len(changed)), verb, strict=True)
        if number
    ]
    if counts:
        yield f"{', '.join(counts)}\n"
