"""The text of a cfg to its sections: `[convolutional]` and the options below it, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.syntax.source import Source, Span

LARGEST = 2**31 - 1
MOST = 10_000
"""So many sections a cfg may have."""


@dataclass(frozen=True)
class Section:
    """`[name]` and its options. Numbers are read when they are asked for."""

    name: str
    span: Span
    options: dict[str, tuple[str, Span]] = field(default_factory=dict)

    def number(self, name: str, default: int | None = None, *, least: int = 0) -> int:
        """A whole number; raises NetspecError (E1004) where it is none, or is missing and has no default."""
        if name not in self.options:
            if default is None:
                raise wrong(f"[{self.name}] has no {name}", self.span, help=f"{name}=1")
            return default
        text, span = self.options[name]
        if not re.fullmatch(r"[+-]?\d{1,10}(\.0*)?", text):
            raise wrong(f"{name} is a whole number, not {text}", span)
        value = int(text.partition(".")[0])
        if not least <= value <= LARGEST:
            raise wrong(f"{name} is between {least} and {LARGEST}, not {text}", span)
        return value

    def real(self, name: str, default: float) -> float:
        """A number; raises NetspecError (E1004) where it is none."""
        if name not in self.options:
            return default
        text, span = self.options[name]
        if not re.fullmatch(r"[+-]?(\d{1,20}\.?\d{0,20}|\.\d{1,20})([eE][+-]?\d{1,2})?", text):
            raise wrong(f"{name} is a number, not {text}", span)
        return float(text)

    def numbers(self, name: str) -> list[int]:
        """Whole numbers with commas between them."""
        if name not in self.options:
            raise wrong(f"[{self.name}] has no {name}", self.span, help=f"{name}=-1")
        text, span = self.options[name]
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if not parts or not all(re.fullmatch(r"[+-]?\d{1,6}", part) for part in parts):
            raise wrong(f"{name} is a list of numbers of layers, not {text}", span, help=f"{name}=-1, 61")
        return list(map(int, parts))

    def word(self, name: str, default: str) -> str:
        """A word."""
        return self.options[name][0].lower() if name in self.options else default

    def at(self, name: str) -> Span:
        """Where an option stands, or the section where it is not given."""
        return self.options[name][1] if name in self.options else self.span


def wrong(message: str, span: Span, *, help: str = "") -> NetspecError:
    """The error of what cannot be read."""
    return NetspecError((Diagnostic("E1004", message, span, help=help),))


def sections_of(source: Source) -> list[Section]:
    """The sections of a cfg, in order. Raises NetspecError (E1004) with every line that cannot be read."""
    sections: list[Section] = []
    mistakes: list[Diagnostic] = []
    start = 0
    for line in source.text.split("\n"):
        bare = re.split(r"[#;]", line, maxsplit=1)[0].strip()
        begin = start + line.find(bare)
        span = Span(source, begin, begin + len(bare))
        start += len(line) + 1
        if not bare:
            continue
        if header := re.fullmatch(r"\[\s*([\w-]{1,40})\s*\]", bare, re.ASCII):
            sections.append(Section(header[1].lower(), span))
        elif (option := re.fullmatch(r"([\w-]{1,60})\s*=\s*(.{0,4000})", bare, re.ASCII)) and sections:
            sections[-1].options[option[1].lower()] = (option[2].strip(), span)
        elif option:
            mistakes.append(Diagnostic("E1004", "an option stands before any section", span, help="[net]"))
        else:
            message = "a line is a section or an option"
            mistakes.append(Diagnostic("E1004", message, span, help="[convolutional], or filters=32"))
    if mistakes:
        raise NetspecError(tuple(mistakes[:20]))
    if not sections or sections[0].name not in ("net", "network"):
        span = sections[0].span if sections else Span(source, 0, 0)
        raise wrong("a cfg begins with the section [net]", span, help="[net]\nwidth=416\nheight=416\nchannels=3")
    if len(sections) > MOST:
        raise wrong(f"a cfg has at most {MOST:,} sections", sections[MOST].span)
    return sections
