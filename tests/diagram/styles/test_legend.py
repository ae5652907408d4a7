"""The legend: every colour and line that the picture has is in it, nothing else, and it can be left out."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path as File

import pytest

import netspec
from netspec.diagram.drawing.items import Drawing, Path, Rect, Text
from netspec.diagram.drawing.paper import paper_of
from netspec.diagram.render import Request, draw
from netspec.diagram.styles.legend import COLOURS

EXAMPLES = File(__file__).resolve().parents[3] / "examples"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def picture(name: str, width: str = "", **options: object) -> Drawing:
    graph = netspec.load(EXAMPLES / f"{name}.net").graph()
    return draw(Request(graph, timeout=60, paper=paper_of(width), **options))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("width", ["", "column"])
@pytest.mark.parametrize("name", ["lenet5", "resnet", "highway_mnist"])
def test_it_names_the_colours_of_the_picture_and_no_others(name: str, width: str) -> None:
    bare = list(picture(name, width, legend=False).marks())
    boxes = {mark.fill for mark in bare if isinstance(mark, Rect)}
    arcs = [mark for mark in bare if isinstance(mark, Path) and mark.stroke == "accent"]
    written = [mark.text for mark in picture(name, width).marks() if isinstance(mark, Text)]
    for role, words in COLOURS.items():
        if role != "input":
            assert (words in written) == (role in boxes), role
    assert ("skip connection" in written) == bool(arcs)


def test_a_narrow_picture_stands_in_the_middle_above_it() -> None:
    drawing = picture("lenet5", "column")
    words = [mark for mark in drawing.marks() if isinstance(mark, Text) and mark.text in COLOURS.values()]
    assert min(word.size for word in words) >= 7
    assert max(word.y for word in words) <= drawing.height


@pytest.mark.parametrize("style", ["graph", "volumes"])
def test_it_can_be_left_out(style: str, tmp_path: File, cli: Cli) -> None:
    heights = []
    for choice in ("on", "off"):
        out = tmp_path / f"{choice}.svg"
        done = cli("render", EXAMPLES / "lenet5.net", "-o", out, "--style", style, "--legend", choice)
        assert done.returncode == 0, done.stderr
        heights.append(float(re.search(r'height="([\d.]+)pt"', out.read_text())[1]))  # type: ignore[index]
        assert (">convolution<" in out.read_text()) == (choice == "on")
    assert heights[0] > heights[1]


def test_neither_on_nor_off_is_refused(tmp_path: File, cli: Cli) -> None:
    done = cli("render", EXAMPLES / "lenet5.net", "-o", tmp_path / "a.svg", "--legend", "no")
    assert done.returncode == 1
    assert "error[E0802]: --legend is on or off, not no" in done.stderr
