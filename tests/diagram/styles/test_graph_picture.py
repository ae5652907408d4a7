"""The graph style: what is drawn can be read.

Nothing lies on anything else, every text is in its box, and the same spec gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from math import hypot
from pathlib import Path

import pytest

import netspec
from netspec.diagram.drawing.items import Drawing, Group, Item, Point, Rect, Text
from netspec.diagram.drawing.text import width_of
from netspec.diagram.layout import box_text
from netspec.diagram.layout.dot_layout import Graphviz
from netspec.diagram.layout.layout import Layout, PlacedBox, Route, layout
from netspec.diagram.render import Request
from netspec.diagram.render import draw as draw_request
from netspec.diagram.styles.graph import draw
from netspec.diagram.styles.insets import with_insets
from netspec.diagram.view.view import view
from netspec.graph.graph import Graph

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.net"))
GOLDEN = Path(__file__).with_name("golden")
PAPER: dict[str, tuple[str, dict[str, int]]] = {
    "lenet5": ("lenet5", {}),
    "vgg": ("vgg", {}),
    "googlenet": ("googlenet", {}),
    "resnet": ("resnet", {}),
    "resnet152": ("resnet", {"depth": 152}),
    "densenet": ("densenet", {}),
    "densenet201": ("densenet", {"depth": 201}),
    "highway_mnist": ("highway_mnist", {}),
    "unet": ("unet", {}),
    "wavenet": ("wavenet", {}),
    "inception_v3": ("inception_v3", {}),
    "c3d": ("c3d", {}),
    "siamese": ("siamese", {}),
}
"""The networks whose pictures are kept."""


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda path: path.stem)
def layouts(request: pytest.FixtureRequest) -> list[Layout]:
    """The pictures of an example: the default one, the shallowest and the deepest."""
    graph = netspec.load(request.param).graph()
    default = view(graph)
    shown = [default, view(graph, 1), view(graph, default.deepest)]
    with Graphviz(60) as graphviz:
        return [layout(one, graphviz) for one in shown]


def leaves(laid: Layout) -> list[PlacedBox]:
    return [placed for placed in laid.boxes if not placed.box.children]


def test_boxes_do_not_overlap(layouts: list[Layout]) -> None:
    for laid in layouts:
        for one, other in near(leaves(laid)):
            assert not overlap(one, other), (one.box.id, other.box.id)


def test_frames_hold_what_is_in_them_and_nothing_else(layouts: list[Layout]) -> None:
    for laid in layouts:
        placed = {one.box.id: one for one in laid.boxes}
        assert placed.keys() == {box.id for box in laid.view.walk()}
        for frame in laid.boxes:
            inside = {box.id for box in frame.box.walk()} - {frame.box.id}
            for other in laid.boxes:
                if other.box.id in inside:
                    assert contains(frame, other)
                elif frame.box.children and frame.box.id not in {box.id for box in other.box.walk()}:
                    assert not overlap(frame, other)


def test_everything_is_on_the_page(layouts: list[Layout]) -> None:
    for laid in layouts:
        for placed in laid.boxes:
            assert 0 <= placed.x <= placed.x + placed.width <= laid.width
            assert 0 <= placed.y <= placed.y + placed.height <= laid.height
        for route in laid.routes:
            for x, y in points(route):
                assert -0.5 <= x <= laid.width + 0.5
                assert -0.5 <= y <= laid.height + 0.5


def test_edges_pass_by_the_boxes(layouts: list[Layout]) -> None:
    """No edge goes through a box; at its own ends it may touch, which is where the arrow is."""
    for laid in layouts:
        boxes = leaves(laid)
        for route in laid.routes:
            for x, y in points(route):
                for placed in boxes:
                    assert not is_in(placed, x, y), (route.source, route.target, placed.box.id, laid.view.depth)


def is_in(placed: PlacedBox, x: float, y: float) -> bool:
    """Whether a point is well inside a box, or inside the circle of an operator."""
    if box_text.is_round(placed.box):
        radius = placed.width / 2
        return hypot(x - placed.x - radius, y - placed.y - radius) < radius - 1.5
    left, top = placed.x + 1.5, placed.y + 1.5
    return left < x < left + placed.width - 3 and top < y < top + placed.height - 3


def test_shapes_lie_on_nothing(layouts: list[Layout]) -> None:
    for laid in layouts:
        written = [label_box(route) for route in laid.routes if route.label]
        boxes = [(one.x, one.y, one.x + one.width, one.y + one.height) for one in leaves(laid)]
        for label in written:
            assert not any(crosses(label, box) for box in boxes), label
        for one, other in combinations(written, 2):
            assert not crosses(one, other)


def test_arrows_end_at_their_boxes(layouts: list[Layout]) -> None:
    for laid in layouts:
        placed = {one.box.id: one for one in laid.boxes}
        for route in laid.routes:
            if route.arrow:
                target = placed[route.target]
                x, y = route.path[-1][1][-1]
                assert target.x - 1 <= x <= target.x + target.width + 1
                assert target.y - 1 <= y <= target.y + target.height + 1


def test_arrowheads_are_apart(layouts: list[Layout]) -> None:
    for laid in layouts:
        joins = {placed.box.id for placed in laid.boxes if placed.box.kind == "join"}
        tips = [
            (route.target, route.path[-1][1][-1]) for route in laid.routes if route.arrow and route.target not in joins
        ]
        for (target, (x, y)), (other, (u, v)) in combinations(tips, 2):
            assert abs(x - u) + abs(y - v) >= 3, (target, other)


def test_text_is_inside_its_box(layouts: list[Layout]) -> None:
    for laid in layouts:
        drawing = draw(laid)
        for group in groups(drawing.items):
            rects = [item for item in group.items if isinstance(item, Rect)]
            for text in (item for item in group.items if isinstance(item, Text)):
                if rects:
                    box = rects[-1]
                    left = text.x - {"start": 0, "middle": 0.5, "end": 1}[text.anchor] * width_of(text)
                    assert box.x <= left, text.text
                    assert left + width_of(text) <= box.x + box.width + 0.1, text.text
                    assert box.y <= text.y - 0.6 * text.size <= text.y <= box.y + box.height


def test_an_arrow_for_every_edge(layouts: list[Layout]) -> None:
    """Each edge of the view can be followed: the places where its value goes begin at one end and reach the other."""
    for laid in layouts:
        reached: dict[str, set[str]] = {}
        for route in laid.routes:
            if route.arrow:
                reached.setdefault(route.value, set()).add(route.target)
        around = {box.id: [over.id for over in laid.view.walk() if box in over.walk()] for box in laid.view.walk()}
        for edge in laid.view.edges:
            assert reached[edge.value] & set(around[edge.target])


@pytest.mark.parametrize("name", PAPER)
def test_pictures_are_those_that_were_looked_at(name: str, update_golden: bool) -> None:
    svg = picture(name)
    kept = GOLDEN / f"{name}.graph.svg"
    if update_golden:
        kept.write_text(svg, encoding="utf-8", newline="\n")
    assert svg == kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAPER)
def test_the_default_picture_is_a_page(name: str) -> None:
    example, arguments = PAPER[name]
    drawing = default_drawing(netspec.load(ROOT / f"examples/{example}.net").graph(**arguments))
    assert drawing.width <= 520.5
    assert drawing.height <= 740.5
    smallest = min(mark.size for mark in drawing.marks() if isinstance(mark, Text))
    assert smallest >= 4


def test_every_kind_of_block_is_drawn_or_said_to_be_left_out() -> None:
    drawing, notes = draw_request(Request(netspec.load(ROOT / "examples" / "inception_v3.net").graph()))
    written = {mark.text for mark in drawing.marks() if isinstance(mark, Text)}
    drawn = {"inside Mixed_5b", "inside Mixed_6a", "inside Mixed_7a", "inside AuxLogits"}
    assert drawn == {text for text in written if text.startswith("inside ")}
    assert notes == ("no room for the inside of Mixed_6b, Mixed_7b: --focus Mixed_6b draws it",)


def test_insets_of_one_block_have_titles_of_their_own() -> None:
    drawing, _ = draw_request(Request(netspec.load(ROOT / "examples" / "resnet.net").graph()))
    written = [mark.text for mark in drawing.marks() if isinstance(mark, Text)]
    assert [text for text in written if ": " in text] == [
        "layer1.0: Bottleneck(64, stride=1)",
        "layer1.1–2: Bottleneck(64, stride=1)",
    ]


def test_labelled_groups_are_kinds_as_well() -> None:
    group = "{ conv(16, 1) -> batchnorm -> relu6\n depthwise_conv(3, pad=1) -> batchnorm -> relu6\n conv(8, 1) }"
    stages = "\n".join(f"a{number} = {group}\n maxpool(2)" for number in range(3))
    graph = netspec.parse(f"net N {{\n input x [8, 64, 64]\n {stages}\n}}").graph()
    with Graphviz() as graphviz:
        shown = view(graph, 1)
        drawing, left_out = with_insets(draw(layout(shown, graphviz)), shown, graphviz, 0.5)
    assert not left_out
    written = [mark.text for mark in drawing.marks() if isinstance(mark, Text)]
    assert [written.count(name) for name in ("a0", "a1", "a2")] == [2, 1, 1]


def test_groups_of_one_name_in_several_stages_are_one_kind() -> None:
    """ConvNeXt's stages hold a `block` each: one inset, or two where they differ, none with the title of another."""
    drawing, _ = draw_request(Request(netspec.load(ROOT / "examples" / "convnext.net").graph(), timeout=60))
    written = [mark.text for mark in drawing.marks() if isinstance(mark, Text)]
    titles = [text for text in written if text.endswith(".block") or text.startswith("inside")]
    assert 1 <= len(titles) <= 2
    assert len(set(titles)) == len(titles)


