"""Containers of one class to a block: its parameters are what differs, named as the layers or the class name it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from netspec.layers import REGISTRY
from netspec.lifting.items import Box, Item, boxes
from netspec.lifting.steps import Network
from netspec.lifting.structure.library import call_of, parameters_of
from netspec.lifting.structure.likeness import Likeness, Unlike, skeleton
from netspec.lifting.structure.parameters import IN, Parameter, Resolved, type_of
from netspec.lifting.structure.repeats import folded
from netspec.lifting.writing.writer import Writer, literal, names_in
from netspec.syntax import tree

CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict", "Module", ""})
MOST_PARAMETERS = 10


@dataclass(slots=True)
class Blocks:
    """The blocks of a network, and what calls them in place of a container."""

    network: Network
    definitions: list[tree.Definition] = field(default_factory=list)
    calls: dict[int, tree.Expr] = field(default_factory=dict)
    imports: dict[str, set[str]] = field(default_factory=dict)
    _parameters: dict[str, list[Parameter]] = field(default_factory=dict)

    def called(self, box: Box) -> tree.Expr | None:
        """The call that stands for a container; None where it is written out."""
        return self.calls.get(id(box))

    def imported(self, items: Sequence[Item]) -> None:
        """Has containers call the blocks that the library has for them, the outermost first."""
        for box in boxes(items, inner_first=False, without=self.calls):
            match = call_of(box, self.network)
            if match is not None:
                module, call = match
                assert isinstance(call.callee, tree.Name)
                name = call.callee.id
                self.imports.setdefault(module, set()).add(name)
                self._parameters[name] = [
                    Parameter(p.name, [], p.default, p.name, p.name) for p in parameters_of(module, name)
                ]
                self.calls[id(box)] = call if call.arguments else call.callee

    def find(self, items: Sequence[Item]) -> None:
        """Makes blocks of the containers whose class comes more than once, the innermost first."""
        kinds: dict[str, list[Box]] = {}
        for box in boxes(items, without=dict(self.calls)):
            kinds.setdefault(box.kind, []).append(box)
        several = {kind: group for kind, group in kinds.items() if kind not in CONTAINERS and len(group) > 1}
        for kind in sorted(several, key=lambda kind: max(map(_height, several[kind]))):
            if not any(inner is not box and inner.kind == kind for box in several[kind] for inner in boxes(box.items)):
                self._make(kind, [box for box in several[kind] if len(box.reads) == 1])

    def _make(self, kind: str, group: Sequence[Box]) -> None:
        bodies = {id(box): self._body(box) for box in group}
        for cluster in self._clusters(group, bodies):
            block = self._block(kind, cluster, [bodies[id(box)] for box in cluster]) if len(cluster) > 1 else None
            if block is not None:
                definition, calls = block
                self.definitions.append(definition)
                self.calls.update({id(box): call for box, call in zip(cluster, calls, strict=True)})

    def _body(self, box: Box) -> tree.Body:
        writer = Writer(self.called, self.network.shapes, names_in(box.items))
        entry = box.entry
        names: dict[int, tree.Expr] = {} if entry is None else {entry: IN}
        return folded(tree.Body(writer.definition(box.items, entry, names, prefix=box.key)))  # type: ignore[no-any-return]

    def _clusters(self, group: Sequence[Box], bodies: dict[int, tree.Body]) -> Iterator[list[Box]]:
        """Those that one block serves: first all that differ in numbers alone, then what can be joined to those."""
        alike: dict[Any, list[Box]] = {}
        for box in group:
            alike.setdefault(skeleton(bodies[id(box)].statements), []).append(box)
        clusters: list[list[Box]] = []
        groups = [
            part
            for members in alike.values()
            for part in (
                [members] if self._fits([bodies[id(box)] for box in members], members) else [[box] for box in members]
            )
        ]
        for members in sorted(groups, key=len, reverse=True):
            for place, cluster in enumerate(clusters):
                joined = sorted([*cluster, *members], key=group.index)
                if self._fits([bodies[id(box)] for box in joined], joined):
                    clusters[place] = joined
                    break
            else:
                clusters.append(members)
        yield from clusters

    def _fits(self, bodies: Sequence[tree.Body], cluster: Sequence[Box]) -> bool:
        try:
            self._generalised(bodies, cluster)
        except Unlike:
            return False
        return True

    def _generalised(self, bodies: Sequence[tree.Body], cluster: Sequence[Box]) -> tuple[tree.Body, list[Parameter]]:
        likeness = Likeness(len(bodies), self)
        body = likeness.of(bodies)
        resolved = Resolved(likeness, self.network, cluster)
        body = resolved.filled(body)
        if len(resolved.parameters) > MOST_PARAMETERS:
            raise Unlike
        return body, resolved.parameters

    def _block(
        self, kind: str, cluster: Sequence[Box], bodies: Sequence[tree.Body]
    ) -> tuple[tree.Definition, list[tree.Expr]] | None:
        if max(map(_elements, bodies)) < 2:
            return None
        try:
            body, parameters = self._generalised(bodies, cluster)
        except Unlike:
            return None
        name = self._named(kind)
        ordered = [p for p in parameters if p.default is None] + [p for p in parameters if p.default is not None]
        self._parameters[name] = ordered
        declared = tuple(tree.Parameter(p.name, type_of(p), p.default) for p in ordered)
        calls: list[tree.Expr] = []
        for index in range(len(cluster)):
            arguments = []
            for parameter in ordered:
                value = parameter.given(index)
                if value is not None:
                    arguments.append(tree.Argument(None if parameter.default is None else parameter.name, value))
            calls.append(tree.Call(tree.Name(name), tuple(arguments)) if arguments else tree.Name(name))
        return tree.Definition("block", name, declared, body), calls

    def _named(self, kind: str) -> str:
        name = re.sub(r"\W", "", kind, flags=re.ASCII).lstrip("_") or "Block"
        name = name[0].upper() + name[1:]
        names = {definition.name for definition in self.definitions} | {self.network.name} | set(REGISTRY)
        names.update(*self.imports.values())
        number, fresh = 2, name
        while fresh in names:
            fresh, number = f"{name}{number}", number + 1
        return fresh

    def default(self, layer: str, argument: str) -> tree.Expr | None:
        """What an argument is where it is not given; None where it has to be."""
        for parameter in self._parameters.get(layer, ()):
            if parameter.name == argument:
                return parameter.default
        info = REGISTRY[layer].model_fields.get(argument) if layer in REGISTRY else None
        return None if info is None or info.is_required() else literal(info.default)

    def kind(self, layer: str, argument: str) -> str:
        """What an argument is, by the name that a layer has for it: of a block, what its parameter is given to."""
        return next((p.base for p in self._parameters.get(layer, ()) if p.name == argument), argument)

    def arguments(self, layer: str) -> list[str]:
        """The names of all arguments, in order."""
        if layer in REGISTRY:
            return list(REGISTRY[layer].model_fields)
        return [parameter.name for parameter in self._parameters.get(layer, ())]


def _height(box: Box) -> int:
    return 1 + max((_height(inner) for inner in boxes(box.items)), default=0)


def _elements(body: tree.Body) -> int:
    """How many layers, calls and wirings a body has."""
    count, pending = 0, list(body.statements)
    while pending:
        match pending.pop():
            case tree.Stage(_, tree.Flow(elements)):
                pending.extend(elements)  # type: ignore[arg-type]
            case tree.Group(inner):
                pending.extend(inner.statements)
            case tree.Wiring(_, inner, clauses):
                count += 1
                pending.extend(inner.statements)
                for clause in clauses:
                    pending.extend(clause.body.statements)
            case tree.Tree():
                count += 1
    return count
