"""Constructor parameters of a class: what differs between its instances, under telling names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from netspec.codegen.naming import Names, local
from netspec.codegen.patterns import WILD, Literal, Ref, Resolved, constant, frozen, relation, same
from netspec.codegen.plan import Part

Key: TypeAlias = tuple[tuple[str, ...], str]
USUAL: dict[str, Any] = {"stride": 1, "dilation": 1, "groups": 1, "pad": 0, "padding": 0, "bias": True}
"""Parameters that get a default: what most people leave out."""
_NONE = object()


@dataclass(eq=False, slots=True)
class Parameter:
    """A constructor parameter with its value for each instance."""

    name: str
    values: list[Any]
    order: tuple[int, int]
    default: Any = _NONE
    is_flag: bool = False

    @property
    def has_default(self) -> bool:
        return self.default is not _NONE

    @property
    def type(self) -> str:
        return " | ".join(sorted({_type(value) for value in self.values}, key=lambda name: (name == "None", name)))


@dataclass(eq=False, slots=True)
class Resolution:
    """The parameters, what each argument is in their terms, and which flag says that an optional part is there."""

    parameters: list[Parameter] = field(default_factory=list)
    values: dict[Key, Resolved] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    index: dict[int, int] = field(default_factory=dict)


def resolve(instances: Sequence[Part], columns: dict[Key, list[Any]], flags: dict[str, list[bool]]) -> Resolution:
    """Finds the parameters of a class from its instances' arguments, a column an argument."""
    resolver = _Resolver(instances)
    result = Resolution(index={id(part): index for index, part in enumerate(instances)})
    for key, column in columns.items():
        result.values[key] = constant(column) or resolver.find(column) or resolver.invent(key, column)
    for label, column in flags.items():
        result.flags[label] = resolver.flag(label, column)
    result.parameters = sorted(resolver.used.values(), key=lambda p: (p.has_default, p.order))
    return result


class _Resolver:
    def __init__(self, instances: Sequence[Part]) -> None:
        self.names = Names({"self"})
        self.used: dict[str, Parameter] = {}
        self.own = _own_parameters(instances)
        self.derived = _widths(instances)
        self.invented: list[tuple[str, list[Any]]] = []

    def find(self, column: Sequence[Any]) -> Ref | None:
        """The column in terms of a parameter: the block's own first, then its width, then simple relations."""
        entering, leaving = self.derived[:1], self.derived[1:]
        candidates = [
            (self.own, "=", 1), (entering, "=", 0), (self.invented, "=", 3), (self.own, "*", 1), (entering, "*/", 0),
            (leaving, "=", 2), (self.own, "/", 1), (leaving, "*/", 2), (entering, "+", 0), (self.invented, "*", 3),
        ]  # fmt: skip
        for group, forms, rank in candidates:
            for position, (name, values) in enumerate(group):
                found = relation(column, name, values, forms)
                if found is not None:
                    self._use(name, values, (rank, position))
                    return Ref(self.used[name].name, found.times, found.over, found.plus)
        return None

    def invent(self, key: Key, column: Sequence[Any]) -> Ref:
        """A parameter of its own, named after the layer and its argument."""
        path, argument = key
        words = [word.partition(":")[2].rstrip("*") or word.rstrip("*") for word in path]
        words = [word for word in words if not word.isdigit()]
        if argument == "rounds":
            name = f"{words[-1].rstrip('0123456789_')}s" if words else "rounds"
        else:
            name = "_".join([*words, argument.rstrip("+"), *(["step"] if argument.endswith("+") else [])])
        known = next((value for value in column if value is not WILD), None)
        values = [known if value is WILD else value for value in column]
        while name in self.used or any(name == other for other, _ in (*self.own, *self.derived)):
            name += "_"
        self.invented.append((name, values))
        self._use(name, values, (3, len(self.invented)))
        return Ref(self.used[name].name)

    def flag(self, label: str, column: list[bool]) -> str:
        """A parameter that says whether an optional part is there; parts that come and go together share one."""
        for parameter in self.used.values():
            if parameter.is_flag and parameter.values == column:
                return parameter.name
        self._use(f"{label}?", list(column), (4, len(self.used)))
        parameter = self.used[f"{label}?"]
        parameter.default, parameter.is_flag = False, True
        return parameter.name

    def _use(self, name: str, values: Sequence[Any], order: tuple[int, int]) -> None:
        if name not in self.used:
            written = self.names.claim(local(name.rstrip("?")), f"with_{name.rstrip('?')}")
            parameter = Parameter(written, list(values), order)
            if name in USUAL and any(same(value, USUAL[name]) for value in values):
                parameter.default = USUAL[name]
            self.used[name] = parameter


def _own_parameters(instances: Sequence[Part]) -> list[tuple[str, list[Any]]]:
    """The block's parameters as the spec has them, with their values for all instances."""
    rows = [dict(part.scope.arguments) for part in instances if part.scope]
    return [
        (name, [frozen(row[name]) for row in rows])
        for name in rows[0]
        if all(name in row and _is_plain(row[name]) for row in rows)
    ]


def _widths(instances: Sequence[Part]) -> list[tuple[str, list[Any]]]:
    """Channels (or features) that enter, and those that leave."""
    sides = [[], []]  # type: list[list[Any]]
    rank = 0
    for part in instances:
        assert part.body is not None
        for side, values in zip(sides, (part.body.inputs, part.body.outputs), strict=True):
            shape = values[0].shape if values else None
            rank = max(rank, shape.rank if shape else 0)
            side.append(shape.dims[0] if shape and shape.dims else None)
    word = "features" if rank <= 1 else "channels"
    return [(f"in_{word}", sides[0]), (f"out_{word}", sides[1])]


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _type(value: Any) -> str:
    if isinstance(value, tuple):
        inner = sorted({_type(item) for item in value})
        if 0 < len(value) <= 3:
            return f"tuple[{', '.join(map(_type, value))}]"
        return f"tuple[{' | '.join(inner)}, ...]" if inner else "tuple[()]"
    return "None" if value is None else type(value).__name__


__all__ = ["Literal", "Parameter", "Resolution", "resolve"]
