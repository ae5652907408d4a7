"""The interactive page as a file: its bytes, its policy, and the facts in it; test_page_browser.py opens it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.analysis import counts
from netspec.diagnostics import NetspecError
from netspec.diagram.page.page import page
from netspec.diagram.view.view import view
from netspec.graph.graph import Graph

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
ALL = sorted(path.stem for path in EXAMPLES.glob("*.net"))
SAMPLE = ("lenet5", "resnet", "unet", "wavenet", "googlenet", "alexnet_towers", "siamese")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of those that hold text as it is."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style") and self.cdata_elem:
            self.raw.append((self.found[-1][0], data))


def example(name: str, **arguments: Any) -> Graph:
    return netspec.load(EXAMPLES / f"{name}.net").graph(**arguments)


def data_of(text: str) -> Any:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    data = json.loads(found)
    for name, table in data.items():
        if isinstance(table, dict) and "columns" in table:
            data[name] = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    return data


def nodes_of(box: dict[str, Any]) -> list[int]:
    return list(chain.from_iterable(range(first, first + size) for first, size in box["nodes"]))


@pytest.mark.parametrize("name", ALL)
def test_every_example_has_a_page_whose_figures_add_up(name: str) -> None:
    graph = example(name)
    data = data_of(page(graph))
    leaves = [
        box for number, box in enumerate(data["boxes"]) if all(each["parent"] != number for each in data["boxes"])
    ]
    assert sorted(chain.from_iterable(map(nodes_of, leaves))) == list(range(len(graph.nodes))), "each layer in one box"
    assert sum(box["parameters"] for box in leaves) == graph.parameters == counts.parameters(graph)
    assert [node["name"] for node in data["nodes"]] == [node.name for node in graph.nodes]
    for node, told in zip(graph.nodes, data["nodes"], strict=True):
        assert dict(data["facts"][told["fact"]]["weights"]) == {
            key: " × ".join(map(str, shape)) or "1" for key, shape in node.layer.parameters(*node.shapes).items()
        }
    found = {box["name"] for box in data["boxes"]} | {place[0] for place in data["places"]}
    modules = {scope.name for scope in graph.scopes if scope.is_module and any(_nodes_in(graph, scope.index))}
    assert {node.name for node in graph.nodes} | modules - {""} <= found, "the search finds every stage"


def _nodes_in(graph: Graph, scope: int) -> Any:
    for node in graph.nodes:
        around: int | None = node.scope
        while around is not None:
            if around == scope:
                yield node
            around = graph.scopes[around].parent


@pytest.mark.parametrize("name", SAMPLE)
def test_every_edge_is_drawn_in_each_picture_that_it_crosses(name: str) -> None:
    """An edge between two boxes is in the picture of every open box on the way from one to the other."""
    data = data_of(page(example(name)))
    boxes = data["boxes"]
    drawn: dict[int, set[int]] = {
        picture["of"]: {edge for route in picture["routes"] for edge in route["edges"]} for picture in data["pictures"]
    }

    def around(box: int) -> list[int]:
        """The pictures that show something of a box, from the innermost."""
        path = []
        while box >= 0:
            box = boxes[box]["parent"]
            if box < 0 or boxes[box]["kind"] != "rounds":
                path.append(box)
        return path

    for number, edge in enumerate(data["edges"]):
        source, target = around(edge["source"]), around(edge["target"])
        common = next(picture for picture in source if picture in target)
        for picture in {*source[: source.index(common) + 1], *target[: target.index(common) + 1]}:
            assert number in drawn[picture], f"{edge} is missing in the picture of {picture}"


@pytest.mark.parametrize("name", SAMPLE)
def test_the_same_graph_gives_the_same_bytes(name: str) -> None:
    assert page(example(name)) == page(example(name))


def test_the_bytes_do_not_depend_on_the_process() -> None:
    program = (
        "import hashlib, sys, netspec; from netspec.diagram.page.page import page;"
        "text = page(netspec.load(sys.argv[1]).graph());"
        "assert 'torch' not in sys.modules;"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    command = [sys.executable, "-c", program, "examples/googlenet.net"]
    runs = [
        subprocess.run(
            command,
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=EXAMPLES.parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


def test_the_file_needs_nothing_else() -> None:
    elements = Elements(page(example("resnet")))
    assert {tag for tag, _ in elements.found} & {"link", "img", "iframe", "object", "embed", "base", "form"} == set()
    assert [attributes for tag, attributes in elements.found if tag == "script"] == [
        {"type": "application/json", "id": "data"},
        {},
    ]
    for tag, attributes in elements.found:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "href", "style")], tag
    for tag, text in elements.raw:
        if not text.startswith("{"):
            assert set(re.findall(r"https?://[\w./]+", text)) <= {"http://www.w3.org/2000/svg"}, tag
            assert not re.search(r"url\(|@import|fetch|XMLHttpRequest|innerHTML|insertAdjacentHTML|eval\(", text), tag


def test_the_policy_names_the_one_script_and_the_one_style() -> None:
    elements = Elements(page(example("lenet5")))
    (policy,) = [
        attributes["content"]
        for tag, attributes in elements.found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    directives = dict(directive.split(" ", 1) for directive in policy.split("; "))

    def hash_of(text: str) -> str:
        return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

    (style,) = [text for tag, text in elements.raw if tag == "style"]
    _, script = [text for tag, text in elements.raw if tag == "script"]
    assert directives == {
        "default-src": "'none'",
        "script-src": hash_of(script),
        "style-src": hash_of(style),
        "img-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_text_cannot_leave_its_place() -> None:
    attack = '</script><script>alert(1)</script><!-- "{data} \\u2028 ]]>'
    text = page(netspec.parse(f"# {attack}\nnet N {{ input x [3, 8, 8]; relu }}", name=f"{attack}.net").graph())
    assert text.count("<script") == 2
    assert text.count("</script>") == 2
    data = data_of(text)
    assert data["sources"][0]["lines"][0] == [["comment", f"# {attack}"]]


def test_no_two_parts_of_the_script_share_a_name() -> None:
    script = Elements(page(example("lenet5"))).raw[-1][1]
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", script, re.MULTILINE)
    assert len(names) > 50
    assert len(names) == len(set(names))


def test_the_depth_is_what_is_open_at_first() -> None:
    graph = example("resnet")
    opened = {depth: data_of(page(graph, depth))["open"] for depth in (1, 2, 9)}
    assert opened[1] == []
    boxes = list(view(graph, 9).walk())
    assert [boxes[number].name for number in opened[2]] == ["layer1", "layer2", "layer3", "layer4"]
    assert opened[9] == [number for number, box in enumerate(boxes) if box.children and box.kind != "rounds"]


def test_focus_shows_one_block() -> None:
    data = data_of(page(example("resnet"), focus="layer3.0"))
    assert {box["name"] for box in data["boxes"]} >= {"layer3.0.conv1", "layer3.0.downsample"}
    assert not any(box["name"].startswith("layer2.0") for box in data["boxes"])
    with pytest.raises(NetspecError, match="layer9"):
        page(example("resnet"), focus="layer9")


def test_unfolded_rounds_are_boxes_of_their_own() -> None:
    data = data_of(page(example("resnet"), unfold=True))
    names = {box["name"] for box in data["boxes"]}
    assert {f"layer3.{i}" for i in range(6)} <= names
    assert all(box["times"] == 1 for box in data["boxes"])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_can_be_given(theme: Any) -> None:
    assert f'<html lang="en" data-theme="{theme}">' in page(example("lenet5"), theme=theme)
