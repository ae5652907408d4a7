"""What a draft of a blueprint holds beside layers and scopes: expressions, conditions, loops, calls."""

from __future__ import annotations

from dataclasses import dataclass, field

from netspec.elaborate.draft import DraftScope, Tensor
from netspec.elaborate.expressions.sayings import folded
from netspec.graph.blueprint import Blueprint
from netspec.layers.declaration.symbols import binary
from netspec.syntax import tree


class Key(str):
    """A label with the expressions in it."""

    __slots__ = ("label",)
    label: tree.Label


@dataclass(slots=True, eq=False)
class DraftLet:
    """A number that has a name of its own."""

    name: str
    value: tree.Expr


@dataclass(slots=True, eq=False)
class DraftChoice:
    """What an `if` is: its conditions, the scopes of its bodies, and the values that come from whichever is taken."""

    conditions: list[tree.Expr | None]
    bodies: list[DraftScope]
    merges: list[tuple[Tensor, list[Tensor | None]]] = field(default_factory=list)
    refusals: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class DraftLoop:
    """What a loop is; see `netspec.graph.blueprint.Loop`."""

    names: tuple[str, ...]
    sequence: tree.Expr
    body: DraftScope
    carries: list[tuple[Tensor, Tensor, Tensor, Tensor]] = field(default_factory=list)
    running: list[tuple[str, tree.Expr, tree.Expr | None]] = field(default_factory=list)
    results: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    gathers: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    rounds: int = 0
    start: int = 0
    has_rounds: bool = False

    @property
    def length(self) -> tree.Expr:
        """How many rounds it has, as an expression."""
        return loop_length(self.names, self.sequence)


@dataclass(slots=True, eq=False)
class DraftCall:
    """What a call of a block is: its blueprint and the expressions of its arguments."""

    blueprint: Blueprint
    arguments: dict[str, tree.Expr]
    sizes: dict[str, int]
    taps: list[tuple[Tensor, tuple[str, ...], int]] = field(default_factory=list)


def loop_length(variables: tuple[str, ...], sequence: tree.Expr) -> tree.Expr:
    """How many rounds a loop with these variables has, none for a `repeat`, as an expression."""
    match sequence:
        case tree.Call(tree.Name("range"), arguments) if len(arguments) == 1:
            return arguments[0].value
        case tree.Call(tree.Name("range"), arguments) if len(arguments) == 2:
            return folded(binary("-", arguments[1].value, arguments[0].value))
        case _ if not variables:
            return sequence
    return folded(tree.Call(tree.Name("len"), (tree.Argument(None, sequence),)))