def test_the_same_spec_gives_the_same_bytes() -> None:
    assert picture("inception_v3") == picture("inception_v3")


def test_unfolded_is_no_ribbon() -> None:
    graph = netspec.load(ROOT / "examples/densenet.net").graph(depth=201)
    with Graphviz(60) as graphviz:
        laid = layout(view(graph, unfold=True), graphviz)
    assert len(leaves(laid)) > 300
    assert 0.5 < laid.width / laid.height < 2


def test_alike_parts_are_laid_out_once() -> None:
    """The layout's text has nothing of the spec in it, so that Graphviz is asked only for what is new."""
    graph = netspec.load(ROOT / "examples/resnet.net").graph(depth=152)
    with Graphviz(60) as graphviz:
        layout(view(graph, unfold=True), graphviz)
        assert len(graphviz._known) < 25


def test_names_that_are_attacks_are_drawn_as_text() -> None:
    text = """block B(a: str) { conv(8, 3) -> relu -> conv(8, 3) }
    net N { input x [8, 32, 32]
    B("<script>alert(1)</script>\\"']]>&lt;")
    B("\\u202e evil") }"""
    try:
        graph = netspec.parse(text).graph()
    except netspec.NetspecError:
        graph = netspec.parse(text.replace("\\u202e", "\u202e")).graph()
    for form in ("svg", "mmd", "tex", "html", "json", "dot"):
        content = graph.render(format=form)
        assert isinstance(content, str)
        assert "<script>alert" not in content or form in ("json", "dot", "tex")
        assert "\u202e" not in content


