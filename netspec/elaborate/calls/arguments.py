"""The arguments of a call, evaluated: tensors that lead, numbers, layers that are values."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.draft import Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import as_list, as_tensor, is_listed, truth
from netspec.elaborate.problems import Problem
from netspec.elaborate.state import Frame
from netspec.elaborate.values.numbering import mentions_value
from netspec.elaborate.values.operators import FUNCTIONS
from netspec.elaborate.values.types import is_layer, is_tensor, is_tensors
from netspec.elaborate.values.values import Arguments, LayerCall, Result
from netspec.layers import REGISTRY
from netspec.layers.declaration.base import Layer
from netspec.syntax import tree
from netspec.syntax.source import Span


def listed_arguments(elaborator: Elaborator, arguments: tuple[tree.Argument, ...], frame: Frame) -> Arguments:
    """The arguments of a function of numbers and lists, each evaluated; a list of tensors is a list like any."""
    values = [(as_list(elaborator.evaluate(a.value, frame)), a.value.span, a.name) for a in arguments]
    tensors = [as_tensor(elaborator, value, span) for value, span, _ in values if isinstance(value, Tensor | Result)]
    positional = [(value, span) for value, span, name in values if name is None]
    keywords = {name: (value, span) for value, span, name in values if name is not None}
    return Arguments(tensors, positional, keywords, arguments)


def evaluated_arguments(
    elaborator: Elaborator,
    arguments: tuple[tree.Argument, ...],
    frame: Frame,
    span: Span,
    callee: tree.Definition | type[Layer] | None = None,
) -> Arguments:
    """The arguments, each evaluated; leading tensors apart, lists of tensors unrolled. A block's definition says which
    of them are layers or lists of tensors, a layer's class whether it takes all results of a stage or its first.
    """
    definition = callee if isinstance(callee, tree.Definition) else None
    whole = isinstance(callee, type) and any(slot.startswith("*") for slot in callee.tensors)
    result = Arguments([], [], {}, arguments)
    keywords = {argument.name for argument in arguments}
    lists = [] if definition is None else [p.name for p in definition.parameters if is_tensors(p)]
    for argument in arguments:
        here = argument.value.span
        place = len(result.positional)
        if definition is not None and is_layer_value(definition, argument, place, keywords, frame):
            value = elaborator.layer_value(argument.value, frame)
        else:
            value = elaborator.evaluate(argument.value, frame)
        leads = argument.name is None and not result.positional
        if argument.name in lists or (leads and (lists or whole or is_listed(value))):
            value = as_list(value)
        if argument.name is None and isinstance(value, list) and lists and are_tensors(value):
            free = next((name for name in lists if name not in result.keywords), None)
            if free is not None:
                result.keywords[free] = (value, here)
                continue
        if argument.name is not None:
            if argument.name in result.keywords:
                raise Problem("E0203", f"{argument.name} is given twice", argument.span)
            result.keywords[argument.name] = (value, argument.span)
            result.trees[argument.name] = argument.value
        elif not result.positional and isinstance(value, Tensor | Result):
            result.tensors.append(as_tensor(elaborator, value, here))
        elif not result.positional and isinstance(value, list) and value and are_tensors(value):
            result.tensors.extend(as_tensor(elaborator, item, here) for item in value)
        else:
            result.trees[len(result.positional)] = argument.value
            result.positional.append((value, here))
    return result


def is_layer_value(
    definition: tree.Definition, argument: tree.Argument, position: int, keywords: set[str | None], frame: Frame
) -> bool:
    """Whether an argument is a layer or block with all of its arguments but the tensors: `leaky_relu(0.2)`.

    `position` is its place among those that are no tensors, `keywords` are the parameters that are given by name.
    """
    if not isinstance(argument.value, tree.Call | tree.Conditional):
        return False
    if argument.name is not None:
        parameter = next((p for p in definition.parameters if p.name == argument.name), None)
    else:
        plain = [p for p in definition.parameters if not is_tensor(p) and not is_tensors(p) and p.name not in keywords]
        parameter = plain[position] if position < len(plain) else None
    if parameter is None or is_tensor(parameter) or is_tensors(parameter):
        return False
    if is_layer(parameter):
        return True
    if parameter.type is not None or not makes_layer(argument.value, frame):
        return False
    leads = argument.name is None and position == 0 and not defaults_to_layer(parameter)
    return not leads and not mentions_value(argument.value, frame.environment)


def makes_layer(expression: tree.Expr, frame: Frame) -> bool:
    """Whether an argument reads as a layer with arguments, whichever side of a condition is taken."""
    match expression:
        case tree.Conditional(then, _, otherwise):
            sides = (then, otherwise)
            bare = all(isinstance(s, tree.Name | tree.Constant) or makes_layer(s, frame) for s in sides)
            return bare and any(makes_layer(side, frame) for side in sides)
        case tree.Call(tree.Name(name)):
            return name not in FUNCTIONS and (name in REGISTRY or name in frame.environment.templates)
    return False


def layer_value(elaborator: Elaborator, expression: tree.Expr, frame: Frame) -> Any:
    """The value of an argument that is a layer: a word, none, or a call that is not applied yet."""
    match expression:
        case tree.Conditional(then, condition, otherwise):
            return elaborator.layer_value(then if truth(elaborator, condition, frame) else otherwise, frame)
        case tree.Call(tree.Name(name), arguments) if makes_layer(expression, frame):
            template = frame.environment.templates.get(name)
            definition = template.definition if template is not None else None
            evaluated = elaborator.evaluated(arguments, frame, expression.span, definition)
            if evaluated.tensors:
                message = f"{name} is given here with a value, and this place needs the layer alone"
                raise Problem("E0205", message, expression.span, help="leave the value out: it is applied in the block")
            positional = tuple(value for value, _ in evaluated.positional)
            keywords = tuple((key, value) for key, (value, _) in evaluated.keywords.items())
            return LayerCall(name, expression.span, positional, keywords, template, arguments)
    return elaborator.evaluate(expression, frame)


def are_tensors(values: list[Any]) -> bool:
    return all(isinstance(value, Tensor | Result) for value in values)


def defaults_to_layer(parameter: tree.Parameter) -> bool:
    """Whether a parameter that says no type is none or a layer where nothing is given."""
    match parameter.default:
        case tree.Constant(None):
            return True
        case tree.Name(name):
            return name in REGISTRY
    return False
