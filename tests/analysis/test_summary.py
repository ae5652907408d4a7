"""The summary in its four forms."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import netspec
from netspec.analysis import summary

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.net"))

SMALL = """
block Twice(width, stride = 1) {
  conv(width, 3, stride, pad=1) -> relu
  conv(width, 3, pad=1) -> relu
}

net Small(classes = 10) {
  input image [3, 32, 32]
  stem = conv(16, 3, pad=1)
  stage = {
    Twice(16)
    repeat 3 { Twice(16) }
  }
  repeat 4 { conv(16, 1) -> relu }
  global_avgpool -> flatten
  linear(classes)
}
"""


@pytest.fixture
def small() -> netspec.Graph:
    return netspec.parse(SMALL).graph()


def rows(text: str) -> list[str]:
    return text.split("\n")


def test_columns_are_aligned(small: netspec.Graph) -> None:
    lines = rows(summary.text(small))
    head, rule = lines[:2]
    table = lines[2 : lines.index(rule, 2)]
    for line in table:
        assert line[len(head) :] == ""
        for column in ("layer", "output"):
            start = head.index(column)
            assert line[start - 2 : start] == "  "
    assert head.endswith("MACs")
    assert len(rule) == len(head)


def test_equal_neighbours_are_folded(small: netspec.Graph) -> None:
    text = summary.text(small, depth=2)
    assert "4 x Twice(16" in text
    assert "repeat 4" in text
    assert "0-3" in text
    one = netspec.parse("net N {\n  input x [16, 32, 32]\n  conv(16, 1)\n}").graph().parameters
    (line,) = [line for line in rows(text) if "repeat 4" in line]
    assert f" {4 * one:,} " in line


def test_totals_are_those_of_the_graph(small: netspec.Graph) -> None:
    text = summary.text(small)
    assert f"parameters  {small.parameters:,}" in text
    assert f"MACs        {small.macs:,}" in text


@pytest.mark.parametrize("depth", range(5))
def test_depth(small: netspec.Graph, depth: int) -> None:
    lines = rows(summary.text(small, depth=depth))
    table = lines[2 : lines.index(lines[1], 2)]
    indents = {(len(line) - len(line.lstrip())) // 2 for line in table if line.lstrip()}
    assert max(indents) <= max(depth, 20 if depth else 0) or depth == 0
    assert table[0].startswith("Small")
    assert (len(table) == 1) == (depth == 0)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_fits_a_screen_unless_the_net_is_flat(path: Path) -> None:
    graph = netspec.load(path).graph()
    shown = len(rows(summary.text(graph)))
    assert shown <= summary.SCREEN + 12 or shown <= len(rows(summary.text(graph, depth=1)))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_csv_and_json_have_every_layer_and_the_same_figures(path: Path) -> None:
    graph = netspec.load(path).graph()
    lines = list(csv.DictReader(io.StringIO(summary.csv_text(graph))))
    layers = [line for line in lines if line["kind"] == "layer"]
    assert [line["name"] for line in layers] == [node.name for node in walked(graph)]
    assert sum(int(line["parameters"]) for line in layers) == graph.parameters
    document = json.loads(summary.json_text(graph))
    assert document["parameters"] == graph.parameters == document["table"]["parameters"]
    assert document["macs"] == (graph.macs if isinstance(graph.macs, int) else str(graph.macs))

    def count(row: dict[str, object]) -> int:
        inside = row.get("rows", [])
        assert isinstance(inside, list)
        return 1 + sum(map(count, inside))

    assert count(document["table"]) == len(lines)


def walked(graph: netspec.Graph) -> list[netspec.Node]:
    """The nodes in the order of the text."""

    def inside(scope: netspec.Scope) -> list[netspec.Node]:
        found: list[netspec.Node] = []
        for item in scope.items:
            found.extend([graph.nodes[item]] if isinstance(item, int) else inside(graph.scopes[item.index]))
        return found

    return inside(graph.scopes[0])


def test_markdown_is_a_table(small: netspec.Graph) -> None:
    lines = summary.markdown(small).split("\n")
    table = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in table} == {6}
    assert any("`4 x Twice(16" in line for line in table)


def test_open_sizes_say_what_they_need() -> None:
    graph = netspec.parse(
        "net N {\n  input x [8, H, W]\n  residual { maxpool(2) -> upconv(8, 2, stride=2) }\n}"
    ).graph()
    text = summary.text(graph)
    assert "sizes       H must be a multiple of 2, at least 2" in text
    assert "--input 'x=[8, 224, 224]'" in text
    assert json.loads(summary.json_text(graph))["requirements"] == list(graph.requirements)


def test_shared_and_training_stages_are_marked() -> None:
    graph = netspec.parse(
        "net N {\n  input x [8]\n  shared h = linear(8)\n  h -> h\n"
        "  output y = linear(2)\n  output aux = linear(3) when training\n}"
    ).graph()
    text = summary.text(graph, depth=3)
    assert "(same weights as h" in text
    assert "(when training)" in text


def test_ten_thousand_layers_are_summed_in_linear_time() -> None:
    graph = netspec.parse("net N {\n  input x [8]\n  repeat 5000 { linear(8) -> relu }\n}").graph()
    assert "repeat 5000" in summary.text(graph)
    assert len(summary.csv_text(graph).splitlines()) == 10_003
