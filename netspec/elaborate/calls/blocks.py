"""The call of a block or net: its arguments by parameter, each of its parameter's type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspec.elaborate.calls.arguments import are_tensors, defaults_to_layer
from netspec.elaborate.calls.callees import unknown_callee
from netspec.elaborate.draft import Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import as_list, as_tensor, mistaken, unknown_name, weighed
from netspec.elaborate.expressions.names import current_value
from netspec.elaborate.mistakes import hints
from netspec.elaborate.mistakes.demands import words
from netspec.elaborate.mistakes.slips import layer_meant
from netspec.elaborate.problems import Problem, counted
from netspec.elaborate.state import Frame
from netspec.elaborate.values import operators
from netspec.elaborate.values.environment import UNBOUND, Modules, Template
from netspec.elaborate.values.types import fits_type, is_layer, is_tensor, is_tensors, not_of_type, takes_text
from netspec.elaborate.values.values import Arguments, Function, LayerCall, Result, SharedModule, Word
from netspec.layers import REGISTRY
from netspec.spelling import nearest
from netspec.syntax import tree
from netspec.syntax.source import Span


def block_call(elaborator: Elaborator, template: Template, arguments: Arguments, span: Span, frame: Frame) -> Result:
    """A block or net applied: leading tensors fill its tensor parameters, or enter it where there is one more."""
    definition = template.definition
    leads = [p for p in definition.parameters if is_tensor(p) and p.name not in arguments.keywords]
    tensors = list(arguments.tensors)
    entering = tensors.pop(0) if len(tensors) > len(leads) else None
    if len(tensors) > len(leads):
        message = f"{definition.name} takes {counted(len(leads), 'tensor')} besides the one that enters it"
        help, mend = hints.tensor_parameters(definition, arguments.keywords, len(arguments.tensors), arguments.syntax)
        raise misused(definition, message, span, help=help, mend=mend)
    bound = bound_arguments(definition, [(tensor, span) for tensor in tensors], arguments)
    lists = [bound[p.name] for p in definition.parameters if is_tensors(p) and p.name in bound]
    if entering is None and lists and frame.current is None and isinstance(lists[0][0], list) and lists[0][0]:
        entering = as_tensor(elaborator, lists[0][0][0], span)
    values: dict[str, Any] = {p.name: [] for p in definition.parameters if is_tensors(p) and p.default is not None}
    values |= frame.environment.defaults.get(definition.name, {})
    values |= for_parameters(elaborator, definition, bound)
    missing = [p.name for p in definition.parameters if p.default is None and p.name not in values]
    if missing and arguments.tensors and entering is not None:
        help, mend = hints.tensor_parameters(definition, arguments.keywords, len(arguments.tensors), arguments.syntax)
        message = f"{definition.name} needs {missing[0]}"
        raise misused(definition, message, span, help=help, code="E0210", mend=mend)
    if missing:
        raise hints.missing(definition, missing[0], span)
    return elaborator.instantiate(template, entering or current_value(frame, span), values, span, frame)


def bound_arguments(
    definition: tree.Definition, tensors: list[tuple[Any, Span]], arguments: Arguments
) -> dict[str, tuple[Any, Span]]:
    """The arguments by parameter: leading tensors go to the tensor parameters, what follows to the others."""
    free = [p for p in definition.parameters if p.name not in arguments.keywords]
    if any(isinstance(value, Tensor | Result) for value, _ in arguments.positional):
        ordered, values = free, [*tensors, *arguments.positional]
    else:
        leading, others = [p for p in free if is_tensor(p)], [p for p in free if not is_tensor(p)]
        ordered = [*leading[: len(tensors)], *others, *leading[len(tensors) :]]
        values = [*tensors, *arguments.positional]
    if len(values) > len(ordered):
        message = f"{definition.name} takes at most {counted(len(definition.parameters), 'argument')}"
        raise misused(definition, message, values[len(ordered)][1])
    bound = {parameter.name: pair for parameter, pair in zip(ordered, values, strict=False)}
    for name, pair in arguments.keywords.items():
        names = [parameter.name for parameter in definition.parameters]
        if name not in names:
            raise no_parameter(definition, name, pair[1])
        bound[name] = pair
    return bound


def for_parameters(
    elaborator: Elaborator, definition: tree.Definition, bound: Mapping[str, tuple[Any, Span]]
) -> dict[str, Any]:
    """The values of parameters by name, each of its parameter's type; raises Problem where one is of another."""
    by_name = {parameter.name: parameter for parameter in definition.parameters}
    return {name: elaborator.for_parameter(definition, by_name[name], *pair) for name, pair in bound.items()}


