"""What each code of an error or a warning means: one Markdown page a code, beside this file, named after it.

A page is a title, what the code says and why, a wrong example, the message that it gets, and the mended example.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def codes() -> list[str]:
    """Every code that there is, in order."""
    return sorted(path.stem for path in _HERE.glob("[EW]*.md"))


def page(code: str) -> str | None:
    """The page of a code, in Markdown; None where there is no such code."""
    known = {name: name for name in codes()}
    found = known.get(code.strip().upper())
    return (_HERE / f"{found}.md").read_text(encoding="utf-8") if found else None


def title(code: str) -> str:
    """The one line that a code stands for."""
    first = (_HERE / f"{code}.md").read_text(encoding="utf-8").partition("\n")[0]
    return first.partition(": ")[2]


def markdown() -> str:
    """All pages as one, for the documentation."""
    head = "# Errors and warnings\n\nMade from the pages of `netspec explain` by `netspec explain --format markdown`.\n"
    return "\n".join([head, *(f"#{(page(code) or '').rstrip()}\n" for code in codes())])
