"""Formatting files in place: what would change, the difference, and the text written whole or not at all."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from netspec.elaborate import source_of
from netspec.files import write_bytes
from netspec.format import format_source
from netspec.syntax.source import Source


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One file: its text as it is and as it is to be written. `name` is how messages call it."""

    name: str
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def difference(self) -> str:
        """What formatting changes, as a unified diff; empty where it changes nothing."""
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True), self.after.splitlines(keepends=True), self.name, self.name
        )
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def rewrite(source: Source) -> Rewrite:
    """A text and what it becomes; raises NetspecError with what is wrong with its syntax."""
    return Rewrite(source.name, source.text, format_source(source))


def read(path: Path) -> Rewrite:
    """The same for a file, which has to be readable as a spec."""
    return rewrite(source_of(path, str(path)))


def write(path: Path, new: Rewrite) -> None:
    """Puts the text in the file's place; its lines end as they did."""
    ends = "\r\n" if b"\r\n" in path.read_bytes() else "\n"
    write_bytes(path, new.after.replace("\n", ends).encode("utf-8"))
