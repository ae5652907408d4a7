"""The summary in its four forms."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import netspec
from netspec.analysis import keys, summary

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


def columns(graph: netspec.Graph, *names: str, **how: object) -> list[list[str]]:
    """The cells of a table by row, the first row its heads."""
    table = summary.Table(columns=names, **how)  # type: ignore[arg-type]
    lines = [line for line in summary.markdown(graph, table).split("\n") if line.startswith("| ")]
    return [[cell.strip().replace("`", "").replace("&nbsp;", "") for cell in line.split("|")[1:-1]] for line in lines]


def test_columns_are_those_that_are_chosen_in_their_order(small: netspec.Graph) -> None:
    head, net, image, stem, *_ = columns(small, "macs", "kernel", "name", "field", "percent", "trainable", "memory")
    assert head == ["MACs", "kernel", "name", "field", "of all", "trained", "memory"]
    assert net[2:6] == ["Small", "all", "100.0%", "yes"]
    assert image == ["-", "-", "image", "1 x 1", "-", "-", "-"]
    percent = f"{(3 * 16 * 9 + 16) / small.parameters:.1%}"
    assert stem == [f"{3 * 16 * 9 * 32 * 32:,}", "3 x 3", "stem", "3 x 3", percent, "yes", "65.5 kB"]


def test_the_memory_is_of_the_batch(small: netspec.Graph) -> None:
    (_, stem), *_ = [row for row in columns(small, "name", "memory", batch=10) if row[0] == "stem"]
    assert stem == "655 kB"
    assert "with a batch of 10" in summary.markdown(small, summary.Table(batch=10))


def test_a_folded_row_counts_all_and_sees_what_the_last_sees(small: netspec.Graph) -> None:
    stages = dict(columns(small, "name", "field", depth=2))
    assert stages["0-3"] == f"{3 + 4 * 4} x {3 + 4 * 4}"
    one, all_ = (dict(columns(small, "layer", "memory", depth=d)) for d in (3, 2))
    assert all_["4 x Twice(16, stride=1)"] == "1.05 MB"
    assert one["4 x Twice(16, stride=1)"] == all_["4 x Twice(16, stride=1)"]


def test_kinds_add_up(small: netspec.Graph) -> None:
    lines = [line for line, _ in summary.lines(small, summary.Table(kinds=True))]
    table = [line.split() for line in lines[lines.index("") + 3 : -1]]
    assert sum(int(line[1].replace(",", "")) for line in table) == len(small.nodes)
    assert sum(int(line[2].replace(",", "")) for line in table if line[2] != "-") == small.parameters
    assert [line[0] for line in table[:2]] == ["conv", "linear"]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_table_keeps_the_width_of_a_terminal(width: int) -> None:
    graph = netspec.load(EXAMPLES[0].with_name("resnet.net")).graph()
    table = summary.Table(columns=("name", "layer", "output", "params"), width=width)
    lines = [line for line, kind in summary.lines(graph, table) if kind != "total"]
    assert max(map(len, lines)) <= width
    assert all(f"{number:,}" in "\n".join(lines) for number in (graph.parameters, 2_049_000))


@pytest.mark.parametrize("name", ["lenet5", "resnet", "densenet", "googlenet", "lenet5_1998", "siamese", "deconvnet"])
def test_keys_are_those_of_the_state_dict(name: str) -> None:
    graph = netspec.load(EXAMPLES[0].with_name(f"{name}.net")).graph()
    model = graph.compile(device="cpu")
    assert {key.name: key.shape for key in keys.keys(graph)} == {
        name: tuple(tensor.shape) for name, tensor in model.state_dict().items()
    }
    trained = {name for name, _ in model.named_parameters()}
    assert {key.name for key in keys.keys(graph) if key.kind == "parameter"} == trained


def test_keys_are_printed_with_their_shapes(cli: Callable[..., CompletedProcess[str]], tmp_path: Path) -> None:
    (tmp_path / "n.net").write_text("net N {\n  input x [3, 8, 8]\n  c = conv(4, 3)\n  bn = batchnorm\n}\n")
    assert cli("summary", "n.net", "--keys").stdout.splitlines() == [
        "c.weight                [4, 3, 3, 3]  108",
        "c.bias                  [4]             4",
        "bn.weight               [4]             4",
        "bn.bias                 [4]             4",
        "bn.running_mean         [4]             4  buffer",
        "bn.running_var          [4]             4  buffer",
        "bn.num_batches_tracked  []              1  buffer",
    ]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--columns", "name,parms"), 1, "did you mean params?"),
        (("--columns", "name,width of it"), 1, "there are name, layer, output"),
        (("--columns", "name", "--format", "csv"), 2, "has every figure"),
        (("--columns", "name, params"), 0, "parameters"),
    ],
)
def test_what_columns_there_are(
    cli: Callable[..., CompletedProcess[str]], tmp_path: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "n.net").write_text(SMALL)
    result = cli("summary", "n.net", *options)
    assert result.returncode == code
    assert said in " ".join((result.stdout + result.stderr).split())


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
