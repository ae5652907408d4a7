"""Measured on the finished drawing of every network of the zoo, insets and all: what is written can be read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path

import pytest

import netspec
from netspec.diagram.drawing import items
from netspec.diagram.drawing.bounds import bounds
from netspec.diagram.drawing.items import Drawing, Point, Text
from netspec.diagram.drawing.paper import paper_of
from netspec.diagram.render import Request, draw

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "examples").glob("*.net"))
STEPS = 24
"""Points that are looked at on each line and curve."""
CLEAR = 1.2
"""Points of a line's height that only a few letters reach, above and below the others."""


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda path: path.stem)
def drawings(request: pytest.FixtureRequest) -> list[Drawing]:
    graph = netspec.load(request.param).graph()
    usual = [draw(Request(graph, style=style, timeout=60))[0] for style in ("graph", "volumes")]
    for_papers = [
        draw(Request(graph, style=style, timeout=60, paper=paper_of(width)))[0]
        for width in ("page", "column")
        for style in ("graph", "table")
    ]
    to_the_right = draw(Request(graph, timeout=60, paper=paper_of("page"), direction="right"))[0]
    return [*usual, *for_papers, to_the_right]


def test_no_text_is_on_a_text_or_a_line(drawings: list[Drawing]) -> None:
    for drawing in drawings:
        marks = list(drawing.marks())
        written = [(mark.text, bounds([mark])) for mark in marks if isinstance(mark, Text) and not mark.rotate]
        for (one, (x0, y0, x1, y1)), (other, (u0, v0, u1, v1)) in combinations(written, 2):
            apart = x1 <= u0 + 0.5 or u1 <= x0 + 0.5 or y1 <= v0 + CLEAR or v1 <= y0 + CLEAR
            assert apart, (one, other)
        for point in (point for mark in marks if isinstance(mark, items.Path) for point in way(mark)):
            for text, (x0, y0, x1, y1) in written:
                assert not (x0 < point[0] < x1 and y0 + CLEAR < point[1] < y1 - CLEAR), (text, point)


def test_a_learned_tensor_comes_from_the_left_and_a_skip_goes_on_the_right() -> None:
    """In ConvNeXt's block the skip crossed the arrow into the product with the layer's scale."""
    graph = netspec.load(EXAMPLES[0].with_name("convnext.net")).graph()
    drawing, _ = draw(Request(graph, depth=9, focus="features.1.0", timeout=60))
    ways = [list(way(mark)) for mark in drawing.marks() if isinstance(mark, items.Path) and mark.arrow]
    assert len(ways) > 10
    for one, other in combinations(ways, 2):
        meetings = [crossing(a, b) for a in pairwise(one) for b in pairwise(other)]
        assert not any(meetings), (one[0], one[-1], other[0], other[-1])


def crossing(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two lines cross between their ends."""

    def side(a: Point, b: Point, c: Point) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    return side(*one, other[0]) * side(*one, other[1]) < -1e-6 and side(*other, one[0]) * side(*other, one[1]) < -1e-6


def way(path: items.Path) -> Iterator[Point]:
    """Points all along a path."""
    ends = [segment[1][-1] for segment in path.segments if segment[1]]
    for start, (_, controls) in zip(ends, path.segments[1:], strict=False):
        if controls:
            yield from along([start, *controls])


def along(controls: list[Point]) -> Iterator[Point]:
    """Points of a Bézier curve of any degree, by de Casteljau's construction."""
    for step in range(STEPS + 1):
        share, left = step / STEPS, controls
        while len(left) > 1:
            left = [(x + (u - x) * share, y + (v - y) * share) for (x, y), (u, v) in pairwise(left)]
        yield left[0]
