"""Which classes the source has, and which modules are instances of which.

Modules of one block that differ only in numbers share a class. Their structures are compared from the inside out, so a
block's structure speaks of the classes of the blocks in it; what differs between the instances' arguments becomes a
constructor parameter, named after the block's own parameter where there is one with these values.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from netspec.codegen import leaves
from netspec.codegen.fold import Folder, Item, Loop
from netspec.codegen.naming import Names, camel, is_attribute
from netspec.codegen.parameters import Parameter, Resolution, resolve
from netspec.codegen.patterns import WILD
from netspec.codegen.plan import Part, is_chain, parts
from netspec.graph.graph import Value
from netspec.layers.base import Code

Key: TypeAlias = tuple[tuple[str, ...], str]
"""An argument within a class: the labels on the way to the layer, and the argument's name."""
MOST_OPTIONAL = 2


@dataclass(eq=False, slots=True)
class Design:
    """One class of the emitted source. `sample` is an instance that has every part that any instance has."""

    name: str
    sample: Part
    instances: list[Part]
    absent: dict[int, frozenset[str]]
    sequential: bool
    resolution: Resolution = field(default_factory=Resolution)

    @property
    def parameters(self) -> list[Parameter]:
        return self.resolution.parameters

    def arguments(self, part: Part) -> dict[str, Any]:
        """The constructor arguments of one instance."""
        index = self.resolution.index[id(part)]
        return {parameter.name: parameter.values[index] for parameter in self.parameters}

    @property
    def optional(self) -> frozenset[str]:
        return frozenset().union(*self.absent.values()) if self.absent else frozenset()


