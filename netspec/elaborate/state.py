"""What elaboration carries: the graph in the making, what was found wrong, and the budget of work."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from netspec.diagnostics import Diagnostic
from netspec.elaborate.draft import DraftNode, DraftOutput, DraftScope, Tensor
from netspec.elaborate.problems import Problem, Stop
from netspec.elaborate.values.environment import Environment, Poison
from netspec.elaborate.values.values import Function
from netspec.graph.graph import Budget, Fit
from netspec.shapes.requirements import Requirement
from netspec.shapes.sets import Set
from netspec.shapes.shape import Shape
from netspec.syntax import tree
from netspec.syntax.source import Span

MOST_STAGES = 50_000
"""How many layers, blocks, wirings, groups and rounds of loops one net may unroll to."""
DEEPEST = 64
"""How deep blocks, wirings and groups may be nested in one another once unrolled."""
MOST_ITEMS = 500_000
"""How many items of lists the expressions of one net may handle, all together."""
MOST_STEPS = 1_000_000
"""How much work the nets of one file may be, in steps: an expression is one each time that it is come by."""
STEPS_OF_A_STATEMENT, STEPS_OF_A_STAGE, STEPS_OF_A_NET = 2, 10, 100
"""What the others are, as they take time; a parameter is as a statement."""
MOST_DIAGNOSTICS = 50
MOST_MISTAKES = 500
"""How many diagnostics a net is given, and after how many mistakes, the same ones counted again, loops are left."""


@dataclass(slots=True, eq=False)
class Frame:
    """Where the elaborator stands: the names in force, the scope that stages go to, and the flow.

    `current` is `_`; `entered` is `in`; `returned` what a `return` has named; `depth` counts the frames around;
    `outermost` says whose body this is where no wiring, group or container is around.
    """

    environment: Environment
    scope: DraftScope
    current: Tensor | Poison | None
    entered: Tensor | Poison | None = None
    returned: tuple[Tensor, ...] | None = None
    inputs: int = 0
    depth: int = 0
    outermost: Literal["net", "block"] | None = None

    def copy(self) -> Frame:
        """The same place, for a flow of its own."""
        return Frame(
            self.environment,
            self.scope,
            self.current,
            self.entered,
            self.returned,
            self.inputs,
            self.depth,
            self.outermost,
        )

    def inside(self, environment: Environment, scope: DraftScope) -> Frame:
        """The frame of a body within this one; the flow enters it."""
        return Frame(environment, scope, self.current, self.entered, None, self.inputs, self.depth + 1)


@dataclass(slots=True, eq=False)
class Memory:
    """What has been made of numbers alone, and so is what it is whenever it is asked for."""

    functions: dict[tuple[int, str], tuple[Function, Any]] = field(default_factory=dict)
    """What functions have made of numbers, by the function and these."""
    tables: dict[Any, list[Any]] = field(default_factory=dict)
    """What comprehensions have made of numbers, by the comprehension with these."""
    numbers: set[int] = field(default_factory=set)
    """The identities of these tables."""


@dataclass(slots=True, eq=False)
class State:
    """Grows while one net is elaborated, and is then frozen into its graph."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[DraftOutput] = field(default_factory=list)
    fits: list[Fit] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    requirements: dict[Requirement, str] = field(default_factory=dict)
    open_blocks: dict[int, tree.Definition] = field(default_factory=dict)
    stages: int = 0
    items: int = 0
    steps: int = 0
    mistakes: int = 0
    nodes: int = 0
    rounds: int = 1
    functions: int = 0
    memory: Memory = field(default_factory=Memory)
    spoilt_labels: list[re.Pattern[str]] = field(default_factory=list)
    frame: Frame | None = None
    chains: dict[int, bool] = field(default_factory=dict)
    layers: dict[Any, Any] = field(default_factory=dict)
    shapes: dict[Any, tuple[tuple[Shape, ...], bool]] = field(default_factory=dict)
    counts: dict[Set, Tensor] = field(default_factory=dict)
    """Where a class says how many members each set has; for a blueprint alone."""
    _seen: set[tuple[str, str, int, int]] = field(default_factory=set)

    def report(self, problem: Problem) -> None:
        """Adds a diagnostic, once a place: a block with a mistake says so once, however often it is used."""
        diagnostic = problem.diagnostic
        self.mistakes += 1
        key = (diagnostic.code, diagnostic.span.source.name, diagnostic.span.start, diagnostic.span.end)
        if key not in self._seen and len(self.diagnostics) < MOST_DIAGNOSTICS:
            self._seen.add(key)
            self.diagnostics.append(diagnostic)

    def spend(self, span: Span, stages: int = 1) -> None:
        """Counts stages against the budget; raises Stop where a net grows without bound."""
        self.stages += stages
        self.work(span, STEPS_OF_A_STAGE * stages)
        if self.stages > MOST_STAGES:
            raise Stop(
                Problem(
                    "E0502",
                    f"this net unrolls to more than {MOST_STAGES:,} stages",
                    span,
                    "the limit is reached here",
                    help="make the repeats or the blocks that use blocks smaller",
                )
            )

    def work(self, span: Span, steps: int = 1) -> None:
        """Counts steps against the budget; raises Stop where there is no end to them."""
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise Stop(
                Problem(
                    "E0502",
                    f"this file takes more than {MOST_STEPS:,} steps to unroll",
                    span,
                    "the limit is reached here",
                    help="make the repeats smaller, or what is in them shorter",
                )
            )

    def handle(self, span: Span, items: int) -> None:
        """Counts the items of lists that an expression goes through; raises Stop where they become too many."""
        self.items += items
        if self.items > MOST_ITEMS:
            raise Stop(
                Problem(
                    "E0504",
                    f"the lists of this net have more than {MOST_ITEMS:,} items together",
                    span,
                    "the limit is reached here",
                    help="make the lists shorter, or build them once, outside the loop",
                )
            )

    def add(self, node: DraftNode, scope: DraftScope) -> None:
        node.index = self.nodes
        self.nodes += 1
        scope.items.append(node)

    def visible_names(self) -> Iterable[str]:
        return self.frame.environment.visible() if self.frame is not None else ()
