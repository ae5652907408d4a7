"""Which block of the library that ships with netspec is meant by a name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from netspec.spelling import synonym

STANDARD = Path(__file__).resolve().parent.parent / "std"
_BLOCK = re.compile(r"^(?:# Also called: (?P<aliases>[\w, ]+)\.\n)?block (?P<name>\w+)", re.MULTILINE)


@cache
def blocks() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The blocks of the library by name: the module that each is in, and what else it is called."""
    table: dict[str, tuple[str, tuple[str, ...]]] = {}
    for path in sorted(STANDARD.rglob("*.net")):
        module = f"std.{path.relative_to(STANDARD).with_suffix('').as_posix().replace('/', '.')}"
        for match in _BLOCK.finditer(path.read_text(encoding="utf-8")):
            aliases = re.findall(r"\w+", match["aliases"] or "")
            table.setdefault(match["name"], (module, tuple(aliases)))
    return table


def home(name: str) -> tuple[str, str] | None:
    """The module and the block of the library that a name means; None where it means none."""
    table = blocks()
    block = synonym(name, {block: aliases for block, (_, aliases) in table.items()})
    return (table[block][0], block) if block else None
