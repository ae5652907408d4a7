"""Encoders and decoders as a U: down on the left, up on the right, and each skip straight across."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from itertools import pairwise
from math import ceil

from netspec.diagram.drawing.items import Point
from netspec.diagram.layout import box_text, labels
from netspec.diagram.layout.dot_layout import DotEdge, DotNode, Graphviz, dot_text
from netspec.diagram.layout.levels import Item, Way
from netspec.diagram.layout.pieces import Key, Piece, Route, curve, line, rounded, together
from netspec.diagram.layout.sheet import Sheet

_FEWEST = 2
"""Skips, one inside the other, that make a U."""
_FAR = 2
"""How many items further on a skip that crosses the U ends at least."""


def bottom_of(items: Sequence[Item], ways: Sequence[Way]) -> int | None:
    """The number of the item at the bottom of the U that the items make; None where they make none."""
    if any(item.box is None or item.box.children for item in items):
        return None
    place = {item.name: number for number, item in enumerate(items)}
    spans = [(place[way.tail], place[way.head]) for way in ways]
    across = sorted(
        span for way, span in zip(ways, spans, strict=True) if way.role == "skip" and span[1] - span[0] >= _FAR
    )
    if len(across) < _FEWEST or any(
        not (outer[0] < inner[0] < inner[1] < outer[1]) for outer, inner in pairwise(across)
    ):
        return None
    first, last = across[-1]
    turn = (first + last) // 2
    over = [span for span in spans if span[0] <= turn < span[1] and span not in across]
    return turn if over == [(turn, turn + 1)] else None


def as_valley(items: Sequence[Item], ways: Sequence[Way], turn: int, graphviz: Graphviz, sheet: Sheet) -> Piece:
    """The items as a U whose bottom is the item number `turn`. Raises LayoutTimeoutError where the time is over."""
    place = {item.name: number for number, item in enumerate(items)}
    grown = [_with_room(item, ways, number > turn, sheet.room) for number, item in enumerate(items)]
    nodes = [_node(item) for item in grown]
    leads = [_Lead(way, place, turn) for way in ways]
    level = _levels(leads, turn)
    beside = {frozenset(pair) for group in level for pair in pairwise(group)}
    edges = [lead.edge(beside) for lead in leads]
    found = graphviz.lay_out(dot_text(nodes, edges, sheet.across, sheet.rank_gap - 1, level))
    pieces = [
        item.piece.moved(x - node.width / 2, y - node.height / 2)
        for item, node, (x, y) in zip(grown, nodes, found.nodes, strict=True)
    ]
    written: set[Key] = set()
    routes = []
    for lead, edge, points in zip(leads, edges, found.curves, strict=True):
        route = lead.route(points, grown[lead.tail])
        if edge.sides != "sn":
            route = _crossing(lead, edge, pieces)
        routes.append(route if lead.way.key not in written else replace(route, label=""))
        if route.label:
            written.add(lead.way.key)
    return together(pieces, routes, {}, {})


class _Lead:
    """How an edge goes: down on the left side, up on the right one, or across."""

    def __init__(self, way: Way, place: dict[str, int], turn: int) -> None:
        self.way, self.tail, self.head = way, place[way.tail], place[way.head]
        self.is_up = self.tail > turn
        self.is_across = self.tail <= turn < self.head

    def edge(self, beside: Container[frozenset[int]]) -> DotEdge:
        weight = 8 if self.way.role == "flow" else 1
        if frozenset((self.tail, self.head)) in beside:
            return DotEdge(self.tail, self.head, 0, 0, sides="ew")
        if self.way.role == "size":
            return DotEdge(self.head, self.tail, 0, 0, ranked=False, sides="sn")
        if self.is_across:
            return DotEdge(self.head, self.tail, 0, 0, sides="se")
        if self.is_up:
            return DotEdge(self.head, self.tail, 0, 0, weight)
        return DotEdge(self.tail, self.head, 0, 0, weight)

    def route(self, points: Sequence[Point], tail: Item) -> Route:
        """The edge as `dot` has led it, past the shape that stands at its beginning."""
        forth = points[::-1] if self.is_up or self.is_across else points
        start, end = forth[0], forth[-1]
        path = line(start, end) if abs(start[0] - end[0]) < 1 else curve(forth)
        if not tail.below or self.way.role == "size":
            return Route(self.way.tail, self.way.head, self.way.role, self.way.key[1], path, True)
        back = tail.below if self.is_up else -tail.below
        path = (("M", ((start[0], start[1] + back),)), ("L", (start,)), *path[1:])
        label_at = (start[0] + 4, start[1] + back / 2)
        return Route(self.way.tail, self.way.head, self.way.role, self.way.key[1], path, True, self.way.label, label_at)


def _crossing(lead: _Lead, edge: DotEdge, pieces: Sequence[Piece]) -> Route:
    """The edge from the side of one box to the side of another beside it, or round the bottom of the U into it."""
    tail, head = pieces[lead.tail], pieces[lead.head]
    (left,), (right,) = (tuple(piece.all_boxes()) for piece in (tail, head))
    start = (left.x + left.width, tail.y + tail.height / 2)
    middle = right.x + right.width / 2
    if edge.sides == "ew":
        path = line(start, (right.x, start[1]))
    else:
        path = rounded([start, (middle, start[1]), (middle, right.y + right.height)])
    way = lead.way
    label = way.label if way.role == "flow" else ""
    rises = edge.sides != "ew" and start[0] + 4 + box_text.label_width(label) > middle
    away = (labels.HEIGHT / 2 + 1) * (1 if rises else -1)  # below where the line turns up
    label_at = (start[0] + 4, start[1] + away)
    return Route(way.tail, way.head, way.role, way.key[1], path, True, label, label_at)


def _levels(leads: Sequence[_Lead], turn: int) -> list[list[int]]:
    """What stands beside each other: the ends of each skip, with what the skip goes on to; the bottom and the next."""
    after = {lead.tail: lead.head for lead in leads if lead.way.role == "skip" and lead.is_up}
    level = []
    heads = {lead.head for lead in leads if lead.way.role == "skip" and lead.is_across}
    if turn + 1 not in heads:
        level.append([turn, turn + 1])
    for lead in leads:
        if lead.is_across and lead.tail != turn:
            group = [lead.tail, lead.head]
            while group[-1] in after:
                group.append(after[group[-1]])
            level.append(group)
    return level


def _with_room(item: Item, ways: Sequence[Way], rises: bool, room: float) -> Item:
    """The item with room for its shape where its value leaves: below it on the way down, above it on the way up."""
    told = [way.label for way in ways if way.tail == item.name and way.label and way.role != "size"]
    if not told:
        return item
    piece = item.piece
    end = piece.width / 2 + box_text.label_width(told[0])
    wide = piece.width if item.is_join else 2 * ceil(max(piece.width, end) / 2)
    inner = piece.moved(0, room) if rises else piece
    middle = {("", ""): (piece.width / 2, 0.0)}
    return replace(item, piece=Piece(wide, piece.height + room, parts=(inner,), entries=middle), below=room)


def _node(item: Item) -> DotNode:
    piece = item.piece
    if item.box is not None and box_text.is_round(item.box) and not item.below:
        return DotNode(int(piece.width), int(piece.height), shape="circle")
    middle = round(piece.entry(("", ""))[0])
    return DotNode(int(piece.width), int(piece.height), (middle,), (middle,))
