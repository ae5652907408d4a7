"""Mermaid's own parser reads what we write, and finds in it the boxes, edges, frames and words of the view.

Without node the tests are skipped. With node, `npm ci --prefix tests/diagram/mermaid` installs the parser; where it is
not installed they are skipped, or fail where `CI` is set; `NETSPEC_WITHOUT=mermaid` skips them there, too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.diagram.drawing.text import visible
from netspec.diagram.layout import box_text
from netspec.diagram.texts import mermaid
from netspec.diagram.view.boxes import View
from netspec.diagram.view.captions.words import shape_words
from netspec.diagram.view.view import view
from netspec.graph import json_form

pytestmark = pytest.mark.xdist_group("mermaid")

HERE = Path(__file__).resolve().parents[1] / "mermaid"
EXAMPLES = sorted((HERE.parents[2] / "examples").glob("*.net"))
ATTACKS = (
    '"]:::x',
    "end",
    "subgraph x",
    "<script>alert(1)</script>",
    '"] --> b["',
    "click a call alert(1)",
    "%% comment",
    "%%{init: {'theme': 'dark'}}%%",
    "#quot;",
    "&amp; #35;",
    "`**bold**`",
    "a;b\nc-->d",
    "]]>",
    "\u202e|\u2066",
    "\\",
    "---\nconfig:\n  x: y\n---",
    "o--o x--x ==> -.->",
    "{{{}}}(((())))[[]]",
    "direction LR",
)


@pytest.fixture(scope="module")
def parser() -> Any:
    """Reads a list of texts with Mermaid."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    if not (HERE / "node_modules").is_dir():
        missing = "Mermaid is not installed: npm ci --prefix tests/diagram/mermaid"
        if os.environ.get("CI") and "mermaid" not in os.environ.get("NETSPEC_WITHOUT", ""):
            pytest.fail(missing)
        pytest.skip(missing)

    def read(texts: list[str]) -> list[dict[str, Any]]:
        done = subprocess.run(
            [node, HERE / "read.mjs"],
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    return read


def says_the_same(read: dict[str, Any], shown: View) -> None:
    assert "error" not in read, read["error"]
    leaves = {box.id: "\n".join(map(visible, box_text.words(box))) for box in shown.leaves()}
    assert {key: spaced(text) for key, text in read["nodes"]} == {key: spaced(text) for key, text in leaves.items()}
    edges = Counter((edge.source, edge.target, visible(shape_words(edge.shapes))) for edge in shown.edges)
    assert Counter((start, end, text) for start, end, text in read["edges"]) == edges
    frames = {box.id: {child.id for child in box.children} for box in shown.walk() if box.children}
    assert {key: set(inside) for key, _, inside in read["groups"]} == frames
    for key, title, _ in read["groups"]:
        for words in box_text.words(shown.by_id[key]):
            assert spaced(visible(words)) in spaced(title)


def spaced(text: str) -> str:
    """The text without what a browser makes one space of."""
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


def test_every_example_at_every_depth(parser: Any) -> None:
    views = []
    for path in EXAMPLES:
        graph = netspec.load(path).graph()
        shown = view(graph)
        views += [shown, *(view(graph, depth) for depth in range(shown.depth))]
    for read, shown in zip(parser([mermaid.write(shown) for shown in views]), views, strict=True):
        says_the_same(read, shown)


def test_words_of_mermaid_are_names(parser: Any) -> None:
    """Each as the name of everything that has one."""
    original = json.loads(netspec.load(EXAMPLES[0].parent / "googlenet.net").graph().json())
    words = [attack for attack in ATTACKS if attack.isidentifier()]
    views = [view(json_form.load(json.dumps(_named(original, word)))) for word in words]
    for read, shown in zip(parser([mermaid.write(shown) for shown in views]), views, strict=True):
        says_the_same(read, shown)


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if not attack.isidentifier()])
def test_hostile_names_do_not_come_in(attack: str) -> None:
    """A graph with the attack in the name of everything that has one is none that netspec wrote."""
    document = (EXAMPLES[0].parent / "googlenet.net").as_posix()
    original = json.loads(netspec.load(document).graph().json())
    with pytest.raises(netspec.NetspecError, match="E0006"):
        json_form.load(json.dumps(_named(original, attack)))


def test_the_parser_refuses_what_is_wrong(parser: Any) -> None:
    """Otherwise the tests above would say nothing."""
    broken, empty = parser(['flowchart TD\n  a["x --> b', "flowchart TD\n"])
    assert "Parse error" in broken["error"]
    assert empty == {"nodes": [], "edges": [], "groups": []}


def _named(value: Any, attack: str, key: str = "") -> Any:
    """The document with the attack in every name and title but those of layers."""
    if isinstance(value, dict):
        return {name: inner if name == "layer" else _named(inner, attack, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner, attack, key) for inner in value]
    if isinstance(value, str) and key in ("name", "key", "title") and value:
        return f"{attack}{value}" if key == "title" else ".".join(f"{attack}{part}" for part in value.split("."))
    return value
