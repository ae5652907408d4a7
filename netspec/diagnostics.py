"""The one way to say that something is wrong: a code, a sentence, a place, what is known about it, and the mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from netspec.syntax.source import Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `message` is one sentence in the spec's terms. `label` stands under the underlined span. `related` are further
    spans with their labels (the other side of a join, the first use of a name). `notes` are lines of explanation
    (how a size came about, the chain of block instances). `help` is the mend; `mend`, where present, is the text that,
    put in place of its span, makes the spec check.
    """

    code: str
    message: str
    span: Span
    label: str = ""
    related: tuple[tuple[Span, str], ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    mend: tuple[Span, str] | None = None
    severity: Literal["error", "warning"] = "error"


@dataclass(eq=False)
class NetspecError(Exception):
    """What the public functions raise: every diagnostic that was found, in the order of the text."""

    diagnostics: Sequence[Diagnostic] = field(default_factory=tuple)

    def __str__(self) -> str:
        return "\n\n".join(render(diagnostic) for diagnostic in self.diagnostics)


def render(diagnostic: Diagnostic) -> str:
    """The diagnostic as plain text, in the manner of rustc: header, place, source lines, notes, help."""
    first = diagnostic.span
    lines = [
        f"{diagnostic.severity}[{diagnostic.code}]: {printable(diagnostic.message)}",
    ]
    places = sorted(
        [(first, diagnostic.label, "^"), *((span, text, "-") for span, text in diagnostic.related)],
        key=lambda place: (place[0].source is not first.source, place[0].source.name, place[0].start),
    )
    width = max(len(str(span.line)) for span, _, _ in places)
    margin = " " * width
    if first.source.text or len(places) > 1:
        lines.append(f"{margin}--> {printable(first.source.name)}:{first.line}:{first.column}")
        lines.extend(_excerpts(places, width))
    else:  # the file itself is what is wrong: it cannot be read, or holds nothing
        lines.append(f"{margin}--> {printable(first.source.name)}")
    if diagnostic.notes or diagnostic.help:
        lines.append(f"{margin} |")
    lines.extend(f"{margin} = {printable(note)}" for note in diagnostic.notes)
    if diagnostic.help:
        first_line, *rest = diagnostic.help.split("\n")
        lines.append(f"{margin} = help: {printable(first_line)}")
        lines.extend(f"{margin}         {printable(line)}" for line in rest)
    return "\n".join(lines)


_WIDEST = 160


def _excerpts(places: Sequence[tuple[Span, str, str]], width: int) -> list[str]:
    """The source lines of all places, each span marked, under the name of their file where it changes."""
    margin = " " * width
    lines: list[str] = []
    previous = None
    for span, text, mark in places:
        if previous is not None and span.source is not previous[0]:
            lines.append(f"{margin}--> {printable(span.source.name)}:{span.line}:{span.column}")
            previous = None
        if previous is None:
            lines.append(f"{margin} |")
        elif span.line > previous[1] + 1:
            lines.append(f"{margin} ...")
        lines.extend(_excerpt(span, text, mark, width, repeat=previous == (span.source, span.line)))
        previous = (span.source, span.line)
    return lines


def _excerpt(span: Span, text: str, mark: str, width: int, *, repeat: bool) -> list[str]:
    """The source line of `span` and the marks below it; only the marks where the line has just been shown."""
    line = span.source.line(span.line)
    start = span.column - 1
    length = max(1, min(span.end, span.start + len(line) - start) - span.start)
    if len(line) > _WIDEST:
        cut = max(0, start - 40)
        line, start = line[cut : cut + _WIDEST], start - cut
        length = max(1, min(length, len(line) - start))
    lead = "".join("\t" if character == "\t" else " " for character in line[:start])
    lines = [] if repeat else [f"{span.line:>{width}} | {printable(line)}"]
    lines.append(f"{' ' * width} | {lead}{mark * length} {printable(text)}".rstrip())
    return lines


def printable(text: str) -> str:
    """`text` with control and direction-changing characters made visible: a spec comes from strangers."""
    return "".join(
        character
        if character == "\t" or (character.isprintable() and character not in _BIDIRECTIONAL)
        else f"\\u{ord(character):04x}"
        for character in text
    )


_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
