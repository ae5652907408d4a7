"""The graph style: boxes and arrows, blocks as nested frames, detours as arcs around what they pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from netspec.diagram.drawing.items import Anchor, Circle, Drawing, Group, Item, Path, Rect, Text
from netspec.diagram.drawing.text import ASCENT, CAP_HEIGHT
from netspec.diagram.drawing.theme import family_role
from netspec.diagram.layout import box_text
from netspec.diagram.layout.box_text import Line
from netspec.diagram.layout.layout import Layout, PlacedBox, Route
from netspec.diagram.layout.sheet import Sheet
from netspec.diagram.view.boxes import Box, Role
from netspec.diagram.view.captions.words import count_words


@dataclass(frozen=True, slots=True)
class Look:
    """How an edge is drawn."""

    colour: str
    width: float
    dash: tuple[float, ...] | None = None


_LOOKS: dict[Role, Look] = {
    "flow": Look("edge", 0.9),
    "skip": Look("accent", 1.2),
    "dense": Look("accent", 1.2),
    "gate": Look("edge", 0.9, (3, 2)),
    "carry": Look("accent", 1.2),
    "size": Look("muted", 0.7, (1.5, 2)),
    "auxiliary": Look("edge", 0.9, (4, 2.5)),
}


def edge_look(role: Role) -> Look:
    """How an edge of this role is drawn."""
    return _LOOKS[role]


def fill_role(box: Box) -> str:
    """The role of the colour of a box without children."""
    if box.kind in ("input", "output"):
        return box.kind
    if box.kind in ("net", "block", "container"):
        return "block"
    return "paper" if box.kind == "join" and box.title != "concat" else family_role(box.family)


def draw(layout: Layout) -> Drawing:
    """The drawing of a layout: frames at the back, then edges, then boxes, then what stands beside the edges."""
    frames = [placed for placed in layout.boxes if placed.box.children]
    leaves = [placed for placed in layout.boxes if not placed.box.children]
    depth_of = _depths(layout)
    items: list[Item] = [
        *(_frame(placed, depth_of[placed.box.id], layout.sheet) for placed in frames),
        *(_edge(route) for route in layout.routes),
        *(_leaf(placed, layout.sheet) for placed in leaves),
        *(_shape(route) for route in layout.routes if route.label),
    ]
    return Drawing(layout.width, layout.height, tuple(items), layout.view.title, describe(layout))


def describe(layout: Layout) -> str:
    """What the picture shows, in a sentence, for those who cannot see it."""
    graph = layout.view.graph
    inputs = ", ".join(f"{value.name} {value.shape}" for value in graph.inputs)
    outputs = ", ".join(str(output.value.shape) for output in graph.outputs)
    kinds = [box.title for box in layout.view.boxes if box.kind not in ("input", "output", "join")]
    return (
        f"{layout.view.title} from {inputs or 'nothing'} to {outputs}: {len(kinds)} stages, "
        f"{count_words(graph.parameters)} parameters."
    )


def _depths(layout: Layout) -> dict[str, int]:
    depths: dict[str, int] = {}

    def descend(boxes: tuple[Box, ...], depth: int) -> None:
        for box in boxes:
            depths[box.id] = depth
            descend(box.children, depth + 1)

    descend(layout.view.boxes, 0)
    return depths


def _frame(placed: PlacedBox, depth: int, sheet: Sheet) -> Item:
    box, x, y = placed.box, placed.x, placed.y
    fill = "frame" if depth % 2 == 0 else "paper"
    marks: list[Item] = []
    if box.times > 1:
        marks += _stack(placed, fill, "rule", 5)
    marks.append(Rect(x, y, placed.width, placed.height, 5, fill, "rule", 0.8))
    marks.append(_band(x + 0.4, y + 0.4, placed.width - 0.8, box_text.header_height(box, sheet) - 0.4))
    baseline = y + box_text.HEADER / 2 + 8 * CAP_HEIGHT / 2
    for number, row in enumerate(box_text.header_rows(box, sheet)):
        left = x + 8
        for line in row:
            marks.append(_written(line, left, baseline + number * box_text.ROW, "start"))
            left += line.width + 6
    if (corner := box_text.times(box)) is not None:
        marks.append(_written(corner, x + placed.width - 8, baseline, "end"))
    return _grouped(box, marks, "frame")


def _band(x: float, y: float, width: float, height: float, radius: float = 4.6) -> Path:
    """The ground of a frame's header, with the frame's upper corners."""
    near = radius * 0.45
    return Path(
        (
            ("M", ((x, y + height),)),
            ("L", ((x, y + radius),)),
            ("C", ((x, y + near), (x + near, y), (x + radius, y))),
            ("L", ((x + width - radius, y),)),
            ("C", ((x + width - near, y), (x + width, y + near), (x + width, y + radius))),
            ("L", ((x + width, y + height),)),
            ("Z", ()),
        ),
        stroke=None,
        fill="block",
    )


def _stack(placed: PlacedBox, fill: str, stroke: str, radius: float) -> list[Item]:
    """The edges of the sheets below: the box stands for several."""
    step = box_text.SHEETS / 2
    return [
        Rect(placed.x + 2 * by, placed.y + by, placed.width - 4 * by, placed.height, radius, fill, stroke, 0.8)
        for by in (2 * step, step)
    ]


def _leaf(placed: PlacedBox, sheet: Sheet) -> Item:
    box = placed.box
    if box_text.is_round(box):
        radius = placed.width / 2
        x, y = placed.x + radius, placed.y + radius
        sign = Text(x, y + 11 * 0.33, box.title, 11, "bold", anchor="middle")
        return _grouped(box, [Circle(x, y, radius - 0.5, "paper", "ink", 1), sign], "join")
    role = fill_role(box)
    written = box_text.lines(box, sheet)
    small = box_text.is_small(box) or box.kind in ("join", "input", "output")
    radius = (
        min(placed.height / 2, box_text.JOIN / 2) if small and len(written) > 2 else placed.height / 2 if small else 3
    )
    marks: list[Item] = _stack(placed, role, f"{role}:line", 3) if box.times > 1 else []
    dash = (3.0, 2.0) if box.when_training else None
    marks.append(Rect(placed.x, placed.y, placed.width, placed.height, radius, role, f"{role}:line", 0.8, dash))
    marks += _lines(placed, written, role)
    return _grouped(box, marks, box.kind)


def _lines(placed: PlacedBox, lines: tuple[Line, ...], role: str) -> Iterator[Item]:
    """Lines in the middle of a box of this colour; on that of a layer's family, all letters are as dark."""
    if role not in _PALE:
        lines = tuple(replace(line, fill=f"{role}:ink") for line in lines)
    y = placed.y + (placed.height - sum(line.height for line in lines)) / 2
    corner = box_text.times(placed.box)
    for number, line in enumerate(lines):
        baseline = y + (line.height - line.size) / 2 + line.size * (ASCENT - 0.06)
        if corner is not None and number == 0:
            corner = replace(corner, fill=lines[0].fill)
            yield _written(corner, placed.x + placed.width - 6, baseline, "end")
        yield _written(line, placed.x + placed.width / 2, baseline, "middle")
        y += line.height


