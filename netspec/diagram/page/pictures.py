"""The pictures of the interactive page: what is inside each block, laid out ahead of time with the blocks in it closed.

The page puts an inner picture in place of a closed box and makes room for it, so every combination of open blocks is
there without being laid out. Each picture goes through `layout` and `styles.graph` as any other view does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeAlias

from netspec.diagram.drawing.items import (
    Circle,
    Drawing,
    Group,
    Item,
    Mark,
    Path,
    Point,
    Polygon,
    Rect,
    Text,
    arrow_head,
)
from netspec.diagram.drawing.svg import number
from netspec.diagram.drawing.text import CAP_HEIGHT, width_of
from netspec.diagram.layout import box_text
from netspec.diagram.layout.dot_layout import Graphviz
from netspec.diagram.layout.layout import PlacedBox, Route, layout
from netspec.diagram.styles.graph import draw
from netspec.diagram.view.boxes import Box, Carry, Edge, View

Json: TypeAlias = Any
_BORDER = 6
"""A route that ends no farther than this from the border of its frame goes through it: below several rounds, that of
the last sheet of the stack."""
_FOOT_TO_HEAD = 40
"""A route that goes straight up for more than this goes to another column."""


def pictures(view: View, graphviz: Graphviz) -> list[Json]:
    """The picture of the page and of each box with an inside, as the page's script reads them.

    `view` is open to the last box; boxes are called by their place in `view.walk()`, -1 is the page.
    Raises LayoutTimeoutError where the time of `graphviz` is over.
    """
    tree = _Tree(view)
    return [_Picture(tree, box, graphviz).json() for box in (None, *filter(is_openable, view.walk()))]


def whole(drawing: Drawing) -> Json:
    """A drawing that stands as it is, as the page's script reads it."""
    parts: list[Mark] = []
    for mark in drawing.marks():
        parts += arrow_head(mark) if isinstance(mark, Path) and mark.arrow else [mark]
    marks = [_mark(mark, 0, 0) for mark in parts]
    return {"width": _short(drawing.width), "height": _short(drawing.height), "marks": marks}


def is_openable(box: Box) -> bool:
    """Whether a box has a picture of its own. Rounds have none: they are a frame in the picture around them."""
    return bool(box.children) and box.kind != "rounds"


@dataclass(frozen=True)
class _Tree:
    """A view, and for each box its place in the order of the page and the boxes around it."""

    view: View
    places: Mapping[str, int]
    above: Mapping[str, tuple[Box, ...]]
    tensors: Mapping[tuple[str, str], str]

    def __init__(self, view: View) -> None:
        above: dict[str, tuple[Box, ...]] = {}

        def descend(boxes: Iterable[Box], around: tuple[Box, ...]) -> None:
            for box in boxes:
                above[box.id] = (*around, box)
                descend(box.children, above[box.id])

        descend(view.boxes, ())
        object.__setattr__(self, "view", view)
        object.__setattr__(self, "places", {box.id: place for place, box in enumerate(view.walk())})
        object.__setattr__(self, "above", above)
        flows: list[Edge | Carry] = [*view.edges, *view.carries]
        tensors = dict.fromkeys((tensor.source, tensor.value) for tensor in flows)
        object.__setattr__(self, "tensors", {tensor: str(place) for place, tensor in enumerate(tensors)})

    def tensor(self, edge: Edge | Carry) -> str:
        """What goes along an edge or on to the next round, as a name that no other tensor has."""
        return self.tensors[edge.source, edge.value]


