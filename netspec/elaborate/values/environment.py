"""Names and defaults in force at one place of a spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from netspec.syntax import tree

Names = dict[str, Any]


class Unbound(Enum):
    """What a name stands for that stands for nothing; none is a value like any other."""

    UNBOUND = "unbound"


UNBOUND: Final = Unbound.UNBOUND


@dataclass(frozen=True, slots=True, eq=False)
class Modules:
    """A container that labels have made on their way: `convs` of `convs[0] = ...`, with what is labelled in it."""

    inside: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Poison:
    """Stands for what an earlier mistake has spoilt; whatever touches it is silently spoilt too."""


POISON = Poison()


@dataclass(slots=True, eq=False)
class Environment:
    """A frame of names with the frame around it.

    `labels` is the frame that labels go to: that of the module around, since a wiring makes no scope for its stages.
    `defaults` holds the keyword arguments that `default` gives to a layer's calls below it; `templates` are the blocks
    and nets of the file. `expressions` says of names what they stand for where a block is elaborated for all arguments.
    `parameters` are the names of a block's own parameters: a stage may be labelled as one, whose name it then takes.
    """

    names: Names = field(default_factory=dict)
    around: Environment | None = None
    labels: Names = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    expressions: dict[str, tree.Expr] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)

    def module(self) -> Environment:
        """The frame of a body that has labels of its own."""
        return Environment({}, self, {}, self.defaults, self.templates)

    def body(self) -> Environment:
        """The frame of a wiring's body: lets are its own, labels belong to the module around."""
        return Environment({}, self, self.labels, self.defaults, self.templates)

    def in_place(self) -> Environment:
        """The frame of a loop's or condition's body: unrolled in place, so only its defaults are its own."""
        return Environment(
            self.names, self.around, self.labels, self.defaults, self.templates, self.expressions, self.parameters
        )

    def snapshot(self) -> Environment:
        """The names and defaults as they are now, for what is elaborated later; labels stay the module's own."""
        around = self.around.snapshot() if self.around is not None else None
        return Environment(dict(self.names), around, self.labels, self.defaults, self.templates, dict(self.expressions))

    def get(self, name: str) -> Any:
        """What the name stands for, from the innermost frame out; UNBOUND where it stands for nothing."""
        frame: Environment | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            if name in frame.labels:
                return frame.labels[name]
            frame = frame.around
        return UNBOUND

    def expression(self, name: str) -> tree.Expr | None:
        """The expression that the name stands for, where it has one."""
        frame: Environment | None = self
        while frame is not None:
            if name in frame.names or name in frame.labels:
                return frame.expressions.get(name) if name in frame.names else None
            frame = frame.around
        return None

    def own(self, name: str) -> Any:
        """What the name stands for in the module around: a label, a parameter or a let; UNBOUND where it is free."""
        frame: Environment | None = self
        while frame is not None and frame.labels is self.labels:
            if name in frame.names:
                return frame.names[name]
            frame = frame.around
        return self.labels.get(name, UNBOUND)

    def give(self, label: str, value: Any) -> None:
        """Gives a label, and the containers on its way: `convs.0` is in `convs`, too."""
        if (frame := self._of_parameter(label)) is not None:
            del frame.names[label]
            frame.expressions.pop(label, None)
        self.labels[label] = value
        around, _, step = label.rpartition(".")
        if around:
            there = self.labels.get(around)
            inside = dict(there.inside or {}) if there is not None and not isinstance(there, Poison) else {}
            self.give(around, Modules({**inside, step: value}))

    def hides_parameter(self, name: str) -> bool:
        """Whether a label has taken the name of a parameter here."""
        frame: Environment | None = self
        while frame is not None:
            if name in frame.parameters:
                return name not in frame.names
            frame = frame.around
        return False

    def is_parameter(self, name: str) -> bool:
        """Whether the name is that of a parameter here: a label may have it, and it is the stage's from there on."""
        return self._of_parameter(name) is not None

    def _of_parameter(self, name: str) -> Environment | None:
        """The frame of this module in which a name is a parameter's."""
        frame: Environment | None = self
        while frame is not None and frame.labels is self.labels:
            if name in frame.names:
                return frame if name in frame.parameters else None
            frame = frame.around
        return None

    def default(self, layer: str, arguments: Mapping[str, Any]) -> None:
        """Adds to the defaults of `layer` from here on."""
        merged = {**self.defaults.get(layer, {}), **arguments}
        self.defaults = {**self.defaults, layer: merged}

    def visible(self) -> Iterator[str]:
        """Every name in sight, for suggestions."""
        frame: Environment | None = self
        while frame is not None:
            yield from frame.names
            yield from frame.labels
            frame = frame.around


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A block or net as defined in a file: it is elaborated in the file's environment."""

    definition: tree.Definition
    environment: Environment
