"""The TikZ of a graph is to be edited: nodes placed by each other stand where the drawing has them; names are inert."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import netspec
from netspec.diagram.drawing.paper import paper_of
from netspec.diagram.render import Request, draw
from netspec.diagram.texts import tikz
from netspec.diagram.texts.tikz.parts import parts_of

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
NETS = [("lenet5", "down"), ("resnet", "down"), ("unet", "down"), ("hrnet", "down"), ("googlenet", "right")]
NODE = re.compile(
    r"\\node\[[\w ]+ box(?:, [^\]]*?)??"
    r"(?:, (?P<word>below|above|left|right)=(?P<gap>-?[\d.]+)bp of (?P<by>[\w-]+))?"
    r"(?:, xshift=(?P<x>-?[\d.]+)bp)?(?:, yshift=(?P<y>-?[\d.]+)bp)?"
    r", minimum width=(?P<width>[\d.]+)bp, minimum height=(?P<height>[\d.]+)bp\] \((?P<name>[\w-]+)\)"
)


def figure(name: str, direction: str = "down") -> tuple[str, dict[str, tuple[float, float]]]:
    """The TikZ, and where the middle of each node is in the drawing, x to the right and y down."""
    graph = netspec.load(EXAMPLES / f"{name}.net").graph()
    drawing, _ = draw(Request(graph, timeout=60, paper=paper_of("page"), direction=direction))
    return tikz.write(drawing), {node.name: node.middle for node in parts_of(drawing).nodes}


@pytest.mark.parametrize(("name", "direction"), NETS)
def test_nodes_placed_by_each_other_stand_where_the_drawing_has_them(name: str, direction: str) -> None:
    text, middles = figure(name, direction)
    placed: dict[str, tuple[float, float, float, float]] = {}
    for found in NODE.finditer(text):
        wide, high = float(found["width"]), float(found["height"])
        dx, dy, gap = (float(found[key] or 0) for key in ("x", "y", "gap"))
        if not placed:
            assert not found["word"]
            placed[found["name"]] = (*middles[found["name"]], wide, high)
            continue
        x, y, w, h = placed[found["by"]]
        across, down = w / 2 + gap + wide / 2, h / 2 + gap + high / 2
        x += dx + {"right": across, "left": -across}.get(found["word"], 0)
        y += -dy + {"below": down, "above": -down}.get(found["word"], 0)
        placed[found["name"]] = (x, y, wide, high)
        assert (x, y) == pytest.approx(middles[found["name"]], abs=0.1), found["name"]
    assert placed.keys() == middles.keys()


@pytest.mark.parametrize(("name", "direction"), NETS)
def test_all_that_is_named_is_there_before(name: str, direction: str) -> None:
    text, _ = figure(name, direction)
    known: set[str] = {"current bounding box"}
    for line in text[text.index("\n]\n") :].splitlines():
        used = re.findall(r"\((?:\[[^\]]*\])?([A-Za-z][\w -]*)(?:\.(?:north|south|east|west)[\w ]*)?\)", line)
        named = re.match(r"\\node\[.*?\] \(([\w-]+)\)", line)
        assert set(used) - known <= ({named[1]} if named else set()), line
        known |= {named[1]} if named else set()


def test_nothing_but_the_legend_has_a_place_on_the_page() -> None:
    text, _ = figure("resnet")
    body, _, legend = text.partition(r"\begin{scope}")
    assert "convolution" in legend
    assert r"\path" not in body
    assert not re.search(r" at \(\d| -- \(\d", body)


def test_a_straight_edge_has_its_shape_with_it() -> None:
    text, _ = figure("lenet5")
    assert r"\draw[flow edge] (c1.south) -- node[dimensions, right=4bp] {{\nettext 6 \texttimes{} 28" in text
    assert r"\node[convolution box, below=13bp of image, " in text


def test_words_of_a_spec_are_no_commands() -> None:
    spec = netspec.parse("""
net N {
  input image [1, 8, 8]
  conv(4, 3)    # draw: "}; \\\\input{/etc/passwd} \\\\node (x) {%"
  out = conv(2, 3)
}""")
    text = str(spec.graph().render(format="tex"))
    assert r"\input{/" not in text
    assert r"\textbackslash{}input\{/etc/passwd\}" in text
    assert not re.search(r"(?<!\\)%(?!$)", text[text.index(r"\begingroup") : text.rindex("% Written")], re.MULTILINE)
    assert text.isascii()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_a_part_of_a_paper_and_a_document_where_it_is_to_be(theme: str) -> None:
    graph = netspec.load(EXAMPLES / "lenet5.net").graph()
    part, whole = (str(graph.render(format="tex", standalone=alone, theme=theme)) for alone in (False, True))
    assert not re.search(r"^[^%]*\\(documentclass|usepackage|usetikzlibrary|begin\{document\})", part, re.MULTILINE)
    assert part[: part.rindex("%")] in whole
    assert r"\usetikzlibrary{positioning, fit, backgrounds}" in whole
    assert ("show background rectangle" in part) == (theme == "dark")


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no LaTeX here")
@pytest.mark.parametrize(("name", "direction"), [("resnet", "down"), ("googlenet", "right"), ("wavenet", "down")])
def test_latex_takes_it_and_it_is_as_wide_as_the_paper(name: str, direction: str, tmp_path: Path) -> None:
    (tmp_path / "figure.tex").write_text(figure(name, direction)[0], encoding="utf-8")
    (tmp_path / "article.tex").write_text(
        r"\documentclass{article}\usepackage{tikz}\usetikzlibrary{positioning, fit, backgrounds}"
        r"\textwidth=17.4cm\hbadness=10000\begin{document}\noindent\input{figure}\end{document}",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "article.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert r"Overfull \hbox" not in done.stdout
