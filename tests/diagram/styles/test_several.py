"""Several nets in one figure: stages beside each other, what is the same stands once, no two nets are told as one."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import netspec
from netspec.diagram.drawing.bounds import bounds
from netspec.diagram.drawing.items import Drawing, Text
from netspec.diagram.drawing.paper import paper_of
from netspec.diagram.layout.abreast import abreast
from netspec.diagram.layout.dot_layout import Graphviz
from netspec.diagram.layout.sheet import USUAL
from netspec.diagram.render import Request
from netspec.diagram.several import beside, render_several, table
from netspec.diagram.view.view import figure
from netspec.graph.graph import Graph

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def graphs(name: str, depths: Sequence[int]) -> list[Graph]:
    spec = netspec.load(EXAMPLES / f"{name}.net")
    return [spec.graph(depth=depth) for depth in depths]


def texts(drawing: Drawing) -> list[str]:
    return [mark.text for mark in drawing.marks() if isinstance(mark, Text)]


def test_vgg_is_table_1_of_its_paper() -> None:
    nets = graphs("vgg", (11, 13, 16, 19))
    drawing, notes = table(Request(nets[0], style="table"), nets, ["A", "B", "D", "E"])
    said = texts(drawing)
    assert notes == ()
    assert said.count("conv 3×3, 256") == 4, "one row for the third stage of all"
    assert [said.count(f"× {times}") for times in (2, 3, 4)] == [3 + 5 + 2 + 2 + 1, 3, 3]
    assert said.count("linear 1000") == 1, "what is the same stands once"
    assert {"133 M", "138 M", "144 M"} <= set(said), "Simonyan and Zisserman, table 2"


def test_what_is_folded_alike_but_differs_inside_is_not_told_as_one() -> None:
    nets = graphs("resnet", (18, 34))
    said = texts(table(Request(nets[0], style="table", depth=1), nets, ["18", "34"])[0])
    assert said.count("layer3") == 3, "the name, and one for each net"
    assert said.count("linear 1000") == 1


def test_outputs_without_channels_where_these_differ() -> None:
    nets = graphs("resnet", (18, 50))
    said = texts(table(Request(nets[0], style="table"), nets, ["18", "50"])[0])
    assert "28 × 28" in said
    assert "512 / 2048" in said


@pytest.mark.parametrize("style", ["table", "graph"])
def test_it_is_as_wide_as_the_paper_with_letters_that_can_be_read(style: str) -> None:
    nets = graphs("resnet", (18, 34, 50, 101, 152) if style == "table" else (18, 34))
    paper = paper_of("page")
    request = Request(nets[0], style=style, paper=paper, timeout=60)
    drawing, _ = (table if style == "table" else beside)(
        request, nets, [f"depth={place}" for place in range(len(nets))]
    )
    assert paper is not None
    assert drawing.width == pytest.approx(paper.width, abs=0.01)
    assert drawing.height <= paper.height + 0.01
    assert min(mark.size for mark in drawing.marks() if isinstance(mark, Text)) >= 7 - 1e-6
    left, top, right, bottom = bounds(drawing.items)
    assert min(left, top) >= -0.6
    assert right <= drawing.width + 0.6
    assert bottom <= drawing.height + 0.6


PLAIN = """
net Plain {
  input image [3, 64, 64]
  c1 = conv(8, 3, pad=1) -> relu
  p1 = maxpool(2)
  c2 = conv(8, 3, pad=1) -> relu
  p2 = maxpool(2)
  c3 = conv(8, 3, pad=1) -> relu
  global_avgpool -> flatten -> linear(10)
}"""
DEEP = PLAIN.replace("c2 =", "repeat 3 { conv(8, 3, pad=1) -> batchnorm -> tanh }\n  c2 =")


def test_maps_of_one_size_stand_at_one_height() -> None:
    nets = [netspec.parse(text).graph() for text in (PLAIN, DEEP)]
    with Graphviz() as graphviz:
        (one, other), heights = abreast([figure(net) for net in nets], graphviz, USUAL)
    assert list(heights) == ["64 × 64", "32 × 32", "16 × 16", "1 × 1"]
    tops = [{placed.box.label: placed.y for placed in laid.boxes if placed.box.label} for laid in (one, other)]
    for label, size in (("c1", "64 × 64"), ("p1", "32 × 32"), ("p2", "16 × 16")):
        assert tops[0][label] == pytest.approx(tops[1][label], abs=0.01)
        assert tops[0][label] == pytest.approx(heights[size], abs=0.01)
    assert tops[0]["c2"] < tops[1]["c2"], "what is between them stands where it did"


def test_the_command_draws_several_files_side_by_side(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "plain.net").write_text(PLAIN)
    (tmp_path / "deep.net").write_text(DEEP)
    done = cli("render", "plain.net", "deep.net", "-o", "a.svg", "--width", "page")
    assert (done.returncode, done.stdout) == (0, "")
    svg = (tmp_path / "a.svg").read_text()
    assert svg.index(">plain<") < svg.index(">deep<")
    ids = re.findall(r' id="([^"]*)"', svg)
    assert ids
    assert len(ids) == len(set(ids))
    assert ">32 × 32<" in svg
    done = cli("render", "plain.net", "deep.net", "-o", "deep.net")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    done = cli("render", "plain.net", "deep.net", "-o", "a.svg", "--vary", "n=1,2")
    assert "--vary is for one file" in done.stderr


def test_the_command_draws_lists_as_well(tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / "a.svg"
    done = cli("render", EXAMPLES / "lenet5.net", "-o", out, "--vary", "classes=10,[1]", "--style", "table")
    assert done.returncode == 1, "a list is no number of classes"
    done = cli("render", EXAMPLES / "lenet5.net", "-o", out, "--vary", "classes=10,100", "--style", "table")
    assert done.returncode == 0, done.stderr
    assert ">classes=100<" in out.read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["a.html", "--vary", "classes=1,2"], "html shows one net"),
        (["a.svg", "--vary", "classes=1"], "one figure shows 2 to 12 nets, and this is 1"),
        (
            ["a.svg", "--vary", f"classes={','.join(map(str, range(1, 15)))}"],
            "one figure shows 2 to 12 nets, and this is 14",
        ),
        (["a.svg", "--vary", "classes"], "--vary"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options: list[str], said: str, tmp_path: Path, cli: Cli) -> None:
    done = cli("render", EXAMPLES / "lenet5.net", "-o", tmp_path / options[0], *options[1:])
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_figure_has_the_same_bytes() -> None:
    nets = graphs("vgg", (11, 13))
    one, other = (render_several(Request(nets[0], style="table"), nets, ["A", "B"]).content for _ in range(2))
    assert one == other