def default_drawing(graph: Graph) -> Drawing:
    drawing, notes = draw_request(Request(graph, timeout=60))
    assert not [note for note in notes if "takes longer" in note]
    return drawing


def picture(name: str) -> str:
    example, arguments = PAPER[name]
    return str(netspec.load(ROOT / f"examples/{example}.net").graph(**arguments).render(format="svg", timeout=60))


def groups(items: Sequence[Item]) -> Iterator[Group]:
    for item in items:
        if isinstance(item, Group):
            yield item
            yield from groups(item.items)


def points(route: Route) -> Iterator[Point]:
    """Points along the way, close to each other."""
    here = route.path[0][1][0]
    for verb, ends in route.path[1:]:
        steps = 24
        for step in range(steps + 1):
            t = step / steps
            if verb == "L":
                yield here[0] + (ends[0][0] - here[0]) * t, here[1] + (ends[0][1] - here[1]) * t
            else:
                yield bezier((here, *ends), t)
        here = ends[-1]


def bezier(corners: Sequence[Point], t: float) -> Point:
    while len(corners) > 1:
        corners = [((1 - t) * a[0] + t * b[0], (1 - t) * a[1] + t * b[1]) for a, b in pairwise(corners)]
    return corners[0]


def label_box(route: Route) -> tuple[float, float, float, float]:
    x, y = route.label_at
    text = Text(x, y, route.label, box_text.LABEL_SIZE)
    return x, y - box_text.LABEL_SIZE * 0.35, x + width_of(text), y + box_text.LABEL_SIZE * 0.35


def crosses(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def near(placed: Sequence[PlacedBox]) -> Iterator[tuple[PlacedBox, PlacedBox]]:
    """Pairs whose heights meet."""
    ordered = sorted(placed, key=lambda one: one.y)
    for number, one in enumerate(ordered):
        for other in ordered[number + 1 :]:
            if other.y >= one.y + one.height:
                break
            yield one, other


def overlap(one: PlacedBox, other: PlacedBox) -> bool:
    return (
        one.x < other.x + other.width - 0.01
        and other.x < one.x + one.width - 0.01
        and one.y < other.y + other.height - 0.01
        and other.y < one.y + one.height - 0.01
    )


def contains(frame: PlacedBox, inner: PlacedBox) -> bool:
    return (
        frame.x <= inner.x
        and inner.x + inner.width <= frame.x + frame.width
        and frame.y + box_text.HEADER <= inner.y
        and inner.y + inner.height <= frame.y + frame.height
    )


def test_an_inset_of_a_container_says_where_it_stands() -> None:
    """Its name alone, as every block of a net has it, would say nothing."""
    drawing, _ = draw_request(Request(netspec.load(ROOT / "examples" / "regnet.net").graph()))
    written = [mark.text for mark in drawing.marks() if isinstance(mark, Text)]
    assert "f: f" not in written
    assert "trunk_output.block1.block1-0.f" in written
