"""Figures made for a place in a paper: exactly as wide, no higher than it may be, with letters that can be read."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.diagram.drawing.bounds import bounds
from netspec.diagram.drawing.items import Drawing, Text
from netspec.diagram.drawing.paper import paper_of
from netspec.diagram.drawing.text import broken, width
from netspec.diagram.fitting import sheets
from netspec.diagram.layout.dot_layout import Graphviz
from netspec.diagram.layout.layout import Layout, PlacedBox, layout
from netspec.diagram.render import Request, draw
from netspec.diagram.view.captions.words import alike, in_one_unit, short_shape
from netspec.diagram.view.view import figure as figure_of

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ZOO = sorted(path.stem for path in EXAMPLES.glob("*.net"))
IN_A_COLUMN = [
    *(("lenet5", ""), ("alexnet", ""), ("resnet", ""), ("densenet", ""), ("highway_mnist", ""), ("unet", "")),
    *(("vgg", ""), ("googlenet", "inception3a"), ("wavenet", ""), ("wavenet", "layer0")),
]
CM = 72 / 2.54


def figure(
    name: str, width: str, *, style: str = "graph", focus: str = "", **options: object
) -> tuple[Drawing, list[str]]:
    graph = netspec.load(EXAMPLES / f"{name}.net").graph()
    paper = paper_of(width, **options)  # type: ignore[arg-type]
    drawing, notes = draw(Request(graph, style=style, focus=focus, timeout=60, paper=paper))
    return drawing, list(notes)


def letters(drawing: Drawing) -> list[float]:
    return [mark.size for mark in drawing.marks() if isinstance(mark, Text)]


def check(drawing: Drawing, wide: float, high: float, smallest: float = 7) -> None:
    assert drawing.width == pytest.approx(wide, abs=0.01)
    assert drawing.height <= high + 0.01
    assert min(letters(drawing)) >= smallest - 1e-6
    left, top, right, bottom = bounds(drawing.items)
    assert left >= -0.6
    assert top >= -0.6
    assert right <= drawing.width + 0.6
    assert bottom <= drawing.height + 0.6


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("style", ["graph", "table"])
def test_every_network_fits_a_page(name: str, style: str) -> None:
    drawing, _ = figure(name, "17.4cm", style=style)
    check(drawing, 17.4 * CM, 23 * CM)


@pytest.mark.parametrize(("name", "focus"), IN_A_COLUMN)
@pytest.mark.parametrize("style", ["graph", "table"])
def test_these_networks_fit_a_column(name: str, focus: str, style: str) -> None:
    drawing, _ = figure(name, "8.4cm", focus=focus, style=style)
    check(drawing, 8.4 * CM, 23 * CM)
    assert len(letters(drawing)) > 12, "a figure, not a single box"


@pytest.mark.parametrize("style", ["graph", "table", "volumes"])
def test_letters_are_as_large_as_asked(style: str) -> None:
    drawing, _ = figure("lenet5", "page", style=style, letters=10)
    check(drawing, 17.4 * CM, 23 * CM, 10)


def test_a_figure_is_no_higher_than_asked() -> None:
    tall, _ = figure("alexnet", "8.4cm")
    low, _ = figure("alexnet", "8.4cm", height="9cm")
    assert tall.height > 9 * CM >= low.height


def test_columns_are_as_many_as_asked() -> None:
    heights = [figure("alexnet", "page", columns=count)[0].height for count in (1, 2, 3)]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] > 1.5 * heights[1]


@pytest.mark.parametrize("name", ["vgg", "cam_vgg16", "alexnet_torchvision"])
def test_a_long_frame_leaves_no_third_of_the_page_empty(name: str) -> None:
    drawing, _ = figure(name, "page")
    left, _, right, _ = bounds(drawing.items)
    assert drawing.height < 0.62 * drawing.width, "it was as high as wide, with two boxes in the last column"
    assert right - left > 0.7 * drawing.width


def test_what_would_be_a_single_box_is_turned() -> None:
    """The dense half of a detector: one head at each of five sizes."""
    graph = netspec.parse("""
