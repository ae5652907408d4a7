"""Calls in a block that is elaborated for all arguments: layers whose arguments are expressions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netspec.elaborate.calls.arguments import evaluated_arguments, layer_value
from netspec.elaborate.calls.blocks import for_parameter
from netspec.elaborate.calls.calls import pass_on
from netspec.elaborate.calls.functions import built_in
from netspec.elaborate.calls.layers import drop_idle, make_layer, plain_argument
from netspec.elaborate.draft import DraftNode, Tensor
from netspec.elaborate.expressions.sayings import Unsayable, elements, holds_tensors, is_constant, lifted
from netspec.elaborate.generic.expressions import demand, translation
from netspec.elaborate.generic.generic import Generic
from netspec.elaborate.generic.numbers import Said, as_field, bare, expression_behind, has_expression
from netspec.elaborate.nets.ends import declared_size
from netspec.elaborate.problems import Problem
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import Poison
from netspec.elaborate.values.values import Arguments, LayerCall, Result, Word
from netspec.layers.declaration.base import Layer, ShapeError
from netspec.layers.declaration.initializers import Initializer
from netspec.layers.declaration.symbols import Symbolic, guarded, names, note_divisor, plain, symbolic
from netspec.shapes.sets import Set
from netspec.shapes.shape import COUNT
from netspec.shapes.sizes import OpenSize, TooComplexError
from netspec.syntax import tree
from netspec.syntax.source import Span


def arguments_for_all(
    generic: Generic,
    arguments: tuple[tree.Argument, ...],
    frame: Frame,
    span: Span,
    callee: tree.Definition | type[Layer] | None = None,
) -> Arguments:
    evaluated = evaluated_arguments(generic, arguments, frame, span, callee)
    if not generic.concrete:
        for place, (value, where) in enumerate(evaluated.positional):
            evaluated.positional[place] = _with_expression(generic, value, evaluated.trees[place], frame), where
        for name, (value, where) in evaluated.keywords.items():
            if name not in evaluated.trees:  # a list of tensors
                continue
            evaluated.keywords[name] = _with_expression(generic, value, evaluated.trees[name], frame), where
    return evaluated


def _with_expression(generic: Generic, value: Any, argument: tree.Expr, frame: Frame) -> Any:
    """An argument's value with the expression behind it; raises Unsayable where it can have none."""
    if holds_tensors(value) or isinstance(value, Poison):
        return value
    if isinstance(value, LayerCall):
        return value
    if isinstance(value, Word):
        formula = translation(generic, argument, frame)
        if not isinstance(formula, tree.String):
            raise Unsayable(names(formula))
        return value
    if isinstance(value, OpenSize) or (isinstance(value, Initializer) and isinstance(argument, tree.Call)):
        return value
    formula = translation(generic, argument, frame)
    if value is None or isinstance(value, str):
        if not is_constant(formula):
            return Said(value, formula)
        return value
    return lifted(value, formula)


def layer_for_all(generic: Generic, expression: tree.Expr, frame: Frame) -> Any:
    value = layer_value(generic, expression, frame)
    if isinstance(expression, tree.Conditional) and not generic.concrete:
        demand(generic, expression.condition, frame)
    if isinstance(value, LayerCall):
        values = (*value.positional, *(item for _, item in value.keywords))
        symbolics = [item for item in values if has_expression(item)]
        if symbolics:
            raise Unsayable(set().union(*(names(expression_behind(item)) for item in symbolics)))
    return value


def pass_on_for_all(generic: Generic, name: str, arguments: Arguments, span: Span, frame: Frame) -> Result:
    if not generic.concrete:
        demand(generic, tree.Name(name), frame)
    return pass_on(generic, name, arguments, span, frame)


def built_in_for_all(generic: Generic, name: str, arguments: Arguments, span: Span) -> Any:
    arguments.positional = [(bare(value), where) for value, where in arguments.positional]
    return built_in(generic, name, arguments, span)


