"""The layer table and the feature maps: they tell no lies about the net, and what they show can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.diagram.drawing import items, svg
from netspec.diagram.drawing.bounds import bounds, corners
from netspec.diagram.drawing.items import Drawing, Point, Polygon, Rect, Text
from netspec.diagram.drawing.text import REPLACEMENT, face_of, set_in
from netspec.diagram.styles.table import PAGE_HEIGHT, PAGE_WIDTH, table
from netspec.diagram.styles.volumes import volumes
from netspec.diagram.texts import tex
from netspec.diagram.view.feature_maps import Detail, FeatureMaps, feature_maps
from netspec.diagram.view.table_rows import Fork, Line, Part, Rounds, rows
from netspec.diagram.view.view import view
from netspec.graph.graph import Graph, Value

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[2] / "examples"
STYLES = {"table": table, "volumes": volumes}
NETS = [(path.stem, net) for path in sorted(EXAMPLES.glob("*.net")) for net in netspec.load(path).nets]
GOLDEN = {
    "alexnet_towers": {},
    "c3d": {},
    "densenet": {},
    "densenet201": {"depth": 201},
    "googlenet": {},
    "highway_mnist": {},
    "inception_v3": {},
    "lenet5": {},
    "resnet": {},
    "resnet152": {"depth": 152},
    "siamese": {},
    "unet": {},
    "vgg": {},
    "vnet": {},
    "wavenet": {},
}


@pytest.fixture(scope="module", params=NETS, ids=lambda pair: "-".join(pair))
def graph(request: pytest.FixtureRequest) -> Graph:
    name, net = request.param
    return netspec.load(EXAMPLES / f"{name}.net").graph(net)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str, style: str, update_golden: bool) -> None:
    spec = netspec.load(EXAMPLES / f"{name.rstrip('0123456789') if GOLDEN[name] else name}.net")
    written = svg.write(STYLES[style](spec.graph(**GOLDEN[name])))
    golden = HERE / "golden" / f"{name}.{style}.svg"
    if update_golden:
        golden.write_text(written, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == written, "run pytest --update-golden and look at the picture"


@pytest.mark.parametrize("style", STYLES)
def test_nothing_is_cut_off_and_no_texts_meet(graph: Graph, style: str) -> None:
    for drawing in (STYLES[style](graph), STYLES[style](graph, 1), STYLES[style](graph, unfold=True)):
        left, top, right, bottom = bounds(drawing.items)
        assert left >= 0
        assert top >= 0
        assert right <= drawing.width
        assert bottom <= drawing.height
        assert not list(overlapping(drawing))


@pytest.mark.parametrize("style", STYLES)
def test_every_letter_can_be_set(graph: Graph, style: str) -> None:
    for mark in STYLES[style](graph).marks():
        if isinstance(mark, Text):
            assert set_in(mark.text, face_of(mark)) == mark.text
            assert tex.escaped(REPLACEMENT) not in tex.escaped(mark.text)


def test_no_text_lies_on_a_map(graph: Graph) -> None:
    for drawing in (volumes(graph), volumes(graph, unfold=True)):
        marks = list(drawing.marks())
        faces = [list(mark.points) for mark in marks if isinstance(mark, Polygon)]
        for mark in marks:
            if isinstance(mark, Rect):
                right, bottom = mark.x + mark.width, mark.y + mark.height
                faces.append([(mark.x, mark.y), (right, mark.y), (right, bottom), (mark.x, bottom)])
        boxes = [(mark.text, box_of(mark)) for mark in marks if isinstance(mark, Text)]
        assert not [text for text, box in boxes for face in faces if meet(box, face)]


def overlapping(drawing: Drawing) -> Iterator[tuple[str, str]]:
    """Pairs of texts whose boxes, a little smaller than the letters, have a point in common."""
    texts = [mark for mark in drawing.marks() if isinstance(mark, Text) and mark.text]
    boxes = [(text.text, box_of(text)) for text in texts]
    boxes.sort(key=lambda pair: min(x for x, _ in pair[1]))
    open_: list[tuple[str, list[Point]]] = []
    for name, box in boxes:
        start = min(x for x, _ in box)
        open_ = [(other, there) for other, there in open_ if max(x for x, _ in there) > start]
        yield from ((other, name) for other, there in open_ if meet(there, box))
        open_.append((name, box))


def box_of(text: Text) -> list[Point]:
    """Around the letters from the baseline to the height of an x."""
    a, b, c, d = corners(text)  # top and bottom at the start, top and bottom at the end
    high, low = 0.45, 0.81  # between ascent and descent

    def between(top: Point, bottom: Point, share: float) -> Point:
        return top[0] + (bottom[0] - top[0]) * share, top[1] + (bottom[1] - top[1]) * share

    return [between(a, b, high), between(a, b, low), between(c, d, low), between(c, d, high)]


def meet(one: Sequence[Point], other: Sequence[Point]) -> bool:
    """Whether two convex figures have a point in common: no side of either separates them."""
    for figure in (one, other):
        for (x0, y0), (x1, y1) in zip(figure, [*figure[1:], figure[0]], strict=True):
            across = (y1 - y0, x0 - x1)
            first, second = ([x * across[0] + y * across[1] for x, y in points] for points in (one, other))
            slight = 1e-6 * sum(map(abs, across))
            if max(first) <= min(second) + slight or max(second) <= min(first) + slight:
                return False
    return True


@pytest.mark.parametrize("style", STYLES)
def test_pictures_fit_a_page(graph: Graph, style: str) -> None:
    drawing = STYLES[style](graph)
    assert drawing.width <= PAGE_WIDTH + 0.01
    assert drawing.height <= PAGE_HEIGHT + 0.01


def test_the_table_adds_up(graph: Graph) -> None:
    for depth in (1, 2, 99):
        told = rows(view(graph, depth)).rows
        assert sum(row.parameters for row in told) == graph.parameters
        macs = [row.macs for row in told]
        assert sum(macs, start=0) == graph.macs


def test_the_table_tells_every_convolution_as_often_as_it_is_there(graph: Graph) -> None:
    told: Counter[str] = Counter()
    for row in rows(view(graph, 99)).rows:
        count(row.parts, 1, told)
    there = Counter(node.layer.name for node in graph.nodes)
    for kind in ("conv", "upconv", "linear", "maxpool", "avgpool", "embedding"):
        assert told[kind] == there[kind], kind


def count(parts: Sequence[Part], times: int, told: Counter[str]) -> None:
    for part in parts:
        match part:
            case Line():
                told[part.kind] += times
            case Rounds():
                count(part.parts, times * part.times, told)
            case Fork():
                for branch in part.branches:
                    count(branch.parts, times, told)


@pytest.mark.parametrize("detail", Detail)
def test_maps_are_values_of_the_graph_and_links_its_ways(graph: Graph, detail: Detail) -> None:
    shown = feature_maps(view(graph, unfold=True), detail)
    shapes = {str(value.shape) for node in graph.nodes for value in node.outputs}
    shapes |= {str(value.shape) for value in graph.inputs}
    assert {str(one.shape) for one in shown.maps} <= shapes
    assert all(link.source < link.target for link in shown.links)
    for target, one in enumerate(shown.maps):
        assert (one.is_input or one.is_source) == (not sources(shown, target))
        whole = [part.channels for part in one.slices]
        assert not whole or sum(whole, start=0) == one.shape.channels
    assert [str(one.shape) for one in shown.maps if one.is_input] == [str(value.shape) for value in graph.inputs]
    results = {str(first_of_its_layer(graph, output.value).shape) for output in graph.outputs}
    assert results == {str(one.shape) for one in shown.maps if one.is_output} or detail is Detail.RESOLUTIONS


def first_of_its_layer(graph: Graph, value: Value) -> Value:
    """The value that a map tells of: a layer of several results has one map, as YOLO's cells of boxes and scores."""
    return value if value.node is None else graph.nodes[value.node].outputs[0]


