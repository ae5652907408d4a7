"""Which activations of a class are computed in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from netspec.codegen.regions.chains import is_sequential
from netspec.codegen.regions.liveness import consumed
from netspec.codegen.regions.regions import uses_of_region
from netspec.graph.blueprint import Choice, Container, LayerUse, Loop, Merge, Region, Use, Wire


class _Overwriting:
    """Activations that may overwrite what they are given: a tensor of its own that nothing else takes."""

    def __init__(self, region: Region, outputs: Sequence[Wire]) -> None:
        self.counts: Counter[int] = Counter()
        self.makers: dict[int, Use] = {}
        self.merged: dict[int, tuple[Choice, Merge]] = {}
        self.pinned = {id(wire) for wire in outputs}
        self.handed: dict[int, list[tuple[int, int]]] = {}
        """The conditions that hand a value on, with the body that does."""
        self.bodies: dict[int, dict[int, int]] = {}
        """The bodies of conditions that a stage stands in."""
        self.visit(region, {})

    def visit(self, part: Region, bodies: dict[int, int]) -> None:
        for item in part.items:
            match item:
                case Use():
                    self.bodies[id(item)] = bodies
                    self.counts.update(map(id, item.inputs))
                    self.makers.update((id(wire), item) for wire in item.outputs)
                    if isinstance(item.what, Container) and is_sequential(item):
                        self.visit(item.what.region, bodies)
                        self.pinned.update(map(id, item.what.outputs))
                    elif isinstance(item.what, Container):
                        self.pinned.update(consumed(item.what.region) & {id(wire) for wire in item.inputs[1:]})
                case Choice():
                    for place, inner in enumerate(item.regions):
                        self.visit(inner, {**bodies, id(item): place})
                    for merge in item.merges:
                        self.merged[id(merge.output)] = item, merge
                        for place, source in enumerate(merge.sources):
                            self.handed.setdefault(id(source), []).append((id(item), place))
                case Loop():
                    self.visit(item.region, bodies)
                    for carry in item.carries:
                        self.pinned.update((id(carry.first), id(carry.inner)))
                    self.pinned.update(id(gather.inner) for gather in item.gathers)
                    self.pinned.update(id(merge.sources[0]) for merge in item.results)

    def may(self, use: Use) -> bool:
        """Whether a layer may overwrite its input."""
        if not isinstance(use.what, LayerUse) or not (use.what.call.inplace and use.what.layer.in_place):
            return False
        entering = id(use.inputs[0])
        if entering in self.pinned or self.counts[entering] != 1:
            return False
        bodies = self.bodies[id(use)]
        if any(bodies.get(choice, place) == place for choice, place in self.handed.get(entering, ())):
            return False
        if entering in self.merged:
            return self.is_free(*self.merged[entering])
        return self.is_own(entering)

    def is_own(self, wire: int) -> bool:
        """Whether a layer has made the value that does not need it for its gradient."""
        maker = self.makers.get(wire)
        return maker is not None and isinstance(maker.what, LayerUse) and maker.what.layer.overwritable

    def is_free(self, choice: Choice, merge: Merge) -> bool:
        """Whether nobody needs what a condition leaves, whichever body is taken: what a body hands on may be taken in
        the other bodies only, which are not run then.
        """
        if len(merge.sources) != len(choice.regions) or any(source is None for source in merge.sources):
            return False
        uses = [Counter(id(wire) for use in uses_of_region(inner) for wire in use.inputs) for inner in choice.regions]
        for place, source in enumerate(map(id, merge.sources)):
            inside = sum(counter[source] for counter in uses)
            others = [m for m in choice.merges if m is not merge and m.output is not None]
            if not self.is_own(source) or uses[place][source] or self.counts[source] != inside:
                return False
            if any(source == id(m.sources[place]) for m in others):
                return False
        return True


def mark_in_place(region: Region, outputs: Sequence[Wire], in_place: set[int]) -> None:
    """Adds to `in_place` the activations of a class that may overwrite what they are given, by identity."""
    looked = _Overwriting(region, outputs)

    def mark(part: Region) -> None:
        for item in part.items:
            match item:
                case Use(what=Container() as container) if is_sequential(item):
                    mark(container.region)
                case Use():
                    if looked.may(item):
                        in_place.add(id(item))
                case Choice():
                    for inner in item.regions:
                        mark(inner)
                case Loop():
                    mark(item.region)

    mark(region)
