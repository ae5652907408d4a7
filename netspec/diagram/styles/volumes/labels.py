"""What is written at a map: its name, its sizes, what makes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from re import findall

from netspec.diagram.drawing.items import Item, Text
from netspec.diagram.drawing.text import broken, fit, width, wrap
from netspec.diagram.styles.volumes.placed import Placed
from netspec.diagram.view.feature_maps import Map
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension

SIZE, SMALL, TINY, LEADING = 7.5, 6.5, 6.0, 7.5
_CAPTION = 150.0
_NAME = 34.0


def label(one: Placed, above: bool) -> Iterator[Item]:
    lines = label_lines(one.map.shape)
    first = one.top - 3 - LEADING * (len(lines) - 1) if above else one.bottom + 8
    for index, (text, size) in enumerate(lines):
        fill = "ink" if index == 0 else "muted"
        yield Text(one.middle, first + LEADING * index, text, size, anchor="middle", fill=fill)
    if above and (name := _short_name(one.map)):
        yield Text(one.middle, first - LEADING, name, TINY, anchor="middle")


def _short_name(one: Map) -> str:
    """The name of a map as it stands over it where a picture has no room for captions."""
    return "" if one.is_input else fit(one.name, TINY, 40)


def name_width(one: Map) -> float:
    return width(_short_name(one), TINY) + 1


def label_lines(shape: Shape) -> list[tuple[str, float]]:
    """The channels, and below them the resolution; features alone."""
    if not shape.dims:
        return [("scalar", SMALL)]
    lines = [(fit(str(shape.dims[0]), SIZE, 48), SIZE)]
    if shape.is_open:
        lines += [(fit(str(size), SMALL, 62), SMALL) for size in shape.spatial]
    elif shape.spatial:
        lines.append((_resolution(shape.spatial), SMALL))
    return lines


def _resolution(sides: Sequence[Dimension]) -> str:
    """`224²`, `16×112×112`."""
    if len(sides) in (2, 3) and len(set(sides)) == 1 and isinstance(sides[0], int) and sides[0] > 1:
        return f"{sides[0]}{'²' if len(sides) == 2 else '³'}"
    return "×".join(map(str, sides))


def label_width(one: Map) -> float:
    return max(width(text, size) for text, size in label_lines(one.shape)) + 1


def size(shape: Shape) -> str:
    sizes = " × ".join(map(str, shape.dims)) or "scalar"
    return sizes if shape.each is None else f"{sizes} each {shape.each.name}"


def caption(one: Map) -> str:
    """The map's name in the spec and what makes it, in a line."""
    words = makers(one)
    named = f"{one.name}: {words}" if one.name and words and not one.is_input else words or one.name
    return fit(named + _notes(one), SMALL, _CAPTION)


def makers(one: Map) -> str:
    return ", ".join(one.makers) or ("concat" if one.slices else "")


_SHARING = {"": "", "some": "some weights shared", "all": "shared weights"}


def _notes(one: Map) -> str:
    notes = ["when training"] * one.when_training + ([_SHARING[one.shared]] if one.shared else [])
    return f" ({', '.join(notes)})" if notes else ""


def foot(one: Map, limit: float, head: str) -> list[str]:
    """What makes the map as lines for below its label; what is made alike above is not said again."""
    words = caption(one)
    if makers(one) == head:
        words = f"{one.name}{_notes(one)}" if one.name else _SHARING[one.shared]
    return wrap(words, SMALL, max(limit - 3, 24)) if words else []


def name_lines(one: Map) -> list[str]:
    """The map's name alone, in lines for below its label where lines pass on both sides."""
    return broken(one.name, SMALL, _NAME)


def name_room(one: Map) -> float:
    """How wide the map's name is where it stands alone below it."""
    return max((width(line, SMALL) for line in name_lines(one)), default=0)


def gap_caption(one: Map) -> tuple[float, list[str]]:
    """What makes the map as lines for the gap before it, and how wide that gap is."""
    words = findall(r"\d+ × \S+|\S+", ", ".join(one.makers))
    gap = min(max(14.0, *(width(word, TINY) + 5 for word in words), 0), 44.0)
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width(longer, TINY) <= gap - 4:
            lines[-1] = longer
        else:
            lines.append(fit(word, TINY, gap - 2))
    return gap, lines
