"""What is in each frame of a view: its items, the edges between them, and where it can be cut into parts.

An edge of the view goes from leaf to leaf; here it is told frame by frame, from the box to the place where it leaves
the frame around, and so on. A cut is where a single value goes on: the parts before and after it can stand anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from netspec.diagram.layout.box_text import shortened
from netspec.diagram.layout.pieces import Key, Piece
from netspec.diagram.layout.sheet import USUAL, Sheet
from netspec.diagram.view.boxes import Box, Edge, Role, View
from netspec.diagram.view.captions.words import clipped, shape_words
from netspec.diagram.view.flows import Detours


@dataclass(frozen=True, slots=True)
class Way:
    """An edge between items of one frame, by their names; `label` is the shape of the value, if that is news."""

    tail: str
    head: str
    key: Key
    role: Role
    label: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A thing in a frame: a box, a frame, or the place where a value enters or leaves the frame around.

    `below` is the room under it in which the shapes of what it makes are written.
    """

    name: str
    piece: Piece
    box: Box | None = None
    below: float = 0

    @property
    def is_first(self) -> bool:
        """Whether it stands at the beginning of the frame, like all others that do."""
        return self.is_entry or (self.box is not None and self.box.kind == "input")

    @property
    def is_entry(self) -> bool:
        return self.name.startswith("<")

    @property
    def is_exit(self) -> bool:
        return self.name.startswith(">")

    @property
    def is_source(self) -> bool:
        """Whether it is a learned tensor, which comes in from the side."""
        return self.box is not None and self.box.is_source

    @property
    def is_join(self) -> bool:
        return self.box is not None and self.box.kind == "join"


@dataclass(frozen=True, slots=True)
class Cut:
    """The only value that goes from what is before to what is after; `label` is to be written beside it."""

    tail: str
    key: Key
    role: Role
    label: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Items between two cuts, the edges among them, and those that come over the cut above."""

    items: Sequence[Item]
    ways: Sequence[Way]
    entering: Sequence[Way]
    above: Cut | None
    below: Cut | None

    @property
    def head(self) -> str:
        """The one item that the value from above goes to; empty where it goes to several or has to get past some."""
        heads = {way.head for way in self.entering}
        made = {way.head for way in self.ways}
        highest = {item.name for item in self.items if item.name not in made}
        passes = self.below is not None and self.above is not None and self.below.tail == self.above.tail
        return next(iter(heads)) if len(heads) == 1 and highest == heads and not passes else ""

    @property
    def foot(self) -> str:
        """The one item at the lower end, where it makes the value that goes on; empty otherwise."""
        read = {way.tail for way in self.ways}
        lowest = [item.name for item in self.items if item.name not in read]
        return self.below.tail if self.below is not None and lowest == [self.below.tail] else ""


def is_parted(box: Box) -> bool:
    """Whether a box makes parts of a value, which leave it at places of their own with their names."""
    return box.rearranges and len(box.outputs) > 1


def levels(view: View, sheet: Sheet = USUAL) -> dict[str, list[Way]]:
    """The edges of each frame ("" is the page), from item to item, in the order of the view's edges."""
    above: dict[str, tuple[str, ...]] = {}

    def descend(boxes: Iterable[Box], around: tuple[str, ...]) -> None:
        for box in boxes:
            above[box.id] = (*around, box.id)
            descend(box.children, above[box.id])

    descend(view.boxes, ())
    ways_of: dict[str, dict[tuple[str, str, Key], Way]] = {}
    roles: dict[str, dict[tuple[str, str, Key], list[Role]]] = {}

    def add(level: str, tail: str, head: str, key: Key, role: Role, label: str = "") -> None:
        ways_of.setdefault(level, {}).setdefault((tail, head, key), Way(tail, head, key, role, label))
        roles.setdefault(level, {}).setdefault((tail, head, key), []).append(role)

    for edge in view.edges:
        tails, heads = above[edge.source], above[edge.target]
        shared = 0
        while shared < min(len(tails), len(heads)) and tails[shared] == heads[shared]:
            shared += 1
        key = (edge.source, edge.value)
        label = shortened(_label(view.by_id[tails[shared]], view.by_id[heads[shared]], edge), sheet)
        if is_parted(view.by_id[tails[shared]]):
            label = f"{clipped(edge.value.rpartition('.')[2], 16)} {label}".rstrip()
        add(tails[shared - 1] if shared else "", tails[shared], heads[shared], key, edge.role, label)
        for depth in range(shared + 1, len(tails)):
            add(tails[depth - 1], tails[depth], f">{edge.source} {edge.value}", key, edge.role)
        for depth in range(shared + 1, len(heads)):
            add(heads[depth - 1], f"<{edge.source} {edge.value}", heads[depth], key, edge.role)
    for carry in view.carries:
        inside = above[carry.source][above[carry.source].index(carry.frame) :]
        for frame, item in pairwise(inside):
            leaves = any(
                way.tail == item and way.head.startswith(f">{carry.source} ") for way in ways_of[frame].values()
            )
            if not leaves:
                add(frame, item, f">{carry.source} {carry.value}", (carry.source, carry.value), "flow")
    return {level: _with_roles(list(ways.values()), roles[level]) for level, ways in ways_of.items()}


