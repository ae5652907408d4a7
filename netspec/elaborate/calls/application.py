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
from netspec.layers.declaration.base import Layer, SetError, ShapeError
from netspec.shapes.requirements import Relation, Requirement
from netspec.shapes.sizes import OpenSize, TooComplexError
from netspec.syntax.source import Span

_SAID: dict[Relation, str] = {"==": "equal to", ">=": "at least", "broadcasts": "1 or equal to"}


def apply(elaborator: Elaborator, layer: Layer, inputs: tuple[Tensor, ...], span: Span, frame: Frame) -> Result:
    """A node: the layer at work on its inputs."""
    state = elaborator.state
    state.spend(span)
    indices = index_requirements(layer, inputs, span)
    input_shapes = tuple(tensor.shape for tensor in inputs)
    key = (id(layer), input_shapes)
    memo = state.shapes.get(key)
    if memo is None:
        try:
            output_shapes = layer.outputs(*input_shapes)
            weights = layer.parameters(*input_shapes).values()
            is_open = any(shape.is_open for shape in (*output_shapes, *input_shapes))
            if is_open:
                layer.macs(*input_shapes)
        except SetError as error:
            raise misfits.set_problem(layer, inputs, span, frame.scope, error) from None
        except ShapeError as error:
            raise misfits.layer_problem(layer, inputs, span, frame.scope, error) from None
        except TooComplexError as error:
            raise beyond_reckoning(error, span) from None
        bound_sizes(output_shapes, span)
        bound_elements(output_shapes, weights, span)
        memo = output_shapes, is_open
        if not layer.makes_set:  # which is another one each time
            state.shapes[key] = memo
    output_shapes, is_open = memo
    if is_open:
        require(elaborator, layer, input_shapes, output_shapes, inputs, span, frame, indices)
    node = DraftNode(layer, inputs, span)
    node.outputs = tuple(Tensor(shape, span, node, index) for index, shape in enumerate(output_shapes))
    state.add(node, frame.scope)
    return Result(node.outputs, None, node)


def require(
    elaborator: Elaborator,
    layer: Layer,
    input_shapes: Any,
    output_shapes: Any,
    inputs: Any,
    span: Span,
    frame: Frame,
    indices: tuple[Requirement, ...],
) -> None:
    """Notes what open sizes have to satisfy here, those of its indices too; raises where none can."""
    try:
        needs = [*layer.requires(*input_shapes), *indices]
    except TooComplexError as error:
        raise beyond_reckoning(error, span) from None
    sizes = {size for shape in input_shapes for size in shape.dims}
    needs += [
        Requirement(size, ">=", 1)
        for shape in output_shapes
        for size in shape.dims
        if isinstance(size, OpenSize) and size not in sizes
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
