"""A part of several boxes, branches and the detours around them, laid out by Graphviz's `dot`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from math import ceil, inf

from netspec.diagram.drawing.items import Point
from netspec.diagram.drawing.text import fit
from netspec.diagram.layout import box_text, labels
from netspec.diagram.layout.dot_layout import DotEdge, DotNode, Graphviz, dot_text
from netspec.diagram.layout.levels import Item, Part, Way
from netspec.diagram.layout.pieces import Key, Piece, Route, along, curve, line, together
from netspec.diagram.layout.sheet import Sheet
from netspec.diagram.view.boxes import Role

_TOP, _BOTTOM = "^", "_"
"""Places above and below a part, where a value comes from that several items read, or that has to get past some."""
_APART = 8
"""Between the end of a shape and the next edge."""
_BACK = 4
"""How far a curve may go back up from where it starts."""
_SIDES: Mapping[Role, int] = {"carry": 0, "flow": 1}
"""From left to right: a highway's carry, what flows, what goes around."""


def by_dot(part: Part, graphviz: Graphviz, sheet: Sheet) -> Piece:
    """The part laid out. Raises LayoutTimeoutError where the time of `graphviz` is over."""
    if not sheet.branch_shapes:
        ways, entering = ([replace(way, label="") for way in several] for several in (part.ways, part.entering))
        part = replace(part, ways=ways, entering=entering)
    items, ways = _completed(part, sheet)
    items.sort(key=lambda item: not item.is_source)  # to the left of the flow, as detours are to the right of it
    place = {item.name: number for number, item in enumerate(items)}
    exits = {item.name: item.piece.exit for item in items}
    ways.sort(key=lambda way: (place[way.tail], exits[way.tail](way.key)[0], _SIDES.get(way.role, 2), place[way.head]))
    ports = _Ports(items, ways)
    nodes = [ports.node(item) for item in items]
    edges = [ports.edge(way, place) for way in ways]
    spines = [DotEdge(place[tail], place[head], weight=8, drawn=False) for tail, head in _spines(ways)]
    found = graphviz.lay_out(dot_text(nodes, _in_the_middle(edges, spines), sheet.node_gap, sheet.rank_gap))
    pieces = [
        item.piece.moved(x - node.width / 2, y - node.height / 2)
        for item, node, (x, y) in zip(items, nodes, found.nodes, strict=True)
    ]
    written: set[Point] = set()
    routes = []
    for way, edge, points in zip(ways, edges, found.curves, strict=True):
        start = pieces[edge.tail].exit(way.key)
        here = [other.label for other in ways if other.tail == way.tail and pieces[edge.tail].exit(other.key) == start]
        label = " / ".join(dict.fromkeys(filter(None, here))) if start not in written else ""
        written.add(start)
        if not sheet.right:
            beside = {pieces[edge.tail].exit(other.key) for other in ways if other.tail == way.tail}
            label = _within(label, start, beside)
        route = replace(_route(way, edge, points, pieces), label=label, turned=sheet.right)
        routes.append(_past_label(route, items[edge.tail], sheet))
    return _with_ends(part, items, pieces, routes)


def _completed(part: Part, sheet: Sheet) -> tuple[list[Item], list[Way]]:
    """The items and edges with the places above and below that the part needs."""
    items = [_with_room(item, [*part.ways, *part.entering], sheet) for item in part.items]
    ways = list(part.ways)
    if part.above is not None and not part.head:
        items.append(Item(_TOP, Piece(0, 0, entries={part.above.key: (0, 0)})))
        ways += [replace(way, tail=_TOP, label="") for way in part.entering]
    if part.below is not None and not part.foot:
        passes = part.above is not None and part.below.tail == part.above.tail
        items.append(Item(_BOTTOM, Piece(0, 0, exits={part.below.key: (0, 0)})))
        ways.append(Way(_TOP if passes else part.below.tail, _BOTTOM, part.below.key, part.below.role))
    return items, ways