def sources(shown: FeatureMaps, target: int) -> list[int]:
    return [link.source for link in shown.links if link.target == target]


def test_the_volumes_of_unet_are_those_of_its_figure() -> None:
    """Fig. 1 of the paper: four copies across, each as wide as what comes up from below, at the same halving."""
    shown = feature_maps(view(netspec.load(EXAMPLES / "unet.net").graph(), unfold=True))
    skips = [(link.source, link.target) for link in shown.links if link.target > link.source + 1]
    assert len(skips) == 4
    for source, target in skips:
        copied, risen = shown.maps[target].slices
        assert copied.channels == risen.channels == shown.maps[source].shape.channels
        assert copied.family == "skip"
    assert [one.shape.dims for one in shown.maps[:6]] == [
        (1, 572, 572),
        (64, 568, 568),
        (64, 284, 284),
        (128, 280, 280),
        (128, 140, 140),
        (256, 136, 136),
    ]


def test_long_formulas_of_open_sizes_are_named_and_told_once() -> None:
    body = "one = conv(8, 3, 2)\n two = conv(8, 3, 2)\n concat([per_anchor(one, 4), per_anchor(two, 4)])"
    graph = netspec.parse(f"net N {{\n input image [3, n, W]\n {body}\n}}").graph()
    written = texts(table(graph))
    named = {name: formula for name, equals, formula in (text.partition(" = ") for text in written) if equals}
    assert list(named) == ["m1"]  # n is a size of the net's own
    assert str(graph.outputs[0].value.shape.dims[0]).startswith(named["m1"])  # in several lines
    assert "m1 × 4" in written


