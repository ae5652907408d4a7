"""Views: what is folded stands for what it folds, whatever the depth, and says nothing that the graph does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import netspec
from netspec.diagram.layout import box_text
from netspec.diagram.layout.dot_layout import Graphviz
from netspec.diagram.layout.layout import layout
from netspec.diagram.view.boxes import Box, View
from netspec.diagram.view.captions.words import layer_words
from netspec.diagram.view.view import view
from netspec.graph.graph import Graph

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "examples").glob("*.net"))


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda path: path.stem)
def graph(request: pytest.FixtureRequest) -> Graph:
    return netspec.load(request.param).graph()


@pytest.fixture(scope="module")
def views(graph: Graph) -> list[View]:
    """The default view, every depth, and everything unfolded."""
    return list(every_view(graph))


def every_view(graph: Graph) -> Iterator[View]:
    yield view(graph)
    for depth in range(view(graph, 1).deepest + 1):
        yield view(graph, depth)
    yield view(graph, unfold=True)


def leaf_of(shown: View) -> dict[int, Box]:
    return {node: box for box in shown.leaves() for node in box.nodes}


def test_every_node_is_in_exactly_one_leaf(graph: Graph, views: list[View]) -> None:
    for shown in views:
        nodes = [node for box in shown.leaves() for node in box.nodes]
        assert sorted(nodes) == list(range(len(graph.nodes)))


def test_a_box_stands_for_what_its_children_stand_for(views: list[View]) -> None:
    for shown in views:
        for box in shown.walk():
            if box.children:
                assert sorted(node for child in box.children for node in child.nodes) == list(box.nodes)


def test_ids_are_unique_and_edges_join_leaves(views: list[View]) -> None:
    for shown in views:
        ids = [box.id for box in shown.walk()]
        assert len(ids) == len(set(ids))
        leaves = {box.id for box in shown.leaves()}
        assert {end for edge in shown.edges for end in (edge.source, edge.target)} <= leaves


def test_counts_add_up_to_the_net(graph: Graph, views: list[View]) -> None:
    for shown in views:
        assert sum(box.parameters for box in shown.leaves()) == graph.parameters
        assert sum(box.macs for box in shown.leaves()) == graph.macs


def test_edges_are_those_of_the_graph(graph: Graph, views: list[View]) -> None:
    """Each tensor that goes from layer to layer is within a box, along an edge, or from round to round. No others."""
    for shown in views:
        leaves = leaf_of(shown)
        inputs = {id(value): f"in{place}" for place, value in enumerate(graph.inputs)}
        real = {
            (leaves[value.node].id if value.node is not None else inputs[id(value)], leaves[node.index].id)
            for node in graph.nodes
            for value in node.inputs
        }
        real |= {
            (leaves[out.value.node].id if out.value.node is not None else inputs[id(out.value)], f"out{place}")
            for place, out in enumerate(graph.outputs)
        }
        drawn = {(edge.source, edge.target) for edge in shown.edges}
        assert drawn <= real
        carried = {carry.source for carry in shown.carries}
        for source, target in real - drawn:
            assert source == target or source in carried


def test_unfolded_nothing_is_repeated(graph: Graph) -> None:
    shown = view(graph, unfold=True)
    assert all(box.times == 1 for box in shown.walk())
    assert not shown.carries


def test_shapes_on_the_edges_are_the_values_shapes(graph: Graph, views: list[View]) -> None:
    for shown in views:
        leaves = shown.by_id
        for edge in shown.edges:
            made = leaves[edge.source].nodes
            shapes = {value.shape for node in made for value in graph.nodes[node].outputs}
            shapes |= {value.shape for value in graph.inputs} if not made else set()
            assert set(edge.shapes) <= shapes


def test_the_default_view_fits_a_page(graph: Graph) -> None:
    shown = view(graph)
    boxes = sum(box.kind != "join" for box in shown.leaves())
    assert boxes <= 44 or shown.depth == 1


def test_a_repeated_block_is_one_box_with_its_times() -> None:
    graph = netspec.load(EXAMPLES[0].parent / "resnet.net").graph(depth=152)
    times = {box.name: box.times for box in view(graph, 2).leaves() if box.kind == "block"}
    assert [times[f"layer{stage}.1"] for stage in (1, 2, 3, 4)] == [2, 7, 35, 2]
    assert [times[f"layer{stage}.0"] for stage in (1, 2, 3, 4)] == [1, 1, 1, 1]


CHAINED = """
block Unit { residual { conv(in.channels, 3, pad=1) -> relu } }
net N {
  input x [8, 16, 16]
  a = Unit
  b = Unit
  c = Unit
  %s
}
"""


@pytest.mark.parametrize(
    ("rest", "times"),
    [
        ("", [3]),
        ("concat(a, _)", [1, 2]),
        ("concat(b, _)", [2, 1]),
        ("add(a, b, c)", [3]),
    ],
)
def test_rounds_are_folded_only_where_the_outside_cannot_tell(rest: str, times: list[int]) -> None:
    """What reads a round in the middle keeps it apart; what reads all of them alike does not."""
    shown = view(netspec.parse(CHAINED % rest).graph())
    assert [box.times for box in shown.walk() if box.kind == "block"] == times


def test_parallel_blocks_are_no_rounds() -> None:
    text = (
        "block B { conv(8, 3, pad=1) -> batchnorm -> relu -> conv(8, 1) }\nnet N { input x [8, 9, 9]\nadd { B  B  B } }"
    )
    shown = view(netspec.parse(text.replace("B  B  B", "B\nB\nB")).graph())
    assert [box.times for box in shown.walk() if box.kind == "block"] == [1, 1, 1]


@pytest.mark.parametrize(
    "body",
    [
        "concat {\n" + "\n".join(["conv(8, 1) -> relu"] * 20) + "\n}",
        "residual { residual { residual { conv(8, 1) } } }",
        "add { for i in range(9) { conv(8, 1) -> relu } }",
    ],
)
def test_rounds_do_not_cut_a_wiring(body: str) -> None:
    shown = view(netspec.parse(f"net N {{ input x [8, 9, 9]\n{body} }}").graph())
    assert all(box.times == 1 for box in shown.walk())


def test_rounds_in_rounds_are_counted_once() -> None:
    body = "repeat 2 { repeat 3 { residual { conv(8, 3, pad=1) -> relu } }\n conv(4, 1) -> conv(8, 1) }"
    shown = view(netspec.parse(f"net N {{\n input x [8, 9, 9]\n {body}\n}}").graph())
    (outer,) = (box for box in shown.boxes if box.kind == "rounds")
    assert (outer.times, len(outer.nodes), len(set(outer.nodes))) == (2, 22, 22)
    assert outer.parameters == shown.graph.parameters


def test_wirings_said_several_times_are_rounds() -> None:
    body = "\n".join(["residual { conv(8, 3, pad=1) -> relu }"] * 5)
    shown = view(netspec.parse(f"net N {{ input x [8, 9, 9]\n{body} }}").graph())
    assert [(box.kind, box.times) for box in shown.walk() if box.times > 1] == [("rounds", 5)]


def test_rounds_that_differ_in_dilation_say_so() -> None:
    graph = netspec.load(EXAMPLES[0].parent / "wavenet.net").graph()
    shown = view(graph)
    assert [(box.times, box.title) for box in shown.walk() if box.times > 1] == [(50, "GatedLayer(5 × (1…512))")]
    assert "causal conv 2, 32, dilation 5 × (1…512)" in [box.title for box in shown.leaves()]
    assert [(carry.frame, carry.value) for carry in shown.carries] == [("s3", "layer0")]


def test_a_recurrence_written_out_is_one_round() -> None:
    text = """net N {
      input x [120, 16]
      shared into = linear(32)
      shared again = linear(32)
      x -> select(0) -> into -> tanh
      for t in range(1, 120) { tanh(into(select(x, t)) + again(_)) }
    }"""
    shown = view(netspec.parse(text).graph())
    (frame,) = (box for box in shown.walk() if box.times > 1)
    assert frame.times == 119
    assert [box_text.words(box) for box in frame.children] == [
        ["select 1…119"],
        ["into", "linear 32", "same weights"],
        ["again", "linear 32", "same weights"],
        ["+"],
        ["tanh"],
    ]


def test_one_arrow_for_many_values_ends_at_a_sum_of_as_many() -> None:
    shown = view(netspec.load(EXAMPLES[0].parent / "wavenet.net").graph())
    sums = {tuple(box_text.words(box)) for box in shown.leaves() if box.kind == "join"}
    assert sums == {("×",), ("+",), ("Σ 50",)}
    unfolded = view(shown.graph, unfold=True)
    assert {tuple(box_text.words(box)) for box in unfolded.leaves() if box.kind == "join"} == {("×",), ("+",)}


def test_causal_padding_is_said() -> None:
    graph = netspec.parse("net N {\n input x [4, 16]\n conv(8, 3, pad=causal)\n conv(8, 3, pad=same)\n}").graph()
    assert [layer_words([node.layer], 1) for node in graph.nodes] == ["causal conv 3, 8", "conv 3, 8"]


def test_rounds_with_the_same_weights_say_so() -> None:
    text = """
