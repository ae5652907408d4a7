"""A layer at work on its inputs: a node of the graph, and what open sizes have to satisfy for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netspec.elaborate.calls.indices import index_requirements
from netspec.elaborate.calls.limits import beyond_reckoning, bound_elements, bound_sizes
from netspec.elaborate.draft import DraftNode, Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.mistakes import misfits
from netspec.elaborate.problems import Problem
from netspec.elaborate.state import Frame
from netspec.elaborate.values.values import Result
from netspec.graph.graph import Fit
from netspec.layers.declaration.base import Layer, ShapeError
from netspec.shapes.requirements import Relation, Requirement
from netspec.shapes.sizes import OpenSize, TooComplexError
from netspec.syntax.source import Span

_SAID: dict[Relation, str] = {"==": "equal to", ">=": "at least", "broadcasts": "1 or equal to"}


def apply(elaborator: Elaborator, layer: Layer, inputs: tuple[Tensor, ...], span: Span, frame: Frame) -> Result:
    """A node: the layer at work on its inputs."""
    state = elaborator.state
    state.spend(span)
    indices = index_requirements(layer, inputs, span)
    taken = tuple(tensor.shape for tensor in inputs)
    key = (id(layer), taken)
    known = state.shapes.get(key)
    if known is None:
        try:
            made = layer.outputs(*taken)
            weights = layer.parameters(*taken).values()
            is_open = any(shape.is_open for shape in (*made, *taken))
            if is_open:
                layer.macs(*taken)
        except ShapeError as error:
            raise misfits.layer_problem(layer, inputs, span, frame.scope, error) from None
        except TooComplexError as error:
            raise beyond_reckoning(error, span) from None
        bound_sizes(made, span)
        bound_elements(made, weights, span)
        known = state.shapes[key] = made, is_open
    made, is_open = known
    if is_open:
        require(elaborator, layer, taken, made, inputs, span, frame, indices)
    node = DraftNode(layer, inputs, span)
    node.outputs = tuple(Tensor(shape, span, node, index) for index, shape in enumerate(made))
    state.add(node, frame.scope)
    return Result(node.outputs, None, node)


def require(
    elaborator: Elaborator,
    layer: Layer,
    taken: Any,
    made: Any,
    inputs: Any,
    span: Span,
    frame: Frame,
    indices: tuple[Requirement, ...],
) -> None:
    """Notes what open sizes have to satisfy here, those of its indices too; raises where none can."""
    try:
        needs = [*layer.requires(*taken), *indices]
    except TooComplexError as error:
        raise beyond_reckoning(error, span) from None
    known = {size for shape in taken for size in shape.dims}
    needs += [
        Requirement(size, ">=", 1)
        for shape in made
        for size in shape.dims
        if isinstance(size, OpenSize) and size not in known
    ]
    for need in needs:
        holds = elaborator.state.requirements.get(need)
        if holds is None:
            try:
                holds = elaborator.state.requirements[need] = need.status
            except TooComplexError as error:
                raise beyond_reckoning(error, span) from None
            if holds == "sometimes":
                elaborator.state.fits.append(Fit(need, span))
        if holds == "never":
            raise Problem(
                "E0401",
                f"{layer.name} fits for no size up to {need.largest:,}: "
                f"{need.left} is never {_SAID[need.relation]} {need.right} there",
                span,
                notes=(
                    *(f"{tensor.shape} is {misfits.origin(tensor, span)}" for tensor in inputs),
                    *misfits.way_here(frame.scope, span),
                ),
            )


def note(elaborator: Elaborator, needs: Sequence[Requirement], span: Span) -> None:
    """Notes what open sizes have to satisfy beside what layers require."""
    state = elaborator.state
    for need in needs:
        if need not in state.requirements:
            state.requirements[need] = need.status
            state.fits.append(Fit(need, span))
