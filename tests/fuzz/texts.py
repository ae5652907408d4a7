"""Texts to begin with, and what becomes of them: parts of the syntax replaced by others of their kind, and damage."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from netspec.layers import REGISTRY
from netspec.syntax import tree
from netspec.syntax.parser import parse
from netspec.syntax.source import Source, Span

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 6_000
"""Longer texts take more time than they find."""
NUMBERS = (
    "0", "1", "-1", "2", "3", "7", "64", "4096", "2147483647", "2147483648", "9223372036854775807", "1e999",
    "0.5", "-0.0", "1e-9",
)  # fmt: skip
WORDS = (
    "_", "in", "none", "true", "same", "H", "W", "x", "[]", "{}", "[[1]]", "\"a\"", "relu", "training", "std",
    "1/0", "x.shape",
)  # fmt: skip
STAGES = (
    "mean", "flatten", "argmax", "relu", "highway {}", "residual { conv(4, 1) }", "concat { {} relu }",
    "dense { conv(2, 1) }", "repeat 2 { relu }", "for i in [1, 2] { conv(i, 1) }", "x -> relu",
    "let y = relu(_)", "if in.channels > 1 { relu }", "global_avgpool", "unsqueeze(0)", "a, b = split(2)",
    "shared s = conv(1, 1)", "output o = relu", "return _", "param([])",
)  # fmt: skip
JUNK = (*"{}()[]=;,$#@\"'\\\0\n\té\u202e😀", "->", "${", "..", "**", "//")


@cache
def specs() -> tuple[str, ...]:
    """Every spec that there is, short ones: examples, the library, those of the tests, and those in the documents."""
    paths = [*ROOT.glob("examples/*.net"), *ROOT.glob("netspec/std/*.net"), *ROOT.glob("tests/specs/bad/*.net")]
    texts = [path.read_text(encoding="utf-8") for path in sorted(paths)]
    for page in (*sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("netspec/explain/*.md"))):
        texts += re.findall(r"^```net\b[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return tuple(text for text in texts if len(text) <= LONGEST)


def parts(text: str) -> Iterator[tree.Tree]:
    """The parts of the syntax that a text has, the whole first."""
    waiting: list[Any] = [parse(Source("<text>", text))[0]]
    while waiting:
        match waiting.pop():
            case tree.Tree() as part:
                yield part
                waiting += [value for _, value in part.content()]
            case tuple() as several:
                waiting += several


@cache
def stock() -> dict[type[tree.Tree], tuple[str, ...]]:
    """The texts of the parts of all specs, by their kind, each once."""
    found: dict[type[tree.Tree], dict[str, None]] = defaultdict(dict)
    for text in specs():
        for part in parts(text):
            if 0 < part.span.end - part.span.start <= 400:
                found[type(part)][part.span.text] = None
    found[tree.Number].update(dict.fromkeys(NUMBERS))
    found[tree.Name].update(dict.fromkeys([*WORDS, *REGISTRY]))
    found[tree.Stage].update(dict.fromkeys([*STAGES, *REGISTRY]))
    return {kind: tuple(texts) for kind, texts in found.items()}


def mutated(text: str, random: Random, most: int = 4) -> str:
    """The text after a few changes."""
    for _ in range(random.choice((1, 1, random.randint(1, most)))):
        text = random.choices((_exchanged, _moved, _damaged), (6, 3, 1))[0](text, random)
    return text[: 4 * LONGEST]


def _exchanged(text: str, random: Random) -> str:
    """A part replaced by another of its kind, from anywhere."""
    present = [part for part in parts(text) if part.span.end > part.span.start and type(part) in stock()]
    if not present:
        return _damaged(text, random)
    part = random.choice(present)
    return with_text(text, part.span, random.choice(stock()[type(part)]))


def _moved(text: str, random: Random) -> str:
    """A part left out, said twice, or exchanged with another of the same text."""
    present = [part for part in parts(text) if 0 < part.span.end - part.span.start < len(text)]
    if not present:
        return _damaged(text, random)
    part = random.choice(present)
    match random.randrange(4):
        case 0:
            return with_text(text, part.span, "")
        case 1:
            return with_text(
                text, part.span, f"{part.span.text}{random.choice(('; ', ', ', ' -> ', ' ', chr(10)))}{part.span.text}"
            )
        case 2:
            return with_text(
                text,
                part.span,
                f"{random.choice(('residual', 'add', 'concat', 'highway', 'dense', ''))} {{ {part.span.text} }}",
            )
    return with_text(text, part.span, random.choice(present).span.text)


def _damaged(text: str, random: Random) -> str:
    """Characters left out or put in, wherever."""
    start = random.randint(0, len(text))
    end = min(len(text), start + random.choice((0, 0, 1, 1, 5, 40)))
    return text[:start] + random.choice(("", *JUNK, *WORDS, *NUMBERS)) + text[end:]


def with_text(text: str, span: Span, other: str) -> str:
    """A text with another one in place of a span."""
    return text[: span.start] + other + text[span.end :]