def layer_with_expressions(
    generic: Generic,
    cls: type[Layer],
    arguments: Arguments,
    span: Span,
    name_span: Span,
    frame: Frame,
    *,
    lexical: bool = True,
) -> Layer:
    """The layer with the numbers of this call, each with its expression."""
    defaults = frame.environment.defaults
    lifted_values = dict(defaults.get(cls.name, {})) if lexical else {}
    fields = list(cls.model_fields)
    lifted_values |= dict(zip(fields, (value for value, _ in arguments.positional), strict=False))
    others = {name: value for name, (value, _) in arguments.keywords.items() if name not in cls.tensors}
    lifted_values |= {name: value for name, value in others.items() if name in fields}
    drop_idle(cls, lifted_values, {*fields[: len(arguments.positional)], *others})
    lifted_values |= {cls.collects: {n: v for n, v in others.items() if n not in fields}} if cls.collects else {}
    numbers = Arguments(
        arguments.tensors,
        [(bare(value), where) for value, where in arguments.positional],
        {name: (bare(value), where) for name, (value, where) in arguments.keywords.items()},
    )
    here = frame.environment.defaults
    frame.environment.defaults = {**here, cls.name: {k: bare(v) for k, v in here.get(cls.name, {}).items()}}
    try:
        layer = make_layer(generic, cls, numbers, span, name_span, frame, lexical=lexical)
    finally:
        frame.environment.defaults = here
    symbolics = {name: value for name, value in lifted_values.items() if has_expression(value)}
    if not symbolics:
        return layer
    if cls.ranks is None or min(cls.ranks) < 2:
        for value in symbolics.values():
            _require_length(generic, value)
    values = {name: getattr(layer, name) for name in fields}
    values |= {name: as_field(values[name], value) for name, value in symbolics.items()}
    return cls.model_construct(**values)


def _require_length(generic: Generic, value: Any) -> None:
    """Raises Unsayable for a list of any length; one with an entry for each axis is as long as there are axes."""
    if not isinstance(value, list | tuple) or not value or not isinstance(value[0], Symbolic):
        return
    match value[0].expression:
        case tree.Index(base, tree.Number(0)) if (elements(base, generic.lets) or []) == []:
            raise Unsayable(names(base))


def plain_for_all(generic: Generic, value: Any, argument: str, callee: str, span: Span) -> Any:
    if has_expression(value):
        plain_argument(generic, bare(value), argument, callee, span)
        return tuple(value) if isinstance(value, list) else value
    return plain_argument(generic, value, argument, callee, span)


def apply_for_all(generic: Generic, layer: Layer, inputs: tuple[Tensor, ...], span: Span, frame: Frame) -> Result:
    generic.state.spend(span)
    input_shapes = tuple(tensor.shape for tensor in inputs)
    with guarded() as guards:
        try:
            output_shapes = layer.outputs(*input_shapes)
        except ShapeError as error:
            raise Problem(error.code, error.message, span) from None
        except TooComplexError:
            raise Unsayable from None
    for question, answer in guards:
        note_divisor(question, answer)
    node = DraftNode(layer, (*inputs, *counts_of(generic, layer.counted(*input_shapes))), span)
    outputs = tuple(Tensor(shape, span, node, index) for index, shape in enumerate(output_shapes))
    node.outputs = (*outputs, *_count(generic, node, outputs)) if layer.makes_set else outputs
    with guarded() as questions:
        node.call = layer.torch(*input_shapes)
    hanging = set().union(*(names(question) for question, _ in questions))
    if hanging:
        raise Unsayable(hanging)
    generic.state.add(node, frame.scope)
    return Result(outputs, None, node)


def counts_of(generic: Generic, sets: Iterable[Set]) -> tuple[Tensor, ...]:
    """What says how many members these sets have; raises Unsayable where nothing here does."""
    counts = generic.state.counts
    if any(each not in counts for each in sets):
        raise Unsayable
    return tuple(counts[each] for each in sets)


def _count(generic: Generic, node: DraftNode, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What a layer that makes a set leaves after its outputs: how many members it has."""
    each = outputs[0].shape.each
    assert each is not None
    generic.state.counts[each] = count = Tensor(COUNT, node.span, node, len(outputs), "count")
    return (count,)


def parameter_for_all(
    generic: Generic, definition: tree.Definition, parameter: tree.Parameter, value: Any, span: Span
) -> Any:
    checked = for_parameter(generic, definition, parameter, bare(value), span)
    if not has_expression(value) or holds_tensors(checked):
        return checked
    return Said(checked, expression_behind(value))


def size_for_all(generic: Generic, part: tree.Expr, frame: Frame) -> Any:
    size = declared_size(generic, part, frame)
    if isinstance(size, OpenSize) or generic.concrete:
        return size
    return symbolic(plain(size), translation(generic, part, frame))
