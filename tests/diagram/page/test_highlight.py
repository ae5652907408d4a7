"""The colouring of a spec's text: nothing is lost, and words have the kind that they have where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.diagram.page.highlight import highlighted
from netspec.syntax.source import Source

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "examples").glob("*.net"))


def joined(text: str) -> str:
    return "\n".join("".join(piece for _, piece in line) for line in highlighted(Source("x", text)))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_nothing_is_lost(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert joined(text) == text


@given(st.text() | st.text(alphabet="net {}()[]=->$\"'#\n;,a1.:"))
def test_any_text_comes_through(text: str) -> None:
    assert joined(text) == text


def test_the_kinds_of_words() -> None:
    (line, tail) = highlighted(Source("x", 'net N { input x [3]; add = relu; add { conv(8, pad="same") } } # add\n'))
    assert tail == ()
    found = [(kind, text) for kind, text in line if text.strip()]
    assert [text for kind, text in found if kind == "keyword"] == ["net", "input", "add"]
    assert [text for kind, text in found if kind == "label"] == ["add", "pad"]
    assert [text for kind, text in found if kind == "call"] == ["conv"]
    assert [text for kind, text in found if kind == "number"] == ["3", "8"]
    assert [text for kind, text in found if kind == "string"] == ['"same"']
    assert found[-1] == ("comment", "# add")


def test_text_nested_too_deep_to_parse_is_shown_too() -> None:
    text = "(" * 500 + "# end"
    assert joined(text) == text
