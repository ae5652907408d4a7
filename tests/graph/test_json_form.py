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
    assert [list(map(str, node.shapes)) for node in again] == [list(map(str, node.shapes)) for node in graph]
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


def forged(place: str, value: object) -> str:
    """The graph's document with another value at a place such as `nodes.0.key`."""
    document = holder = json.loads(netspec.parse(OPEN).graph().json())
    *way, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    for part in way:
        holder = holder[part]
    holder[last] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        ("name", "Small:\n    import os", "name"),
        ("outputs", [], "outputs: a net has one at least"),
        ("outputs.0.when_training", True, "one is there when not training"),
        ("inputs", [], "nothing before it"),
        ("inputs.0.name", "x=1", "inputs"),
        ("inputs.0.shape.dims", [3, "H*" * 40 + "H", "W"], "a number or a name"),
        ("inputs.0.shape.dims", [3, 0, "W"], "0 is no size"),
        ("inputs.0.shape.dims", [2**31, "H", "W"], "is no size"),
        ("nodes.0.outputs.0.shape.dims", [9, "H", "W"], "makes [8, H, W], not [9, H, W]"),
        ("nodes.0.outputs", [], "nothing before it"),
        ("nodes.0.inputs", [], "does not take 0 inputs"),
        ("nodes.0.inputs", [{"input": 0}] * 3, "does not take 3 inputs"),
        ("nodes.0.key", "conv1; import os", "is no key here"),
        ("nodes.0.key", "relu1", "nodes.1"),
        ("nodes.0.first_use", False, "first use"),
        ("nodes.1.name", "conv1", "one name"),
        ("nodes.2.when_training", True, "needed when not"),
        ("scopes", [], "no scope"),
        ("scopes.0.kind", "block", "the first is the net"),
        ("scopes.0.items", [], "an item of the one that it is in"),
        ("scopes.0.outputs", [], "it has no output"),
        ("scopes.1.count", 10**9, "is not the number of its rounds"),
        ("scopes.1.title", "x", "only modules have a title"),
        ("scopes.0.arguments", [{"name": "classes", "value": {"a": 1}}], "no plain value"),
        ("scopes.0.arguments", [{"name": "a b", "value": 1}], "no name"),
        ("fits", [{"left": "K", "relation": ">=", "right": 1, "span": {"file": 0, "line": 1, "column": 1, "start": 0,
                   "end": 0}}], "a size that no input has"),
    ],
)  # fmt: skip
def test_what_no_elaboration_makes_is_refused(place: str, value: object, reason: str) -> None:
    """Else the names in it would become Python, and its shapes and loops those of a module."""
    with pytest.raises(netspec.NetspecError) as caught:
        json_form.load(forged(place, value))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E0006"
    assert reason in diagnostic.message


def test_whatever_is_wired_without_a_flow_round_trips() -> None:
    text = """block Pick(sizes: list) { relu }
    net N { input a [3, H, 8]; input b [3, H, 8]
      repeat 2 { b -> conv(3, 1) }
      for i in [] { relu }
      x = { a -> Pick([a.height, 2]) }
      add { a b } }"""
    written = netspec.parse(text).graph().json()
    assert json_form.load(written).json() == written


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
        case "another end of a sequence":
            sequence = next(scope for scope in document["scopes"] if scope.get("counted") and len(scope["items"]) > 1)
            sequence["outputs"] = [sequence["items"][0]]
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
                "another end of a sequence",
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
