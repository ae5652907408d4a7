"""The specs that the README and the docs show are written as `netspec fmt` writes them.

`pytest --update-golden` formats them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netspec.format import format_source
from netspec.syntax import Source, parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.stem != "errors")]
NET = re.compile(r"^(```net[^\n]*\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)


def formatted(text: str) -> str:
    """The text, or what can be said of a piece of a body; one with a mistake that it is there to show stays."""
    whole = Source("shown.net", text)
    if not parse(whole)[1]:
        return format_source(whole)
    piece = Source("shown.net", f"net Piece {{\n{text}}}\n")
    if not parse(piece)[1]:
        return format_source(piece).removeprefix("net Piece {\n").removesuffix("}\n")
    return text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_is_formatted(page: Path, update_golden: bool) -> None:
    text = page.read_text(encoding="utf-8")
    written = NET.sub(lambda block: block[1] + formatted(block[2]), text)
    if update_golden:
        page.write_text(written, encoding="utf-8")
    else:
        assert written == text
