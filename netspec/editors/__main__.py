"""Writes the TextMate grammar into the extension of VS Code, which lies in a checkout: `python -m netspec.editors`."""

from __future__ import annotations

from pathlib import Path

from netspec.editors.textmate import text

TARGET = Path(__file__).resolve().parents[2] / "editors" / "vscode" / "syntaxes" / "netspec.tmLanguage.json"

if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
