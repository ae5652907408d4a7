"""Calls of blocks: they are called, not unrolled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netspec.elaborate.bodies.scopes import open_scope
from netspec.elaborate.calls.calls import named_call
from netspec.elaborate.control import DraftCall
from netspec.elaborate.draft import DraftScope, Tap, Tensor
from netspec.elaborate.expressions.sayings import Unsayable, is_constant
from netspec.elaborate.generic.calls import counts_of
from netspec.elaborate.generic.choices import choose
from netspec.elaborate.generic.expressions import translation
from netspec.elaborate.generic.generic import Generic
from netspec.elaborate.generic.lets import settle
from netspec.elaborate.generic.numbers import bare, expression_behind
from netspec.elaborate.nets.instances import not_inside_itself
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import Modules, Template
from netspec.elaborate.values.types import is_tensor, is_tensors
from netspec.elaborate.values.values import Listed, Result, Word
from netspec.graph.blueprint import COUNTS, Blueprint
from netspec.layers.declaration.symbols import Whole, expression_of, is_opaque, names, plain, symbolic
from netspec.shapes.shape import COUNT, Shape, sets_of
from netspec.shapes.sizes import OpenSize
from netspec.syntax import tree
from netspec.syntax.source import Span


def named_call_for_all(
    generic: Generic,
    name: str,
    arguments: tuple[tree.Argument, ...],
    span: Span,
    name_span: Span,
    frame: Frame,
    *,
    stage: bool,
) -> Any:
    bound = frame.environment.get(name)
    if isinstance(bound, Word) and not generic.concrete:
        formula = translation(generic, tree.Name(name), frame)
        if isinstance(formula, tree.Conditional):
            return _either_call(generic, formula, arguments, span, name_span, frame, stage=stage)
    return named_call(generic, name, arguments, span, name_span, frame, stage=stage)


def _either_call(
    generic: Generic,
    formula: tree.Expr,
    arguments: tuple[tree.Argument, ...],
    span: Span,
    name_span: Span,
    frame: Frame,
    *,
    stage: bool,
) -> Any:
    """A call of whichever block the arguments choose."""
    bound = generic.evaluate(tree.Name(name_span.text, span=name_span), frame)
    options: list[tuple[tree.Expr | None, str]] = []
    while isinstance(formula, tree.Conditional):
        if not isinstance(formula.then, tree.String):
            raise Unsayable(names(formula))
        options.append((formula.condition, formula.then.value))
        formula = formula.otherwise
    if not isinstance(formula, tree.String):
        raise Unsayable(names(formula))
    options.append((None, formula.value))
    results: list[Any] = []

    def call(name: str) -> Callable[[Frame], None]:
        def run(local: Frame) -> None:
            result = generic.named_call(name, arguments, span, name_span, local, stage=stage)
            results.append(result)
            local.current = result.outputs[0]

        return run

    actual = next(place for place, (_, name) in enumerate(options) if name == bound.text)
    choice = choose(generic, [(condition, call(name)) for condition, name in options], actual, frame, span)
    scope = frame.scope.items[-1]
    assert isinstance(scope, DraftScope)
    if len({len(result.outputs) for result in results}) > 1 or len(results[0].outputs) > 1:
        raise Unsayable(set().union(*(names(c) for c in choice.conditions if c is not None)))
    current = frame.current
    assert isinstance(current, Tensor)
    return Result((current,), None, scope)


def call_block(
    generic: Generic, template: Template, entering: Tensor, arguments: dict[str, Any], span: Span, frame: Frame
) -> Result:
    """A block is called, not unrolled: its outputs have the shapes that its blueprint gives them."""
    definition = template.definition
    not_inside_itself(generic, definition, span)
    tensors = [entering]
    slots = [p for p in definition.parameters if is_tensor(p) or is_tensors(p)]
    if any(p.name not in arguments for p in slots):
        raise Unsayable
    for parameter in slots:
        value = arguments[parameter.name]
        tensors.extend(value if isinstance(value, list) else [value])
    plain_arguments = {name: v for name, v in arguments.items() if name not in {p.name for p in slots}}
    numbers = {name: bare(value) for name, value in plain_arguments.items()}
    numbers |= {p.name: len(arguments[p.name]) for p in slots if is_tensors(p)}
    formulas = {name: expression_behind(value) for name, value in plain_arguments.items()}
    call = generic.blueprints(template, tensors, numbers, formulas)
    blueprint = call.blueprint
    _same_for_all(blueprint, formulas, tensors)
    scope = open_scope(generic, "block", definition.name, span, frame)
    sets = sets_of(tensor.shape for tensor in tensors)
    scope.inputs, scope.tensors = (entering,), (*tensors[1:], *counts_of(generic, sets))
    bound = {
        parameter.name: formulas[parameter.name] for parameter in blueprint.parameters if parameter.name in formulas
    }
    for name, (place, axis) in blueprint.derived.items():
        size = tensors[place].shape.dims[axis]
        if isinstance(size, OpenSize):
            raise Unsayable
        bound[name] = expression_of(size)
    bound |= {name: expression_of(size) for name, size in call.sizes.items()}
    sizes = {name: int(plain(size)) for name, size in call.sizes.items()}
    scope.control = control = DraftCall(blueprint, bound, sizes)
    outputs = (Tensor(_decided_shape(generic, shape), span, None, place) for place, shape in enumerate(call.shapes))
    scope.outputs = Listed(outputs) if blueprint.listed else tuple(outputs)

    def readable(inside: Any, path: tuple[str, ...]) -> dict[str, Any]:
        labels: dict[str, Any] = {}
        for name, (shapes, inner) in inside.items():
            outputs = tuple(Tap(shape, span, name) for shape in shapes)
            control.taps.extend((tensor, (*path, name), place) for place, tensor in enumerate(outputs))
            below = None if inner is None else readable(inner, (*path, name))
            labels[name] = Result(outputs, below) if outputs else Modules(below or {})
        return labels

    for place, each in enumerate(call.sets):
        generic.state.counts[each] = count = Tensor(COUNT, span, None, 0, "count")
        control.taps.append((count, (COUNTS,), place))
    result = Result(scope.outputs, readable(call.inside, ()), scope)
    for tensor in result.outputs:
        settle(generic, tensor, frame)
    return result


def _decided_shape(generic: Generic, shape: Shape) -> Shape:
    """The shape without the sides of conditions that are never taken."""
    if not any(isinstance(size, Whole) and isinstance(size.expression, tree.Conditional) for size in shape.dims):
        return shape
    deciding = generic.deciding
    sizes = ((size, deciding.decided(expression_of(size)) if isinstance(size, Whole) else None) for size in shape.dims)
    return shape.with_dims(*(s if formula is None else symbolic(int(plain(s)), formula) for s, formula in sizes))


def _same_for_all(blueprint: Blueprint, formulas: dict[str, tree.Expr], tensors: list[Tensor]) -> None:
    """Raises Unsayable where a block that holds for some arguments only is given others by other arguments here."""
    deciders: set[str] = set()
    for name in blueprint.fixed:
        deciders |= names(formulas[name]) if name in formulas else set()
    if blueprint.sizes_fixed:
        for size in (size for tensor in tensors for size in tensor.shape.dims if isinstance(size, Whole)):
            if not is_opaque(size.expression):
                deciders |= names(size.expression)
            elif blueprint.fixed and not any(name in formulas and not is_constant(formulas[name]) for name in formulas):
                raise Unsayable
    if deciders:
        raise Unsayable(deciders)
