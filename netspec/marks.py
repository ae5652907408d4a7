"""What netspec has written can be told: by a mark where the form has room for one, or by how its text begins.

Tables, numbers and texts that a net has said have no room for a mark; they pass for somebody else's.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

MARK = "netspec"
"""What stands in a file as the program that made it."""
REACH = 1 << 16
"""So many bytes of a file's beginning and of its end are searched for the mark."""

_TEXTS = re.compile(
    rb"""\s*(?: \Z | \{\s*"netspec":\s*\d+,\s*"(?:net|nets|name)" | (?:%\ [^\n]*\n)?%\ (?:pdflatex|In\ a\ paper:)
    | (?:<\?xml[^>]*>\s*)?<svg\ [^>]*\ role="img"\ font-family="Helvetica,\ Arial,\ 'Liberation\ Sans'
    | %!PS-Adobe[^\n]*(?:\n%%[^\n]*)*\n%%Creator:\ netspec | \"{3}\w+:\ [\d,]+\ parameters?\b )""",
    re.VERBOSE,
)
"""How texts begin that are told by that: pictures, graphs, sources; and a file with nothing in it."""
_MARKED = (
    (re.compile(rb"\x89PNG"), b"tEXtSoftware\0netspec"),
    (re.compile(rb"%PDF"), b"/Creator (netspec)"),
    (re.compile(rb"<!doctype html", re.IGNORECASE), b'<meta name="generator" content="netspec">'),
    (re.compile(rb"<\?xml[^>]*>\s*(?:<!DOCTYPE[^>]*>\s*)?<svg"), b"<dc:title>netspec</dc:title>"),
    (re.compile(rb"PK\x03\x04"), b"/netspec.json"),
    (re.compile(rb"digraph [^\n]*\{\n\tgraph \[bgcolor="), b'style="filled,rounded"]\n\tedge [arrowsize='),
    (re.compile(rb"---\nconfig:\n  theme: base\n---\nflowchart"), b"\n  classDef input fill:"),
    (re.compile(rb'[\x00-\xff]{8}\{"__metadata__"'), b'"netspec":'),
    (re.compile(rb"\x08[\x03-\x20]"), b"\x0a\x07netspec"),
)
"""How the forms begin that have room for a mark, and the mark: PNG, PDF, pages, SVG, zips,
graphs for Graphviz and Mermaid, by what only netspec writes there, safetensors, ONNX."""


def is_own(path: Path) -> bool:
    """Whether netspec has written a file, or nothing is in it; raises OSError."""
    with path.open("rb") as file:
        head = file.read(REACH)
        if _TEXTS.match(head) is not None:
            return True
        marks = [mark for form, mark in _MARKED if form.match(head)]
        file.seek(max(0, file.seek(0, os.SEEK_END) - REACH))
        tail = file.read(REACH)
    return any(mark in head or mark in tail for mark in marks)
