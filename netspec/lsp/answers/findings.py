"""Diagnostics as editors show them, and their mends as code actions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types
from pygls.uris import from_fs_path

from netspec.diagnostics import Diagnostic
from netspec.lsp.document import Document
from netspec.lsp.places import Places
from netspec.syntax.source import Span

_SEVERITY = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}


def protocol_diagnostic(document: Document, diagnostic: Diagnostic, uri: str) -> types.Diagnostic:
    """A diagnostic of a document: the message, what is known about it and the help; the other end as related."""
    lines = [
        diagnostic.message,
        diagnostic.label,
        *diagnostic.notes,
        f"help: {diagnostic.help}" if diagnostic.help else "",
    ]
    related = [
        types.DiagnosticRelatedInformation(place, text or "here")
        for span, text in diagnostic.related
        if (place := location(document, span, uri)) is not None
    ]
    unused = diagnostic.code.startswith("W01")
    return types.Diagnostic(
        document.places.range(_visible(diagnostic.span)),
        "\n".join(filter(None, lines)),
        _SEVERITY[diagnostic.severity],
        diagnostic.code,
        source="netspec",
        related_information=related,
        tags=[types.DiagnosticTag.Unnecessary] if unused else None,
    )


def _visible(span: Span) -> Span:
    """A span with at least one character where there is one, since what is empty is not underlined."""
    if span.start < span.end or not span.source.text:
        return span
    start = min(span.start, len(span.source.text) - 1)
    return Span(span.source, start, start + 1)


def location(document: Document, span: Span, uri: str) -> types.Location | None:
    """Where a span is, in this document or in the file that it was read from."""
    if span.source is document.source:
        return types.Location(uri, document.places.range(span))
    path = next((p for p, module in document.shelf.modules.items() if module.source is span.source), None)
    target = from_fs_path(str(path)) if isinstance(path, Path) else None
    if target is None:
        return None
    return types.Location(target, Places(span.source, document.places.codec).range(span))


def actions(
    document: Document, uri: str, place: types.Range, shown_now: list[types.Diagnostic]
) -> Iterator[types.CodeAction]:
    """The mends of what is wrong in a range; a comment that allows a warning; all mends at once."""
    first, last = document.places.offset(place.start), document.places.offset(place.end)
    here = [d for d in document.findings if d.span.start <= last and first <= d.span.end]
    for diagnostic in here:
        if diagnostic.mend is not None and diagnostic.mend[0].source is document.source:
            yield _action(document, uri, _title(diagnostic), [diagnostic.mend], diagnostic, shown_now, preferred=True)
        if diagnostic.severity == "warning":
            title = f"Allow {diagnostic.code} on this line"
            yield _action(document, uri, title, [allowance(diagnostic)], diagnostic, shown_now)
    mends = list(_apart(document))
    if len(mends) > 1:
        yield types.CodeAction(
            "Mend all that has one mend",
            types.CodeActionKind.SourceFixAll,
            edit=types.WorkspaceEdit({uri: [_edit(document, mend) for mend in mends]}),
        )


def _title(diagnostic: Diagnostic) -> str:
    help = diagnostic.help.partition("\n")[0]
    text = diagnostic.mend[1] if diagnostic.mend is not None else ""
    return help[:1].upper() + help[1:] if help else f"Write {text}" if text else "Leave it out"


def _action(
    document: Document,
    uri: str,
    title: str,
    mends: list[tuple[Span, str]],
    diagnostic: Diagnostic,
    shown_now: list[types.Diagnostic],
    *,
    preferred: bool = False,
) -> types.CodeAction:
    return types.CodeAction(
        title,
        types.CodeActionKind.QuickFix,
        diagnostics=[one for one in shown_now if one.code == diagnostic.code],
        is_preferred=preferred,
        edit=types.WorkspaceEdit({uri: [_edit(document, mend) for mend in mends]}),
    )


def _edit(document: Document, mend: tuple[Span, str]) -> types.TextEdit:
    return types.TextEdit(document.places.range(mend[0]), mend[1])


def _apart(document: Document) -> Iterator[tuple[Span, str]]:
    """The mends of the document that do not overlap, from the top."""
    end = -1
    mends = (d.mend for d in document.findings if d.mend is not None and d.mend[0].source is document.source)
    for span, text in sorted(mends, key=lambda mend: mend[0].start):
        if span.start > end:
            yield span, text
            end = span.end


def allowance(diagnostic: Diagnostic) -> tuple[Span, str]:
    """The comment that allows a warning, at the end of its line: `# allow W0301`."""
    source, line = diagnostic.span.source, source_line(diagnostic.span)
    end = line.end
    before = re.search(r"#[^\n]*\ballow W\d{4}(?:[ ,]+W\d{4})*", line.text)
    if before is not None:
        at = line.start + before.end()
        return Span(source, at, at), f", {diagnostic.code}"
    if "#" in line.text:
        return Span(source, end, end), f"; allow {diagnostic.code}"
    return Span(source, end, end), f"  # allow {diagnostic.code}"


def source_line(span: Span) -> Span:
    """The whole line that a span begins on."""
    text = span.source.text
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.start)
    return Span(span.source, start, end if end >= 0 else len(text))
