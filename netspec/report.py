"""Diagnostics for machines: a JSON document, the annotations of GitHub's checks, and SARIF."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from netspec.diagnostics import Diagnostic
from netspec.syntax.source import Span


def json_text(diagnostics: Sequence[Diagnostic], files: Sequence[str]) -> str:
    """One document for all files; `ok` is false where an error is among the diagnostics."""
    document = {
        "netspec": 1,
        "files": list(files),
        "ok": not any(diagnostic.severity == "error" for diagnostic in diagnostics),
        "diagnostics": [_plain(diagnostic) for diagnostic in diagnostics],
    }
    return json.dumps(document, indent=1, ensure_ascii=False)


def github_text(diagnostics: Sequence[Diagnostic], files: Sequence[str] = ()) -> str:
    """A workflow command a diagnostic, which GitHub shows beside the line."""
    return "\n".join(map(_annotation, diagnostics))


def sarif_text(diagnostics: Sequence[Diagnostic], files: Sequence[str]) -> str:
    """A log in the Static Analysis Results Interchange Format 2.1.0 (OASIS 2020), with a rule a code."""
    from netspec import __version__, explain

    codes = sorted({diagnostic.code for diagnostic in diagnostics})
    rules = [{"id": code, "shortDescription": {"text": explain.title(code)}} for code in codes]
    driver = {"name": "netspec", "version": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": _address(file)} for file in files],
        "results": [_result(diagnostic, codes) for diagnostic in diagnostics],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=False)


def _result(diagnostic: Diagnostic, codes: Sequence[str]) -> dict[str, Any]:
    parts = [diagnostic.message, diagnostic.label, *diagnostic.notes, diagnostic.help and f"help: {diagnostic.help}"]
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": codes.index(diagnostic.code),
        "level": diagnostic.severity,
        "message": {"text": "\n".join(filter(None, parts))},
        "locations": [{"physicalLocation": _region(diagnostic.span)}],
    }
    if diagnostic.related:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _region(span), "message": {"text": label or "here"}}
            for number, (span, label) in enumerate(diagnostic.related)
        ]
    if diagnostic.mend is not None:
        span, text = diagnostic.mend
        change = {"deletedRegion": _region(span)["region"], "insertedContent": {"text": text}}
        changes = {"artifactLocation": _address(span.source.name), "replacements": [change]}
        result["fixes"] = [{"description": {"text": diagnostic.help or text}, "artifactChanges": [changes]}]
    return result


def _region(span: Span) -> dict[str, Any]:
    place = _place(span)
    region = {
        "startLine": place["line"],
        "startColumn": place["column"],
        "endLine": place["end_line"],
        "endColumn": place["end_column"],
    }
    return {"artifactLocation": _address(span.source.name), "region": region}


def _address(file: str) -> dict[str, str]:
    return {"uri": quote(file.replace("\\", "/"))}


def _plain(diagnostic: Diagnostic) -> dict[str, Any]:
    mend = diagnostic.mend
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_place(diagnostic.span),
        "label": diagnostic.label,
        "related": [{**_place(span), "label": label} for span, label in diagnostic.related],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "mend": {**_place(mend[0]), "text": mend[1]} if mend else None,
    }


def _place(span: Span) -> dict[str, Any]:
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": end_line,
        "end_column": end_column,
        "start": span.start,
        "end": span.end,
    }


def _annotation(diagnostic: Diagnostic) -> str:
    place = _place(diagnostic.span)
    properties = {
        "file": place["file"],
        "line": place["line"],
        "endLine": place["end_line"],
        "col": place["column"],
        "endColumn": place["end_column"],
        "title": f"netspec {diagnostic.code}",
    }
    parts = [diagnostic.message, diagnostic.label, *diagnostic.notes, diagnostic.help and f"help: {diagnostic.help}"]
    settings = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in properties.items())
    return f"::{diagnostic.severity} {settings}::{_escaped(chr(10).join(filter(None, parts)))}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(character):02X}" if character in f"%\r\n{more}" else character for character in text)