def _with_roles(ways: list[Way], roles: dict[tuple[str, str, Key], list[Role]]) -> list[Way]:
    """The edges of a frame with their roles, of those that stand for several edges of the view as well."""
    detours = Detours((way.tail, way.head) for way in ways if way.role != "size")
    settled = []
    for way in ways:
        several = roles[way.tail, way.head, way.key]
        otherwise: Role = way.role if len(set(several)) == 1 else "flow"
        settled.append(replace(way, role=detours.role(way.tail, way.head, several, otherwise)))
    return settled


def ordered(boxes: Sequence[Item], ways: Sequence[Way]) -> list[Item]:
    """Everything in a frame in the order of the flow: what enters first, outputs after what makes them, exits last."""
    keys = {name: way.key for way in ways for name in (way.tail, way.head) if name[0] in "<>"}
    entries = [Item(name, Piece(0, 0, entries={key: (0, 0)})) for name, key in keys.items() if name[0] == "<"]
    exits = [Item(name, Piece(0, 0, exits={key: (0, 0)})) for name, key in keys.items() if name[0] == ">"]
    makers = {way.head: way.tail for way in ways}
    ends: dict[str, list[Item]] = {}
    for item in boxes:
        if item.name in makers and item.box is not None and item.box.kind == "output":
            ends.setdefault(makers[item.name], []).append(item)
    at_the_end = {item.name for items in ends.values() for item in items}
    flow = [item for item in boxes if item.name not in at_the_end]
    flow.sort(key=lambda item: not item.is_first)
    return [*entries, *(placed for item in flow for placed in (item, *ends.get(item.name, ()))), *exits]


def cut(items: Sequence[Item], ways: Sequence[Way]) -> list[Part]:
    """The items in parts, cut wherever a single value goes on."""
    place = {item.name: number for number, item in enumerate(items)}
    cuts = _cuts(items, ways, place)
    bounds = [0, *(gap + 1 for gap, _ in cuts), len(items)]
    part_of = [number for number, (low, high) in enumerate(pairwise(bounds)) for _ in range(high - low)]
    inside: list[list[Way]] = [[] for _ in bounds[1:]]
    entering: list[list[Way]] = [[] for _ in bounds[1:]]
    starts: set[tuple[str, Key]] = set()
    for way in ways:
        number = part_of[place[way.head]]
        if part_of[place[way.tail]] == number:
            inside[number].append(way)
            starts.add((way.tail, way.key))
        else:
            entering[number].append(way)
    told: list[Cut | None] = [None]
    for number, (_, over) in enumerate(cuts):
        if over is not None and (part_of[place[over.tail]] != number or (over.tail, over.key) in starts):
            over = replace(over, label="")
        told.append(over)
    told.append(None)
    return [
        Part(items[low:high], inside[number], entering[number], told[number], told[number + 1])
        for number, (low, high) in enumerate(pairwise(bounds))
    ]


def _cuts(items: Sequence[Item], ways: Sequence[Way], place: dict[str, int]) -> list[tuple[int, Cut | None]]:
    """The gaps after items of these numbers over which one value goes at most, and that value."""
    values: dict[tuple[str, Key], list[Way]] = {}
    for way in ways:
        values.setdefault((way.tail, way.key), []).append(way)
    starts: list[list[Cut]] = [[] for _ in items]
    ends: list[list[Cut]] = [[] for _ in items]
    for (tail, key), lines in values.items():
        flows = any(way.role == "flow" for way in lines)
        label = next((way.label for way in lines if way.label and way.role != "size"), "")
        over = Cut(tail, key, "flow" if flows else lines[0].role, label)
        starts[place[tail]].append(over)
        ends[max(place[way.head] for way in lines)].append(over)
    earliest = max((number for number, item in enumerate(items) if item.is_first), default=0)
    latest = min((number - 1 for number, item in enumerate(items) if item.is_exit), default=len(items) - 2)
    crossing: dict[tuple[str, Key], Cut] = {}
    cuts: list[tuple[int, Cut | None]] = []
    for gap in range(len(items) - 1):
        for over in ends[gap]:
            crossing.pop((over.tail, over.key), None)
        for over in starts[gap]:
            crossing[over.tail, over.key] = over
        if len(crossing) <= 1 and earliest <= gap <= latest:
            cuts.append((gap, next(iter(crossing.values()), None)))
    return cuts


def _label(source: Box, target: Box, edge: Edge) -> str:
    """The shape where it is news: not that of what the source was given, nor written in the box at the end.

    A block that is given values of several shapes leaves open which of them goes on.
    """
    if source.kind == "input" or target.kind == "output" or edge.role == "size":
        return ""
    news = any(shape not in source.inputs for shape in edge.shapes) or len(set(edge.shapes)) > 1
    news |= source.kind in ("block", "container") and len(set(source.inputs)) > 1
    return shape_words(edge.shapes) if news else ""
