"""Calls by name: of layers, blocks, nets, shared modules and functions."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.calls.arguments import listed_arguments
from netspec.elaborate.calls.blocks import block_call
from netspec.elaborate.calls.callees import unknown_callee
from netspec.elaborate.calls.functions import function_call, initializer
from netspec.elaborate.calls.layers import layer_call
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import mistaken
from netspec.elaborate.expressions.names import current_value
from netspec.elaborate.mistakes import hints
from netspec.elaborate.problems import Problem, Spoilt
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import Poison
from netspec.elaborate.values.operators import FUNCTIONS
from netspec.elaborate.values.values import Arguments, Function, LayerCall, Result, SharedModule, Word
from netspec.layers import REGISTRY
from netspec.layers.declaration.initializers import FORMS
from netspec.syntax import tree
from netspec.syntax.source import Span


def call(elaborator: Elaborator, call: tree.Call, frame: Frame, *, stage: bool = False) -> Any:
    """The value of a call. As a stage it is a layer first; inside an expression, a function of numbers."""
    if not isinstance(call.callee, tree.Name):
        raise hints.call_of_another(call) or Problem(
            "E0205",
            f"{call.callee.span.text} cannot be called",
            call.callee.span,
            help="a call names a layer, a block, a net or a shared module",
        )
    return elaborator.named_call(call.callee.id, call.arguments, call.span, call.callee.span, frame, stage=stage)


def named_call(
    elaborator: Elaborator,
    name: str,
    arguments: tuple[tree.Argument, ...],
    span: Span,
    name_span: Span,
    frame: Frame,
    *,
    stage: bool,
) -> Any:
    bound = frame.environment.get(name)
    if bound is None:
        return elaborator.nothing(name, elaborator.evaluated(arguments, frame, span), span, frame)
    if isinstance(bound, LayerCall):
        return value_call(elaborator, bound, elaborator.evaluated(arguments, frame, span), span, name_span, frame)
    if isinstance(bound, Function):
        return function_call(elaborator, bound, arguments, span, frame)
    if isinstance(bound, Word):
        name, bound = bound.text, None
    if isinstance(bound, SharedModule):
        return shared_call(elaborator, bound, arguments, span, frame)
    label = isinstance(frame.environment.labels.get(name), Poison)  # labels and layers do not meet
    if isinstance(bound, Poison) and not (label and (name in REGISTRY or name in frame.environment.templates)):
        raise Spoilt
    template = frame.environment.templates.get(name)
    if template is not None:
        evaluated = elaborator.evaluated(arguments, frame, span, template.definition)
        return block_call(elaborator, template, evaluated, span, frame)
    if name in FUNCTIONS and not (stage and name in REGISTRY):
        evaluated = (
            elaborator.evaluated(arguments, frame, span, REGISTRY[name])
            if name in REGISTRY
            else listed_arguments(elaborator, arguments, frame)
        )
        if not evaluated.tensors and (evaluated.positional or name not in REGISTRY):
            return elaborator.function(name, evaluated, span)
        if name not in REGISTRY:
            raise Problem("E0206", f"{name} is a function of numbers and lists, not of tensors", span)
        return layer_call(elaborator, name, evaluated, span, name_span, frame)
    if name in REGISTRY:
        evaluated = elaborator.evaluated(arguments, frame, span, REGISTRY[name])
        return layer_call(elaborator, name, evaluated, span, name_span, frame)
    if name in FORMS and not stage:
        return initializer(elaborator, name, elaborator.evaluated(arguments, frame, span), span)
    raise unknown_callee(elaborator, name, bound, arguments, (name_span, span), frame, stage=stage)


def value_call(
    elaborator: Elaborator, value: LayerCall, arguments: Arguments, span: Span, name_span: Span, frame: Frame
) -> Result:
    """A layer that is a value, applied: it has its arguments already."""
    if arguments.positional or arguments.keywords:
        message = f"{value} has its arguments already, and takes values alone"
        raise Problem("E0203", message, span)
    arguments.positional = [(item, value.span) for item in value.positional]
    arguments.keywords = {name: (item, value.span) for name, item in value.keywords}
    arguments.syntax = value.syntax
    if value.template is not None:  # what has been given from outside contains nothing without end
        opened = elaborator.state.open_blocks
        around = opened.pop(id(value.template.definition), None)
        result = block_call(elaborator, value.template, arguments, span, frame)
        opened.update({} if around is None else {id(around): around})
        return result
    return layer_call(elaborator, value.text, arguments, span, name_span, frame)


def pass_on(elaborator: Elaborator, name: str, arguments: Arguments, span: Span, frame: Frame) -> Result:
    """A layer that is none passes its value on."""
    if arguments.positional or arguments.keywords or len(arguments.tensors) > 1:
        raise Problem("E0205", f"{name} is none, which takes one value and nothing else", span)
    return Result((arguments.tensors[0] if arguments.tensors else current_value(frame, span),))


def shared_call(
    elaborator: Elaborator, shared: SharedModule, arguments: tuple[tree.Argument, ...], span: Span, frame: Frame
) -> Result:
    evaluated = elaborator.evaluated(arguments, frame, span)
    for value, where in (*evaluated.positional, *evaluated.keywords.values()):
        if isinstance(value, Word):
            raise mistaken(elaborator, value, "a tensor", where)
    if evaluated.positional or evaluated.keywords or len(evaluated.tensors) > 1:
        raise Problem(
            "E0218",
            f"{shared.name} is a shared module: it takes one tensor and nothing else",
            span,
            related=((shared.span, "declared here"),),
        )
    entering = evaluated.tensors[0] if evaluated.tensors else current_value(frame, span)
    return elaborator.apply_shared(shared, entering, span, frame)
