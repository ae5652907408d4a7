"""What an expression of a spec can be while it is elaborated: plain Python data, or one of these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from netspec.elaborate.draft import DraftNode, DraftScope, Tensor
from netspec.elaborate.values.environment import Environment, Template
from netspec.syntax import tree
from netspec.syntax.source import Span


class Listed(tuple[Tensor, ...]):
    """The outputs of a block that returns a list."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a stage leaves.

    Its outputs, the names inside it that can be read from outside (`backbone.layer3`), and the node or scope that it
    made, which a label then names. Where the outputs are `Listed`, they are one value, a list.
    """

    outputs: tuple[Tensor, ...]
    inside: dict[str, Any] | None = None
    maker: DraftNode | DraftScope | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of numbers, with the names that were in force where it is defined."""

    definition: tree.Function
    environment: Environment


@dataclass(frozen=True, slots=True)
class Word:
    """A bare name that names no value: `same`, `relu`, or a mistake. Its consumer decides which."""

    text: str
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class LayerCall(Word):
    """A layer or block with all of its arguments but the tensors, as a value: `leaky_relu(0.2)` in `act=...`."""

    positional: tuple[Any, ...] = ()
    keywords: tuple[tuple[str, Any], ...] = ()
    template: Template | None = field(default=None, compare=False, repr=False)
    syntax: tuple[tree.Argument, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        arguments = [*map(_text_of, self.positional), *(f"{name}={_text_of(value)}" for name, value in self.keywords)]
        return f"{self.text}({', '.join(arguments)})" if arguments else self.text


def _text_of(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text_of, value))}]"
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


@dataclass(slots=True, eq=False)
class SharedModule:
    """A module that is declared and not applied yet, with the scopes or nodes of its applications so far."""

    name: str
    flow: tree.Flow
    span: Span
    environment: Environment
    scope: DraftScope
    applications: list[DraftNode | DraftScope] = field(default_factory=list)


@dataclass(slots=True)
class Arguments:
    """The evaluated arguments of a call: tensors that lead, the rest by position, and those by name, with spans."""

    tensors: list[Tensor]
    positional: list[tuple[Any, Span]]
    keywords: dict[str, tuple[Any, Span]]
    syntax: tuple[tree.Argument, ...] = ()
    trees: dict[int | str, tree.Expr] = field(default_factory=dict)
    """What is written for an argument, by its place among the positional ones or by its name."""