def _with_ends(part: Part, items: Sequence[Item], pieces: Sequence[Piece], routes: Sequence[Route]) -> Piece:
    """The whole, with the places where values enter and leave."""
    entries, exits = dict[Key, Point](), dict[Key, Point]()
    for item, piece in zip(items, pieces, strict=True):
        if part.above is not None and item.name == (part.head or _TOP):
            entries[part.above.key] = piece.entry(part.above.key)
        if part.below is not None and item.name == (part.foot or _BOTTOM):
            exits[part.below.key] = piece.exit(part.below.key)
        if item.is_entry:
            entries |= {key: piece.entry(key) for key in piece.entries}
        if item.is_exit:
            exits |= {key: piece.exit(key) for key in piece.exits}
    return together(pieces, routes, entries, exits)


def _route(way: Way, edge: DotEdge, points: Sequence[Point], pieces: Sequence[Piece]) -> Route:
    """The edge as `dot` has led it, from and to the very places; straight where it may be."""
    tail, head = pieces[edge.tail], pieces[edge.head]
    start = points[0] if edge.exit is None and tail.width else tail.exit(way.key)
    end = points[-1] if edge.entry is None and head.width else head.entry(way.key)
    is_free = abs(start[0] - end[0]) < 1 and not _is_blocked(start, end, pieces)
    path = line(start, end) if is_free else curve(_clear((start, *points[1:-1], end), pieces))
    source = "" if way.tail[0] in "<^" else way.tail
    target = "" if way.head[0] in ">_" else way.head
    return Route(source, target, way.role, way.key[1], path, bool(target))


def _clear(points: Sequence[Point], pieces: Sequence[Piece]) -> Sequence[Point]:
    """The curve as it is, unless it goes through something or back up, as `dot` leads some to the wide boxes of a low
    rank: then the one that swings from its start to its end, where that is free.
    """
    start, end = points[0], points[-1]
    middle = (start[1] + end[1]) / 2
    swung = (start, (start[0], middle), (end[0], middle), end)
    goes_back = min(y for _, y in along(points)) < start[1] - _BACK
    if start[1] < end[1] and (goes_back or _is_through(points, pieces, -1)) and not _is_through(swung, pieces, 1):
        return swung
    return points


def _is_through(points: Sequence[Point], pieces: Sequence[Piece], wider: float) -> bool:
    """Whether the curve goes through any of the pieces, made so much wider; circles are entered from all around."""
    taken = [
        (piece.x - wider, piece.y + 1, piece.x + piece.width + wider, piece.bottom - 1)
        for piece in pieces
        if not (piece.boxes and box_text.is_round(piece.boxes[0].box))
    ]
    return any(left < x < right and top < y < bottom for x, y in along(points) for left, top, right, bottom in taken)


def _within(label: str, start: Point, exits: Collection[Point]) -> str:
    """As much of a shape as there is room for up to the next exit of its box."""
    room = min((x - start[0] for x, _ in exits if x > start[0] + 0.5), default=inf) - _APART
    return label if box_text.label_width(label) <= room else fit(label, box_text.LABEL_SIZE, room)


def _is_blocked(start: Point, end: Point, pieces: Sequence[Piece]) -> bool:
    """Whether something stands in the way of a line straight down."""
    return any(
        piece.x < start[0] < piece.x + piece.width and piece.y < end[1] - 1 and piece.bottom > start[1] + 1
        for piece in pieces
    )


def _with_room(item: Item, ways: Sequence[Way], sheet: Sheet) -> Item:
    """The item with room below it for the shapes of what it makes: they stand beside the beginning of the edges."""
    piece = item.piece
    told: dict[float, list[str]] = {}
    for way in ways:
        if way.tail == item.name and way.label:
            told.setdefault(piece.exit(way.key)[0], []).append(way.label)
    if not told:
        return item
    written = {x: " / ".join(dict.fromkeys(several)) for x, several in told.items()}
    ends = [x + labels.breadth(label, sheet) for x, label in written.items()]
    room = max(labels.length(label, sheet, sheet.room) for label in written.values())
    wide = 2 * ceil(max(piece.width, *ends) / 2)
    entries = {way.key: piece.entry(way.key) for way in ways if way.head == item.name}
    lowered = {way.key: (piece.exit(way.key)[0], piece.height + room) for way in ways if way.tail == item.name}
    grown = Piece(wide, piece.height + room, parts=(piece,), entries=entries, exits=lowered)
    return replace(item, piece=grown, below=room)


