"""Brackets that are never closed: a mend closes its own, and those inside that are open at the same place."""

from __future__ import annotations

import pytest

from netspec.syntax.parser import parse
from netspec.syntax.source import Source


@pytest.mark.parametrize(
    "line", ["conv(8, 3(", "input x [8, H, 32[", "x = f(a, g(h(1", "pad([[1, 0], [add { 0 }, 0]])", "let a = [1, (2"]
)
def test_the_outermost_mend_closes_all(line: str) -> None:
    text = f"net N {{\n  {line}\n}}\n"
    found = parse(Source("<text>", text))[1]
    first = min(found, key=lambda diagnostic: diagnostic.span.start)
    assert (first.code, first.mend is not None) == ("E0103", True)
    assert first.mend is not None
    span, closers = first.mend
    again = parse(Source("<text>", text[: span.start] + closers + text[span.end :]))[1]
    assert not [other for other in again if (other.code, other.span.start) == ("E0103", first.span.start)]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("let a = f([1, 2]], 3)", "let a = f([1, 2], 3)"),
        ("conv((8] + 2), 3)", "conv((8 + 2), 3)"),
        ("conv(8, 3]", "conv(8, 3)"),
        ("let a = [1, 2)", "let a = [1, 2]"),
    ],
)
def test_a_closer_of_another_kind_is_too_many_where_its_bracket_is_closed_after_it(line: str, meant: str) -> None:
    text = f"net N {{\n  {line}\n}}\n"
    (mistake,) = parse(Source("<text>", text))[1]
    assert mistake.mend is not None
    span, replacement = mistake.mend
    assert text[: span.start] + replacement + text[span.end :] == f"net N {{\n  {meant}\n}}\n"
