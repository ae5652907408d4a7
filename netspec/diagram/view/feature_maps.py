"""The feature maps that a picture of volumes shows, and what leads from one to the next.

Every stage makes a map; stages that only touch a map up are told at the map that they leave. Where there are more maps
than a page shows, those of one resolution are one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from heapq import heappop, heappush
from typing import Literal, TypeAlias

from netspec.diagram.view.boxes import Box, Edge, Role, View
from netspec.diagram.view.captions.makers import SIDE_BY_SIDE, Makers, is_shaping, only_places
from netspec.diagram.view.merging import joined_labels
from netspec.diagram.view.stages import Stages, Unit
from netspec.graph.graph import Scope, ScopeRef
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension


class Detail(IntEnum):
    """How much is merged: what only touches up a map, maps of the same shape, those that the spec does not name, those
    of one resolution.
    """

    STAGES = 0
    SHAPES = 1
    NAMED = 2
    RESOLUTIONS = 3


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a concatenated map, along its channels."""

    channels: Dimension
    family: str


Sharing: TypeAlias = Literal["", "some", "all"]


@dataclass(frozen=True, slots=True)
class Map:
    """A feature map. `makers` are what makes it, in a few words each; `slices` what a concatenation joined; `shared`
    how many of their weights are shared. An
    `is_source` map is made of nothing: a learned tensor.
    """

    shape: Shape
    family: str
    makers: tuple[str, ...]
    slices: tuple[Slice, ...] = ()
    name: str = ""
    is_input: bool = False
    is_source: bool = False
    when_training: bool = False
    shared: Sharing = ""
    is_output: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A value's way from one map to another, by index; `words` are the reshaping done on the way."""

    source: int
    target: int
    role: Role
    words: str = ""


@dataclass(frozen=True, slots=True)
class FeatureMaps:
    """Maps in the order of the text, every link from an earlier to a later one."""

    maps: tuple[Map, ...]
    links: tuple[Link, ...]


STEEP = 3
"""How much larger the largest map of a container is than its smallest where each of its stages has a map."""

TWINS = (2, 3)
"""How many branches of the same shapes are drawn side by side."""

LONGEST_MAKER = 36
"""Letters of what makes a map, with the activations in it; where one is longer, none is told with them."""


def feature_maps(view: View, detail: Detail = Detail.STAGES) -> FeatureMaps:
    """The maps of a view that folds nothing."""
    builder = _Builder(view, detail)
    maps = builder.build()
    if all(len(", ".join(one.makers)) <= LONGEST_MAKER for one in maps.maps):
        return maps
    return builder.without_lighter_layers()


@dataclass(slots=True)
class _Group:
    """Units that are drawn as one map: that of the last."""

    units: list[Unit]
    inputs: tuple[Box, ...] = ()

    @property
    def leaves(self) -> Iterator[Box]:
        for box in (*self.inputs, *(box for unit in self.units for box in unit.boxes)):
            yield from (inner for inner in box.walk() if inner.is_leaf)

    @property
    def shape(self) -> Shape:
        return self.inputs[0].outputs[0] if self.inputs else self.units[-1].output[0]

    @property
    def names(self) -> list[str]:
        """What the spec calls those of its boxes that do the work."""
        boxes = [unit.boxes[-1] for unit in self.units if unit.box is None or not only_places(unit.box)]
        return [box.label for box in boxes if box.label]

    @property
    def is_concat(self) -> bool:
        last = self.units[-1].box if self.units else None
        return last is not None and last.kind == "join" and last.title == "concat"