_PALE = frozenset({"input", "output", "block", "paper"})
"""The grounds on which ink and muted letters read in every theme."""


def _written(line: Line, x: float, y: float, anchor: Anchor) -> Text:
    return Text(x, y, line.text, line.size, line.weight, mono=line.mono, anchor=anchor, fill=line.fill)


def _edge(route: Route) -> Item:
    look = _LOOKS[route.role]
    path = Path(route.path, look.colour, look.width, look.dash, route.arrow)
    return Group((path,), classes=("edge", route.role), title=route.value)


def _shape(route: Route) -> Item:
    x, y = route.label_at
    return Text(x, y + box_text.LABEL_SIZE * CAP_HEIGHT / 2, route.label, box_text.LABEL_SIZE, fill="muted")


def _grouped(box: Box, marks: list[Item], kind: str) -> Item:
    return Group(
        tuple(marks),
        id=box.id,
        classes=("box", kind, family_role(box.family)),
        title=_title(box),
        name=box.name or kind,
    )


def _title(box: Box) -> str:
    """What a pointer over the box shows."""
    shapes = f"{_shapes(box.inputs)} → {_shapes(box.outputs)}"
    counts = f"{box.parameters:,} parameters" if box.parameters else ""
    name = f"{box.name}:" if box.name else ""
    return " ".join(filter(None, (name, box.signature))) + "\n" + "\n".join(filter(None, (shapes, counts)))


def _shapes(shapes: tuple[object, ...]) -> str:
    different = list(dict.fromkeys(map(str, shapes)))
    return ", ".join(different[:4]) + (", ..." if len(different) > 4 else "")
