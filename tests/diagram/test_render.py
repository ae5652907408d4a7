"""The render command and its Python face: forms, options, time limits, and what is said when something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.diagram.render import FORMATS, Request, _simpler, render
from netspec.diagram.view.view import view

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

SMALL = """block Unit(width: int) { residual { conv(width, 3, pad=1) -> batchnorm -> relu } }
net Small(classes: int = 10) {
  input image [8, 16, 16]
  repeat 3 { Unit(8) }
  global_avgpool -> flatten
  fc = linear(classes)
}
"""
BEGINS = {
    "svg": b"<?xml",
    "pdf": b"%PDF-",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0",
    "png": b"\x89PNG",
    "html": b"<!",
    "dot": b"digraph",
    "json": b"{",
}


def all_pairs(count: int) -> str:
    """Every layer reads every one before it, each by its own edge: what `dot` cannot lay out in reasonable time."""
    lines = ["  l0 = conv(4, 1)", "  l1 = conv(4, 1)"]
    for number in range(2, count):
        lines += [f"  concat({', '.join(f'l{before}' for before in range(number))})", f"  l{number} = conv(4, 1)"]
    body = "\n".join(lines)
    return f"block Pairs {{\n{body}\n}}\nnet N {{\n  input x [4, 8, 8]\n  pairs = Pairs\n  out = conv(2, 1)\n}}\n"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.net"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_is_written(form: str, small: Path, tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / f"small.{form}"
    done = cli("render", small, "-o", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert out.read_bytes().startswith(BEGINS.get(form, b""))
    assert out.stat().st_size > 100


@pytest.mark.parametrize("style", ["graph", "table", "volumes"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_style_and_theme_is_drawn(style: str, theme: str, small: Path, tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / "small.svg"
    assert cli("render", small, "-o", out, "--style", style, "--theme", theme).returncode == 0
    assert ElementTree.parse(out).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_options_choose_what_is_drawn(small: Path, tmp_path: Path, cli: Cli) -> None:
    def drawn(*options: object) -> dict[str, object]:
        assert cli("render", small, "-o", tmp_path / "view.json", *options).returncode == 0
        document: dict[str, object] = json.loads((tmp_path / "view.json").read_text(encoding="utf-8"))
        return document

    def titles(document: dict[str, object]) -> list[str]:
        boxes = document["boxes"]
        assert isinstance(boxes, list)
        return [box["title"] for box in boxes]

    assert titles(drawn("--depth", 1)) == ["image", "Unit(8)", "global avgpool", "linear 10", "output"]
    assert titles(drawn("--depth", 0)) == ["image", "Small(10)", "output"]
    assert titles(drawn("--unfold", "--depth", 1)).count("Unit(8)") == 3
    assert titles(drawn("--focus", "unit1"))[1:3] == ["conv 3×3, 8", "+"]
    assert titles(drawn("--set", "classes=7", "--depth", 1))[3] == "linear 7"
    shapes = drawn("--input", "image=[8, 20, 24]")["boxes"][0]["outputs"]  # type: ignore[index]
    assert shapes == [[8, 20, 24]]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["-o", "small.jpeg"], "E0802", "end it in .svg"),
        (["-o", "small"], "E0802", "end it in .svg"),
        (["-o", "a.svg", "--style", "grahp"], "E0802", "did you mean graph?"),
        (["-o", "a.svg", "--theme", "blue"], "E0802", "light, dark or auto"),
        (["-o", "a.svg", "--focus", "unit9"], "E0801", "did you mean unit"),
        (["-o", "nowhere/a.svg"], "E0004", "make the folder nowhere first"),
        (["-o", "."], "E0802", "end it in .svg"),
        (["-o", "folder.svg"], "E0004", "a folder is in its place"),
        (["-o", "a.svg", "--timeout", "0"], "E0803", "give it more time"),
        (["-o", "a.html", "--timeout", "0"], "E0803", "give it more time"),
    ],
)
def test_what_is_wrong_is_said(options: list[str], code: str, said: str, small: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "folder.svg").mkdir()
    done = cli("render", small, *options)
    assert done.returncode == 1
    assert f"error[{code}]" in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"small.net", "folder.svg"}


def test_a_layout_that_takes_too_long_is_stopped_and_a_folded_one_drawn(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "pairs.net").write_text(all_pairs(60), encoding="utf-8")
    done = cli("render", "pairs.net", "-o", "pairs.svg", "--depth", 2, "--timeout", 2)
    assert done.returncode == 0
    assert "note: the layout of depth 2 takes longer than 2 seconds: drawn at depth 1 instead" in done.stderr
    assert "Pairs" in (tmp_path / "pairs.svg").read_text(encoding="utf-8")


def test_dense_connections_are_a_chain(tmp_path: Path) -> None:
    """The same connections, said with `dense`: as many layers, no more edges than twice that."""
    layers = "\n".join(["conv(4, 1)"] * 60)
    graph = netspec.parse(f"net N {{ input x [4, 8, 8]\ndense {{\n{layers}\n}} }}").graph()
    picture = render(Request(graph, unfold=True, timeout=60), "svg")
    assert picture.notes == ()


@pytest.mark.parametrize("form", FORMATS)
def test_drawing_needs_no_torch(form: str, small: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from netspec.cli import main\n"
        "try: main()\n"
        "finally: assert not {'torch', 'matplotlib', 'scipy'} & set(sys.modules), 'heavy'"
    )
    command = [sys.executable, "-c", program, "render", str(small), "-o", str(tmp_path / f"a.{form}")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_graphviz_takes_the_dot_text(small: Path) -> None:
    from pygraphviz import AGraph

    text = str(netspec.load(small).graph().render(format="dot"))
    drawn = AGraph(string=text)
    assert len(drawn.nodes()) == 6
    drawn.layout(prog="dot")


def test_svg_is_well_formed_and_says_what_it_shows(small: Path) -> None:
    root = ElementTree.fromstring(str(netspec.load(small).graph().render()).split("\n", 1)[1])
    namespace = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{namespace}title") == "Small"
    assert "1.89 k parameters" in (root.findtext(f"{namespace}desc") or "")
    titles = [title.text or "" for title in root.iter(f"{namespace}title")]
    assert any("conv(8, 3, pad=1)" in title and "[8, 16, 16] → [8, 16, 16]" in title for title in titles)


def test_graphs_render_themselves(small: Path, tmp_path: Path) -> None:
    graph = netspec.load(small).graph()
    svg = graph.render(tmp_path / "a.svg", depth=1)
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == svg
    assert isinstance(graph.render(tmp_path / "a.png"), bytes)
    with pytest.raises(netspec.NetspecError, match="E0802"):
        graph.render(tmp_path / "a.jpeg")
    with pytest.raises(netspec.NetspecError, match="E0802"):
        graph.render(format="jpeg")


def test_notebooks_show_the_diagram_and_the_source(small: Path) -> None:
    spec = netspec.parse(SMALL.replace("block Unit", "# <b>&amp;\nblock Unit"))
    graph = spec.graph()
    assert graph._repr_svg_() == graph.render(format="svg")
    assert graph._repr_html_().startswith("<div><svg ")
    shown = spec._repr_html_()
    assert "<b>" not in shown
    assert "# &lt;b&gt;&amp;amp;" in shown
    assert "residual</span>" in shown


def test_the_layout_process_ends_with_its_picture(small: Path) -> None:
    from netspec.diagram.layout.dot_layout import DotEdge, DotNode, Graphviz, dot_text

    text = dot_text([DotNode(10, 10), DotNode(10, 10)], [DotEdge(0, 1)], 10, 10)
    with Graphviz(60) as graphviz:
        found = graphviz.lay_out(text)
        process = graphviz._process
        assert process is not None
    assert process.poll() is not None
    assert found.nodes[0][1] < found.nodes[1][1]
    assert found.curves[0][0][1] < found.curves[0][-1][1]


def test_a_deep_net_is_tried_at_few_depths() -> None:
    """Each may take as long as a layout may, so that trying all sixty would be twenty minutes."""
    opened, closed = "".join(f"a{i} = {{ " for i in range(40)), " }" * 40
    graph = netspec.parse(f"net Deep {{ input x [3]\n {opened} relu {closed} }}").graph()
    with pytest.raises(NetspecError, match="not even a single box") as error:
        render(Request(graph, depth=40, timeout=0), "svg")
    assert [found.code for found in error.value.diagnostics] == ["E0803"]
    depths, request = [40], Request(graph, depth=40)
    while depths[-1]:
        request = _simpler(request, view(graph, request.depth))
        depths.append(request.depth or 0)
    assert depths[1:] == [20, 10, 5, 4, 3, 2, 1, 0]
