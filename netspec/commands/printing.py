"""What commands print: in colour on a terminal, plain elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

if TYPE_CHECKING:
    from netspec.analysis.summary import Table
    from netspec.diagnostics import Diagnostic
    from netspec.graph.graph import Graph


def print_diagnostics(diagnostics: Sequence[Diagnostic], stream: TextIO) -> None:
    """As text, a blank line after each; in colour on a terminal."""
    from netspec.diagnostics import render

    for diagnostic in diagnostics:
        text = render(diagnostic)
        if in_colour(stream):
            _paint(text, diagnostic.severity, stream)
        else:
            print(text, file=stream)
        print(file=stream)


def in_colour(stream: TextIO) -> bool:
    """Whether to write in colour: on a terminal that can, but for NO_COLOR; elsewhere with FORCE_COLOR.

    Source: no-color.org and force-color.org; a variable that is set to nothing is not set.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _paint(text: str, severity: str, stream: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    header, *rest = text.split("\n")
    painted = Text(header, style="bold")
    painted.stylize("red" if severity == "error" else "yellow", 0, header.find(":"))
    for line in rest:
        rich_text = Text("\n" + line)
        rich_text.highlight_regex(r"^\n *\d* *(-->|\||=|\.\.\.)", "blue")
        rich_text.highlight_regex(r"(?<=\| )[ \t]*\^+.*", "red" if severity == "error" else "yellow")
        rich_text.highlight_regex(r"(?<=\| )[ \t]*-+.*", "blue")
        rich_text.highlight_regex(r"(?<== )help:", "bold green")
        painted.append_text(rich_text)
    Console(file=stream, force_terminal=True).print(painted, soft_wrap=True)


def print_table(graph: Graph, table: Table) -> None:
    from dataclasses import replace

    from netspec.analysis.summary import lines

    if not in_colour(sys.stdout):
        for line, _ in lines(graph, table):
            print(line)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(force_terminal=True)
    styles = {"head": "dim", "net": "bold", "scope": "bold", "row": "", "total": "green"}
    table = replace(table, screen=max(table.screen, console.size.height - 10), width=console.size.width)
    for line, kind in lines(graph, table):
        console.print(Text(line, style=styles[kind]), soft_wrap=True)


def write(content: str | bytes, output: str) -> None:
    """To the file, whole or not at all, or to the standard output."""
    from netspec.files import write_bytes, write_text

    match content, output:
        case str(), "-":
            print(content, end="")
        case bytes(), "-":
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
        case str(), _:
            write_text(output, content)
        case bytes(), _:
            write_bytes(output, content)


def unknown(message: str, name: str, names: list[str], lists: str) -> None:
    """Says that there is nothing of that name, and which was meant, or the command that `lists` what there is."""
    from netspec.spelling import nearest

    near = nearest(name, names)
    hint = f"did you mean {near}?" if near else f"{lists} lists them"
    print(f"error: {message}; {hint}", file=sys.stderr)
    raise typer.Exit(1)


def display_path(path: Path) -> str:
    from netspec.diagnostics import printable

    return printable(str(path))
