"""What the colours and the lines of a picture mean, in rows below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import cast

from netspec.diagram.drawing.items import Drawing, Group, Item, Path, Rect, Text, line, moved
from netspec.diagram.drawing.text import width
from netspec.diagram.styles.graph import Look, edge_look
from netspec.diagram.view.boxes import Role

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "input": "input",
        "convolution": "convolution",
        "pooling": "pooling",
        "resampling": "resampling",
        "normalization": "normalization",
        "activation": "activation",
        "linear": "linear",
        "recurrent": "recurrent",
        "attention": "attention",
        "neutral": "other",
        "block": "folded block",
    }
)
"""What a legend calls the roles of colours, in its order."""
_LINES: Mapping[Role, str] = MappingProxyType(
    {"skip": "skip connection", "gate": "gate", "size": "size only", "auxiliary": "when training"}
)
_FOLDED = frozenset({"net", "block", "container"})
ROW = 10.0
"""From a row to the next."""
_SIZE, _ABOVE, _MARGIN = 7.0, 6.0, 8.0
_LEAST = 200.0
"""How wide a legend may be below a picture that is narrower."""

Entry = tuple[Item | None, str]


def rows(entries: Iterable[Entry], wide: float, size: float, leading: float) -> list[Item]:
    """Entries from left to right, in as many rows as a width needs: each a mark, which stands on the baseline, and what
    it means.
    """
    items: list[Item] = []
    x, y = 0.0, size
    for mark, text in entries:
        long = (10 if mark else 0) + width(text, size)
        if x and x + long > wide:
            x, y = 0.0, y + leading
        items.extend([moved(mark, x, y)] if mark else [])
        items.append(Text(x + long - width(text, size), y, text, size, fill="muted"))
        x += long + 10
    return items


def swatch(role: str) -> Rect:
    """A small box in a colour, on the baseline."""
    return Rect(0, -5.5, 7, 6.5, fill=role, stroke=f"{role}:line", stroke_width=0.5)


def stroke(look: Look) -> Path:
    """A short line, as a picture draws it, at half the height of small letters."""
    return Path(line((0, -2.2), (8, -2.2)), look.colour, look.width, look.dash)


def with_legend(drawing: Drawing, room: float) -> Drawing:
    """A picture of the graph style with what its colours and lines mean below it; `room` is how wide it may become."""
    wide = max(drawing.width, min(room, _LEAST))
    entries = rows(_entries(_roles(drawing.items)), wide - 2 * _MARGIN, _SIZE, ROW)
    if not entries:
        return drawing
    texts = [item for item in entries if isinstance(item, Text)]
    needed = max(text.x + width(text.text, _SIZE) for text in texts) + 2 * _MARGIN
    wide = max(drawing.width, needed)
    beside = (wide - drawing.width) / 2
    placed = [moved(item, (wide - needed) / 2 + _MARGIN, drawing.height + _ABOVE) for item in entries]
    return replace(
        drawing,
        width=wide,
        height=drawing.height + _ABOVE + max(text.y for text in texts) + _MARGIN / 2,
        items=(*(moved(item, beside, 0) for item in drawing.items), Group(tuple(placed), name="legend")),
    )


def _entries(roles: set[str]) -> Iterator[Entry]:
    for role, name in COLOURS.items():
        if role in roles:
            yield swatch(role), name
    for kind, name in _LINES.items():
        if kind in roles:
            yield stroke(edge_look(kind)), name


def _roles(items: Iterable[Item]) -> set[str]:
    """The roles of the colours of boxes and of the edges among items that need a word, by their groups' classes."""
    roles: set[str] = set()
    for item in items:
        match item:
            case Group(classes=("box", kind, family)):
                roles |= {"block"} if kind in _FOLDED else {family} if kind == "layer" else set()
            case Group(classes=("edge", role)):
                roles.add("skip" if edge_look(cast(Role, role)).colour == "accent" else role)
            case Group():
                roles |= _roles(item.items)
    return roles
