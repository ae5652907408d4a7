"""What differs between bodies of one block to its parameters, and to expressions of these and of what enters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from netspec.lifting.items import Box
from netspec.lifting.steps import Network
from netspec.lifting.structure.likeness import Column, Likeness
from netspec.lifting.writing.writer import WORDS, literal
from netspec.syntax import tree

_NAMES = {"channels": "width", "features": "width", "p": "drop", "value": "factor", "": "size"}
IN = tree.Name("in")
Sized: TypeAlias = "tuple[tree.Expr, Column]"
"""An expression, and what it is for each call."""
NONE = tree.Constant(None)


@dataclass(slots=True)
class Parameter:
    """A parameter of a block: what each call gives for it, and what it is without being given.

    `base` is what it is an argument of, `called` what the modules call it.
    """

    name: str
    column: Column
    default: tree.Expr | None = None
    base: str = ""
    called: str = ""

    def given(self, index: int) -> tree.Expr | None:
        """What a call gives; None where the default does."""
        value = self.column[index]
        return None if value == self.default else value


def type_of(parameter: Parameter) -> tree.TypeName | None:
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


class Resolved:
    """The holes and choices of a likeness as expressions of parameters and of what enters."""

    def __init__(self, likeness: Likeness, network: Network, cluster: Sequence[Box]) -> None:
        self.parameters: list[Parameter] = []
        self._network = network
        self._cluster = cluster
        self._entering = list(self._sizes_of_entry())
        self._told = dict(self._attributes())
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
                values = [self.filled(value) for _, value in part.content()]
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

    def _attributes(self) -> Iterator[tuple[str, Column]]:
        """What the modules are told by names of their own, with what it is for each call."""
        told = [self._network.attributes.get(box.key, {}) for box in self._cluster]
        for name in told[0]:
            if name.isidentifier() and name not in WORDS and all(name in own for own in told):
                yield name, [literal(own[name]) for own in told]

    def _modules_name(self, column: Column, base: str) -> str:
        """The modules' own name for what a call gives; the layer's where they have none, or the same."""
        names = [name for name, told in self._told.items() if _agrees(column, told)]
        return base if base in names or not names else names[0]

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
        parameter = Parameter(f"?p{len(self.parameters)}", column, default, base, self._modules_name(column, base))
        self.parameters.append(parameter)
        return tree.Name(parameter.name)

    def _give_names(self) -> None:
        """Names the parameters, those first that every call gives."""
        taken: set[str] = set()
        for parameter in sorted(self.parameters, key=lambda p: (p.default is not None, p.default == NONE)):
            name, number = parameter.called, 2
            while name in taken:
                name, number = f"{parameter.called}{number}", number + 1
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
