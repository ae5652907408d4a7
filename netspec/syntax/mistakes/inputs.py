"""Input statements as they are mistaken: other ways to declare one, and other words for a size that is open."""

from __future__ import annotations

import re

Edit = tuple[tuple[int, int], str]
"""The place of a mend, and its text."""

_DECLARATION = re.compile(r"input[ \t]*[:=]?[ \t]*(?P<name>[A-Za-z_]\w*)?[ \t]*[\[(](?P<sizes>[^\[\]()\n]*)[\])]")
_SHAPE = re.compile(r"\binput[ \t]+\w+[ \t]*(?::[ \t]*\w+[ \t]*)?\[(?P<sizes>[^\[\]\n]*)\]?")
_OPEN = frozenset({"?", "*", "-1", "None", "none"})
_NAMES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
HELP = "the batch is left out, and a size that stays open is a name: [3, H, W]"


def declaration(text: str, start: int) -> Edit | None:
    """What an input statement at `start` is meant to be: `input: image [3, 64, 64]`, `input(3, 64, 64)`."""
    match = _DECLARATION.match(text, start)
    if match is None or not match["sizes"].strip():
        return None
    return match.span(), f"input {match['name'] or 'image'} [{_sizes(match['sizes'])}]"


def open_sizes(text: str, offset: int) -> Edit | None:
    """The shape around `offset` with names for its open sizes and without the batch; None where none is around."""
    line = text.rfind("\n", 0, offset) + 1
    for shape in _SHAPE.finditer(text, line):
        start, end = shape.span("sizes")
        if start <= offset <= end:
            mended = _sizes(shape["sizes"])
            return ((start, end), mended) if mended != shape["sizes"] else None
        if start > offset:
            break
    return None


def _sizes(text: str) -> str:
    sizes = [size.strip() for size in text.split(",")]
    if len(sizes) > 2 and sizes[0] in _OPEN:
        del sizes[0]
    axes = len(sizes) - 1
    names = dict(zip(range(1, axes + 1), _NAMES.get(axes, ()), strict=False))
    mended = [names.get(i, f"S{i}") if size in _OPEN else size for i, size in enumerate(sizes)]
    return ", ".join(size.removeprefix("-") for size in mended)
