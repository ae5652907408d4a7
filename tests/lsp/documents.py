"""Documents without an editor, for tests of what they say."""

from __future__ import annotations

from pathlib import Path

from pygls.workspace import PositionCodec

from netspec.lsp.answers import hints
from netspec.lsp.document import Document
from netspec.lsp.places import Places
from netspec.lsp.shelf import Shelf
from netspec.syntax.source import Source

EXAMPLES = Path(__file__).parents[2] / "examples"


def document(text: str, shelf: Shelf | None = None, path: Path | None = None) -> Document:
    source = Source("net.net", text)
    return Document(source, Places(source, PositionCodec()), shelf or Shelf(path, lambda other: None))


def shapes(one: Document) -> dict[int, str]:
    """The shapes that hints show, by their line from 1."""
    found = hints.hints(one, 0, len(one.source.text), ("shape",))
    return {hint.position.line + 1: str(hint.label) for hint in found}
