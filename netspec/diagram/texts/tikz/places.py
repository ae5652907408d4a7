"""Where things stand, said by what stands there already: below a node, beside it, so far from one of its sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import hypot

from netspec.diagram.drawing.items import Circle, Point
from netspec.diagram.drawing.svg import number
from netspec.diagram.texts.tikz.parts import Edge, Node

_NEAR = 0.75
"""Points within which something is on a side of a node."""
_STRAIGHT = 0.05


class Places:
    """The nodes and frames that can be named."""

    def __init__(self, nodes: Sequence[Node], frames: Sequence[Node]) -> None:
        self.nodes, self.frames = nodes, frames

    def at(self, point: Point) -> str:
        """A point as TikZ has it: a side of the node that it is on, or so far from the nearest side."""
        node = self.of(point)
        if node is None:
            return self.near(point)
        if isinstance(node.outline, Circle):
            return f"({node.name})"
        return _shifted(node, _side(node, point), point)

    def of(self, point: Point) -> Node | None:
        """The node, or else the frame, that has a point on its outline."""
        return next((node for node in (*self.nodes, *reversed(self.frames)) if _is_on(node, point)), None)

    def near(self, point: Point) -> str:
        """So far from the nearest side of a node or frame."""
        anchors = [(node, side) for node in (*self.nodes, *self.frames) for side in _SIDES]
        node, side = min(anchors, key=lambda anchor: _distance(_anchor(*anchor), point))
        return _shifted(node, side, point)

    def fit(self, frame: Node) -> str:
        """The sides of a frame by those of the outermost nodes in it."""
        inside = [node for node in self.nodes if frame.holds(node)]
        if not inside:
            return "".join(self.near(corner) for corner in _corners(frame))
        left, right = min(inside, key=lambda node: node.left), max(inside, key=lambda node: node.right)
        top, bottom = min(inside, key=lambda node: node.top), max(inside, key=lambda node: node.bottom)
        return (
            f"{_named(left, 'west', frame.left - left.left, 0)}{_named(top, 'north', 0, frame.top - top.top)}"
            f"{_named(right, 'east', frame.right - right.right, 0)}"
            f"{_named(bottom, 'south', 0, frame.bottom - bottom.bottom)}"
        )


def placements(nodes: Sequence[Node], edges: Iterable[Edge], places: Places) -> dict[str, str]:
    """For each node but the first one the options that put it where it is: `below=13bp of conv1`.

    A node stands by one that leads to it where there is one before it, by the nearest before it else.
    """
    before: dict[str, list[Node]] = {}
    order = {node.name: place for place, node in enumerate(nodes)}
    for edge in edges:
        points = [points[-1] for _, points in edge.path.segments if points]
        source, target = places.of(points[0]), places.of(points[-1])
        if source is not None and target is not None and source.name in order and target.name in order:
            before.setdefault(target.name, []).append(source)
    options: dict[str, str] = {}
    for place, node in enumerate(nodes[1:], 1):
        leading = [one for one in before.get(node.name, ()) if order[one.name] < place]
        by = min(leading or nodes[:place], key=lambda one: _distance(one.middle, node.middle))
        options[node.name] = _relation(node, by)
    return options


def _relation(node: Node, by: Node) -> str:
    across, down = node.middle[0] - by.middle[0], node.middle[1] - by.middle[1]
    gaps = {
        "below": node.top - by.bottom,
        "right": node.left - by.right,
        "above": by.top - node.bottom,
        "left": by.left - node.right,
    }
    word = max(gaps, key=lambda word: (gaps[word] >= -_STRAIGHT, word == "below" and abs(across) <= 3 * gaps[word]))
    if word in ("below", "above"):
        shift = f", xshift={number(across)}bp" if abs(across) > _STRAIGHT else ""
    else:
        shift = f", yshift={number(-down)}bp" if abs(down) > _STRAIGHT else ""
    return f"{word}={number(gaps[word])}bp of {by.name}{shift}"


_SIDES = ("north", "south", "east", "west")


def _anchor(node: Node, side: str) -> Point:
    x, y = node.middle
    return {"north": (x, node.top), "south": (x, node.bottom), "east": (node.right, y), "west": (node.left, y)}[side]


def _side(node: Node, point: Point) -> str:
    x, y = point
    far = {"north": abs(y - node.top), "south": abs(y - node.bottom), "east": abs(x - node.right)}
    return min(_SIDES, key=lambda side: (far | {"west": abs(x - node.left)})[side])


def _is_on(node: Node, point: Point) -> bool:
    x, y = point
    if isinstance(node.outline, Circle):
        return abs(_distance(node.middle, point) - node.outline.radius) < 2 * _NEAR
    beside = node.left - _NEAR <= x <= node.right + _NEAR and node.top - _NEAR <= y <= node.bottom + _NEAR
    inside = node.left + _NEAR < x < node.right - _NEAR and node.top + _NEAR < y < node.bottom - _NEAR
    return beside and not inside


def _shifted(node: Node, side: str, point: Point) -> str:
    x, y = _anchor(node, side)
    return _named(node, side, point[0] - x, point[1] - y)


def _named(node: Node, side: str, dx: float, dy: float) -> str:
    """A side of a node, or what is so far to the right and down from it."""
    shifts = [f"{word}={number(by)}bp" for word, by in (("xshift", dx), ("yshift", -dy)) if abs(by) > _STRAIGHT]
    options = f"[{', '.join(shifts)}]" if shifts else ""
    return f"({options}{node.name}.{side})"


def _corners(node: Node) -> tuple[Point, Point]:
    return (node.left, node.top), (node.right, node.bottom)


def _distance(one: Point, other: Point) -> float:
    return hypot(one[0] - other[0], one[1] - other[1])
