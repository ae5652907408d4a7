"""Expressions in texts: a mark is read for what it was written for, however many others there have been since."""

from __future__ import annotations

from netspec.layers.declaration.symbols import MARK, expression_at, marked
from netspec.syntax import tree


def test_a_mark_outlives_those_of_other_nets() -> None:
    text = marked(tree.Name("channels"))
    for width in range(50_000):
        marked(tree.Number(width))
    found = MARK.fullmatch(text)
    assert found is not None
    assert expression_at(found) == tree.Name("channels")
