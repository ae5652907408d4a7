"""The graph on disk: what is written is read again as the same graph, and anything else is refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import netspec
from netspec.graph import json_form
from netspec.graph.json_form import parse_size
from netspec.shapes.sizes import Dimension, OpenSize, evaluate, minimum, symbols

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.net"))

OPEN = """
block Up(skip: tensor, width) {
  let wide = upconv(width, 2, stride=2)
  concat(center_crop(skip, like=wide), wide) -> conv(width, 3, pad=1)
}

# Two levels of a U-Net whose map may have any size.
net Small(classes = 2) {
  input image [3, H, W]
  shared head = conv(8, 1)
  repeat 2 { conv(8, 3, pad=same) -> relu }
  e1 = conv(8, 3, pad=1)
  maxpool(2)
  Up(e1, 8)
  add { head  { } }
  output logits = conv(classes, 1)
  output aux = global_avgpool -> flatten -> linear(classes) when training
}
"""


def sizes() -> st.SearchStrategy[Dimension]:
    """Open sizes as layers make them: sums, multiples, floors and minima of H and W."""
    leaves = st.one_of(st.integers(-20, 400), st.sampled_from(["H", "W"]).map(OpenSize.symbol))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
            st.tuples(inner, inner).map(lambda pair: pair[0] - pair[1]),
            st.tuples(inner, st.integers(-5, 9)).map(lambda pair: pair[0] * pair[1]),
            st.tuples(inner, st.integers(1, 9)).map(lambda pair: pair[0] // pair[1]),
            st.tuples(inner, inner).map(lambda pair: minimum(*pair)),
        ),
        max_leaves=8,
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_round_trip(path: Path) -> None:
    graph = netspec.load(path).graph()
    text = graph.json()
    again = json_form.load(text)
    assert json_form.dump(again) == text
    assert [node.layer for node in again] == [node.layer for node in graph]
    assert [node.shapes for node in again] == [node.shapes for node in graph]
    assert again.parameters == graph.parameters
    assert again.macs == graph.macs


def test_open_sizes_shared_modules_and_training_outputs_round_trip() -> None:
    graph = netspec.parse(OPEN).graph()
    again = json_form.load(graph.json())
    assert json_form.dump(again) == graph.json()
    assert again.requirements == graph.requirements
    assert [output.when_training for output in again.outputs] == [output.when_training for output in graph.outputs]
    assert [output.value.shape for output in again.outputs] == [output.value.shape for output in graph.outputs]
    assert [(scope.kind, scope.count, scope.items) for scope in again.scopes] == [
        (scope.kind, scope.count, scope.items) for scope in graph.scopes
    ]
    assert [node.span.text for node in again] == [node.span.text for node in graph]


def test_values_are_shared_not_copied() -> None:
    graph = json_form.load(netspec.parse(OPEN).graph().json())
    made = {id(value) for node in graph for value in node.outputs} | {id(value) for value in graph.inputs}
    assert all(id(value) in made for node in graph for value in node.inputs)
    assert all(id(output.value) in made for output in graph.outputs)


@given(sizes())
def test_sizes_are_read_as_they_are_written(size: Dimension) -> None:
    assert parse_size(str(size)) == size


@given(sizes(), st.integers(1, 50), st.integers(1, 50))
def test_sizes_keep_their_values(size: Dimension, height: int, width: int) -> None:
    values = {"H": height, "W": width}
    assert symbols(parse_size(str(size))) <= values.keys()
    assert evaluate(parse_size(str(size)), values) == evaluate(size, values)


@pytest.mark.parametrize(
    "text", ["", "H +", "floor(H)", "floor(H / 0)", "floor(H / W)", "2 H", "H)", "min(H)", "H; W", "(" * 5000]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse_size(text)


def broken(change: str) -> str:
    """The graph's document with one thing in it that cannot be."""
    document = json.loads(netspec.parse(OPEN).graph().json())
    match change:
        case "version":
            document["netspec"] = 2
        case "layer":
            document["nodes"][0]["layer"]["name"] = "convolve"
        case "argument":
            document["nodes"][0]["layer"]["arguments"]["kernel"] = -1
        case "later node":
            document["nodes"][0]["inputs"] = [{"node": 5}]
        case "no scope":
            document["nodes"][0]["scope"] = 10**6
        case "scope in itself":
            document["scopes"][1]["parent"] = 1
        case "item":
            document["scopes"][0]["items"][0] = {"node": 10**6}
        case "no source":
            document["nodes"][0]["span"]["file"] = 9
        case "size":
            document["inputs"][0]["shape"]["dims"][1] = "H +"
        case "unknown field":
            document["colour"] = "blue"
    return json.dumps(document)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        "{}",
        "[" * 100_000,
        *map(
            broken,
            [
                "version",
                "layer",
                "argument",
                "later node",
                "no scope",
                "scope in itself",
                "item",
                "no source",
                "size",
                "unknown field",
            ],
        ),
    ],
    ids=lambda text: text[:12],
)
def test_other_documents_are_refused(text: str) -> None:
    with pytest.raises(netspec.NetspecError) as caught:
        json_form.load(text, "graph.json")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E0006"
    assert diagnostic.message.startswith("graph.json is not a graph")
    assert len(diagnostic.message) < 600


def test_documents_follow_the_schema() -> None:
    document = json.loads(netspec.parse(OPEN).graph().json())
    assert set(document) <= set(json_form.SCHEMA["properties"])
    assert set(json_form.SCHEMA["required"]) <= set(document)
    assert document["netspec"] == 1


def test_published_schema_is_current(root: Path) -> None:
    assert json.loads((root / "docs" / "graph.schema.json").read_text(encoding="utf-8")) == json_form.SCHEMA
