"""What makes a feature map, in the few words of a caption: `2 × conv 3×3, ReLU`, `add of 50`, `Bottleneck`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from netspec.diagram.view.boxes import Box, Edge
from netspec.diagram.view.stages import Stages, Unit

LONGEST_PERIOD = 4
"""Words that are repeated together in a caption at most."""

SIDE_BY_SIDE = frozenset({"concat", "add", "mul"})
"""Wirings whose branches are alike to a reader."""
_WIRINGS = {"dense": "dense block"}
_JOINS = {"+": "add", "×": "multiply", "−": "subtract"}


class Makers:
    """Words for the units of a view; `entering` are the edges into each box.

    Activations and the like are told of if `lighter`, and where a unit has nothing else.
    """

    def __init__(self, stages: Stages, entering: Mapping[str, Sequence[Edge]], *, lighter: bool = True) -> None:
        self.stages, self.entering, self.lighter = stages, entering, lighter

    def words(self, units: Sequence[Unit], joins: bool = False) -> list[str]:
        """What the units do, equal ones together: `2 × conv 3×3`. Where they join, crops belong to the links."""
        units = [unit for unit in units if not (joins and is_shaping(unit))]
        words_of_makers = [words for unit in units for words in self.unit_words(unit, self.lighter)]
        return _counted(words_of_makers or [words for unit in units for words in self.unit_words(unit)])

    def unit_words(self, unit: Unit, lighter: bool = True) -> list[str]:
        if unit.scope is not None:
            inside = self.inside_words(unit.boxes)
            alike = len(set(inside)) == 1 and unit.scope.kind in SIDE_BY_SIDE
            kind = _WIRINGS.get(unit.scope.kind, unit.scope.kind)
            return inside if alike else [f"{kind}{self.terms(unit.boxes[0])}"]
        box = unit.boxes[0]
        if box.kind == "join":
            return [] if box.title == "concat" else [_JOINS.get(box.title, box.title) + self.terms(box)]
        if box.is_leaf and box.kind == "layer":
            if not lighter and only_places(box):
                return []
            around = (box.before, box.after) if lighter else ((), ())
            return [", ".join([*around[0], _without_channels(box), *around[1]])]
        return self.box_words(box)

    def terms(self, box: Box) -> str:
        """How many values a join takes, where these are more than two."""
        count = len(self.entering.get(box.id, ())) if box.kind == "join" else 0
        return f" of {count}" if count > 2 else ""

    def box_words(self, box: Box) -> list[str]:
        """A block or a container: what it holds, if that is few kinds of things, or its name."""
        around = self.stages.graph.scopes[box.scope or 0]
        parts = list(self.stages.units(box.children, around))
        if box.kind == "container" and len(parts) == 1 and parts[0].scope is not None:
            return self.unit_words(parts[0])
        inside = self.inside_words(box.children)
        if inside and len(set(inside)) <= (2 if box.kind == "container" else 1):
            return inside
        return [box.title.partition("(")[0] or box.label]

    def inside_words(self, boxes: Iterable[Box]) -> list[str]:
        """The heavier layers and the blocks, one after another."""
        captions: list[str] = []
        for box in boxes:
            if box.kind == "join" or (box.is_leaf and only_places(box)):
                continue
            if box.kind == "layer":
                captions.append(_without_channels(box))
            elif box.kind == "block":
                captions.append(box.title.partition("(")[0])
            else:
                captions.extend(self.box_words(box))
        return captions


def only_places(box: Box) -> bool:
    """Whether a box only touches up the map before it, or hands it on in another order."""
    return box.weight in ("light", "wrap") or box.rearranges


def is_shaping(unit: Unit) -> bool:
    box = unit.box
    return box is not None and box.is_leaf and box.rearranges and box.kind != "join"


def _without_channels(box: Box) -> str:
    """A layer's words without the number of channels, which the map says."""
    parts = box.title.split(", ")
    channels = {str(shape.channels) for shape in box.outputs if shape.dims}
    rest = [part for part in parts[1:] if part not in channels]
    first, _, number = parts[0].rpartition(" ")
    return ", ".join([first if number in channels and first else parts[0], *rest])


def _counted(captions: Sequence[str]) -> list[str]:
    """Words that come again and again, with how often: `2 × conv 3×3`, `4 × (conv 1×1, conv 3×3)`."""
    counted: list[str] = []
    start = 0
    while start < len(captions):
        runs = [(_times(captions, start, period) * period, period) for period in range(1, LONGEST_PERIOD + 1)]
        length, period = max(runs, key=lambda run: (run[0] if run[0] > run[1] else 1, -run[1]))
        if length == period:
            length = period = 1
        words = ", ".join(captions[start : start + period])
        times = length // period
        counted.append(words if times == 1 else f"{times} × ({words})" if period > 1 else f"{times} × {words}")
        start += length
    return counted


def _times(captions: Sequence[str], start: int, period: int) -> int:
    """How often the `period` words at `start` are said in a row."""
    times = 1
    words = captions[start : start + period]
    while captions[start + times * period : start + (times + 1) * period] == words and len(words) == period:
        times += 1
    return times
