"""Writes what editors colour by into their folders in a checkout: `python -m netspec.editors`."""

from __future__ import annotations

from pathlib import Path

from netspec.editors import highlights, textmate

EDITORS = Path(__file__).resolve().parents[2] / "editors"
FILES = {
    "vscode/syntaxes/netspec.tmLanguage.json": textmate.text(),
    "tree-sitter-netspec/queries/highlights.scm": highlights.query("common"),
    "zed/languages/netspec/highlights.scm": highlights.query("common"),
    "helix/highlights.scm": highlights.query("helix"),
}

if __name__ == "__main__":
    for name, text in FILES.items():
        (EDITORS / name).write_text(text, encoding="utf-8")