def test_branches_that_a_loop_makes_are_no_chain() -> None:
    graph = netspec.load(EXAMPLES / "lenet5_1998.net").graph()
    (row,) = (row for row in rows(view(graph, 3)).rows if row.name == "c3")
    (fork,) = (part for part in row.parts if isinstance(part, Fork))
    assert fork.kind == "concat"
    assert len(fork.branches) == 16
    assert {len(branch.parts) for branch in fork.branches} == {2}


def test_every_stage_of_alexnet_has_a_solid_with_its_name() -> None:
    drawn = volumes(netspec.load(EXAMPLES / "alexnet.net").graph())
    names = [text.partition(":")[0] for text in texts(drawn) if ":" in text and "√" not in text]
    assert names == ["conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8"]


def test_volumes_of_vgg_are_told_alike() -> None:
    """Five blocks with their activations, five pools, both layers of 4096."""
    shown = feature_maps(view(netspec.load(EXAMPLES / "vgg.net").graph(), unfold=True))
    made = [one.makers for one in shown.maps]
    assert [one.shape.dims for one in shown.maps if one.shape.rank == 1] == [(25088,), (4096,), (4096,), (1000,)]
    assert sum(makers == ("maxpool 2×2",) for makers in made) == 5
    convolutions = [makers for makers in made if "conv" in makers[0]]
    assert convolutions == [(f"{times} × conv 3×3, ReLU",) for times in (2, 2, 3, 3, 3)]


def test_the_legend_says_what_is_scaled() -> None:
    flat = texts(volumes(netspec.load(EXAMPLES / "lenet5.net").graph()))
    assert {"thickness: √channels, sides: √resolution", "strips: √features"} <= set(flat)
    deep = texts(volumes(netspec.load(EXAMPLES / "c3d.net").graph()))
    assert "sides: √resolution; channels are written" in deep
    assert not any("thickness" in text for text in deep)
    body = "conv(16, 4, stride=4) -> flatten(1) -> transpose(0, 1)\n residual { attention(4) }"
    patches = texts(volumes(netspec.parse(f"net N {{\n input x [3, 32, 32]\n {body}\n}}").graph()))
    assert {"thickness: √channels, sides: √resolution", "thickness: √length, height: √features"} <= set(patches)


def test_maps_of_a_u_have_their_names_over_them() -> None:
    written = texts(volumes(netspec.load(EXAMPLES / "unet_same.net").graph()))
    assert [text for text in written if text.startswith(("down", "dec"))] == [
        *("down1", "down2", "down3", "down4", "down5"),
        *("dec4", "dec3", "dec2", "dec1"),
    ]


def test_towers_stand_side_by_side() -> None:
    shown = feature_maps(view(netspec.load(EXAMPLES / "alexnet_towers.net").graph(), unfold=True))
    towers = [index for index in range(len(shown.maps)) if sources(shown, index) == [0]]
    assert len(towers) == 2
    assert shown.maps[towers[0]].shape == shown.maps[towers[1]].shape