class Designer:
    """Finds the classes of a net. `order` has them with a class after those that it uses."""

    def __init__(self, root: Part, names: Names) -> None:
        self.root, self.names = root, names
        self.order: list[Design] = []
        self.design_of: dict[int, Design] = {}
        self.items_of: dict[int, list[Item]] = {}
        self._chains: dict[int, bool] = {}
        self._structures: dict[int, Hashable] = {}
        self._interned: dict[Hashable, int] = {}
        self._arguments: dict[int, dict[Key, Any]] = {}
        self.keywords = {name for part in parts(root) if part.call for name in part.call.kwargs}

    def run(self) -> None:
        waiting = self._groups()
        while waiting:
            ready = [key for key, parts in waiting.items() if all(map(self._is_ready, parts))]
            for key in ready or list(waiting)[:1]:
                parts = [part for part in waiting[key] if self._is_ready(part)]
                rest = [part for part in waiting.pop(key) if part not in parts] if not ready else waiting.pop(key)[:0]
                if rest:
                    waiting[key] = rest
                self._design_group(parts)

    def is_inline(self, part: Part) -> bool:
        """Whether the part is an `nn.Sequential` written where it is used."""
        return part.scope is not None and part.scope.kind == "container" and part is not self.root and self.chains(part)

    def chains(self, part: Part) -> bool:
        if id(part) not in self._chains:
            self._chains[id(part)] = is_chain(part)
        return self._chains[id(part)]

    def items(self, part: Part) -> list[Item]:
        """The steps of a part, with loops where they repeat."""
        if id(part) not in self.items_of:
            assert part.body is not None
            chain = self.chains(part)
            self.items_of[id(part)] = Folder(part.body, self.structure, self.slots, chain).fold()
        return self.items_of[id(part)]

    def _groups(self) -> dict[Hashable, list[Part]]:
        """The parts that need classes, by what they are instances of; inner ones first."""
        found: list[tuple[int, Part]] = []
        self._collect(self.root, found)
        groups: dict[Hashable, list[Part]] = {}
        for _, part in sorted(found, key=lambda pair: pair[0]):
            groups.setdefault(_origin(part), []).append(part)
        return groups

    def _collect(self, part: Part, found: list[tuple[int, Part]]) -> int:
        height = 0
        for child in part.children:
            if child.scope is not None:
                height = max(height, self._collect(child, found) + 1)
        if not self.is_inline(part):
            found.append((height, part))
        return height

    def _is_ready(self, part: Part) -> bool:
        return all(
            (self.is_inline(c) and self._is_ready(c)) or id(c) in self.design_of for c in part.children if c.scope
        )

    def _design_group(self, parts: Sequence[Part]) -> None:
        """One class for each structure, or for several that differ in a module that some of them lack."""
        by_structure: dict[Hashable, list[Part]] = {}
        for part in parts:
            by_structure.setdefault(self.structure(part), []).append(part)
        kinds = sorted(by_structure.values(), key=lambda kind: -len(kind[0].children))
        designs: list[tuple[list[Part], dict[int, frozenset[str]]]] = []
        for kind in kinds:
            for instances, absent in designs:
                missing = self._missing(instances[0], kind[0])
                if missing is not None:
                    instances.extend(kind)
                    absent.update((id(part), missing) for part in kind)
                    break
            else:
                designs.append((list(kind), {}))
        position = {id(part): index for index, part in enumerate(parts)}
        labels = [
            {child.label for child in instances[0].children if child.is_module and not child.is_unlabelled}
            for instances, _ in designs
        ]
        order = sorted(range(len(designs)), key=lambda d: min(position[id(part)] for part in designs[d][0]))
        for index in order:
            instances, absent = designs[index]
            others = set().union(*(labels[other] for other in order if other != index)) if len(order) > 1 else set()
            self._add(instances, absent, sorted(labels[index] - others))

    def _missing(self, full: Part, other: Part) -> frozenset[str] | None:
        """The labels of `full` that `other` lacks, if it is the same but for these; None if it is not."""
        labels = {child.label for child in full.children if child.is_module and not child.is_unlabelled}
        missing = frozenset(labels - {child.label for child in other.children})
        if not 0 < len(missing) <= MOST_OPTIONAL or self.chains(full) != self.chains(other) or self._is_counted(full):
            return None
        return missing if self._structure_of_body(full, missing) == self._structure_of_body(other) else None

    def _is_counted(self, part: Part) -> bool:
        return any(not is_attribute(child.label) for child in part.children)

    def _add(self, instances: list[Part], absent: dict[int, frozenset[str]], telling: list[str]) -> None:
        sample = instances[0]
        base = _base_name(sample)
        wanted = [base, *(base + camel(label) for label in telling if not label.isdigit()), base]
        design = Design(self.names.claim(*wanted), sample, instances, absent, self._is_sequential(sample))
        design.resolution = self._resolve(design)
        self.order.append(design)
        for part in instances:
            self.design_of[id(part)] = design

    def _is_sequential(self, part: Part) -> bool:
        return bool(part.children) and any(child.label.isdigit() and child.is_module for child in part.children)

    def _resolve(self, design: Design) -> Resolution:
        rows = [self._body_slots(part) for part in design.instances]
        keys = dict.fromkeys(key for row in rows for key in row)
        columns: dict[Key, list[Any]] = {}
        for key in keys:
            columns[key] = [row.get(key, WILD) for row in rows]
        flags = {
            label: [label not in design.absent.get(id(part), ()) for part in design.instances]
            for label in sorted(design.optional)
        }
        return resolve(design.instances, columns, flags)

    def structure(self, part: Part) -> Hashable:
        """What two parts have in common if they differ at most in numbers."""
        if id(part) not in self._structures:
            self._structures[id(part)] = self._interned.setdefault(self._structure(part), len(self._interned))
        return self._structures[id(part)]

    def _structure(self, part: Part) -> Hashable:
        if part.call is not None:
            return leaves.structure(part.call, part.in_place)
        design = self.design_of.get(id(part))
        if design is not None:
            return "class", design.name
        return self._structure_of_body(part)

    def _structure_of_body(self, part: Part, without: frozenset[str] = frozenset()) -> Hashable:
        body = part.body
        assert body is not None
        names: dict[Value, Hashable] = {value: ("in", index) for index, value in enumerate(body.inputs)}
        found: list[Hashable] = []
        for item in self.items(part):
            if isinstance(item, Loop):
                found.append(self._structure_of_loop(item, names, len(found)))
                continue
            step = item
            if step.part.label in without:
                names[step.outputs[0]] = names[step.inputs[0]]
                continue
            inputs = tuple(names[value] for value in step.inputs)
            label = _shown_label(step.part, part)
            found.append((self.structure(step.part), label, inputs, len(step.outputs), step.when_training))
            names.update((value, (len(found), index)) for index, value in enumerate(step.outputs))
        outputs = tuple(names[value] for value in body.outputs)
        unused = tuple((child.label, self.structure(child)) for child in _unstepped(part))
        return "body", len(body.inputs), tuple(found), outputs, unused

    def _structure_of_loop(self, loop: Loop, names: dict[Value, Hashable], index: int) -> Hashable:
        positions: list[Hashable] = []
        for place, step in enumerate(loop.first):
            sources = tuple((k, names[w] if k == "outside" else w, o) for k, w, o in loop.sources[place])
            forms = tuple((key, form if form != "*" else value) for key, (form, value) in loop.arguments[place].items())
            label: Hashable = step.part.stem
            if step.part.is_module and not (step.part.is_unlabelled and not step.part.stateful):
                label = loop.family(place)
            positions.append((self.structure(step.part), label, sources, len(step.outputs), forms))
        carried = tuple((place, names[value]) for place, value in loop.carried.items())
        for place in range(len(loop.first)):
            for output in range(len(loop.first[place].outputs)):
                for number, value in enumerate(loop.values((place, output))):
                    names[value] = ("loop", index, place, output, number - len(loop.rounds))
        return "loop", tuple(positions), carried, tuple(loop.collected)

    def slots(self, part: Part) -> dict[Key, Any]:
        """The arguments of a part that may differ between instances."""
        if id(part) not in self._arguments:
            self._arguments[id(part)] = self._slots(part)
        return self._arguments[id(part)]

    def _slots(self, part: Part) -> dict[Key, Any]:
        if part.call is not None:
            return {((), name): value for name, value in leaves.arguments(part.call, self.keywords).items()}
        design = self.design_of.get(id(part))
        if design is not None:
            return {((), name): value for name, value in design.arguments(part).items()}
        return self._body_slots(part)

    def _body_slots(self, part: Part) -> dict[Key, Any]:
        found: dict[Key, Any] = {}
        for item in self.items(part):
            if isinstance(item, Loop):
                found.update(_loop_slots(item))
            else:
                found.update((((item.part.label, *path), n), v) for (path, n), v in self.slots(item.part).items())
        for child in _unstepped(part):
            found.update((((child.label, *path), name), value) for (path, name), value in self.slots(child).items())
        return found


