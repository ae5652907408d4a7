"""The ways of edges from node to node, in steps that stay right where a node is moved."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from netspec.diagram.drawing.items import Path, Point, Segment
from netspec.diagram.drawing.svg import number
from netspec.diagram.texts.tikz.places import Places

_ROUND = 0.55
"""Where on its way to a corner the curve around it is drawn to, as `layout.pieces.rounded` does."""
_EXACT = 0.05


def way(path: Path, places: Places, label: str = "") -> str:
    """The path of an edge, with its label in the middle where it is one straight line."""
    corners = _corners(path.segments)
    if corners is None:
        return _curved(path.segments, places)
    start, end = places.at(corners[0]), places.at(corners[-1])
    if len(corners) == 2:
        return f"{start} --{label} {end}"
    if len(corners) > 4 and _turns(corners[-4:-1]):
        steps = [_step(one, other) for one, other in pairwise(corners[:-3])]
        turn = "|-" if abs(corners[-4][0] - corners[-3][0]) < _EXACT else "-|"
        return " ".join([start, *steps, f"{turn} {places.at(corners[-2])} -- {end}"])
    steps = [_step(one, other) for one, other in pairwise(corners[:-1])]
    return " ".join([start, *steps, f"-- {end}"])


def is_bent(path: Path) -> bool:
    """Whether it has corners that are rounded off."""
    corners = _corners(path.segments)
    return corners is not None and any(verb == "C" for verb, _ in path.segments)


def _corners(segments: Sequence[Segment]) -> list[Point] | None:
    """The corners of a way of straight lines, those that are rounded off as well; None where it has other curves."""
    corners = [here := segments[0][1][0]]
    followed = [*(verb for verb, _ in segments[2:]), ""]
    for (verb, points), after in zip(segments[1:], followed, strict=True):
        if verb == "C":
            corner, same = _beyond(here, points[0]), _beyond(points[2], points[1])
            if not after or max(abs(corner[0] - same[0]), abs(corner[1] - same[1])) > _EXACT:
                return None
            corners.append(corner)
        elif after != "C":
            corners.append(points[0])
        here = points[-1]
    return corners


def _beyond(start: Point, control: Point) -> Point:
    return start[0] + (control[0] - start[0]) / _ROUND, start[1] + (control[1] - start[1]) / _ROUND


def _turns(corners: Sequence[Point]) -> bool:
    """Whether a way through three corners goes along one axis and then along the other."""
    (x0, y0), (x1, y1), (x2, y2) = corners
    down_first = abs(x0 - x1) < _EXACT and abs(y1 - y2) < _EXACT
    return down_first or (abs(y0 - y1) < _EXACT and abs(x1 - x2) < _EXACT)


def _curved(segments: Sequence[Segment], places: Places) -> str:
    """A way with curves, each from where the one before ended, the last to the node that it leads to."""
    here = segments[0][1][0]
    steps = [places.at(here)]
    for place, (verb, points) in enumerate(segments[1:], 2):
        is_last = place == len(segments)
        end = places.at(points[-1]) if is_last else f"++{_by(here, points[-1])}"
        if verb == "C":
            steps.append(f".. controls +{_by(here, points[0])} and +{_by(points[2], points[1])} .. {end}")
        else:
            steps.append(f"-- {end}")
        here = points[-1]
    return " ".join(steps)


def _step(start: Point, end: Point) -> str:
    return f"-- ++{_by(start, end)}"


def _by(start: Point, end: Point) -> str:
    dx, dy = end[0] - start[0], start[1] - end[1]
    return f"({number(dx)}bp, {number(dy)}bp)"
