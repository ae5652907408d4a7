"""Mistakes as people make them: a letter wrong, a number wrong, a bracket or an argument left out."""

from __future__ import annotations

import re
from functools import cache
from random import Random

import netspec
from netspec.diagnostics import NetspecError
from netspec.syntax import tree
from netspec.syntax.source import Span
from tests.fuzz.texts import LONGEST, parts, specs, with_text


@cache
def right() -> tuple[str, ...]:
    """The specs that check, but for those that import files."""
    return tuple(text for text in specs() if 'from "' not in text and _checks(text))


def _checks(text: str) -> bool:
    try:
        return bool(text.strip()) and not netspec.parse(text).check()
    except NetspecError:
        return False


def mistaken(text: str, random: Random) -> str:
    """The text with a mistake in it."""
    return random.choice((_misspelt, _miscounted, _miscounted, _left_out, _unpunctuated))(text, random)[:LONGEST]


def _misspelt(text: str, random: Random) -> str:
    """A word with a letter missing, twice, wrong, or exchanged with the next; or in capitals."""
    words = [match for match in re.finditer(r"[A-Za-z_]\w{2,}", text) if "#" not in _line_before(text, match.start())]
    if not words:
        return text
    match = random.choice(words)
    word = match.group()
    at = random.randrange(len(word) - 1)
    wrong = random.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + random.choice("aeinrst_x") + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word.capitalize(),
            f"{word}s",
        )
    )
    return text[: match.start()] + wrong + text[match.end() :]


def _miscounted(text: str, random: Random) -> str:
    """Another number, in most cases a channel or a size then."""
    numbers = [part for part in parts(text) if isinstance(part, tree.Number) and part.span.end > part.span.start]
    if not numbers:
        return text
    part = random.choice(numbers)
    value = part.value
    others = (value + 1, max(0, value - 1), value * 2, value / 2, float(value), 8, 0, f"'{value}'")
    return with_text(text, part.span, str(random.choice(others)))


def _left_out(text: str, random: Random) -> str:
    """An argument, a stage, a clause or an import missing."""
    kinds = (tree.Argument, tree.Stage, tree.Clause, tree.Import, tree.Parameter, tree.Let, tree.Input)
    present = [part for part in parts(text) if isinstance(part, kinds) and part.span.end > part.span.start]
    if not present:
        return text
    span = random.choice(present).span
    after = re.match(r"\s*,\s*", text[span.end :]) if text[: span.start].rstrip()[-1:] == "(" else None
    before = re.search(r",\s*$", text[: span.start])
    start = before.start() if before else span.start
    end = span.end + (after.end() if after else 0)
    return with_text(text, Span(span.source, start, end), "")


def _unpunctuated(text: str, random: Random) -> str:
    """A mark missing, twice, or another one."""
    marks = [index for index, character in enumerate(text) if character in "()[]{},=:;->\"'"]
    if not marks:
        return text
    at = random.choice(marks)
    return text[:at] + random.choice(("", "", text[at] * 2, random.choice("()[]{},=:;"))) + text[at + 1 :]


def _line_before(text: str, index: int) -> str:
    return text[text.rfind("\n", 0, index) + 1 : index]