block Body(w) { conv(w, 3, pad=1) -> relu;  conv(w, 3, pad=1) }
net N {
  input x [8, 9, 9]
  shared body = Body(8)
  repeat 3 { body -> relu }
  repeat 3 { Body(8) -> relu }
}"""
    shown = view(netspec.parse(text).graph(), 1)
    said = [box_text.words(box) for box in shown.walk() if box.kind == "block"]
    assert said == [
        ["body", "Body(8)", "1.17 k parameters, same weights"],
        ["body1–3", "Body(8)", "3.5 k parameters in all"],
    ]


def test_rounds_with_the_same_weights_and_rounds_with_their_own_are_not_one() -> None:
    text = "shared c = conv(8, 3, pad=1)\n repeat 5 { c -> relu }\n repeat 5 { conv(8, 3, pad=1) -> relu }"
    shown = view(netspec.parse(f"net N {{\n input x [8, 9, 9]\n {text}\n}}").graph())
    said = [box_text.words(box) for box in shown.leaves() if box.kind == "layer"]
    assert said == [
        ["c", "conv 3×3, 8", "ReLU", "same weights", "× 5"],
        ["conv1–5", "conv 3×3, 8", "ReLU", "× 5"],
    ]


def test_a_folded_block_says_that_weights_are_shared_in_it() -> None:
    text = """