class _Picture:
    """One picture: the inside of a box, or the page where there is none."""

    def __init__(self, tree: _Tree, around: Box | None, graphviz: Graphviz) -> None:
        self.tree, self.around = tree, around
        inside = around.children if around else tree.view.boxes
        self._closed = tuple(map(_closed, inside))
        self._shown = {box.id for top in self._closed for box in top.walk()}
        self._edges: dict[str, list[tuple[int, str, str]]] = {}
        self._laid = layout(self._view(), graphviz)
        self._frame = next((placed for placed in self._laid.boxes if around and placed.box.id == around.id), None)
        self._marks = dict(_groups(draw(self._laid).items))

    def json(self) -> Json:
        laid = self._laid
        left, top = (self._frame.x, self._frame.y) if self._frame else (0.0, 0.0)
        inside = [placed for placed in laid.boxes if placed.box.id in self._shown]
        routes = [self._route(route, left, top) for route in laid.routes if self._is_inside(route)]
        return {
            "of": self.tree.places[self.around.id] if self.around else -1,
            "width": _short(self._frame.width if self._frame else laid.width),
            "height": _short(self._frame.height if self._frame else laid.height),
            "gutters": _gutters(routes),
            "header": self._header(self._frame) if self._frame else None,
            "boxes": [self._box(placed, left, top) for placed in inside if not placed.box.children],
            "frames": [self._box(placed, left, top) for placed in inside if placed.box.children],
            "routes": routes,
        }

    def _view(self) -> View:
        """What is inside as a view of its own; where values come in or go out, something outside stands for that."""
        view = self.tree.view
        edges: dict[tuple[str, str, str], Edge] = {}
        outside: dict[str, Box] = {}
        for index, edge in enumerate(view.edges):
            source, target = self._end(edge.source), self._end(edge.target)
            if source == target:
                continue
            tensor = self.tree.tensor(edge)
            source, target = source or f"<{tensor}", target or f">{tensor}"
            for end in (source, target):
                if end[0] in "<>":
                    outside[end] = _outside(end, edge)
            self._edges.setdefault(tensor, []).append((index, source, target))
            edge_there = edges.get((source, target, tensor), edge)
            role = edge.role if edge_there.role == edge.role else "flow"
            edges[source, target, tensor] = replace(edge, source=source, target=target, value=tensor, role=role)
        boxes = self._closed
        if self.around:
            boxes = (
                *(box for end, box in outside.items() if end[0] == "<"),
                replace(self.around, children=self._closed),
                *(box for end, box in outside.items() if end[0] == ">"),
            )
        return replace(
            view, boxes=boxes, edges=tuple(edges.values()), carries=tuple(self._handed_on()), title="", focus=""
        )

    def _handed_on(self) -> Iterator[Carry]:
        """What goes from round to round of a frame that is shown, or of one around all of the picture."""
        beyond = {box.id for box in self.tree.above[self.around.id]} if self.around else set()
        for carry in self.tree.view.carries:
            source = self._end(carry.source)
            frame = self.around.id if self.around and carry.frame in beyond else carry.frame
            if source and source != frame and (carry.frame in self._shown or carry.frame in beyond):
                yield replace(carry, source=source, value=self.tree.tensor(carry), frame=frame)

    def _end(self, leaf: str) -> str:
        """The shown box that a leaf is in; empty where it is outside."""
        return next((box.id for box in reversed(self.tree.above[leaf]) if box.id in self._shown), "")

    def _is_inside(self, route: Route) -> bool:
        return all(not end or end in self._shown for end in (route.source, route.target)) and (
            self._frame is None or _within(route, self._frame)
        )

    def _route(self, route: Route, left: float, top: float) -> Json:
        places = self.tree.places
        edges = [
            index for index, source, target in self._edges.get(route.value, ()) if self._carries(route, source, target)
        ]
        document: dict[str, Json] = {
            "source": places[route.source] if route.source else -1,
            "target": places[route.target] if route.target else -1,
            "role": route.role,
            "edges": edges,
            "path": [[verb, *(_at(point, left, top) for point in points)] for verb, points in route.path],
            "arrow": route.arrow,
        }
        if self._frame:
            begins, ends = route.path[0][1][0][1] - top, route.path[-1][1][-1][1] - top
            document["entry"] = not route.source and begins <= box_text.HEADER + _BORDER
            document["exit"] = not route.target and ends >= self._frame.height - _BORDER
        if route.label:
            x, y = _at(route.label_at, left, top)
            size = box_text.LABEL_SIZE
            text = Text(0, size * CAP_HEIGHT / 2, route.label, size, fill="muted")
            document["label"] = {"x": x, "y": y, "marks": [_mark(text, 0, 0)]}
        return document

    def _carries(self, route: Route, source: str, target: str) -> bool:
        """Whether an edge between two shown boxes is drawn by a route, which may join frames around them."""
        return all(
            not end or any(box.id == end for box in self._around(leaf))
            for end, leaf in ((route.source, source), (route.target, target))
        )

    def _around(self, frame: str) -> tuple[Box, ...]:
        return self.tree.above.get(frame, ())

    def _box(self, placed: PlacedBox, left: float, top: float) -> Json:
        size = {"width": _short(placed.width), "height": _short(placed.height)}
        document = {
            "box": self.tree.places[placed.box.id],
            "x": _short(placed.x - left),
            "y": _short(placed.y - top),
            **size,
        }
        if placed.box.children:
            return {**document, "header": self._header(placed)}
        return {**document, "marks": [_mark(item, placed.x, placed.y) for item in self._marks[placed.box.id]]}

    def _header(self, placed: PlacedBox) -> Json:
        """The words in a frame's header, those at its right end with their places from there."""
        texts = [item for item in self._marks[placed.box.id] if isinstance(item, Text)]
        return {
            "left": [_mark(item, placed.x, placed.y) for item in texts if item.anchor != "end"],
            "right": [_mark(item, placed.x + placed.width, placed.y) for item in texts if item.anchor == "end"],
        }


