"""What a drawing of the graph style is made of, as TikZ has it: nodes, frames around them, edges, words, a legend."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from netspec.diagram.drawing.items import Circle, Drawing, Group, Item, Path, Point, Rect, Text

_UNNAMED = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Node:
    """A box or a frame of a name of its own: its outline, the sheets below it, what is written in it.

    `band` is the height of a frame's header, 0 for what is none.
    """

    name: str
    outline: Rect | Circle
    sheets: tuple[Rect, ...]
    texts: tuple[Text, ...]
    band: float = 0

    @property
    def left(self) -> float:
        return self.outline.x - (self.outline.radius if isinstance(self.outline, Circle) else 0)

    @property
    def top(self) -> float:
        return self.outline.y - (self.outline.radius if isinstance(self.outline, Circle) else 0)

    @property
    def width(self) -> float:
        return 2 * self.outline.radius if isinstance(self.outline, Circle) else self.outline.width

    @property
    def height(self) -> float:
        return 2 * self.outline.radius if isinstance(self.outline, Circle) else self.outline.height

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def middle(self) -> Point:
        return self.left + self.width / 2, self.top + self.height / 2

    def holds(self, other: Node) -> bool:
        x, y = other.middle
        return self.left <= x <= self.right and self.top <= y <= self.bottom


@dataclass(frozen=True, slots=True)
class Edge:
    """A line between nodes; `role` is what it stands for."""

    role: str
    path: Path


@dataclass(slots=True)
class Parts:
    """A drawing taken apart, each in the order of painting; frames hold nodes, the outer ones first."""

    nodes: list[Node] = field(default_factory=list)
    frames: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    words: list[Text] = field(default_factory=list)
    legend: tuple[Item, ...] = ()


def parts_of(drawing: Drawing) -> Parts:
    """The parts of a drawing that `styles.graph` has made, whatever has been put beside it."""
    parts = Parts()
    names: dict[str, int] = {}
    for item in _grouped(drawing.items):
        match item:
            case Text():
                parts.words.append(item)
            case Group(name="legend"):
                parts.legend = item.items
            case Group(classes=("edge", role), items=(Path() as path, *_)):
                parts.edges.append(Edge(role, path))
            case Group(classes=("box", "frame", _)):
                parts.frames.append(_node(item, names))
            case Group(classes=("box", *_)):
                parts.nodes.append(_node(item, names))
            case Rect():
                parts.frames.append(_node(Group((item,), name="inset"), names))
            case _:
                raise TypeError(f"the graph style draws no {type(item).__name__} by itself")
    return parts


def _grouped(items: Iterable[Item]) -> Iterator[Item]:
    """The items, groups opened that only put together what stands side by side."""
    for item in items:
        if isinstance(item, Group) and not item.classes and item.name != "legend":
            yield from _grouped(item.items)
        else:
            yield item


def _node(group: Group, names: dict[str, int]) -> Node:
    outlines = [item for item in group.items if isinstance(item, Rect | Circle)]
    bands = [item for item in group.items if isinstance(item, Path)]
    texts = tuple(item for item in group.items if isinstance(item, Text))
    heights = [[y for _, points in band.segments for _, y in points] for band in bands]
    band = max((max(ys) - min(ys) for ys in heights), default=0.0)
    sheets = tuple(item for item in outlines[:-1] if isinstance(item, Rect))
    return Node(_unique(group, names), outlines[-1], sheets, texts, band)


def _unique(group: Group, names: dict[str, int]) -> str:
    """What the spec calls it in letters that a name of TikZ may have, with a number where another one is called so."""
    word = _UNNAMED.sub("-", group.name).strip("-") or "box"
    names[word] = names.get(word, 0) + 1
    return word if names[word] == 1 else _unique(Group((), name=f"{word}-{names[word]}"), names)
