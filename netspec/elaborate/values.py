"""What an expression of a spec can be while it is elaborated: plain Python data, or one of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netspec.shapes.shape import Shape
from netspec.syntax import tree
from netspec.syntax.source import Span

if TYPE_CHECKING:
    from netspec.elaborate.draft import DraftNode, DraftScope
    from netspec.elaborate.environment import Environment


@dataclass(slots=True, eq=False)
class Tensor:
    """A value of the graph in the making."""

    shape: Shape
    span: Span
    node: DraftNode | None = None
    index: int = 0
    name: str | None = None


class Tap(Tensor):
    """A value inside of a block that may be read; its shape is worked out when it is."""

    __slots__ = ("_known", "_shape")

    def __init__(self, shape: Callable[[], Shape], span: Span, name: str) -> None:
        self._known: Shape | None = None
        self._shape = shape
        self.span, self.node, self.index, self.name = span, None, 0, name

    @property
    def shape(self) -> Shape:
        """The shape over the caller's names."""
        if self._known is None:
            self._known = self._shape()
        return self._known

    @shape.setter
    def shape(self, shape: Shape) -> None:
        self._known = shape


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
    made: DraftNode | DraftScope | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Modules:
    """A container that labels have made on their way: `convs` of `convs[0] = ...`, with what is labelled in it."""

    inside: dict[str, Any]


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
    named: tuple[tuple[str, Any], ...] = ()
    template: Template | None = field(default=None, compare=False, repr=False)
    written: tuple[tree.Argument, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        said = [*map(_said, self.positional), *(f"{name}={_said(value)}" for name, value in self.named)]
        return f"{self.text}({', '.join(said)})" if said else self.text


def _said(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_said, value))}]"
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


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A block or net as defined in a file: it is elaborated in the file's environment."""

    definition: tree.Definition
    environment: Environment


@dataclass(frozen=True, slots=True)
class Poison:
    """Stands for what an earlier mistake has spoilt; whatever touches it is silently spoilt too."""


POISON = Poison()
