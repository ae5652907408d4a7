"""A block elaborated once for all arguments, into a blueprint.

The elaborator runs as for a graph, with the numbers of one call, and keeps with each the expression behind it. Both
sides of a condition are run, the one that is not taken on trial; a loop's rounds are run with the expressions that
hold in every round. Where something is decided by a number and not by what is said, the names that it hangs on are
fixed at the values of this call, and the block is elaborated again: the blueprint then holds for these arguments only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from netspec.elaborate.control import DraftLoop
from netspec.elaborate.draft import Tensor
from netspec.elaborate.expressions.deciding import Deciding
from netspec.elaborate.graph_elaborator import GraphElaborator
from netspec.elaborate.mistakes.misfits import Side
from netspec.elaborate.state import Frame, State
from netspec.elaborate.values.environment import Template
from netspec.shapes.shape import Shape
from netspec.syntax import tree

Calls: TypeAlias = Callable[[Template, list[Tensor], dict[str, Any], dict[str, tree.Expr]], Any]
"""What tells of a block at work on such values: its blueprint and the shapes of what it leaves."""


@dataclass(slots=True, eq=False)
class Snapshot:
    """A frame with the names in force, as they were."""

    frame: tuple[Any, ...]
    names: dict[str, Any]
    expressions: dict[str, tree.Expr]
    labels: dict[str, Any]
    defaults: Mapping[str, Mapping[str, Any]]
    collected: list[int]


class Generic(GraphElaborator):
    """What is known while a block is elaborated for all arguments. `concrete` fixes everything: every number is that of
    the call.
    """

    remembers = False  # what decides by a number is to be noticed each time

    def __init__(self, state: State, blueprints: Calls, inputs: Mapping[str, list[Any]], *, concrete: bool) -> None:
        super().__init__(state, inputs)
        self.blueprints, self.concrete = blueprints, concrete
        self.variables: set[str] = set()
        self.lets: dict[str, tree.Expr] = {}
        self.steady: set[str] = set()
        self.numbers: dict[str, Any] = {}
        """What parameters, sizes that are asked for and the variables of the loops around are in this call."""
        self.skips = True
        """Whether rounds of loops are left out of which all is known beforehand."""
        self.skipped = False
        self.items_of: dict[str, list[tree.Expr]] = {}
        """What the variables of loops are in turn."""
        self.collected: list[list[Side]] = []
        self.rounds_of: dict[int, tuple[DraftLoop, Tensor, int]] = {}
        self.symbolic_depth = 0
        self.aliases: dict[int, tuple[Tensor, Tensor]] = {}
        """What enters a shared module, as it is seen there, with what it is outside: it may be captured as well."""
        self.input_shapes: dict[int, tuple[Shape, ...]] = {}
        """The shapes that a shared layer is given, all of them as one."""
        self.unrolled_loops: frozenset[str] = frozenset()
        self.everywhere: set[str] = set()
        """Parameters and lets that can be asked for anywhere in the module."""
        self.open_names: set[str] = set()
        """Variables of the loops around, and the numbers that run along in them."""
        self.traces: list[tuple[DraftLoop, list[Tensor]]] = []
        self.written_out = 0
        """How many loops around are written out."""
        self.actual = 0
        self.came_in: Any = None
        """Of the last condition: which body is taken, and the value that flowed into it."""

    @property
    def deciding(self) -> Deciding:
        """What is known of the names so far."""
        return Deciding(self.lets, self.items_of)

    def claim(self, name: str) -> str:
        """A variable of that name; `name#2` where the class has one already, which may be named alike in the end."""
        free, number = name, 2
        while free in self.variables:
            free, number = f"{name}#{number}", number + 1
        self.variables.add(free)
        return free

    def snapshot(self, frame: Frame) -> Snapshot:
        """What is in force now, to come back to."""
        environment = frame.environment
        return Snapshot(
            (frame.current, frame.entered, frame.returned, frame.inputs),
            dict(environment.names),
            dict(environment.expressions),
            dict(environment.labels),
            environment.defaults,
            [len(sides) for sides in self.collected],
        )

    def restore(self, frame: Frame, before: Snapshot) -> None:
        """Comes back to what was in force."""
        environment = frame.environment
        frame.current, frame.entered, frame.returned, frame.inputs = before.frame
        for there, then in (
            (environment.names, before.names),
            (environment.expressions, before.expressions),
            (environment.labels, before.labels),
        ):
            there.clear()
            there.update(then)
        environment.defaults = before.defaults
        for sides, count in zip(self.collected, before.collected, strict=True):
            del sides[count:]
