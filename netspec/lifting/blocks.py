"""Containers of one class to a block: its parameters are what differs, named as the layers or the class name it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from netspec.layers import REGISTRY
from netspec.lifting.items import Box, Item, boxes
from netspec.lifting.likeness import Column, Likeness, Unlike, skeleton
from netspec.lifting.repeats import folded
from netspec.lifting.steps import Network
from netspec.lifting.writing import Writer, literal, names_in
from netspec.syntax import tree

CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict", "Module", ""})
MOST_PARAMETERS = 10
_NAMES = {"channels": "width", "features": "width", "p": "drop", "value": "factor", "": "size"}
IN = tree.Name("in")
Sized: TypeAlias = "tuple[tree.Expr, Column]"
"""An expression, and what it is for each call."""
NONE = tree.Constant(None)


@dataclass(slots=True)
class Parameter:
    """A parameter of a block: what each call gives for it, and what it is without being given."""

    name: str
    column: Column
    default: tree.Expr | None = None
    base: str = ""

    def given(self, index: int) -> tree.Expr | None:
        """What a call gives; None where the default does."""
        value = self.column[index]
        return None if value == self.default else value


@dataclass(slots=True)
class Blocks:
    """The blocks of a network, and what calls them in place of a container."""

    network: Network
    definitions: list[tree.Definition] = field(default_factory=list)
    calls: dict[int, tree.Expr] = field(default_factory=dict)
    _parameters: dict[str, list[Parameter]] = field(default_factory=dict)

    def called(self, box: Box) -> tree.Expr | None:
        """The call that stands for a container; None where it is written out."""
        return self.calls.get(id(box))

    def find(self, items: Sequence[Item]) -> None:
        """Makes blocks of the containers whose class comes more than once, the innermost first."""
        kinds: dict[str, list[Box]] = {}
        for box in boxes(items):
            kinds.setdefault(box.kind, []).append(box)
        several = {kind: group for kind, group in kinds.items() if kind not in CONTAINERS and len(group) > 1}
        for kind in sorted(several, key=lambda kind: max(map(_height, several[kind]))):
            if not any(inner is not box and inner.kind == kind for box in several[kind] for inner in boxes(box.items)):
                self._make(kind, [box for box in several[kind] if len(box.reads) == 1])

    def _make(self, kind: str, group: Sequence[Box]) -> None:
        bodies = {id(box): self._body(box) for box in group}
        for cluster in self._clusters(group, bodies):
            written = self._block(kind, cluster, [bodies[id(box)] for box in cluster]) if len(cluster) > 1 else None
            if written is not None:
                definition, calls = written
                self.definitions.append(definition)
                self.calls.update({id(box): call for box, call in zip(cluster, calls, strict=True)})

    def _body(self, box: Box) -> tree.Body:
        writer = Writer(self.called, self.network.shapes, names_in(box.items))
        entry = box.entry
        named: dict[int, tree.Expr] = {} if entry is None else {entry: IN}
        return folded(tree.Body(writer.definition(box.items, entry, named, prefix=box.key)))  # type: ignore[no-any-return]

    def _clusters(self, group: Sequence[Box], bodies: dict[int, tree.Body]) -> Iterator[list[Box]]:
        """Those that one block serves: first all that differ in numbers alone, then what can be joined to those."""
        alike: dict[Any, list[Box]] = {}
        for box in group:
            alike.setdefault(skeleton(bodies[id(box)].statements), []).append(box)
        clusters: list[list[Box]] = []
        groups = [
            part
            for found in alike.values()
            for part in ([found] if self._fits([bodies[id(box)] for box in found], found) else [[box] for box in found])
        ]
        for found in sorted(groups, key=len, reverse=True):
            for place, cluster in enumerate(clusters):
                joined = sorted([*cluster, *found], key=group.index)
                if self._fits([bodies[id(box)] for box in joined], joined):
                    clusters[place] = joined
                    break
            else:
                clusters.append(found)
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
        resolved = _Resolved(likeness, self.network, cluster)
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
        declared = tuple(tree.Parameter(p.name, _type(p), p.default) for p in ordered)
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
        known = {definition.name for definition in self.definitions} | {self.network.name} | set(REGISTRY)
        number, fresh = 2, name
        while fresh in known:
            fresh, number = f"{name}{number}", number + 1
        return fresh

    def default(self, layer: str, argument: str) -> tree.Expr | None:
        """What an argument is where it is not given; None where it has to be."""
        for parameter in self._parameters.get(layer, ()):
            if parameter.name == argument:
                return parameter.default
        info = REGISTRY[layer].model_fields.get(argument) if layer in REGISTRY else None
        return None if info is None or info.is_required() else literal(info.default)

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


def _type(parameter: Parameter) -> tree.TypeName | None:
    values = [value for value in parameter.column if value is not None]
    if len(values) < len(parameter.column) and parameter.default == NONE:
        return None
    kinds = {
        tree.Number: "float"
        if any(isinstance(v, tree.Number) and isinstance(v.value, float) for v in values)
        else "int",
        tree.Constant: "bool",
    }
    if all(isinstance(value, tree.Name | tree.Call) for value in values) and parameter.base == "act":
        return tree.TypeName("layer")
    names = {kinds.get(type(value), "") for value in values}
    return tree.TypeName(names.pop()) if len(names) == 1 and "" not in names else None


class _Resolved:
    """The holes and choices of a likeness as expressions of parameters and of what enters."""

    def __init__(self, likeness: Likeness, network: Network, cluster: Sequence[Box]) -> None:
        self.parameters: list[Parameter] = []
        self._network = network
        self._cluster = cluster
        self._entering = list(self._sizes_of_entry())
        self._channels: list[tuple[tree.Expr, Column]] = []
        self._expressions: dict[int, tree.Expr] = {}
        for number, hole in sorted(enumerate(likeness.holes), key=lambda numbered: None in numbered[1].column):
            self._expressions[number] = self._hole(hole.column, hole.argument)
        self._conditions = [self._choice(choice.present, choice.hint) for choice in likeness.choices]
        self._named: dict[str, str] = {}
        self._give_names()

    def filled(self, part: Any) -> Any:
        """A body with the expressions in its holes."""
        match part:
            case tree.Name(name) if name.startswith("?if"):
                return self.filled(self._conditions[int(name[3:])])
            case tree.Name(name) if name.startswith("?p"):
                return tree.Name(self._named[name])
            case tree.Name(name) if name.startswith("?"):
                return self.filled(self._expressions[int(name[1:])])
            case tree.Tree():
                values = [self.filled(value) for _, value in part.said()]
                return type(part)(*values)
            case tuple():
                return tuple(map(self.filled, part))
        return part

    def _sizes_of_entry(self) -> Iterator[tuple[tree.Expr, Column]]:
        """`in.channels` and its like, with what they are for each call."""
        shapes = [self._network.shapes[box.entry] for box in self._cluster if box.entry is not None]
        ranks = {shape.rank for shape in shapes}
        if len(shapes) < len(self._cluster) or len(ranks) > 1:
            return
        (rank,) = ranks
        if rank > 1:
            yield tree.Attribute(IN, "channels"), [literal(shape.dims[0]) for shape in shapes]
        if rank < 3:
            yield tree.Attribute(IN, "features"), [literal(shape.dims[-1]) for shape in shapes]
        elif rank == 3:
            last = tree.Index(tree.Attribute(IN, "shape"), tree.Unary("-", tree.Number(1)))
            yield last, [literal(shape.dims[-1]) for shape in shapes]

    def _hole(self, column: Column, argument: str) -> tree.Expr:
        wide = _is_wide(argument)
        constant = len({value for value in column if value is not None}) == 1
        entering = [sized for sized in self._entering if argument == "features" or isinstance(sized[0], tree.Attribute)]
        given: list[Sized] = [(tree.Name(p.name), p.column) for p in self.parameters]
        known = [*given, *entering] if constant else [*entering, *given]
        own = [(tree.Name(p.name), p.column) for p in self.parameters if p.base == _NAMES.get(argument, argument)]
        bases = known if wide else own if constant else given
        expression = next((e for e, other in bases if _agrees(column, other)), None)
        if expression is None:
            expression = next((e for base in bases if (e := _multiple(column, *base, argument)) is not None), None)
        if expression is None and constant and None in column:
            expression = next(value for value in column if value is not None)
        if expression is None:
            base = _NAMES.get(argument, argument)
            expression = self._parameter(column, _usual(column, argument), base if base.isidentifier() else "size")
        if wide:
            self._channels.append((expression, column))
        return expression

    def _parameter(self, column: Column, default: tree.Expr | None, base: str) -> tree.Name:
        """A new parameter, whose name is given when all are known."""
        parameter = Parameter(f"?p{len(self.parameters)}", column, default, base)
        self.parameters.append(parameter)
        return tree.Name(parameter.name)

    def _give_names(self) -> None:
        """Names the parameters, those first that every call gives."""
        taken: set[str] = set()
        for parameter in sorted(self.parameters, key=lambda p: (p.default is not None, p.default == NONE)):
            name, number = parameter.base, 2
            while name in taken:
                name, number = f"{parameter.base}{number}", number + 1
            taken.add(name)
            self._named[parameter.name] = name
            parameter.name = name

    def _choice(self, present: Sequence[bool | None], hint: str) -> tree.Expr:
        for condition, holds in self._conditions_to_try():
            if all(p is None or (h is not None and p == h) for p, h in zip(present, holds, strict=True)):
                return condition
        column: Column = [None if p is None else tree.Constant(p) for p in present]
        default = tree.Constant(Counter(p for p in present if p is not None).most_common(1)[0][0])
        return self._parameter(column, default, re.sub(r"\W", "", f"with_{hint}", flags=re.ASCII))

    def _conditions_to_try(self) -> Iterator[tuple[tree.Expr, list[bool | None]]]:
        """What may decide whether a part is there, with what it is for each call; simple ones first."""
        one = tree.Number(1)
        for parameter in self.parameters:
            if parameter.default == NONE:
                has = [value is not None for value in parameter.column]
                yield tree.Compare(("!=",), (tree.Name(parameter.name), NONE)), [*has]
        steps: list[Sized] = [(tree.Name(p.name), p.column) for p in self.parameters if p.default == one]
        atoms: list[tuple[tree.Expr, tree.Expr, list[bool | None]]] = []
        pairs: list[tuple[Sized, Sized]] = [(a, b) for a in self._entering for b in self._channels if a[0] != b[0]]
        pairs += [(a, b) for n, a in enumerate(self._channels) for b in self._channels[n + 1 :] if a[0] != b[0]]
        constant: Column = [one] * len(self._cluster)
        sides: list[tuple[Sized, Sized]] = [(step, (one, constant)) for step in steps] + pairs
        for (left, ours), (right, others) in sides:
            unlike = [None if a is None or b is None else a != b for a, b in zip(ours, others, strict=True)]
            atoms.append((tree.Compare(("!=",), (left, right)), tree.Compare(("==",), (left, right)), unlike))
        for differ, agree, unlike in atoms:
            yield differ, unlike
            yield agree, [None if holds is None else not holds for holds in unlike]
        for differ, agree, unlike in atoms[: len(steps)]:
            for differ_too, agree_too, unlike_too in atoms[len(steps) :]:
                both = [None if a is None or b is None else a or b for a, b in zip(unlike, unlike_too, strict=True)]
                yield tree.Binary("or", differ, differ_too), both
                yield tree.Binary("and", agree, agree_too), [None if holds is None else not holds for holds in both]


def _is_wide(argument: str) -> bool:
    """Whether an argument counts channels."""
    return argument in ("channels", "features", "groups") or argument.startswith("width")


def _agrees(column: Column, other: Column) -> bool:
    return all(a is None or (b is not None and a == b) for a, b in zip(column, other, strict=True))


def _multiple(column: Column, base: tree.Expr, other: Column, argument: str) -> tree.Expr | None:
    """The column as a whole multiple or part of another one; half of a kernel for its padding."""
    numbers = [(_whole(a), _whole(b)) for a, b in zip(column, other, strict=True) if a is not None]
    if not numbers or any(a < 0 or b < 0 for a, b in numbers):
        return None
    if len({b for _, b in numbers}) < 2:
        return None
    first, size = numbers[0]
    if argument == "pad":
        half = all(a == b // 2 for a, b in numbers)
        return tree.Binary("//", base, tree.Number(2)) if half else None
    if not _is_wide(argument) or not all(a > 0 and b > 0 for a, b in numbers):
        return None
    if first % size == 0 and all(a == first // size * b for a, b in numbers):
        return tree.Binary("*", tree.Number(first // size), base)
    if size % first == 0 and all(a * (size // first) == b for a, b in numbers):
        return tree.Binary("//", base, tree.Number(size // first))
    return None


def _whole(value: tree.Expr | None) -> int:
    """A whole number, or -1 for what is none."""
    return value.value if isinstance(value, tree.Number) and isinstance(value.value, int) else -1


def _usual(column: Column, argument: str) -> tree.Expr | None:
    """What most calls give, where that is no width."""
    values = [value for value in column if value is not None]
    usual, count = Counter(values).most_common(1)[0]
    if len(values) < len(column):
        return NONE
    if _is_wide(argument) or argument.startswith("act"):
        return None
    return usual if 2 * count >= len(values) else None
