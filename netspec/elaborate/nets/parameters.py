"""The parameters of nets and blocks: arguments, or else defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspec.elaborate.draft import DraftScope, Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.mistakes import hints
from netspec.elaborate.state import STEPS_OF_A_STATEMENT, Frame
from netspec.elaborate.values.environment import Environment, Poison
from netspec.elaborate.values.operators import FUNCTIONS
from netspec.elaborate.values.types import is_layer, is_tensors
from netspec.elaborate.values.values import Function, Result, Word
from netspec.syntax import tree
from netspec.syntax.parser import parse
from netspec.syntax.source import Source, Span


def bind_parameters(
    elaborator: Elaborator, definition: tree.Definition, arguments: dict[str, Any], environment: Environment, span: Span
) -> None:
    """Every parameter's name with its argument, or else its default, evaluated where the block is defined."""
    elaborator.state.work(span, STEPS_OF_A_STATEMENT * len(definition.parameters))
    environment.parameters = {parameter.name for parameter in definition.parameters}
    for parameter in definition.parameters:
        if parameter.name in arguments:
            environment.names[parameter.name] = arguments[parameter.name]
            continue
        if parameter.default is None:
            raise hints.missing(definition, parameter.name, span)
        nowhere = Frame(environment, DraftScope("group", "", span), None)
        value = default_of(elaborator, parameter, nowhere)
        value = elaborator.for_parameter(definition, parameter, value, parameter.default.span)
        environment.names[parameter.name] = value


def with_layers(
    elaborator: Elaborator, definition: tree.Definition, arguments: Mapping[str, Any], environment: Environment
) -> dict[str, Any]:
    """The arguments of a net, the texts among them that name layers read as such: `--set act=leaky_relu(0.2)`."""
    values = dict(arguments)
    for parameter in definition.parameters:
        text = values.get(parameter.name)
        by_default = isinstance(parameter.default, tree.Name | tree.Call) and parameter.type is None
        if not isinstance(text, str) or not (is_layer(parameter) or by_default):
            continue
        source = Source("<argument>", f"let value = {text}")
        file, mistakes = parse(source)
        elaborator.state.diagnostics.extend(mistakes)
        for item in file.items if not mistakes else ():
            if isinstance(item, tree.Let) and len(item.flow.elements) == 1:
                element = item.flow.elements[0]
                assert not isinstance(element, tree.Group | tree.Wiring)
                elaborator.state.frame = Frame(environment, DraftScope("group", "", item.span), None)
                value = elaborator.layer_value(element, elaborator.state.frame)
                values[parameter.name] = elaborator.for_parameter(definition, parameter, value, element.span)
    return values


def default_of(elaborator: Elaborator, parameter: tree.Parameter, frame: Frame) -> Any:
    """The value of a parameter's default; a call of a layer is the layer, as there is nothing to apply it to."""
    assert parameter.default is not None
    match parameter.default:
        case tree.Call(tree.Name(name)) if name not in FUNCTIONS and not isinstance(
            frame.environment.get(name), Function
        ):
            return elaborator.layer_value(parameter.default, frame)
    return elaborator.evaluate(parameter.default, frame)


def split_arguments(
    definition: tree.Definition, environment: Environment
) -> tuple[tuple[tuple[str, Any], ...], tuple[Tensor, ...]]:
    """A definition's arguments as data for the graph, and the tensors among them."""
    plain: list[tuple[str, Any]] = []
    tensors: list[Tensor] = []
    for parameter in definition.parameters:
        value = environment.names.get(parameter.name)
        if isinstance(value, Tensor):
            tensors.append(value)
        elif is_tensors(parameter):
            tensors.extend(value if isinstance(value, list) else ())
        elif not isinstance(value, Result | Poison):
            plain.append((parameter.name, str(value) if isinstance(value, Word) else value))
    return tuple(plain), tuple(tensors)