def _past_label(route: Route, tail: Item, sheet: Sheet) -> Route:
    """The way from where the box ends: through the room for the label, which stands beside it."""
    if not tail.below:
        return route
    (_, (start,)), *rest = route.path
    top = (start[0], start[1] - tail.below)
    return replace(
        route,
        path=(("M", (top,)), ("L", (start,)), *rest),
        label_at=labels.beside(start[0], top[1] + 1, start[1] + 1, sheet),
    )


def _spines(ways: Sequence[Way]) -> list[tuple[str, str]]:
    """Where branches part and meet again, if they are even in number: a line down their middle keeps both in the middle
    of them.
    """
    into: dict[str, list[Way]] = {}
    out_of: dict[str, list[Way]] = {}
    for way in ways:
        into.setdefault(way.head, []).append(way)
        out_of.setdefault(way.tail, []).append(way)

    def parting(name: str) -> str:
        while len(out_of.get(name, ())) == 1 and len(into.get(name, ())) == 1:
            name = into[name][0].tail
        return name

    found = []
    for head, branches in into.items():
        if len(branches) % 2 == 0 and all(way.role == "flow" for way in branches):
            partings = {parting(way.tail) for way in branches}
            if len(partings) == 1 and len(out_of.get(tail := partings.pop(), ())) >= len(branches):
                found.append((tail, head))
    return found


def _in_the_middle(edges: Sequence[DotEdge], spines: Sequence[DotEdge]) -> list[DotEdge]:
    """The edges with each spine amidst those of its tail, which `dot` keeps in order."""
    result = list(edges)
    for spine in spines:
        places = [number for number, edge in enumerate(result) if edge.tail == spine.tail and edge.weight > 1]
        result.insert(places[len(places) // 2] if places else 0, spine)
    return result


class _Ports:
    """The items of a part as `dot` takes them: with the places where edges enter and leave."""

    def __init__(self, items: Sequence[Item], ways: Sequence[Way]) -> None:
        self.items = {item.name: item for item in items}
        self.entries: dict[str, list[int]] = {item.name: [] for item in items}
        self.exits: dict[str, list[int]] = {item.name: [] for item in items}
        self._main = [way for way in ways if way.role == "flow" and not self._is_from_the_side(way)]
        self._only_flow = _only_flow(self._main)
        self._flows = Counter(way.tail for way in self._main)
        for way in ways:
            for ports, name, at in (
                (self.exits, way.tail, self.items[way.tail].piece.exit(way.key)),
                (self.entries, way.head, self.items[way.head].piece.entry(way.key)),
            ):
                if round(at[0]) not in ports[name]:
                    ports[name].append(round(at[0]))

    def node(self, item: Item) -> DotNode:
        piece = item.piece
        if piece.width == 0:
            first = item.is_entry or item.name == _TOP
            return DotNode(0, 0, shape="point", rank="source" if first else "sink")
        if item.box is not None and box_text.is_round(item.box) and not item.below:
            return DotNode(int(piece.width), int(piece.height), shape="circle")
        entries, exits = tuple(self.entries[item.name]), tuple(self.exits[item.name])
        return DotNode(int(piece.width), int(piece.height), entries, exits)

    def edge(self, way: Way, place: Mapping[str, int]) -> DotEdge:
        tail, head = self.items[way.tail], self.items[way.head]
        is_ported = head.piece.width > 0 and (not head.is_join or head.below > 0 or id(way) in self._only_flow)
        return DotEdge(
            place[way.tail],
            place[way.head],
            self.exits[tail.name].index(round(tail.piece.exit(way.key)[0])) if tail.piece.width else None,
            self.entries[head.name].index(round(head.piece.entry(way.key)[0])) if is_ported else None,
            weight=self._weight(way),
        )

    def _is_from_the_side(self, way: Way) -> bool:
        return self.items[way.tail].is_source

    def _weight(self, way: Way) -> int:
        """How much `dot` wants the edge short and straight: chains more than what parts, that more than what meets."""
        if way.role != "flow" or self._is_from_the_side(way):
            return 1
        if self.items[way.head].is_join and id(way) not in self._only_flow:
            return 1
        return 3 if self._flows[way.tail] > 1 else 8


def _only_flow(ways: Sequence[Way]) -> set[int]:
    """Of these edges those that are the only ones into their targets; joins are entered from all around else."""
    flows: dict[str, list[Way]] = {}
    for way in ways:
        flows.setdefault(way.head, []).append(way)
    return {id(found[0]) for found in flows.values() if len(found) == 1}