class _Builder:
    def __init__(self, view: View, detail: Detail) -> None:
        self.view, self.detail = view, detail
        self.stages = Stages(view, STEEP, vectors=True)
        outputs = {box.id for box in view.boxes if box.kind == "output"}
        self.results = {edge.source for edge in view.edges if edge.target in outputs}
        self.entering: dict[str, list[Edge]] = {}
        for edge in view.edges:
            self.entering.setdefault(edge.target, []).append(edge)
        self.makers = Makers(self.stages, self.entering)
        inside = self.stages.opened(self.stages.units(self.stages.boxes, self.stages.around))
        self.groups = [_Group([], (box,)) for box in view.boxes if box.kind == "input"]
        self.groups += [_Group([unit]) for unit in self.told([part for stage in inside for part in self.split(stage)])]
        self.groups = [group for group in self.groups if group.inputs or group.units[-1].output]

    def build(self) -> FeatureMaps:
        self.merge(self.is_reshaped)
        self.merge(self.is_joined)
        self.merge(self.is_alike)
        if self.detail >= Detail.NAMED:
            self.merge(self.is_nameless)
        if self.detail >= Detail.RESOLUTIONS:
            self.merge(self.is_of_one_resolution)
        self.merge(self.is_alike)
        self.sort()
        return self.told_maps()

    def without_lighter_layers(self) -> FeatureMaps:
        """The maps as they have been built, told without activations and the like."""
        self.makers = Makers(self.stages, self.entering, lighter=False)
        return self.told_maps()

    def told_maps(self) -> FeatureMaps:
        maps = tuple(self.map(index) for index in range(len(self.groups)))
        links = []
        for (source, target), role in self.links.items():
            links.append(Link(source, target, role, self.words_between(source, target)))
        return FeatureMaps(maps, tuple(links))

    def told(self, units: list[Unit]) -> list[Unit]:
        """The units; where there is one wiring and nothing but touching up besides, the boxes of that."""
        heavy = [unit for unit in units if unit.scope is not None or not only_places(unit.boxes[0])]
        if len(heavy) != 1 or heavy[0].scope is None:
            return units
        return [part for unit in units for part in (map(_alone, unit.boxes) if unit is heavy[0] else (unit,))]

    def split(self, unit: Unit) -> Iterator[Unit]:
        """The unit, or where it is a fork of twins, what is in its branches and its join."""
        box = unit.box
        if box is not None and box.children and box.times == 1 and box.scope is not None:
            inside = list(self.stages.units(box.children, self.stages.graph.scopes[box.scope]))
            fork = inside[0] if len(inside) == 1 else unit
        else:
            fork = unit
        branches, rest = self.twins(fork) if fork.scope is not None else ([], [])
        if not branches:
            yield unit
            return
        for branch in branches:
            yield from branch
        yield from (Unit((joined,)) for joined in rest)

    def twins(self, unit: Unit) -> tuple[list[list[Unit]], list[Box]]:
        """The branches of a fork, if they make the same shapes one after another, and the boxes of its join."""
        assert unit.scope is not None
        inside: dict[int | None, list[Box]] = {}
        for box in unit.boxes:
            inside.setdefault(self.stages.inner_scope(box, unit.scope), []).append(box)
        rest = inside.pop(None, [])
        scopes = [self.stages.graph.scopes[item.index] for item in unit.scope.items if isinstance(item, ScopeRef)]
        branches = [list(self.laid_open(inside.get(scope.index, ()), scope)) for scope in scopes]
        shapes = {tuple(stage.output for stage in branch) for branch in branches}
        alike = unit.scope.kind in SIDE_BY_SIDE and len(branches) in TWINS and len(shapes) == 1
        return (branches, rest) if alike and all(branches) else ([], rest)

    def laid_open(self, boxes: Sequence[Box], around: Scope) -> Iterator[Unit]:
        for unit in self.stages.units(boxes, around):
            box = unit.box
            if box is not None and box.children and box.scope is not None and box.times == 1:
                yield from self.stages.units(box.children, self.stages.graph.scopes[box.scope])
            else:
                yield unit

    def link(self) -> None:
        """Finds what leads from group to group."""
        self.group_of = {box.id: index for index, group in enumerate(self.groups) for box in group.leaves}
        self.links: dict[tuple[int, int], Role] = {}
        for edge in self.view.edges:
            source, target = self.group_of.get(edge.source), self.group_of.get(edge.target)
            if source is None or target is None or source == target or edge.role == "size":
                continue
            if self.links.get((source, target), edge.role) != "flow":
                self.links[source, target] = edge.role
            else:
                self.links.setdefault((source, target), "flow")
        self.sources: list[list[int]] = [[] for _ in self.groups]
        self.readers: list[list[int]] = [[] for _ in self.groups]
        for source, target in self.links:
            self.sources[target].append(source)
            self.readers[source].append(target)

    def sort(self) -> None:
        """Puts every group behind those that it reads, otherwise in the order of the text."""
        self.link()
        missing = [len(sources) for sources in self.sources]
        ready = [index for index, count in enumerate(missing) if not count]
        order: list[int] = []
        while ready:
            order.append(index := heappop(ready))
            for reader in self.readers[index]:
                missing[reader] -= 1
                if not missing[reader]:
                    heappush(ready, reader)
        self.groups = [self.groups[index] for index in order]
        self.link()

    def merge(self, belongs: Callable[[int, int], bool]) -> None:
        """Puts each group into the earlier one that it belongs to, the nearest if there are several."""
        self.sort()
        into = list(range(len(self.groups)))
        for target, group in enumerate(self.groups):
            sources = sorted(self.sources[target], reverse=True)
            source = next((source for source in sources if belongs(source, target)), None)
            if source is not None and not self.groups[source].inputs:
                into[target] = into[source]
                self.groups[into[source]].units.extend(group.units)
        self.groups = [group for index, group in enumerate(self.groups) if into[index] == index]

    def is_reshaped(self, source: int, target: int) -> bool:
        """Whether the earlier one only flattens, crops or the like for the later one."""
        units = self.groups[source].units
        return bool(units) and is_shaping(units[-1]) and self.readers[source] == [target]

    def is_joined(self, source: int, target: int) -> bool:
        """Whether the later one concatenates the earlier one, made for it alone, with what comes from farther away."""
        others = [other for other in self.sources[target] if other != source]
        return (
            self.groups[target].is_concat
            and self.readers[source] == [target]
            and bool(others)
            and all(len(self.readers[other]) > 1 and other < source for other in others)
        )

    def is_alike(self, source: int, target: int) -> bool:
        """Whether the later one alone reads a shape that it leaves as it is, or does the same for the same readers."""
        one, other = self.groups[source], self.groups[target]
        if self.sources[target] != [source] or one.shape != other.shape or one.is_concat:
            return False
        if self.detail < Detail.SHAPES and self.are_stages(one, other):
            return False
        elsewhere = set(self.readers[source]) - {target}
        again = self.makers.words(one.units[-1:]) == self.makers.words(other.units[:1])
        return not elsewhere or (again and elsewhere <= set(self.readers[target]))

    def are_stages(self, one: _Group, other: _Group) -> bool:
        """Whether a reader looks for both: vectors, a pool's map beside a convolution's, two that the spec names."""
        weights = [{box.weight for box in group.leaves} & {"heavy", "medium"} for group in (one, other)]
        if not all(weights):
            return False
        pooled = any("heavy" not in weight for weight in weights) and weights[0] != weights[1]
        return pooled or one.shape.rank == 1 or bool(one.names and other.names)

    def is_nameless(self, source: int, target: int) -> bool:
        """Whether the earlier one has no name in the spec and is made for the later one, which has."""
        one, other = self.groups[source], self.groups[target]
        alone = self.readers[source] == [target] and self.sources[target] == [source]
        nameless = all(unit.box is not None and unit.box.is_leaf and not unit.box.label for unit in one.units)
        return alone and nameless and not one.is_concat and any(unit.boxes[-1].label for unit in other.units)

    def is_of_one_resolution(self, source: int, target: int) -> bool:
        one, other = self.groups[source].shape, self.groups[target].shape
        alone = self.sources[target] == [source] and self.readers[source] == [target]
        return alone and one.rank > 1 and one.spatial == other.spatial

    def map(self, index: int) -> Map:
        group = self.groups[index]
        if group.inputs:
            box = group.inputs[0]
            return Map(group.shape, "input", (box.title,), name=box.title, is_input=True)
        boxes = [box for unit in group.units for box in unit.boxes]
        return Map(
            group.shape,
            _family(group.leaves),
            tuple(self.makers.words(group.units, joins=len(self.sources[index]) > 1)),
            self.slices(index),
            name=joined_labels(group.names) if group.names else boxes[-1].label,
            when_training=all(box.when_training for box in boxes),
            is_source=not self.sources[index],
            shared=self.sharing(group),
            is_output=any(box.id in self.results for box in group.leaves),
        )

    def sharing(self, group: _Group) -> Sharing:
        """Whether the weights of what makes a map are used elsewhere before it, or several times for it."""
        weighted = [box for box in group.leaves if box.weight == "heavy"]
        uses = Counter(self.view.graph.nodes[node].key for box in weighted for node in box.nodes)
        again = [box.shared or any(uses[self.view.graph.nodes[node].key] > 1 for node in box.nodes) for box in weighted]
        return "all" if again and all(again) else "some" if any(again) else ""

    def slices(self, index: int) -> tuple[Slice, ...]:
        """What a concatenation along the channels joined."""
        group = self.groups[index]
        if not group.is_concat:
            return ()
        parts = []
        for edge in self.entering.get(group.units[-1].boxes[0].id, ()):
            source = self.group_of[edge.source]
            shaped = self.view.by_id[edge.source].rearranges
            skips = shaped if source == index else self.links[source, index] == "skip"
            parts.append(Slice(edge.shape.channels, "skip" if skips else _family(self.groups[source].leaves)))
        whole = sum((part.channels for part in parts), start=0)
        return tuple(parts) if whole == group.shape.channels and len(parts) > 1 else ()

    def words_between(self, source: int, target: int) -> str:
        """The reshaping on the way of a value that comes from farther away: `center crop`."""
        if len(self.sources[target]) < 2:
            return ""
        for unit in filter(is_shaping, self.groups[target].units):
            (box,) = unit.boxes
            if any(self.group_of.get(edge.source) == source for edge in self.entering[box.id] if edge.role != "size"):
                return box.title.replace("_", " ")
        return ""


def _alone(box: Box) -> Unit:
    return Unit((box,))


def _family(boxes: Iterable[Box]) -> str:
    """The family that does most of the work: by multiply-accumulates, or the first that is not mere touching up.

    Weights stand for work whose amount is open or that only training does.
    """
    work: Counter[str] = Counter()
    first = ""
    for box in boxes:
        work[box.family] += box.macs if isinstance(box.macs, int) and box.macs else box.parameters
        if not first and not only_places(box) and box.kind == "layer":
            first = box.family
    family, most = work.most_common(1)[0] if work else ("shape", 0)
    return family if most else first or family
