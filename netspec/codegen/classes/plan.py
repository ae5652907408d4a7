"""What a class is made from, and how its numbers are called in the constructor and in the forward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from netspec.codegen.classes.initialization import Passes
from netspec.codegen.regions.liveness import Needs
from netspec.codegen.text.naming import MODULE_ATTRIBUTES, Names, parameter
from netspec.codegen.text.preamble import Preamble
from netspec.graph.blueprint import Parameter, Region, Wire


@dataclass(slots=True, eq=False)
class Design:
    """What a class is made from. `types` says of what type each name in its expressions is, `passes` how modules are
    started at the end of its constructor.
    """

    name: str
    region: Region
    inputs: tuple[Wire, ...]
    outputs: tuple[Wire, ...]
    parameters: list[Parameter]
    documentation: str = ""
    is_net: bool = False
    counted: bool = False
    shapes: bool = False
    training: frozenset[int] = frozenset()
    types: dict[str, str] = field(default_factory=dict)
    passes: Passes = field(default_factory=dict)
    covered: frozenset[str] = frozenset()
    """The kinds of modules that a pass starts, its own or that of a class around it."""


@dataclass(slots=True, eq=False)
class Return:
    """How the net's forward ends: the type, and the lines given the names of its values; hints for these."""

    type: str
    lines: Callable[[Sequence[str]], list[str]]
    hints: dict[int, str]


@dataclass(slots=True, eq=False)
class ClassPlan:
    """One class as it is written: names as Python has them, what is alive, what the forward asks of `self`."""

    design: Design
    preamble: Preamble
    class_of: dict[int, str]
    needs: Needs
    always: Needs
    names: Names
    local: dict[str, str] = field(default_factory=dict)
    stored: dict[str, None] = field(default_factory=dict)
    outer_names: frozenset[str] = frozenset()
    """Names of the file's classes and functions."""
    labels: set[str] = field(default_factory=set)
    label_counts: Counter[str] = field(default_factory=Counter)
    """How many stages have a label, each in a body of its own: of several, one is constructed."""
    templates: frozenset[str] = frozenset()
    """What labels with an expression in them begin with: no number is kept under such a name."""
    shifting: frozenset[str] = frozenset()
    """What comes before the number in labels whose number is an expression."""
    continued: dict[str, str] = field(default_factory=dict)
    """Running numbers that are the variable of another one, which ends where they begin."""
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Where each let of the module's own body is made, and where it is asked for last."""

    def variable(self, name: str) -> str:
        """What a name of the spec is called in the constructor."""
        while name in self.continued:
            name = self.continued[name]
        if name not in self.local:
            base = name.partition("#")[0]
            free = next((self.local[other] for other in self.local if self.follows(other, name)), None)
            self.local[name] = free or self.names.claim(parameter(base))
        return self.local[name]

    def follows(self, other: str, name: str) -> bool:
        """Whether a number may have the variable of another one, which nothing asks for from here on."""
        base = name.partition("#")[0]
        if other.partition("#")[0] != base or name not in self.spans or other not in self.spans:
            return False
        if name in self.stored or other in self.stored:
            return False
        same = [o for o in self.local if self.local[o] == self.local[other]]
        begin, end = self.spans[name]
        return all(o in self.spans and (self.spans[o][1] <= begin or end <= self.spans[o][0]) for o in same)

    def attribute(self, name: str) -> str:
        """What it is called in the forward: an attribute."""
        self.stored[name] = None
        word = self.variable(name)
        if any(map(word.startswith, self.templates)):
            word = f"own_{word}"
        while word in self.labels or word in MODULE_ATTRIBUTES:
            word += "_"
        return f"self.{word}"
