"""What netspec has written can be told by its mark, and is the user's as soon as somebody has changed it.

A picture or an archive holds the program's name. A text ends in a comment with a digest of all its other lines; white
space at their ends does not count, so that it holds whatever an editor or git makes of line ends. Tables and numbers
that are read by other programs have no room for a mark; they pass for somebody else's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

MARK = "netspec"
"""What stands in a file as the program that made it."""
REACH = 1 << 16
"""So many bytes of a file's beginning and of its end are searched for the mark."""
LONGEST = 1 << 28
"""No text that netspec writes has so many bytes."""

_LINE = re.compile(rb'\W*(?:Written by netspec: |"digest": ")([0-9a-f]{8})\W*')
"""The mark of a text, in whatever comment."""
_MARKED = (
    (re.compile(rb"\x89PNG"), b"tEXtSoftware\0netspec"),
    (re.compile(rb"%PDF"), b"/Creator (netspec)"),
    (re.compile(rb"PK\x03\x04"), b"/netspec.json"),
    (re.compile(rb'[\x00-\xff]{8}\{"__metadata__"'), b'"netspec":'),
    (re.compile(rb"\x08[\x03-\x20]"), b"\x0a\x07netspec"),
)
"""How the forms begin that are no text, and the mark: PNG, PDF, zips, safetensors, ONNX."""


def signed(text: str, comment: str, end: str = "") -> str:
    """Whole lines of text with the mark below them, in a comment of their form: `# {}`. `end` has to stand below it."""
    return _signed(text, comment.format("Written by netspec: {}"), end)


def signed_json(text: str) -> str:
    """A JSON object of several lines with its digest as the last member, as JSON has no comments."""
    return _signed(text.rstrip().removesuffix("}").rstrip() + ",\n", ' "digest": "{}"', "}\n")


def is_own(path: Path) -> bool:
    """Whether a file is as netspec has written it, or nothing is in it; raises OSError."""
    with path.open("rb") as file:
        head = file.read(REACH)
        if not head.strip() and len(head) < REACH:
            return True
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - REACH))
        tail = file.read(REACH)
        marks = [mark for form, mark in _MARKED if form.match(head)]
        if any(mark in head or mark in tail for mark in marks):
            return True
        if size > LONGEST or not any(map(_LINE.fullmatch, tail.splitlines())):
            return False
        file.seek(0)
        return _is_as_written(file.read().splitlines())


def _is_as_written(lines: Sequence[bytes]) -> bool:
    """Whether the last mark of a text says the digest of all its other lines."""
    for place in reversed(range(len(lines))):
        if mark := _LINE.fullmatch(lines[place]):
            return mark[1].decode() == _digest([*lines[:place], *lines[place + 1 :]])
    return False


def _signed(text: str, mark: str, end: str) -> str:
    digest = _digest((text + end).encode("utf-8", "backslashreplace").splitlines())
    return f"{text}{mark.format(digest)}\n{end}"


def _digest(lines: Sequence[bytes]) -> str:
    return sha256(b"\n".join(line.rstrip() for line in lines).rstrip()).hexdigest()[:8]
