"""A net as an editor needs it while it is typed: the shape after every stage, also of a net that is not whole.

A block that is called again with equal arguments on an equal shape is not elaborated again: the shapes are the same.
So a sketch of ResNet-152 takes as long as one of ResNet-18. There is no graph of it; `elaborate` makes that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from netspec.diagnostics import Diagnostic
from netspec.elaborate.bodies.scopes import open_scope
from netspec.elaborate.draft import DraftNode, DraftScope, Tensor
from netspec.elaborate.graph_elaborator import GraphElaborator
from netspec.elaborate.nets.growth import grow, reporting
from netspec.elaborate.state import Frame, State
from netspec.elaborate.values.environment import Template
from netspec.elaborate.values.values import Result, Word
from netspec.shapes.shape import Shape
from netspec.syntax.source import Span


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """A net in the making: its stages as far as they are known, and what is wrong with it."""

    root: DraftScope
    diagnostics: tuple[Diagnostic, ...]

    def shapes(self) -> Iterator[tuple[Span, tuple[Shape, ...]]]:
        """Where each stage, block and wiring stands, with the shapes of its outputs; rounds of a loop one by one.

        What a mistake has spoilt has no shape, and is left out.
        """
        pending: list[DraftNode | DraftScope] = list(reversed(self.root.items))
        while pending:
            item = pending.pop()
            if isinstance(item, DraftScope):
                pending.extend(reversed(item.items))
            if item.outputs and not (isinstance(item, DraftScope) and item.kind == "iteration"):
                yield item.span, tuple(tensor.shape for tensor in item.outputs)

    def way_to(self, name: str) -> Span | None:
        """The call of this net's file that a mistake in another file, of that name, has spoilt."""
        for item in _spoilt(self.root):
            if item.definition is not None and item.definition.source.name == name:
                around = next((s for s in item.chain() if s.span.source is self.root.span.source), self.root)
                return around.span
        return None


def _spoilt(scope: DraftScope) -> Iterator[DraftScope]:
    """The scopes in it that have no result."""
    pending = [scope]
    while pending:
        inner = pending.pop()
        yield inner
        pending.extend(item for item in inner.items if isinstance(item, DraftScope) and not item.outputs)


def sketch(template: Template, steps: int = 0) -> tuple[Sketch, int]:
    """A net with its parameters' defaults, and the steps that are spent after it; `steps` are those spent before."""
    state = State(steps=steps)
    definition = template.definition
    root = DraftScope("net", definition.name, definition.signature)
    with reporting(state, definition):
        grow(_Sketcher(state), template, {}, root)
    return Sketch(root, tuple(state.diagnostics)), state.steps


@dataclass(frozen=True, slots=True, eq=False)
class _Instance:
    """A block at work: what it gives, what can be read inside of it, and what it has cost."""

    outputs: tuple[Tensor, ...]
    inside: dict[str, Any] | None
    stages: int


class _Sketcher(GraphElaborator):
    """An elaborator that does equal work once."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.instances: dict[Any, _Instance] = {}

    def instantiate(
        self, template: Template, entering: Tensor, arguments: dict[str, Any], span: Span, frame: Frame
    ) -> Result:
        key = (id(template.definition), entering.shape, repr(sorted(arguments.items(), key=lambda pair: pair[0])))
        plain = all(_is_plain(value) for value in arguments.values())
        if plain and (instance := self.instances.get(key)) is not None:
            return self.again(instance, template, entering, span, frame)
        stages, mistakes = self.state.stages, self.state.mistakes
        result = super().instantiate(template, entering, arguments, span, frame)
        if plain and self.state.mistakes == mistakes:
            self.instances[key] = _Instance(result.outputs, result.inside, self.state.stages - stages)
        return result

    def again(self, instance: _Instance, template: Template, entering: Tensor, span: Span, frame: Frame) -> Result:
        """The same block once more: a scope whose stages are not listed again."""
        scope = open_scope(self, "block", template.definition.name, span, frame)
        scope.definition = template.definition.signature
        self.state.spend(span, instance.stages - 1)
        scope.inputs = (entering,)
        scope.outputs = tuple(
            Tensor(tensor.shape, tensor.span, tensor.node, tensor.index) for tensor in instance.outputs
        )
        return Result(scope.outputs, instance.inside, scope)


def _is_plain(value: Any) -> bool:
    """Whether a value says all that it is when it is shown: a number, a text, a word, or a list of these."""
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str | Word | range)
