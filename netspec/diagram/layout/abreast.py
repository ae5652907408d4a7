"""Nets beside each other, feature maps of one size at one height, as in figure 3 of "Deep Residual Learning" (2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from netspec.diagram.layout.dot_layout import Graphviz
from netspec.diagram.layout.layout import Layout, layout
from netspec.diagram.layout.sheet import Sheet
from netspec.diagram.view.boxes import Box, View


def abreast(views: Sequence[View], graphviz: Graphviz, sheet: Sheet) -> tuple[list[Layout], dict[str, float]]:
    """Each view in one column, and the heights at which all begin to have maps of a size: `56 × 56`.

    Raises LayoutTimeoutError where the time of `graphviz` is over.
    """
    column = replace(sheet, columns=1, above={})
    alone = [layout(view, graphviz, column) for view in views]
    rungs = [_rungs(laid) for laid in alone]
    common = _common([list(found) for found in rungs])
    heights: dict[str, float] = {}
    moved = [0.0] * len(views)
    above: list[dict[str, float]] = [{} for _ in views]
    for size in common:
        heights[size] = max(found[size][1] + by for found, by in zip(rungs, moved, strict=True))
        for place, found in enumerate(rungs):
            box, top = found[size]
            above[place][box] = heights[size] - top - moved[place]
            moved[place] = heights[size] - top
    return [
        layout(view, graphviz, replace(column, above=rooms)) for view, rooms in zip(views, above, strict=True)
    ], heights


def _rungs(laid: Layout) -> dict[str, tuple[str, float]]:
    """For each size of a map the first box that makes one, and its top: a frame where that is what it begins with."""
    found: dict[str, tuple[str, float]] = {}
    for placed in laid.boxes:
        size = _size(placed.box, laid.view)
        if size and placed.box.kind != "input":
            found.setdefault(size, (placed.box.id, placed.y))
    return dict(sorted(found.items(), key=lambda rung: rung[1][1]))


def _size(box: Box, view: View) -> str:
    """The size of the maps that the first layer in a box makes, without their channels."""
    shape = view.graph.nodes[box.nodes[0]].outputs[0].shape if box.nodes else None
    return " × ".join(map(str, shape.spatial)) if shape is not None and shape.dims else ""


def _common(sizes: Sequence[Sequence[str]]) -> list[str]:
    """The sizes that all have, in the order of each."""
    first, *rest = sizes
    common: list[str] = []
    places: list[Mapping[str, int]] = [{size: place for place, size in enumerate(one)} for one in rest]
    for size in first:
        if all(size in one and (not common or one[size] > one[common[-1]]) for one in places):
            common.append(size)
    return common
