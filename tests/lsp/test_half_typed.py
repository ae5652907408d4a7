"""Text as it is while it is typed: nothing crashes, and what is shown follows from what stands there now."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import netspec
from netspec.lsp.answers import colours, completion, hover, outline
from netspec.lsp.shelf import Shelf
from tests.lsp.documents import EXAMPLES, document, shapes

CUTS = 5
"""How many places of each file are cut in a run of the tests; `python -m tests.lsp FILE...` cuts at every one."""


def cut(text: str, offset: int, kept: Shelf) -> None:
    """Everything that an editor asks for, of a text that ends at a place, and of one where a line does."""
    end = text.find("\n", offset)
    for typed in (text[:offset], text[:offset] + (text[end:] if end >= 0 else "")):
        one = document(typed, kept)
        shown = shapes(one)
        assert shown == shapes(document(typed, Shelf(kept.path, lambda other: None))), "what was typed before shows"
        completion.completions(one, offset)
        hover.signature_help(one, offset)
        hover.hover(one, max(offset - 1, 0))
        outline.symbols(one)
        outline.folds(one)
        packed = colours.colours(one)
        assert all(number >= 0 for number in packed), "words are told twice, or out of order"
        assert all(0 <= found.span.start <= found.span.end <= len(typed) for found in one.mistakes)
        assert all(found.span.source is one.source for found in one.findings)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.net")), ids=lambda path: path.stem)
def test_half_of_a_file(path: Path) -> None:
    text = path.read_text()
    kept = Shelf(path, lambda other: None)
    draw = random.Random(path.stem)
    for offset in sorted(draw.sample(range(len(text)), min(CUTS, len(text)))):
        cut(text, offset, kept)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.net")), ids=lambda path: path.stem)
def test_hints_are_the_shapes_of_the_graphs(path: Path) -> None:
    spec = netspec.load(path)
    ends: dict[int, set[str]] = {}
    for graph in spec.graphs()[0]:
        for stage in (*graph.nodes, *(scope for scope in graph.scopes[1:] if scope.kind != "iteration")):
            if stage.span.source is spec.source:
                line = spec.source.position(stage.span.end)[0]
                ends.setdefault(line, set()).add(", ".join(str(value.shape) for value in stage.outputs))
    shown = shapes(document(path.read_text(), path=path))
    assert shown.keys() == ends.keys()
    for line, text in shown.items():
        assert {one for part in text.split(" ... ") for one in part.split(" | ")} <= ends[line]


def test_a_line_that_cannot_be_read_hides_what_follows() -> None:
    before = "net N {\n  input x [3, 32, 32]\n  conv(8, 3)\n"
    assert shapes(document(before + "  conv(16, 3)\n  relu\n}\n")) == {
        3: "[8, 30, 30]",
        4: "[16, 28, 28]",
        5: "[16, 28, 28]",
    }
    assert shapes(document(before + "  conv(16, 3, stride=)\n  relu\n}\n")) == {3: "[8, 30, 30]"}
    assert shapes(document(before + "  conv(16, 300)\n  relu\n}\n")) == {3: "[8, 30, 30]"}


def test_a_block_shows_the_shapes_of_all_its_uses() -> None:
    text = "block B(n) {\n  conv(n, 3, pad=1)\n}\nnet N {\n  input x [3, 8, 8]\n  B(4)\n  B(5)\n  B(4)\n}\n"
    assert shapes(document(text))[2] == "[4, 8, 8] | [5, 8, 8]"


def test_equal_blocks_are_worked_out_once_with_the_same_shapes() -> None:
    text = (EXAMPLES / "resnet.net").read_text()
    deep = document(text.replace("= 50,", "= 152,"), path=EXAMPLES / "net.net")
    assert shapes(deep) == shapes(document(text, path=EXAMPLES / "net.net"))