def _closed(box: Box) -> Box:
    """The box without its inside; rounds stay a frame around theirs."""
    children = tuple(map(_closed, box.children)) if box.kind == "rounds" else ()
    return replace(box, children=children)


def _gutters(routes: Iterable[Json]) -> list[float]:
    """Between the columns of a picture: where a route goes from the foot of one up to the head of the next."""
    gutters = set[float]()
    for route in routes:
        stops = [segment[-1] for segment in route["path"]]
        if stops[1][1] > stops[0][1]:
            gutters |= {x for (x, y), (after, end) in pairwise(stops) if x == after and end < y - _FOOT_TO_HEAD}
    return sorted(gutters)


def _outside(end: str, edge: Edge) -> Box:
    """What stands outside a frame for all that an edge comes from ("<") or goes to (">")."""
    if end.startswith("<"):
        return Box(end, "input", name="", label="", title="", signature="", family="input", outputs=edge.shapes)
    return Box(end, "output", name="", label="", title="", signature="", family="output", inputs=edge.shapes)


def _within(route: Route, frame: PlacedBox) -> bool:
    """Whether a route is drawn inside a frame."""
    points = [point for _, points in route.path for point in (points[0], points[-1])]
    return all(
        frame.x - _BORDER <= x <= frame.x + frame.width + _BORDER
        and frame.y - _BORDER <= y <= frame.y + frame.height + _BORDER
        for x, y in points
    )


def _groups(items: Iterable[Item]) -> Iterator[tuple[str, tuple[Mark, ...]]]:
    for item in items:
        if isinstance(item, Group) and item.id is not None:
            yield item.id, tuple(mark for mark in item.items if not isinstance(mark, Group))


def _mark(mark: Mark, left: float, top: float) -> Json:
    """A mark as an SVG element: its name, its attributes, its text; paints are roles."""
    paint = {"fill": mark.fill, "stroke": getattr(mark, "stroke", None)}
    line: dict[str, Any] = (
        {"stroke-width": _short(mark.stroke_width)} if not isinstance(mark, Text) and mark.stroke else {}
    )
    if (dash := getattr(mark, "dash", None)) and line:
        line["stroke-dasharray"] = " ".join(map(number, dash))
    match mark:
        case Rect():
            place = {
                "x": mark.x - left,
                "y": mark.y - top,
                "width": mark.width,
                "height": mark.height,
                "rx": mark.radius,
            }
            return ["rect", _attributes({**_all_short(place), **line, **paint})]
        case Circle():
            place = {"cx": mark.x - left, "cy": mark.y - top, "r": mark.radius}
            return ["circle", _attributes({**_all_short(place), **line, **paint})]
        case Polygon():
            points = " ".join(f"{number(x - left)},{number(y - top)}" for x, y in mark.points)
            return ["polygon", _attributes({"points": points, **line, **paint})]
        case Path():
            path = " ".join(
                verb + " ".join(f"{number(x - left)},{number(y - top)}" for x, y in points)
                for verb, points in mark.segments
            )
            return ["path", _attributes({"d": path, **line, **paint})]
        case Text():
            return ["text", _attributes({**_text(mark, left, top), **paint}), mark.text]


def _text(text: Text, left: float, top: float) -> Json:
    return {
        "x": _short(text.x - left),
        "y": _short(text.y - top),
        "font-size": _short(text.size),
        "class": "mono" if text.mono else None,
        "font-weight": "bold" if text.weight == "bold" and not text.mono else None,
        "text-anchor": text.anchor if text.anchor != "start" else None,
        "textLength": _short(width_of(text)) if len(text.text) > 1 else None,
        "font-style": "italic" if text.italic and text.weight == "normal" and not text.mono else None,
        "transform": f"rotate({number(text.rotate)} {number(text.x - left)} {number(text.y - top)})"
        if text.rotate
        else None,
    }


def _attributes(values: Mapping[str, Json]) -> Json:
    return {name: value for name, value in values.items() if value is not None}


def _all_short(values: Mapping[str, float]) -> dict[str, float]:
    return {name: _short(value) for name, value in values.items()}


def _at(point: Point, left: float, top: float) -> list[float]:
    return [_short(point[0] - left), _short(point[1] - top)]


def _short(value: float) -> float:
    """A length to a tenth of a point, whole where it is."""
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded
