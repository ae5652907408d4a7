"""Shared modules: the same weights for all that they are applied to."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.bodies.labels import require_free
from netspec.elaborate.bodies.stages import named_stage
from netspec.elaborate.draft import DraftNode, DraftScope, Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.problems import Problem
from netspec.elaborate.state import Frame
from netspec.elaborate.values.values import Result, SharedModule
from netspec.layers.declaration.base import Layer, ShapeError
from netspec.syntax import tree
from netspec.syntax.source import Span


def share(elaborator: Elaborator, shared: tree.Shared, frame: Frame) -> None:
    name = elaborator.label(shared.label, frame)
    require_free(name, shared.label.span, frame)
    environment = frame.environment.snapshot()
    frame.environment.give(name, SharedModule(name, shared.flow, shared.span, environment, frame.scope.module))


def apply_shared(elaborator: Elaborator, shared: SharedModule, entering: Tensor, span: Span, frame: Frame) -> Result:
    """The shared module on one more value, with the weights that its first application made."""
    if frame.scope.module is not shared.scope:
        raise Problem(
            "E0218",
            f"{shared.name} is shared in another module than this one",
            span,
            related=((shared.span, "declared here"),),
            help="apply it in the body that declares it, outside labelled containers and blocks",
        )
    local = frame.copy()
    local.environment, local.current, local.entered = shared.environment, entering, entering
    before = elaborator.state.nodes
    result = named_stage(elaborator, shared.name, shared.flow, span, local)
    maker = result.maker
    if maker is None or (isinstance(maker, DraftNode) and maker.index < before):
        return result
    if shared.applications:
        elaborator.same_weights(shared, shared.applications[0], maker, span)
        maker.first, maker.label = shared.applications[0], None
        maker.application = len(shared.applications) + 1
    shared.applications.append(maker)
    return result


def same_weights(
    elaborator: Elaborator,
    shared: SharedModule,
    first: DraftNode | DraftScope,
    again: DraftNode | DraftScope,
    span: Span,
) -> None:
    """The same weights must serve every value that a shared module is applied to."""
    if _stages(first) != _stages(again):
        raise Problem(
            "E0218",
            f"{shared.name} is made of other layers for this value than for the first",
            span,
            f"this value is {again.entering[0].shape}",
            related=((first.span, f"applied to {first.entering[0].shape} first"),),
            help="a shared module is one module, so what it is made of cannot depend on what it is given",
        )
    if _weights(first) != _weights(again):
        raise Problem(
            "E0218",
            f"{shared.name} cannot take this value with the weights that it has",
            span,
            f"this value is {again.entering[0].shape}",
            related=((first.span, f"applied to {first.entering[0].shape} first"),),
            help="bring both values to the same channels before it",
        )
    for one, other in zip(_nodes(first), _nodes(again), strict=True):
        reason = _not_for_both(one, other)
        if reason:
            raise Problem(
                "E0218",
                f"{shared.name} cannot take values of several sizes: {reason}",
                span,
                f"this value is {again.entering[0].shape}",
                related=((first.span, f"applied to {first.entering[0].shape} first"),),
            )


def _nodes(stage: DraftNode | DraftScope) -> list[DraftNode]:
    """A node, or all in a scope, in order."""
    return [stage] if isinstance(stage, DraftNode) else [node for item in stage.items for node in _nodes(item)]


def _stages(stage: DraftNode | DraftScope) -> list[tuple[Layer, list[tuple[int, int] | None]]]:
    """The layers of a node or scope in order, each with where its inputs come from: None for what enters it."""
    nodes = _nodes(stage)
    position = {id(node): index for index, node in enumerate(nodes)}
    return [
        (node.layer, [(position[id(t.node)], t.index) if id(t.node) in position else None for t in node.inputs])
        for node in nodes
    ]


def _not_for_both(one: DraftNode, other: DraftNode) -> str:
    """Why a layer cannot be one module for what two applications give it; empty where it can."""
    pairs = list(zip(one.inputs, other.inputs, strict=True))
    if all(a.shape == b.shape for a, b in pairs):
        return ""
    if any(a.shape.rank != b.shape.rank for a, b in pairs):
        return f"{one.layer.name} is given values of different ranks"
    shapes = [a.shape | b.shape for a, b in pairs]
    try:
        one.layer.torch(*shapes)
        outputs = one.layer.outputs(*shapes)
    except ShapeError as error:
        return error.message
    ranks = ([tensor.shape.rank for tensor in node.outputs] for node in (one, other))
    return (
        ""
        if all(each == [shape.rank for shape in outputs] for each in ranks)
        else f"{one.layer.name} leaves other axes"
    )


def _weights(stage: DraftNode | DraftScope) -> list[Any]:
    """The shapes of all weights in a node or scope, in order."""
    shapes = ((node.layer, tuple(tensor.shape for tensor in node.inputs)) for node in _nodes(stage))
    return [(layer.parameters(*inputs), layer.buffers(*inputs)) for layer, inputs in shapes]
