"""Mends followed to their end: a mend that leaves something wrong in its place takes the mend of that with it.

All mends of a file are put in their places together, and the text is checked again. What is wrong then within a mend,
or in the rest of a statement that could not be read before, has been hidden by it: its own mend is joined to it. A mend
that leads nowhere is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from netspec.diagnostics import Diagnostic
from netspec.syntax.source import Source, Span

MOST_TRIALS = 6
"""So many times a text is checked again, however much is wrong with it."""
LONGEST_HELP = 100
"""A mend of more characters, or of several lines, is not written into the help."""

Trial: TypeAlias = Callable[[Source], Sequence[Diagnostic] | None]
"""What is wrong with another text of the file; None where that takes more work than may be done for a mend."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """A stretch of a text, what is put there, and the diagnostics that it mends, by their place.

    One that `hides` mends a statement that could not be read.
    """

    start: int
    end: int
    text: str
    mended: frozenset[int] = frozenset()
    hides: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an edit stands in the text that it has mended."""

    start: int
    end: int
    edit: _Edit


def followed(diagnostics: Sequence[Diagnostic], source: Source, trial: Trial) -> list[Diagnostic]:
    """The diagnostics, each with a mend that leaves nothing wrong in its place, or with none."""
    edits = _edits(diagnostics, source)
    first = {index: edit for edit in edits for index in edit.mended}
    rest: Sequence[Diagnostic] | None = ()
    mended = source
    for _ in range(MOST_TRIALS if edits else 0):
        mended = Source(source.name, _applied(source.text, edits))
        if (rest := trial(mended)) is None:
            return list(diagnostics)
        joined = _joined(edits, rest, mended)
        if joined == edits:
            break
        edits = joined
    results: dict[int, Diagnostic] = dict(enumerate(diagnostics))
    for place in _places(edits):
        sound = not any(_within(diagnostic, place, mended) for diagnostic in rest or ())
        for index in place.edit.mended:
            results[index] = _with_mend(diagnostics[index], place.edit if sound else None, source, first[index])
        for index in sorted(place.edit.mended)[1:] if sound else ():
            del results[index]  # what one mend does away with is one mistake
    return list(results.values())


def _with_mend(diagnostic: Diagnostic, edit: _Edit | None, source: Source, first: _Edit) -> Diagnostic:
    """The diagnostic with what its mend has become; without one where it has become nothing."""
    if edit is None:
        return replace(diagnostic, mend=None)
    if (edit.start, edit.end, edit.text) == (first.start, first.end, first.text):
        return diagnostic
    short = "\n" not in edit.text and 0 < len(edit.text) <= LONGEST_HELP
    mend = Span(source, edit.start, edit.end), edit.text
    return replace(diagnostic, help=f"write {edit.text}" if short else diagnostic.help, mend=mend)


def _edits(diagnostics: Sequence[Diagnostic], source: Source) -> list[_Edit]:
    """The mends of a text that do not overlap, in its order."""
    edits: list[_Edit] = []
    for index, diagnostic in enumerate(diagnostics):
        if diagnostic.mend is None or diagnostic.mend[0].source is not source:
            continue
        span, text = diagnostic.mend
        hides = diagnostic.code.startswith("E01") and not text.endswith("\n")
        edit = _Edit(span.start, span.end, text, frozenset((index,)), hides)
        if all(edit.end < other.start or other.end < edit.start for other in edits):
            edits.append(edit)
    return sorted(edits, key=lambda edit: edit.start)


def _applied(text: str, edits: Sequence[_Edit]) -> str:
    """The text with all edits in their places."""
    parts, end = [], 0
    for edit in edits:
        parts += [text[end : edit.start], edit.text]
        end = edit.end
    return "".join([*parts, text[end:]])


def _places(edits: Sequence[_Edit]) -> Iterator[_Place]:
    shift = 0
    for edit in edits:
        start = edit.start + shift
        yield _Place(start, start + len(edit.text), edit)
        shift += len(edit.text) - (edit.end - edit.start)


def _joined(edits: Sequence[_Edit], rest: Sequence[Diagnostic], mended: Source) -> list[_Edit]:
    """The edits that lead from the first text to the mended one with the mends of what is left there."""
    places = list(_places(edits))
    more = _edits(rest, mended)
    stretches = [(place.start, place.end) for place in places]
    stretches += [_stretch(edit, rest, places, mended) for edit in more]
    joined: list[_Edit] = []
    for low, high in _united(stretches):
        here = [place for place in places if low <= place.start and place.end <= high]
        added = [edit for edit in more if low <= edit.start and edit.end <= high]
        inside = [replace(edit, start=edit.start - low, end=edit.end - low) for edit in added]
        text = _applied(mended.text[low:high], inside)
        indices = frozenset[int]().union(*(place.edit.mended for place in here))
        hides = any(place.edit.hides for place in here)
        joined.append(_Edit(_before(places, low), _after(places, high), text, indices, hides))
    return joined


def _stretch(edit: _Edit, rest: Sequence[Diagnostic], places: Sequence[_Place], mended: Source) -> tuple[int, int]:
    """From where to where an edit of the mended text belongs together with those that have hidden its mistake."""
    (index,) = edit.mended
    hiding = [place for place in places if _hid(place, rest[index].span, mended.text)]
    return min([edit.start, *(p.start for p in hiding)]), max([edit.end, *(p.end for p in hiding)])


def _united(stretches: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches that overlap or touch, as one."""
    united: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(united[-1][1], end)
        else:
            united.append((start, end))
    return united


def _hid(place: _Place, span: Span, text: str) -> bool:
    """Whether an edit has hidden what is wrong at a span: that lies in it, or in the statement made readable by it."""
    between = text[place.end : span.start] if place.end <= span.start else text[span.end : place.start]
    overlaps = span.start < place.end and place.start < span.end
    return overlaps or (place.edit.hides and not any(mark in between for mark in "\n;{}"))


def _within(diagnostic: Diagnostic, place: _Place, mended: Source) -> bool:
    span = diagnostic.span
    return span.source is mended and span.start < place.end and place.start < span.end


def _before(places: Sequence[_Place], offset: int) -> int:
    """Where a stretch of the mended text begins in the first one."""
    shift = sum(len(p.edit.text) - (p.edit.end - p.edit.start) for p in places if p.start < offset)
    return offset - shift


def _after(places: Sequence[_Place], offset: int) -> int:
    """Where a stretch of the mended text ends in the first one."""
    shift = sum(len(p.edit.text) - (p.edit.end - p.edit.start) for p in places if p.start <= offset and p.end <= offset)
    return offset - shift