from std.detection import FeaturePyramid, FrozenResNet, RetinaHead
net Dense {
  input image [3, H, W]
  body = FrozenResNet([3, 4, 6, 3])
  fpn = FeaturePyramid([body.layer2, body.layer3, body.layer4], 256, above=p5)
  let pyramid = [p for p in fpn]
  shared head = RetinaHead(3, 91)
  let scores = []
  let offsets = []
  for p in pyramid {
    let score, offset = p -> head
    let scores = scores + [score]
    let offsets = offsets + [offset]
  }
  output cls_logits = concat(scores)
  output bbox_regression = concat(offsets)
  let grid, level = anchors(pyramid, of=image, sizes=[[32], [64], [128], [256], [512]], ratios=[0.5, 1, 2])
  output boxes = box_decode(bbox_regression, grid) -> clip_boxes(of=image)
}""").graph()
    drawing, notes = draw(Request(graph, timeout=60, paper=paper_of("page")))
    assert notes[0] == "drawn to the right, where there is more room"
    assert len(letters(drawing)) > 40


def test_the_size_that_keeps_letters_large_is_said() -> None:
    _, (note,) = figure("deconvnet", "page", style="volumes")
    said = re.fullmatch(r"the smallest letters have \S+ points: --width (\S+cm) keeps them at 7", note)
    assert said
    drawing, notes = figure("deconvnet", said[1], style="volumes")
    assert notes == []
    assert min(letters(drawing)) >= 7 - 1e-6


def flows(layout: Layout) -> list[tuple[PlacedBox, PlacedBox]]:
    """Boxes with a straight arrow from the side of one to the other."""
    boxes = {placed.box.id: placed for placed in layout.boxes}
    straight = [
        route
        for route in layout.routes
        if route.source and route.target and [verb for verb, _ in route.path] == ["M", "L"]
    ]
    pairs = [(boxes[route.source], boxes[route.target], route.path[0][1][0][0]) for route in straight]
    return [(one, other) for one, other, start in pairs if start == pytest.approx(one.x + one.width)]


@pytest.mark.parametrize("name", ["resnet", "googlenet", "wavenet", "highway_mnist", "siamese", "gpt2"])
def test_a_flow_to_the_right_is_one(name: str) -> None:
    graph = netspec.load(EXAMPLES / f"{name}.net").graph()
    paper = paper_of("page")
    with Graphviz() as graphviz:
        laid = layout(figure_of(graph), graphviz, next(sheets(paper, right=True)))  # type: ignore[arg-type]
    assert flows(laid)
    for before, after in flows(laid):
        assert before.x + before.width < after.x
        assert before.y < after.y + after.height
        assert after.y < before.y + before.height
    drawing, _ = draw(Request(graph, timeout=60, paper=paper, direction="right"))
    check(drawing, 17.4 * CM, 23 * CM)


def test_a_flow_to_the_right_is_lower_and_in_rows() -> None:
    graph = netspec.load(EXAMPLES / "lenet5.net").graph()
    down, right = (
        draw(Request(graph, paper=paper_of("page"), direction=direction))[0] for direction in ("down", "right")
    )
    assert right.height < 0.75 * down.height
    one, two = (
        draw(Request(graph, paper=paper_of("40cm", columns=rows), direction="right"))[0].height for rows in (1, 2)
    )
    assert 1.5 * one < two


def test_an_encoder_with_its_decoder_is_a_u_in_both_directions() -> None:
    graph = netspec.load(EXAMPLES / "unet.net").graph()
    down, right = (draw(Request(graph, depth=1, direction=direction))[0] for direction in ("down", "right"))
    assert down == right


@pytest.mark.parametrize(("form", "said"), [("dot", "rankdir=LR"), ("mmd", "flowchart LR"), ("tex", "tikzpicture")])
def test_other_forms_know_the_direction(form: str, said: str) -> None:
    text = netspec.load(EXAMPLES / "lenet5.net").graph().render(format=form, direction="right")
    assert said in str(text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["a.svg", "--direction", "left"], "there is no direction left"),
        (["a.svg", "--direction", "right", "--style", "table"], "the table style has one direction"),
        (["a.html", "--direction", "right"], "a html has no direction"),
    ],
)
def test_a_direction_that_there_is_not_is_refused(options: list[str], said: str, tmp_path: Path, cli: Cli) -> None:
    done = cli("render", EXAMPLES / "lenet5.net", "-o", *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "error[E0802]" in done.stderr


def test_a_slide_has_its_shape_and_large_letters() -> None:
    drawing, _ = figure("resnet", "slide")
    check(drawing, 720, 405, 12)


def test_what_does_not_fit_is_said_with_the_depth_that_does(tmp_path: Path, cli: Cli) -> None:
    net = EXAMPLES / "resnet.net"
    done = cli("render", net, "-o", "a.svg", "--width", "column", "--depth", "3")
    assert done.returncode == 0
    said = re.search(r"note: the smallest letters have (\S+) points: --depth (\d) keeps them at 7", done.stderr)
    assert said, done.stderr
    assert float(said[1]) < 7
    done = cli("render", net, "-o", "b.svg", "--width", "column", "--depth", said[2])
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--width", "8parsecs"], "write a number and a unit, --width 8.4cm"),
        (["--width", "1e3cm"], "write a number and a unit"),
        (["--width", "1mm"], "lengths go from 0.5in to 200in"),
        (["--width", "9" * 400 + "cm"], "lengths go from 0.5in to 200in"),
        (["--max-height", "column"], "--max-height 12cm"),
        (["--font-size", "0"], "--font-size goes from 1 to 100"),
        (["--font-size", "nan"], "--font-size goes from 1 to 100"),
        (["--dpi", "300"], "leave --dpi out, or write a .png"),
    ],
)
def test_a_size_that_is_none_is_refused(options: list[str], said: str, tmp_path: Path, cli: Cli) -> None:
    done = cli("render", EXAMPLES / "lenet5.net", "-o", tmp_path / "a.svg", *options)
    assert done.returncode == 1
    assert "error[E0804]" in done.stderr
    assert said in done.stderr
    assert not (tmp_path / "a.svg").exists()


@pytest.mark.parametrize("form", ["html", "dot", "mmd", "json"])
def test_forms_without_a_size_say_so(form: str) -> None:
    with pytest.raises(NetspecError, match="E0804"):
        netspec.load(EXAMPLES / "lenet5.net").graph().render(format=form, width="column")


@pytest.mark.parametrize(("dpi", "pixels"), [(None, 661), (300, 992), (600, 1984)])
def test_a_png_has_the_dots_that_are_asked_for(dpi: float | None, pixels: int) -> None:
    png = netspec.load(EXAMPLES / "lenet5.net").graph().render(format="png", width="column", dpi=dpi)
    assert isinstance(png, bytes)
    assert struct.unpack(">I", png[16:20]) == (pixels,)


def test_the_same_figure_has_the_same_bytes() -> None:
    graph = netspec.load(EXAMPLES / "resnet.net").graph()
    assert graph.render(width="column") == graph.render(width="column")


@pytest.mark.parametrize(
    ("words", "short"),
    [
        ("64 × 56 × 56", "64×56²"),
        ("16 × 8 × 8 × 8", "16×8³"),
        ("512 × 1 × 1", "512×1×1"),
        ("3 × 224 × 112", "3×224×112"),
        ("64 × 56 × 56 / 32 × 7 × 7", "64×56² / 32×7²"),
        ("L × 768", "L×768"),
        ("64 × 28 × 280", "64×28×280"),
    ],
)
def test_shapes_in_few_letters(words: str, short: str) -> None:
    assert short_shape(words) == short


@pytest.mark.parametrize("limit", [10, 30, 60, 500])
@pytest.mark.parametrize("text", ["conv 3×3, 256, groups 2", "Bottleneck(256, stride=2)", "a_very_long.name", "x", ""])
def test_broken_lines_lose_nothing(text: str, limit: float) -> None:
    lines = broken(text, 7, limit)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width(line, 7) <= limit or " " not in line for line in lines)


@pytest.mark.parametrize(
    ("counts", "figures"),
    [
        ([1_814_073_344, 4_089_184_256, 7_801_405_440], ["1.81 G", "4.09 G", "7.80 G"]),
        ([132_863_336, 143_667_240, 9_000_000], ["133 M", "144 M", "9 M"]),
        ([12_345_678, 1_200], ["12.3 M", "1.2 k"]),
        ([500, 20], ["500", "20"]),
    ],
)
def test_figures_of_several_nets_have_as_many_decimals(counts: list[int], figures: list[str]) -> None:
    assert alike(counts) == figures


@pytest.mark.parametrize(
    ("counts", "unit", "figures"),
    [
        ([9408, 215808, 1219584, 0, 25557032], "M", ["0.01", "0.22", "1.22", "–", "25.56"]),
        ([156, 2416, 48120, 61706], "k", ["0.16", "2.42", "48.12", "61.71"]),
        ([12, 345, 6789], "", ["12", "345", "6,789"]),
        ([1, 31030658], "M", ["<0.001", "31.031"]),
        ([], "", []),
    ],
)
def test_figures_in_one_unit_line_up(counts: list[int], unit: str, figures: list[str]) -> None:
    assert in_one_unit(counts) == (unit, figures)
    assert len({len(figure.partition(".")[2]) for figure in figures if figure[0] not in "–<"} or {0}) == 1
