"""Texts as people leave them behind: the tokens of a spec with other spaces, lines and comments between them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from netspec.syntax import Source, tree
from netspec.syntax.lexer import Token, scan
from netspec.syntax.report import Report

_IN_BRACKETS = st.sampled_from(["", " ", "   ", "\n", "\n    ", "  # inside\n  ", "\n\n # alone\n"])
_ON_A_LINE = st.sampled_from([" ", "  ", "\t"])
_NEW_LINE = st.sampled_from(["\n", "\n  ", "\n\n\n", " ; ", ";", " # end\n", "\n# alone\n\n", "; # end\n  # alone\n"])
_BEFORE_ARROW = st.sampled_from([" ", "\n  ", "  # why\n    ", "\n\n # alone\n "])
_WORDS = ("NAME", "NUMBER", "CONSTANT", "IN", "AND", "OR", "NOT", "IF", "ELSE", "FOR", "HOLE", "PART", "TAIL")
_TEMPLATE = ("PART", "HOLE", "LHOLE", "TAIL")


def _gap(draw: st.DrawFn, text: str, before: Token, after: Token, depth: int, hole: bool) -> str:
    """What stands between two tokens, so that they stay what they are."""
    gap = text[before.end : after.start]
    if not gap and (before.kind in _TEMPLATE or after.kind in _TEMPLATE or not depth):
        return gap
    step = after.kind == "DOT" and text[after.end : after.end + 1].isdigit()
    if step or (before.kind, after.kind) == ("DOT", "NUMBER"):  # `.0` alone would be a number, and `0.` as well
        return gap
    if depth and not hole:
        chosen = draw(_IN_BRACKETS)
        return chosen or (" " if gap or (before.kind in _WORDS and after.kind in _WORDS) else "")
    return draw(_BEFORE_ARROW if after.kind == "ARROW" and not depth else _ON_A_LINE)


@st.composite
def scrambled(draw: st.DrawFn, text: str) -> str:
    """`text` with as many changes between its tokens as leave its tree the same."""
    source = Source("scrambled", text)
    tokens = [token for token in scan(text, Report(source)) if token.kind not in ("NEWLINE", "END")]
    if not tokens:
        return text
    pieces = [draw(st.sampled_from(["", "# first\n\n", "\n"])), tokens[0].text]
    depth = holes = 0
    for before, after in pairwise(tokens):
        depth += (before.kind in ("LPAR", "LSQB", "LHOLE")) - (before.kind in ("RPAR", "RSQB", "RHOLE"))
        holes += (before.kind == "LHOLE") - (before.kind == "RHOLE")
        ends = "\n" in text[before.end : after.start] and not depth and after.kind != "ARROW"
        pieces.append(draw(_NEW_LINE) if ends else _gap(draw, text, before, after, depth, holes > 0))
        pieces.append(text[after.start : after.end])
    return "".join(pieces) + draw(st.sampled_from(["", "\n", "  # last\n\n\n"]))


def comments(text: str) -> list[str]:
    """The comments of a text that has no `#` in its strings, in no order."""
    return sorted(line.partition("#")[2].strip() for line in text.splitlines() if "#" in line)


def tree_of(text: str) -> tree.File:
    from netspec.syntax.parser import parse

    file, mistakes = parse(Source("t", text))
    assert not mistakes, f"{mistakes[0]}\n{text}"
    return file