def for_parameter(
    elaborator: Elaborator, definition: tree.Definition, parameter: tree.Parameter, value: Any, span: Span
) -> Any:
    """The value that a parameter is given, of the parameter's type; raises Problem where it is of another."""
    name = parameter.name
    if is_tensor(parameter):
        if not isinstance(value, Tensor | Result | Word | SharedModule):
            if elaborator.state.frame and (
                problem := hints.label_as_text(value, span, elaborator.state.frame.environment)
            ):
                raise problem
            message = f"{name} of {definition.name} is a tensor, but this is {operators.kind(value)}"
            raise misused(definition, message, span, code="E0210")
        return as_tensor(elaborator, value, span)
    if is_tensors(parameter):
        items = as_list(value)
        if not isinstance(items, list) or not are_tensors(items):
            odd = hints.odd_one(items)
            if odd is not None and isinstance(items[odd], Word):
                raise unknown_name(elaborator, items[odd].text, items[odd].span)
            description = f"this is {operators.kind(value)}"
            description = description if odd is None else f"item {odd} of this is {operators.kind(items[odd])}"
            message = f"{name} of {definition.name} is a list of tensors, but {description}"
            help, mend = hints.one_in_list(value, span)
            raise misused(definition, message, span, code="E0210", help=help, mend=mend)
        return [as_tensor(elaborator, item, span) for item in items]
    if isinstance(value, SharedModule | Function | Modules):
        raise mistaken(elaborator, value, "a value", span)
    if isinstance(value, LayerCall) and (parameter.type is None or is_layer(parameter)):
        return value
    if isinstance(value, Word) and (parameter.type is None or is_layer(parameter)):
        frame = elaborator.state.frame
        template = frame.environment.templates.get(value.text) if frame is not None else None
        if template is not None:
            return LayerCall(value.text, value.span, template=template)
        is_layer_word = is_layer(parameter) or layer_meant(value.text) is not None
        if value.text not in REGISTRY and value.text not in words() and is_layer_word and frame is not None:
            raise unknown_callee(elaborator, value.text, UNBOUND, (), (value.span, value.span), frame, stage=True)
        if value.text not in REGISTRY and value.text not in words():
            raise unknown_name(elaborator, value.text, value.span)
        return value
    layered = is_layer(parameter) or defaults_to_layer(parameter)
    if isinstance(value, str) and layered and (problem := hints.layer_as_text(definition, parameter, value, span)):
        raise problem
    if isinstance(value, Word):
        if not takes_text(parameter.type):
            raise unknown_name(elaborator, value.text, value.span)
        value = value.text
    if isinstance(value, range):
        value = list(weighed(elaborator, value, span))
    if not fits_type(value, parameter.type):
        raise not_of_type(definition, parameter, value, span)
    if parameter.type == tree.TypeName("float") and isinstance(value, int):
        return float(value)
    return value


def no_parameter(definition: tree.Definition, name: str, span: Span) -> Problem:
    """An argument of a name that no parameter has; the span begins with it."""
    near = nearest(name, [parameter.name for parameter in definition.parameters])
    return misused(
        definition,
        f"{definition.name} has no parameter {name}",
        span,
        help=f"did you mean {near}?" if near else "",
        mend=(Span(span.source, span.start, span.start + len(name)), near) if near else None,
    )


def misused(
    definition: tree.Definition,
    message: str,
    span: Span,
    *,
    help: str = "",
    code: str = "E0203",
    mend: tuple[Span, str] | None = None,
) -> Problem:
    return Problem(code, message, span, related=((definition.signature, "defined here"),), help=help, mend=mend)
