"""Functions of numbers: those of the language, those that a spec defines, and how weights start."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.draft import Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import fail, mistaken, weighed
from netspec.elaborate.problems import Problem, Stop, counted
from netspec.elaborate.state import DEEPEST, Frame
from netspec.elaborate.values import operators
from netspec.elaborate.values.environment import Environment, Modules
from netspec.elaborate.values.operators import FUNCTIONS, OperandError, TooLarge
from netspec.elaborate.values.values import Arguments, Function, Result, SharedModule, Word
from netspec.layers.declaration.initializers import Initializer
from netspec.syntax import tree
from netspec.syntax.source import Span


def function_call(
    elaborator: Elaborator, function: Function, arguments: tuple[tree.Argument, ...], span: Span, frame: Frame
) -> Any:
    """A function of numbers: its expression, with its parameters in the place of the arguments."""
    values = function_arguments(elaborator, function.definition, arguments, span, frame)
    environment = Environment({}, function.environment, {}, {}, function.environment.templates)
    local = Frame(environment, frame.scope, None)
    for parameter in function.definition.parameters:
        if parameter.name in values:
            environment.names[parameter.name] = values[parameter.name]
        elif parameter.default is not None:
            environment.names[parameter.name] = elaborator.evaluate(parameter.default, local)
        else:
            message = f"{function.definition.name} needs {parameter.name}"
            raise Problem("E0203", message, span, related=((function.definition.span, "defined here"),))
    of_numbers = all(type(value) in (int, float) for value in environment.names.values())
    key = (id(function), repr(environment.names)) if of_numbers else None
    results = elaborator.state.memory.functions
    if key is not None and key in results:
        return results[key][1]
    elaborator.state.functions += 1
    if elaborator.state.functions > DEEPEST:
        raise Stop(Problem("E0505", f"functions are nested more than {DEEPEST} deep here", span))
    before = elaborator.state.nodes
    try:
        result = elaborator.evaluate(function.definition.value, local)
    except Problem as problem:
        name, diagnostic = function.definition.name, problem.diagnostic
        if diagnostic.code == "E0202" and diagnostic.span.text == name:
            raise Problem(
                "E0503",
                f"{name} is built from itself, and a function of numbers knows only what stands above it",
                diagnostic.span,
                related=((function.definition.span, "defined here"),),
                help="go through a list in its place: sum, max, [... for x in xs]",
            ) from None
        raise
    finally:
        elaborator.state.functions -= 1
    if key is not None and elaborator.state.nodes == before:
        results[key] = function, result
    return result


def function_arguments(
    elaborator: Elaborator, function: tree.Function, arguments: tuple[tree.Argument, ...], span: Span, frame: Frame
) -> dict[str, Any]:
    """The arguments of a function of numbers by its parameters' names."""
    names = [parameter.name for parameter in function.parameters]
    values: dict[str, Any] = {}
    related = ((function.span, "defined here"),)
    for place, argument in enumerate(arguments):
        value = elaborator.evaluate(argument.value, frame)
        if isinstance(value, Word | SharedModule | Tensor | Result | Modules):
            raise mistaken(elaborator, value, "a number, a text or a list", argument.value.span)
        name = argument.name if argument.name is not None else names[place] if place < len(names) else None
        if name not in names or name in values:
            what = f"no parameter {name}" if name is not None and name not in names else "fewer parameters"
            raise Problem("E0203", f"{function.name} has {what}", argument.span, related=related)
        values[name] = value
    return values


def built_in(elaborator: Elaborator, name: str, arguments: Arguments, span: Span) -> Any:
    if arguments.keywords:
        raise Problem("E0203", f"{name} takes no arguments by name", span)
    values = []
    for value, where in arguments.positional:
        if isinstance(value, Word | SharedModule):
            raise mistaken(elaborator, value, "a value", where)
        values.append(value if name == "len" else weighed(elaborator, value, where))
    try:
        result = operators.bounded(FUNCTIONS[name](*values))
        return result if isinstance(result, range) else weighed(elaborator, result, span)
    except (OperandError, TooLarge) as error:
        fail(error, span)
    except TypeError:
        raise Problem("E0203", f"{name} does not take {counted(len(values), 'argument')}", span) from None


def initializer(elaborator: Elaborator, name: str, arguments: Arguments, span: Span) -> Initializer:
    """How weights start, as an argument: `trunc_normal(std=0.01)`."""
    if arguments.tensors:
        raise mistaken(elaborator, arguments.tensors[0], "a number", span)
    try:
        return Initializer.of(
            name,
            [str(value) if isinstance(value, Word) else value for value, _ in arguments.positional],
            {key: str(value) if isinstance(value, Word) else value for key, (value, _) in arguments.keywords.items()},
        )
    except ValueError as error:
        raise Problem("E0203", str(error), span) from None