def test_shared_weights_are_said() -> None:
    graph = netspec.load(EXAMPLES / "siamese.net").graph()
    assert "shared weights" in texts(table(graph))
    assert "shared" in " ".join(texts(volumes(graph)))


def test_what_only_training_runs_is_said() -> None:
    graph = netspec.load(EXAMPLES / "googlenet.net").graph()
    assert texts(table(graph)).count("when training") == 2
    drawing = volumes(graph)
    assert " ".join(texts(drawing)).count("(when training)") == 2
    dashed = [mark for mark in drawing.marks() if isinstance(mark, items.Path | Rect) and mark.dash]
    assert [type(mark) for mark in dashed] == [Rect, Rect, items.Path, items.Path]


def texts(drawing: Drawing) -> list[str]:
    return [mark.text for mark in drawing.marks() if isinstance(mark, Text)]


def test_boxes_grow_with_channels_and_resolution() -> None:
    spec = "net N { input x [3, 64, 64]\n conv(16, 1)\n maxpool(4)\n conv(64, 1) -> relu }"
    fronts = [
        mark
        for mark in volumes(netspec.parse(spec).graph()).marks()
        if isinstance(mark, Rect) and mark.stroke_width == 0.5
    ][:4]
    assert fronts[1].width / fronts[3].width == pytest.approx((16 / 64) ** 0.5)
    assert fronts[1].height / fronts[2].height == pytest.approx(4**0.5)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "text",
    [
        "net N { input x [3] }",
        "net N { input x [3]\n sum }",
        "net N { input t: int [100]\n embedding(1000, 64)\n lstm(32) }",
        "net N { input x [4]\n output a = linear(3)\n output b = x -> linear(2) }",
        "net N { input x [3, H, W]\n conv(8, 3, 2) -> relu\n global_avgpool -> flatten\n linear(10) }",
        "net N { input x [3, 2000000, 8]\n conv(4, 1) }",
        "net N { input x [8]\n add { linear(8)  { }  relu } }",
        "net N { input x [8, 9, 9]\n concat {\n conv(8, 1)\n { conv(4, 1)\n add { conv(4, 1)  { } } }\n } }",
    ],
)
def test_small_nets(text: str, style: str) -> None:
    graph = netspec.parse(text).graph()
    for drawing in (STYLES[style](graph), STYLES[style](graph, unfold=True)):
        left, top, right, bottom = bounds(drawing.items)
        assert 0 <= left < right <= drawing.width
        assert 0 <= top < bottom <= drawing.height


@pytest.mark.parametrize("style", STYLES)
def test_focus_draws_the_inside(style: str) -> None:
    graph = netspec.load(EXAMPLES / "resnet.net").graph()
    drawing = STYLES[style](graph, focus="layer3.0")
    assert "conv 3×3" in " ".join(texts(drawing))
    assert drawing.title == "ResNet: layer3.0"
    with pytest.raises(NetspecError, match="no block"):
        STYLES[style](graph, focus="layer9")


@pytest.mark.parametrize("style", STYLES)
def test_long_names_are_cut_within_their_column(style: str) -> None:
    name = "a" * 79
    graph = netspec.parse(f"net {name.upper()} {{ input {name} [3, 8, 8]\n {name}b = conv(8, 3) }}").graph()
    drawing = STYLES[style](graph)
    assert drawing.width < PAGE_WIDTH
    assert not list(overlapping(drawing))


def test_all_pairs_are_looked_at() -> None:
    """The check for texts that meet finds them, upright and turned."""
    apart = (Text(0, 10, "one"), Text(0, 30, "two"), Text(40, 30, "three", rotate=-40))
    together = (*apart, Text(5, 12, "four"), Text(45, 24, "five"))
    assert not list(overlapping(Drawing(100, 100, apart)))
    found = {frozenset(pair) for pair in overlapping(Drawing(100, 100, together))}
    assert found == {frozenset(("one", "four")), frozenset(("three", "five"))}
    assert all(
        meet(box_of(one), box_of(other)) == (frozenset((one.text, other.text)) in found)
        for one, other in combinations(together, 2)
    )
