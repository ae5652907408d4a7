"""Encoders and decoders are drawn as a U, whatever a decoder's block does with its skip."""

from __future__ import annotations

from dataclasses import replace

import pytest

import netspec
from netspec.diagram.drawing.text import width
from netspec.diagram.layout.box_text import LABEL_SIZE
from netspec.diagram.layout.dot_layout import Graphviz
from netspec.diagram.layout.layout import Layout, layout
from netspec.diagram.layout.sheet import USUAL, Sheet
from netspec.diagram.view.view import view

GATES = {
    "the skip is gated by the flow": "sigmoid(conv(_, 1, 1))",
    "additive attention reads the skip twice": "sigmoid(conv(_, 1, 1) + conv(skip, 1, 1))",
}


def attention_unet(gate: str, sheet: Sheet = USUAL) -> Layout:
    text = f"""
block Double(width) {{
  conv(width, 3, pad=1) -> relu
  conv(width, 3, pad=1) -> relu
}}
block Up(skip: tensor) {{
  let w = skip.channels
  up = upconv(w, 2, stride=2)
  let g = skip * {gate}
  concat(g, _)
  Double(w)
}}
net N {{
  input image [1, 64, 64]
  e0 = Double(16);  maxpool(2)
  e1 = Double(32);  maxpool(2)
  e2 = Double(64);  maxpool(2)
  Double(128)
  d2 = Up(e2);  d1 = Up(e1);  d0 = Up(e0)
  out = conv(2, 1)
}}"""
    with Graphviz() as graphviz:
        return layout(view(netspec.parse(text).graph(), 1), graphviz, sheet)


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_each_skip_goes_straight_across(gate: str) -> None:
    laid = attention_unet(gate)
    places = {placed.box.label: placed for placed in laid.boxes if placed.box.label}
    for level in range(3):
        down, up = places[f"e{level}"], places[f"d{level}"]
        assert down.x + down.width < up.x
        assert down.y < up.y + up.height
        assert up.y < down.y + down.height
    assert places["d0"].y < places["d1"].y < places["d2"].y
    roles = [route.role for route in laid.routes]
    assert roles.count("skip") == 3


@pytest.mark.parametrize("short", [False, True])
def test_the_shape_at_the_bottom_stands_between_the_boxes_or_below(short: bool) -> None:
    laid = attention_unet(GATES["the skip is gated by the flow"], replace(USUAL, across=14, short=short))
    boxes = {placed.box.id: placed for placed in laid.boxes}
    (route,) = (
        route
        for route in laid.routes
        if route.label and route.path[0][1][0][1] == pytest.approx(route.path[-1][1][-1][1]) and len(route.path) == 2
    )
    left, right = boxes[route.source], boxes[route.target]
    if short:
        assert route.label_at[1] > left.y + left.height
        return
    assert left.x + left.width < route.label_at[0]
    assert route.label_at[0] + width(route.label, LABEL_SIZE) < right.x


def test_arrows_on_the_way_up_have_their_shapes() -> None:
    laid = attention_unet(GATES["additive attention reads the skip twice"])
    names = {placed.box.id: placed.box.label for placed in laid.boxes}
    labels = {names[route.source]: route.label for route in laid.routes if route.label}
    assert [labels[f"d{level}"] for level in range(3)] == ["16 × 64 × 64", "32 × 32 × 32", "64 × 16 × 16"]
