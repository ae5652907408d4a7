"""What an elaborator does, as the functions of the rooms ask for it.

Functions take the elaborator that they work for, as its first argument. What is done in one way for a graph and in
another for a block of all arguments, they ask of it; what is done by the kind of a tree's node stands in its tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from netspec.elaborate.draft import DraftNode, DraftScope, Tensor
from netspec.elaborate.state import Frame, State
from netspec.elaborate.values.environment import Environment, Poison, Template
from netspec.elaborate.values.values import Arguments, Result, SharedModule
from netspec.layers.declaration.base import Layer
from netspec.syntax import tree
from netspec.syntax.source import Span


class Elaborator(Protocol):
    """The state of one elaboration, its tables by tree node, and what graphs and blueprints do in different ways.

    `shapes` are declared shapes to use in place of the spec's, by the input's name; `results` the outputs of a net that
    is used as a block.
    """

    remembers: ClassVar[bool]
    """Whether a function that is called with the same numbers again need not be gone through again."""
    expressions: ClassVar[Mapping[type[tree.Tree], Callable[..., Any]]]
    statements: ClassVar[Mapping[type[tree.Tree], Callable[..., None]]]
    wirings: ClassVar[Mapping[str, Callable[..., Tensor | Poison]]]

    state: State
    shapes: dict[str, list[Any]]
    results: list[Tensor]

    def evaluate(self, expression: tree.Expr, frame: Frame) -> Any: ...

    def label(self, label: tree.Label, frame: Frame) -> str: ...

    def stage_inside(self, value: Any, label: str, expression: tree.Member | tree.Index, frame: Frame) -> Any: ...

    def item(self, value: Any, index: Any, expression: tree.Index, frame: Frame) -> Any: ...

    def operand(self, value: Any, expression: tree.Expr, frame: Frame) -> Any: ...

    def apply_layer(
        self, name: str, inputs: tuple[Tensor, ...], arguments: dict[str, Any], span: Span, frame: Frame
    ) -> tuple[Tensor, ...]: ...

    def apply(self, layer: Layer, inputs: tuple[Tensor, ...], span: Span, frame: Frame) -> Result: ...

    def make_layer(
        self, cls: type[Layer], arguments: Arguments, span: Span, name_span: Span, frame: Frame, *, lexical: bool = True
    ) -> Layer: ...

    def plain(self, value: Any, argument: str, callee: str, span: Span) -> Any: ...

    def function(self, name: str, arguments: Arguments, span: Span) -> Any: ...

    def evaluated(
        self,
        arguments: tuple[tree.Argument, ...],
        frame: Frame,
        span: Span,
        callee: tree.Definition | type[Layer] | None = None,
    ) -> Arguments: ...

    def layer_value(self, expression: tree.Expr, frame: Frame) -> Any: ...

    def nothing(self, name: str, arguments: Arguments, span: Span, frame: Frame) -> Result: ...

    def named_call(
        self, name: str, arguments: tuple[tree.Argument, ...], span: Span, name_span: Span, frame: Frame, *, stage: bool
    ) -> Any: ...

    def for_parameter(self, definition: tree.Definition, parameter: tree.Parameter, value: Any, span: Span) -> Any: ...

    def instantiate(
        self, template: Template, entering: Tensor, arguments: dict[str, Any], span: Span, frame: Frame
    ) -> Result: ...

    def apply_shared(self, shared: SharedModule, entering: Tensor, span: Span, frame: Frame) -> Result: ...

    def same_weights(
        self, shared: SharedModule, first: DraftNode | DraftScope, again: DraftNode | DraftScope, span: Span
    ) -> None: ...

    def container(
        self, name: str, flow: tree.Flow, stages: tuple[tree.Element, ...], starts: int, span: Span, frame: Frame
    ) -> Result: ...

    def readable(self, scope: DraftScope, environment: Environment) -> dict[str, Any]: ...

    def in_loop(self, frame: Frame) -> bool: ...

    def residual_if(self, wiring: tree.Wiring, condition: tree.Expr, keyword: Span, frame: Frame) -> Result: ...

    def declared_size(self, part: tree.Expr, frame: Frame) -> Any: ...

    def wiring(self, wiring: tree.Wiring, frame: Frame) -> Result: ...