def loop_label(loop: Loop) -> str:
    """What a loop is called among the labels of a body: its first module's label, which no other loop has."""
    return f"{loop.first[0].part.label}*"


def _loop_slots(loop: Loop) -> dict[Key, Any]:
    """The arguments of a loop: the number of rounds, and for each position what stays and what grows."""
    label = loop_label(loop)
    found: dict[Key, Any] = {((label,), "rounds"): len(loop.rounds)}
    for place, arguments in enumerate(loop.arguments):
        stem = loop.first[place].part.stem
        for (path, name), (form, value) in arguments.items():
            around = (label, f"{place}:{stem}", *path)
            if form == "=":
                found[around, name] = value
            elif form == "+":
                found[around, name], found[around, f"{name}+"] = value
            else:
                found[around, name] = Code(value)
    return found


def _unstepped(part: Part) -> list[Part]:
    """The modules of a part that only modules inside it apply."""
    assert part.body is not None
    stepped = {id(step.part) for step in part.body.steps}
    return [child for child in part.children if id(child) not in stepped]


def _shown_label(part: Part, around: Part) -> str:
    """The label that a reader sees: numbers of unlabelled stateless stages are nobody's choice."""
    where = "" if part.owner is around else "^"
    if not part.is_module or (part.is_unlabelled and not part.stateful and not part.label.isdigit()):
        return where + part.stem
    return where + part.label


def _origin(part: Part) -> Hashable:
    scope = part.scope
    assert scope is not None
    if scope.kind == "container":
        return "container", camel(scope.label.rstrip("0123456789") or scope.label)
    definition = scope.definition
    return "block", _base_name(part), (definition.source.name, definition.start) if definition else ()


def _base_name(part: Part) -> str:
    assert part.scope is not None
    if part.scope.kind == "container":
        return camel(part.scope.label.rstrip("0123456789_") or part.scope.label)
    return camel(part.scope.title.partition("(")[0])
