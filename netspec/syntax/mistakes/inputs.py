"""Input statements as they are mistaken: other ways to declare one, and other words for a size that is open."""

from __future__ import annotations

import re

Edit = tuple[tuple[int, int], str]
"""The place of a mend, and its text."""

HELP = "the batch is left out, and a size that stays open is a name: [3, H, W]"
_OPEN = frozenset({"?", "*", "-1", "None", "none", ":"})
_NAMES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
_SHAPE = re.compile(r"\binput[ \t]+\w+[ \t]*(?::[ \t]*\w+[ \t]*)?\[(?P<sizes>[^\[\]\n]*)\]?")
_STATEMENT = re.compile(r"[^\n;#{}]*(?:\{[^\n;#{}]*\}[^\n;#{}]*)?")
_KEYWORD = re.compile(r"(?:(?P<label>[A-Za-z_]\w*)[ \t]*=[ \t]*)?(?:[\w.]+\.)?(?:in|inputs?)(?![\w.])", re.IGNORECASE)
_NO_NAMES = frozenset({"shape", "tensor", "float", "int", "bool", "size"})
_PART = re.compile(
    r"(?P<name>[A-Za-z_]\w*)?[ \t]*(?::[ \t]*(?P<type>int|bool|float)\b)?[ \t:=]*(?:[A-Za-z_]\w*[ \t]*=[ \t]*)?"
    r"(?P<brackets>[\[({]+(?P<inside>[^\[\](){}\n]*)[\])}]+)"
)
_BARE = re.compile(r"(?P<name>[A-Za-z_]\w*)?[ \t:=]*(?P<inside>\d+(?:[ \t]*[,xX \t][ \t]*\d+)+)[ \t]*$")


def declaration(text: str, start: int) -> Edit | None:
    """What an input statement at `start` is meant to be: `input: image [3, 64, 64]`, `x = Input(shape=(3, 64, 64))`."""
    match = _STATEMENT.match(text, start)
    keyword = _KEYWORD.match(match[0]) if match is not None else None
    if match is None or keyword is None:
        return None
    statement, end = match[0].partition("->")[0].rstrip(), keyword.end()
    parts = [*_PART.finditer(statement, end)] or [*_BARE.finditer(statement, end)]
    declared = [_declared(part.groupdict(), keyword["label"]) for part in parts]
    inputs = [one for one in declared if one]
    if not inputs or len(inputs) < len(declared):
        return None
    put = "; ".join(inputs)
    return ((start, start + len(statement)), put) if put != statement else None


def undeclared(text: str, start: int) -> Edit | None:
    """`image [3, 64, 64]`, an input without its word."""
    match = _STATEMENT.match(text, start)
    part = _PART.fullmatch(match[0].rstrip()) if match is not None else None
    if part is None or not part["name"] or not part["brackets"].startswith("["):
        return None
    if "," not in part["inside"] or not part["inside"].strip()[:1].isdigit():
        return None
    return (start, start + len(part[0])), _declared(part.groupdict(), None)


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


def _declared(part: dict[str, str | None], label: str | None) -> str:
    """`input image [3, 64, 64]`; empty where there are no sizes."""
    sizes = _sizes(part["inside"] or "")
    name = part["name"] if part["name"] and part["name"] not in _NO_NAMES else label or "image"
    kind = part.get("type")
    return f"input {name}{f': {kind}' if kind in ('int', 'bool') else ''} [{sizes}]" if sizes else ""


def _sizes(text: str) -> str:
    parts = re.split(r"[,\sxX]+", text) if re.fullmatch(r"\s*\d+([,\sxX]+\d+)*\s*", text) else text.split(",")
    sizes = [re.sub(r"^\w+\s*=\s*", "", size.strip()).strip("'\"") for size in parts if size.strip()]
    if len(sizes) > 2 and sizes[0] in _OPEN:
        del sizes[0]
    axes = len(sizes) - 1
    names = dict(zip(range(1, axes + 1), _NAMES.get(axes, ()), strict=False))
    mended = [names.get(i, f"S{i}") if size in _OPEN else size for i, size in enumerate(sizes)]
    return ", ".join(size.removeprefix("-") for size in mended)