block Twice { shared c = conv(8, 3, pad=1);  c -> relu -> c -> relu;  conv(8, 1) -> maxpool(2) -> conv(4, 1) }
net N { input x [8, 9, 9];  Twice }"""
    shown = view(netspec.parse(text).graph(), 1)
    (box,) = (box for box in shown.leaves() if box.kind == "block")
    assert box_text.words(box)[-1].endswith(" parameters, some shared")


def test_what_a_figure_merges_is_merged() -> None:
    text = """net N {
      input x [3, 32, 32]
      c1 = conv(8, 3, pad=1);  batchnorm;  relu
      maxpool(2)
      batchnorm;  relu;  c2 = conv(8, 1)
      global_avgpool -> flatten -> linear(10)
    }"""
    shown = view(netspec.parse(text).graph())
    drawn = [(box.before, box.title, box.after) for box in shown.leaves() if box.kind == "layer"]
    assert drawn == [
        ((), "conv 3×3, 8", ("BN, ReLU",)),
        ((), "maxpool 2×2", ("BN, ReLU",)),
        ((), "conv 1×1, 8", ()),
        ((), "global avgpool", ("flatten",)),
        ((), "linear 10", ()),
    ]


def test_roles() -> None:
    text = """net N {
      input x [8, 8, 8]
      residual { conv(8, 3, pad=1) } shortcut { conv(8, 1) }
      highway { H = conv(8, 1) } gate { T = conv(8, 1) -> sigmoid }
      dense { conv(4, 1) }
      a = relu
      output aux = global_avgpool when training
      a -> conv(12, 1)
      _ + a
    }"""
    shown = view(netspec.parse(text).graph())
    names = {box.id: box.title for box in shown.leaves()}
    roles = {(names[edge.source], names[edge.target]): edge.role for edge in shown.edges}
    assert roles["x", "conv 1×1, 8"] == "skip"
    assert roles["conv 1×1, 8", "+"] == "skip"
    assert roles["conv 3×3, 8", "+"] == "flow"
    assert roles["+", "H·T + x·(1 − T)"] == "carry"
    assert {edge.role for edge in shown.edges if names[edge.target] == "concat"} == {"flow", "dense"}
    assert roles["ReLU", "+"] == "skip"
    assert roles["ReLU", "global avgpool"] == "auxiliary"


def test_values_of_a_split_leave_at_places_of_their_own_with_their_names() -> None:
    text = """net N {
      input x [64, 32]
      q, k, v = split([8, 8, 48])
      let s = matmul(transpose(q, 0, 1), k)
      matmul(v, s)
    }"""
    with Graphviz() as graphviz:
        laid = layout(view(netspec.parse(text).graph()), graphviz)
    (split,) = (placed.box for placed in laid.boxes if placed.box.title.startswith("split"))
    assert (split.label, split.title) == ("q, k, v", "split [8, 8, 48]")
    leaving = [route for route in laid.routes if route.source == split.id]
    assert {route.label for route in leaving} == {"q 8 × 32", "k 8 × 32", "v 48 × 32"}
    assert {route.role for route in leaving} == {"flow"}
    assert len({route.path[0][1][0] for route in leaving}) == 3


def test_focus_shows_the_inside_of_one_block() -> None:
    graph = netspec.load(EXAMPLES[0].parent / "resnet.net").graph()
    shown = view(graph, focus="layer3.0")
    nodes = sorted(node for box in shown.leaves() for node in box.nodes)
    assert [graph.nodes[node].name.startswith("layer3.0.") for node in nodes] == [True] * 12
    ends = [(box.kind, str((box.outputs or box.inputs)[0])) for box in shown.boxes if box.kind in ("input", "output")]
    assert ends == [("input", "[512, 28, 28]"), ("output", "[1024, 14, 14]")]


@pytest.mark.parametrize(
    ("focus", "said"),
    [
        ("layer9.0", "did you mean layer"),
        ("layer3.0.conv1", "--focus layer3.0 draws the block around it"),
        ("conv1", "single layer"),
        ("<script>", "has no block <script>"),
    ],
)
def test_a_focus_that_is_no_block(focus: str, said: str) -> None:
    graph = netspec.load(EXAMPLES[0].parent / "resnet.net").graph()
    with pytest.raises(netspec.NetspecError, match="E0801") as caught:
        view(graph, focus=focus)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "stage", "told"),
    [
        ("x [1, 28, 28]", "expand([16, -1, -1])", "expand to 16×·×·"),
        ("t: int [100]", "embedding(205, 64)", "embedding 205 → 64"),
        ("x [8, 28]", "slice(2, 6)", "slice 2:6"),
        ("x [8, 28]", "slice(stop=-1, step=3, axis=1)", "slice :-1:3 of axis 1"),
        ("x [8, 28]", "select(0, axis=-1)", "select 0 of axis -1"),
        ("t: int [100]", "embedding(205, 64, padding=0)", "embedding 205 → 64, padding 0"),
    ],
)
def test_sizes_are_said_as_a_person_would(inputs: str, stage: str, told: str) -> None:
    graph = netspec.parse(f"net N {{\n  input {inputs}\n  {stage}\n}}").graph()
    assert layer_words([graph.nodes[0].layer]) == told
