"""The interactive page in a real Chromium: what a reader does, and what a hostile spec cannot do.

Without Chromium the tests are skipped, or fail where `CI` is set; `NETSPEC_WITHOUT=chromium` skips them there, too.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader

import netspec
from netspec.analysis.receptive_field import receptive_fields
from netspec.diagram.page.page import page as page_of
from netspec.diagram.view.boxes import View
from netspec.diagram.view.view import view
from netspec.graph import json_form
from netspec.graph.graph import Graph

pytestmark = pytest.mark.xdist_group("browser")

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
SAMPLE = (
    "lenet5",
    "resnet",
    "googlenet",
    "unet",
    "wavenet",
    "siamese",
    "highway_mnist",
    "c3d",
    "densenet",
    "alexnet_towers",
)
ATTACKS = (
    "<script>window.pwned = 1</script>",
    "</script><script>window.pwned = 1</script>",
    '"><img src=x onerror="window.pwned = 1">',
    "'><svg onload='window.pwned = 1'>",
    "<!--<script>",
    "]]><svg/onload=window.pwned=1>",
    "javascript:window.pwned=1",
    "${window.pwned = 1} {{window.pwned = 1}} {data} {script}",
    "\\u003cscript>window.pwned=1\\u003c/script>",
    "__proto__",
    "constructor",
    "\u202etxt.exe\u2066",
    "\u2028\u0000\u001b[2J\r",
    "</style><style>*{display:none}",
    "a" * 5000,
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if CHROMIUM is None:
        missing = "there is no Chromium: install Debian's `chromium`"
        if os.environ.get("CI") and "chromium" not in os.environ.get("NETSPEC_WITHOUT", ""):
            pytest.fail(f"{missing}, or set NETSPEC_WITHOUT=chromium")
        pytest.skip(missing)
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("chromium"),
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
            viewport={"width": 1400, "height": 900},
            reduced_motion="reduce",
            color_scheme="light",
        )
        yield context
        context.close()


@dataclass
class Visit:
    """A page that was opened, and what went on while it was."""

    tab: Any
    graph: Graph
    view: View
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def box(self, name: str) -> Any:
        """The tree item of the box with this name."""
        return self.tab.locator(f'[data-box="{self.number(name)}"]')

    def number(self, name: str) -> int:
        return next(number for number, box in enumerate(self.view.walk()) if name in (box.name, box.id))

    def press(self, name: str) -> None:
        """A click on a closed box, or on the header of an open one."""
        part = ".closed" if self.box(name).get_attribute("aria-expanded") != "true" else ".opened > .header > .band"
        self.box(name).locator(f":scope > {part}").click(position={"x": 5, "y": 9})

    def is_open(self, name: str) -> bool:
        return bool(self.box(name).get_attribute("aria-expanded") == "true")

    @property
    def details(self) -> str:
        return str(self.tab.locator("#details-content").inner_text())

    @property
    def selected(self) -> list[int]:
        items = self.tab.locator('[role=treeitem][aria-selected="true"]')
        return [int(item.get_attribute("data-box")) for item in items.all()]

    @property
    def focused(self) -> int | None:
        found = self.tab.evaluate("document.activeElement.getAttribute('data-box')")
        return None if found is None else int(found)


@contextmanager
def visiting(browser: Any, folder: Path, graph: Graph, mark: str = "", **options: Any) -> Iterator[Visit]:
    """The page of a graph, opened from the file system; afterwards, nothing may have gone wrong in it."""
    path = folder / "net.html"
    path.write_text(page_of(graph, **options), encoding="utf-8")
    tab = browser.new_page()
    visit = Visit(tab, graph, view(graph, 99))
    tab.on("console", lambda message: visit.problems.append(message.text))
    tab.on("pageerror", lambda error: visit.problems.append(f"{error.message}\n{error.stack}"))
    tab.on("dialog", lambda dialog: (visit.problems.append(f"dialog {dialog.message}"), dialog.dismiss()))
    tab.on("request", lambda request: visit.requests.append(request.url))
    try:
        tab.goto(path.as_uri() + mark)
        tab.wait_for_selector("html[data-ready]", state="attached")
        yield visit
        assert visit.problems == []
        asked = {url.partition("#")[0] for url in visit.requests}
        assert {url for url in asked if not url.startswith("blob:")} == {path.as_uri()}
    finally:
        tab.close()


def example(name: str, **arguments: Any) -> Graph:
    return netspec.load(EXAMPLES / f"{name}.net").graph(**arguments)


@pytest.fixture
def resnet(browser: Any, tmp_path: Path) -> Iterator[Visit]:
    with visiting(browser, tmp_path, example("resnet", depth=50)) as visit:
        yield visit


@pytest.mark.parametrize("name", SAMPLE)
def test_opens_without_an_error_or_a_request(name: str, browser: Any, tmp_path: Path) -> None:
    with visiting(browser, tmp_path, example(name)) as visit:
        assert visit.tab.title() == f"{visit.graph.name} · netspec"
        assert visit.tab.locator("[role=treeitem]").count() >= 3
        assert f"{visit.graph.parameters:,}" in visit.details
        visit.tab.click("#open-all")
        shown = {int(item.get_attribute("data-box")) for item in visit.tab.locator("[role=treeitem]").all()}
        assert shown == set(range(len(list(visit.view.walk()))))
        visit.tab.click("#close-all")


def test_a_block_opens_and_closes_in_place(resnet: Visit) -> None:
    before = resnet.box("layer2").bounding_box()
    resnet.press("layer2")
    assert resnet.is_open("layer2")
    assert resnet.box("layer2.0").is_visible()
    assert resnet.box("layer2").bounding_box()["height"] > before["height"]
    assert not resnet.is_open("layer1")
    resnet.press("layer2.0")
    assert resnet.box("layer2.0.conv2").is_visible()
    resnet.box("layer2").locator(":scope > .opened > .header .sign").click()
    assert not resnet.is_open("layer2")
    assert resnet.box("layer2.0").count() == 0
    resnet.press("layer2")
    assert resnet.is_open("layer2.0"), "what was open inside is open again"


@pytest.mark.parametrize("name", ["resnet", "googlenet", "unet", "wavenet", "densenet", "highway_mnist", "siamese"])
def test_nothing_overlaps_whatever_is_open(name: str, browser: Any, tmp_path: Path) -> None:
    """Boxes side by side are apart, boxes in a frame are inside it, and edges end at boxes or where they part."""
    with visiting(browser, tmp_path, example(name)) as visit:
        chance = random.Random(name)
        for _ in range(6):
            visit.tab.click("#close-all")
            for _ in range(4):
                closed = visit.tab.locator('[role=treeitem][aria-expanded="false"]').all()
                if closed:
                    chance.choice(closed).locator(":scope > .closed").dispatch_event("click")
            assert visit.tab.evaluate(GEOMETRY) == []


GEOMETRY = """() => {
  const wrong = [];
  const rectangle = (item) => (item.querySelector(':scope > .closed > rect:last-of-type, :scope > .closed > circle, ' +
    ':scope > .opened > .frame, :scope > .frame') ?? item).getBoundingClientRect();
  const items = [...document.querySelectorAll('[role=treeitem]')].map((item) => ({
    item, at: rectangle(item), around: item.parentElement.closest('[role=treeitem]') }));
  const name = ({ item }) => item.getAttribute('aria-label');
  const slack = 1.5;
  for (const one of items) {
    const frame = items.find(({ item }) => item === one.around)?.at;
    if (frame && (one.at.left < frame.left - slack || one.at.right > frame.right + slack ||
        one.at.top < frame.top - slack || one.at.bottom > frame.bottom + slack))
      wrong.push(`${name(one)} sticks out of its frame`);
    for (const other of items) {
      if (one === other || one.around !== other.around) continue;
      if (one.at.left < other.at.right - slack && other.at.left < one.at.right - slack &&
          one.at.top < other.at.bottom - slack && other.at.top < one.at.bottom - slack)
        wrong.push(`${name(one)} overlaps ${name(other)}`);
    }
  }
  const ways = [...document.querySelectorAll('.edge')].map((edge) => {
    const shaft = edge.querySelector('.touch');
    const matrix = shaft.getScreenCTM();
    const length = shaft.getTotalLength();
    const at = (share) => shaft.getPointAtLength(share * length).matrixTransform(matrix);
    return { edge, at, near: ({ x, y }) => Array.from({ length: 200 }, (_, step) => at(step / 199))
      .some((place) => Math.hypot(place.x - x, place.y - y) < 5) };
  });
  for (const way of ways) for (const [end, at] of [['source', way.at(0)], ['target', way.at(1)]]) {
    const box = items.find(({ item }) => Number(item.dataset.box) === way.edge.route[end]);
    if (!box) continue;
    const away = Math.max(box.at.left - at.x, at.x - box.at.right, box.at.top - at.y, at.y - box.at.bottom);
    if (away > 14 && !ways.some((other) => other !== way && other.near(at)))
      wrong.push(`an edge ends ${away} px away from ${name(box)}`);
  }
  return wrong;
}"""


def test_the_panel_tells_what_the_graph_knows(resnet: Visit) -> None:
    resnet.press("layer2")
    resnet.press("layer2.0")
    resnet.press("layer2.0.conv2")
    node, graph = resnet.graph["layer2.0.conv2"], resnet.graph
    assert isinstance(node, netspec.graph.graph.Node)
    told = resnet.details
    assert "128 × 28 × 28" in told
    assert "128 × 56 × 56" in told
    assert f"{128 * 128 * 9 + 2 * 128:,}" in told, "the convolution and the norm merged with it"
    assert f"{128 * 128 * 9 * 28 * 28:,}" in told
    assert node.layer.explain(1, *node.shapes) in told
    assert "kernel" in told
    seen = receptive_fields(graph)[node.name]
    assert seen is not None
    assert " × ".join(str(axis.size) for axis in seen if not isinstance(axis, str)) in told
    assert f"std/resnet.net:{node.span.line}" in told
    assert "layer2.0 = Bottleneck(128" in told


def test_one_of_many_rounds_can_be_looked_at(resnet: Visit) -> None:
    resnet.tab.fill("#search", "layer3.4.conv1")
    resnet.tab.press("#search", "Enter")
    assert resnet.selected == [resnet.number("layer3.1.conv1")]
    assert "layer3.4.conv1" in resnet.details
    seen = receptive_fields(resnet.graph)["layer3.4.conv1"]
    assert seen is not None
    assert not isinstance(seen, str)
    assert f"{seen[0].size} × {seen[1].size}" in resnet.details
    resnet.tab.select_option("#details select", label="layer3.2.conv1")
    other = receptive_fields(resnet.graph)["layer3.2.conv1"]
    assert other is not None
    assert not isinstance(other, str)
    assert f"{other[0].size} × {other[1].size}" in resnet.details


@pytest.mark.parametrize("name", ["resnet", "densenet", "wavenet", "googlenet", "inception_v3"])
def test_every_stage_can_be_found_and_shown(name: str, browser: Any, tmp_path: Path) -> None:
    graph = example(name)
    names = {node.name for node in graph.nodes} | {
        scope.name for scope in graph.scopes if scope.is_module and scope.name
    }
    chosen = random.Random(0).sample(sorted(names), 8)
    with visiting(browser, tmp_path, graph) as visit:
        for wanted in chosen:
            visit.tab.fill("#search", wanted)
            assert visit.tab.locator("#found [role=option]").first.locator("code").inner_text() == wanted
            visit.tab.press("#search", "Enter")
            (number,) = visit.selected
            box = list(visit.view.walk())[number]
            assert visit.tab.locator(f'[data-box="{number}"]').is_visible()
            stage = graph[wanted]
            nodes = (
                {stage.index}
                if isinstance(stage, netspec.graph.graph.Node)
                else {node.index for node in graph.nodes if node.name.startswith(f"{wanted}.")}
            )
            assert nodes <= set(box.nodes)


def test_search_says_when_there_is_nothing(resnet: Visit) -> None:
    resnet.tab.keyboard.press("/")
    resnet.tab.keyboard.type("nothing of the kind")
    assert "no stage of that name" in resnet.tab.locator("#found").inner_text()
    resnet.tab.keyboard.press("Enter")
    assert resnet.selected == []
    resnet.tab.keyboard.press("Escape")
    assert resnet.tab.locator("#found").is_hidden()
    assert resnet.tab.input_value("#search") == ""


def test_the_selected_stage_and_its_line_go_together(resnet: Visit) -> None:
    resnet.press("fc")
    marked = resnet.tab.locator("#source-text .marked")
    assert "fc = linear(classes)" in marked.inner_text()
    line = resnet.tab.locator("#source-text button.row", has_text="conv1 = conv(64, 7")
    line.click()
    assert resnet.selected == [resnet.number("conv1")]
    block = resnet.tab.locator("#source-text button.row", has_text="layer$i")
    found = []
    for _ in range(5):
        block.click()
        found += resnet.selected
    assert found == [resnet.number(f"layer{i}") for i in (1, 2, 3, 4, 1)], "each click the next stage of the line"


def test_hover_lights_up_what_a_box_reads_and_who_reads_it(resnet: Visit) -> None:
    resnet.press("layer1")
    resnet.press("layer1.0")
    target = resnet.number("layer1.0.add1")
    resnet.box("layer1.0.add1").locator(":scope > .closed").hover()
    boxes = list(resnet.view.walk())
    expected = {
        "into": {f"{edge.source}>{edge.target}" for edge in resnet.view.edges if edge.target == boxes[target].id},
        "from": {f"{edge.source}>{edge.target}" for edge in resnet.view.edges if edge.source == boxes[target].id},
    }
    for kind, edges in expected.items():
        lit = resnet.tab.evaluate(
            f"[...document.querySelectorAll('.edge.{kind}')].map((edge) => [edge.route.source, edge.route.target])"
        )
        assert {f"{boxes[a].id}>{boxes[b].id}" for a, b in lit} == edges
    assert len(expected["into"]) == 2
    resnet.tab.mouse.move(5, 5)
    assert resnet.tab.locator(".edge.into, .edge.from").count() == 0


def test_hover_on_an_edge_tells_its_tensor(resnet: Visit) -> None:
    edge = resnet.tab.locator(".edge .touch").nth(1)
    edge.dispatch_event("pointerover", {"bubbles": True})
    assert "64 × 112 × 112" in resnet.tab.locator("#told").inner_text()


def test_the_keyboard_alone_is_enough(resnet: Visit) -> None:
    keys = resnet.tab.keyboard
    resnet.box("in0").focus()
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    assert resnet.focused == resnet.number("layer1")
    keys.press("ArrowRight")
    assert resnet.is_open("layer1")
    keys.press("ArrowRight")
    assert resnet.focused == resnet.number("layer1.0")
    keys.press("Enter")
    assert resnet.selected == [resnet.number("layer1.0")]
    keys.press("Enter")
    assert resnet.is_open("layer1.0")
    assert resnet.focused == resnet.number("layer1.0")
    keys.press("ArrowLeft")
    assert not resnet.is_open("layer1.0")
    keys.press("ArrowLeft")
    assert resnet.focused == resnet.number("layer1")
    keys.press("ArrowLeft")
    assert not resnet.is_open("layer1")
    keys.press("End")
    assert resnet.focused == resnet.number("out0")
    keys.press("Home")
    assert resnet.focused == resnet.number("in0")
    keys.press("Escape")
    assert resnet.selected == []
    keys.press("/")
    assert resnet.tab.evaluate("document.activeElement.id") == "search"
    keys.press("Escape")
    assert resnet.focused is not None
    before = resnet.tab.inner_text("#zoom")
    keys.press("+")
    assert resnet.tab.inner_text("#zoom") != before
    keys.press("0")
    keys.press("?")
    assert resnet.tab.locator("#help").is_visible()
    keys.press("Escape")
    assert resnet.tab.locator("#help").is_hidden()


def test_tab_reaches_the_diagram_once_and_all_controls_have_names(resnet: Visit) -> None:
    assert resnet.tab.locator('#diagram [tabindex="0"]').count() == 1
    unnamed = resnet.tab.evaluate(
        """() => [...document.querySelectorAll('button, input, [role=treeitem], [role=option], select')]
          .filter((each) => !(each.getAttribute('aria-label') || each.textContent.trim()))
          .map((each) => each.outerHTML)"""
    )
    assert unnamed == []
    levels = {item.get_attribute("aria-level") for item in resnet.tab.locator("[role=treeitem]").all()}
    assert levels == {"1"}


def test_pan_and_zoom(resnet: Visit) -> None:
    def place() -> tuple[float, float]:
        box = resnet.box("fc").bounding_box()
        return box["x"], box["y"]

    canvas = resnet.tab.locator("#diagram").bounding_box()
    x, y = canvas["x"] + 60, canvas["y"] + 60
    start = place()
    resnet.tab.mouse.move(x, y)
    resnet.tab.mouse.down()
    resnet.tab.mouse.move(x + 70, y + 40, steps=4)
    resnet.tab.mouse.up()
    assert place() == pytest.approx((start[0] + 70, start[1] + 40), abs=1)
    assert resnet.selected == [], "a drag is no click"
    wide = resnet.box("fc").bounding_box()["width"]
    resnet.tab.mouse.wheel(0, -400)
    assert resnet.box("fc").bounding_box()["width"] > wide
    resnet.tab.click("#fit")
    assert place() != start or resnet.tab.inner_text("#zoom")
    for name in ("in0", "out0"):
        box = resnet.box(name).bounding_box()
        assert canvas["y"] <= box["y"] <= canvas["y"] + canvas["height"] - box["height"]


def test_the_theme_follows_the_reader_and_the_toggle(browser: Any, tmp_path: Path) -> None:
    def paper(visit: Visit) -> str:
        return str(visit.tab.evaluate("getComputedStyle(document.body).backgroundColor"))

    with visiting(browser, tmp_path, example("lenet5")) as visit:
        light = paper(visit)
        visit.tab.emulate_media(color_scheme="dark")
        dark = paper(visit)
        assert light != dark
        visit.tab.click("#theme")
        assert paper(visit) == light
        visit.tab.click("#theme")
        assert paper(visit) == dark
    with visiting(browser, tmp_path, example("lenet5"), theme="dark") as visit:
        assert paper(visit) == dark


def test_ink_can_be_read_on_every_paint_in_both_themes(browser: Any, tmp_path: Path) -> None:
    """Contrast of at least 4.5, WCAG 2.2, 1.4.3, as the browser paints it."""
    with visiting(browser, tmp_path, example("googlenet")) as visit:
        for scheme in ("light", "dark"):
            visit.tab.emulate_media(color_scheme=scheme)
            worst = visit.tab.evaluate(
                """() => {
                  const light = (colour) => { const [r, g, b] = colour.match(/[0-9.]+/g).map(Number).map((v) => v / 255)
                    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
                  const against = (a, b) => {
                    const [dark, bright] = [light(a), light(b)].sort((one, other) => one - other);
                    return (bright + 0.05) / (dark + 0.05);
                  };
                  const of = (box) => [...box.querySelectorAll(':scope > .closed > text')].map((text) =>
                    against(getComputedStyle(text).fill,
                            getComputedStyle(box.querySelector(':scope > .closed > rect:last-of-type')).fill));
                  return Math.min(...[...document.querySelectorAll('.box:not(.join)')].flatMap(of)); }"""
            )
            assert worst >= 4.5, scheme


def test_a_link_to_a_stage(browser: Any, tmp_path: Path) -> None:
    with visiting(browser, tmp_path, example("resnet", depth=50), mark="#layer4.1.conv2") as visit:
        assert visit.selected == [visit.number("layer4.1.conv2")]
        visit.tab.evaluate("location.hash = '#layer1.0.conv1'")
        visit.tab.wait_for_selector(f'[data-box="{visit.number("layer1.0.conv1")}"][aria-selected="true"]')
    with visiting(browser, tmp_path, example("lenet5"), mark="#%E0%A4%A") as visit:
        assert visit.selected == []


def test_a_small_window(browser: Any, tmp_path: Path) -> None:
    with visiting(browser, tmp_path, example("lenet5")) as visit:
        visit.tab.set_viewport_size({"width": 390, "height": 800})
        assert visit.tab.locator("#details").is_hidden()
        visit.tab.click("#show-details")
        assert visit.tab.locator("#details").is_visible()
        visit.tab.click("#show-source")
        assert visit.tab.locator("#details").is_hidden()
        assert visit.tab.locator("#source-text").is_visible()
        visit.tab.keyboard.press("Escape")
        assert visit.tab.locator("#source").is_hidden()
        assert visit.tab.evaluate("document.documentElement.scrollWidth") <= 390


def hostile() -> Graph:
    """A net whose texts are attacks in turn: names that a graph on disk may have, and its sources."""
    document = json.loads(example("resnet", depth=18).json())
    attacks = cycle(ATTACKS)
    names = count()

    def spoil(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {each: spoil(inner, each) for each, inner in value.items()}
        if isinstance(value, list):
            return [spoil(inner, key) for inner in value]
        if isinstance(value, str) and key == "documentation":
            return f"{next(attacks)}{next(names)}"
        return value

    spoilt = spoil(document)
    for node, original in zip(spoilt["nodes"], document["nodes"], strict=True):
        node["layer"] = original["layer"]
    for source in spoilt["sources"]:
        source["text"] = "".join(f"# {attack}\n" for attack in ATTACKS) + source["text"]
    return json_form.load(json.dumps(spoilt))


def test_a_hostile_graph_is_inert(browser: Any, tmp_path: Path) -> None:
    with visiting(browser, tmp_path, hostile()) as visit:
        tab = visit.tab
        tab.click("#open-all")
        for item in tab.locator("[role=treeitem]").all():
            item.dispatch_event("pointerover")
            item.dispatch_event("click")
        for line in tab.locator("#source-text button.row").all()[:5]:
            line.click()
        for attack in ATTACKS:
            tab.fill("#search", attack[:30])
            tab.press("#search", "Enter")
        assert tab.evaluate("window.pwned") is None
        assert tab.locator("script").count() == 2
        assert tab.locator("img, iframe, object, embed, svg svg, [onload], [onerror]").count() == 0
        shown = tab.evaluate("document.documentElement.textContent")
        assert "<script>window.pwned = 1</script>" in shown, "the attacks are there, as text"
        assert not {"\u202e", "\u2066", "\u2028", "\u001b", "\u0000"} & set(shown)


def test_strings_of_a_spec_are_inert(browser: Any, tmp_path: Path) -> None:
    attack = "</script><script>window.pwned = 1</script>"
    spec = netspec.parse(
        f"# {attack}\nblock B(note: str) {{ relu }}\n"
        f'net N(note: str = "{attack}") {{\n  input x [3, 8, 8]\n  b = B("{attack}")\n  conv(4, 3)\n}}\n',
        name=f"{attack}.net",
    )
    with visiting(browser, tmp_path, spec.graph()) as visit:
        assert attack in visit.details, "it is shown as the text that it is"
        assert attack in visit.tab.locator("#source-text").inner_text()
        assert visit.tab.evaluate("window.pwned") is None


def saved(visit: Visit, button: str) -> bytes:
    with visit.tab.expect_download() as download:
        visit.tab.click(button)
    return Path(download.value.path()).read_bytes()


def test_the_drawing_is_saved_as_it_is_open_and_coloured(resnet: Visit) -> None:
    resnet.press("layer1")
    root = ElementTree.fromstring(saved(resnet, "#save-svg"))
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"layer1.0", "layer2", "conv1"} <= set(texts)
    assert not [element for element in root.iter() if {"class", "style", "role", "data-box"} & set(element.attrib)]
    fills = {element.get("fill") for element in root.iter("{http://www.w3.org/2000/svg}rect")}
    assert not any("var(" in str(fill) for fill in fills)
    resnet.tab.select_option("#heat", "macs")
    other = ElementTree.fromstring(saved(resnet, "#save-svg"))
    assert fills != {element.get("fill") for element in other.iter("{http://www.w3.org/2000/svg}rect")}
    picture = saved(resnet, "#save-png")
    width, height = struct.unpack(">II", picture[16:24])
    box = root.get("viewBox", "").split()
    assert width == pytest.approx(float(box[2]) * 200 / 72, abs=1)
    assert height == pytest.approx(float(box[3]) * 200 / 72, abs=1)


@pytest.mark.parametrize("cost", ["parameters", "macs", "activations"])
def test_boxes_are_the_darker_the_more_they_cost(cost: str, resnet: Visit) -> None:
    resnet.tab.select_option("#heat", cost)

    def share(name: str) -> int:
        return int(resnet.box(name).evaluate("item => item.style.getPropertyValue('--heat')").rstrip("%"))

    shares = {name: share(name) for name in ("layer1", "layer2", "layer3", "layer4", "fc")}
    assert max(shares.values()) == 100
    most = {"parameters": "layer4", "macs": "layer3", "activations": "layer1"}[cost]
    assert shares[most] == 100
    resnet.press(most)
    assert share("fc") >= shares["fc"], "what is closed is compared with what is closed"
    resnet.tab.select_option("#heat", "")
    assert "heated" not in resnet.tab.evaluate("document.body.className")


def test_a_stage_is_found_by_shapes(resnet: Visit) -> None:
    def names(query: str) -> list[str]:
        resnet.tab.fill("#search", query)
        return [code.inner_text() for code in resnet.tab.locator("#found li code").all()]

    assert "layer2" in names("512x28x28")
    assert names("512x28x28") == names("512 × 28 × 28")
    assert "conv1" in names("conv 7x7")
    assert "layer4.1.conv2" in names("conv 3x3 512")
    assert names("3x999") == []


def test_a_stage_can_be_copied(resnet: Visit) -> None:
    resnet.press("conv1")
    told = {button.inner_text(): button.get_attribute("title") for button in resnet.tab.locator(".copy").all()}
    assert told["name"] == "conv1"
    assert told["spec"].startswith("conv1 = conv(64, 7")
    assert told["PyTorch"].startswith("nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)\nnn.BatchNorm2d(64)")
    resnet.tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    resnet.tab.locator(".copy").first.click()
    assert resnet.tab.evaluate("navigator.clipboard.readText()") == "conv1"


def test_figures_are_those_of_the_round_that_is_looked_at(browser: Any, tmp_path: Path) -> None:
    with visiting(browser, tmp_path, example("resnet", depth=50), "#layer3.2.conv2") as visit:
        assert "This one has 590,336 parameters and 115,605,504 MACs." in visit.details
        assert "\n0\n" not in visit.details


def test_on_paper_the_whole_drawing_stands_without_the_buttons(resnet: Visit) -> None:
    resnet.press("layer3")
    resnet.tab.click("#nearer")
    page = PdfReader(io.BytesIO(resnet.tab.pdf(format="A4")))
    assert len(page.pages) == 1
    text = page.pages[0].extract_text()
    assert "image" in text
    assert "layer3.0" in text
    assert "output" in text
    assert "Open all" not in text
    assert "Search" not in text


def test_the_policy_lets_nothing_else_run(browser: Any, tmp_path: Path) -> None:
    with visiting(browser, tmp_path, example("lenet5")) as visit:
        tab = visit.tab
        refused = tab.evaluate(
            """async () => {
              const refused = [];
              addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
              const attempt = (name, act) => {
                try { act(); } catch (error) { refused.push(`${name}: ${error.name}`); }
              };
              attempt('innerHTML', () => { document.body.innerHTML = '<b>x</b>'; });
              // What the browser's driver runs may eval; what the page itself runs later may not.
              setTimeout(() => attempt('eval', () => { (0, eval)('window.pwned = 1'); }));
              const style = document.createElement('style');
              style.textContent = 'body { display: none }';
              document.head.append(style);
              const image = document.createElement('img');
              image.src = 'file:///x.png';
              document.body.append(image);
              attempt('onclick', () => document.body.setAttribute('onclick', 'window.pwned = 1'));
              document.body.click();
              await new Promise((resolve) => setTimeout(resolve, 200));
              return [refused, window.pwned ?? null, getComputedStyle(document.body).display];
            }"""
        )
        visit.problems.clear()  # the browser tells of what it has refused,
        visit.requests.pop()  # and of the request that it has not sent
        directives, pwned, display = refused
        assert pwned is None
        assert display == "grid"
        assert "style-src-elem" in directives
        assert "img-src" in directives
        assert any(each.startswith("innerHTML") for each in directives)
        assert any(each.startswith("eval") for each in directives)
        assert any(each.startswith("onclick") for each in directives)


def test_without_a_preference_the_opening_is_a_movement(browser: Any, tmp_path: Path) -> None:
    """By the test's own clock, which goes on when it is told to."""
    with visiting(browser, tmp_path, example("resnet", depth=18)) as visit:
        visit.tab.emulate_media(reduced_motion="no-preference")
        visit.tab.clock.install()
        visit.tab.clock.pause_at("2100-01-01")

        def height() -> float:
            return float(visit.box("layer1").bounding_box()["height"])

        closed = height()
        visit.press("layer1")
        assert visit.is_open("layer1")
        visit.tab.clock.run_for(60)
        on_the_way = height()
        visit.tab.clock.run_for(1000)
        assert closed < on_the_way < height()
        assert visit.tab.evaluate(GEOMETRY) == []
        visit.press("layer1")
        visit.tab.clock.run_for(1000)
        assert not visit.is_open("layer1")
        assert height() == pytest.approx(closed, abs=1)
