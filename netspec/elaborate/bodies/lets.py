"""Side values, functions, and the defaults of layers and blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from netspec.elaborate.bodies.labels import KEPT
from netspec.elaborate.bodies.stages import flow_result, name_set
from netspec.elaborate.calls.blocks import bound_arguments, for_parameters
from netspec.elaborate.calls.layers import no_argument
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.problems import Problem, counted
from netspec.elaborate.state import Frame
from netspec.elaborate.values import operators
from netspec.elaborate.values.environment import UNBOUND, Poison
from netspec.elaborate.values.values import Function, Result
from netspec.layers import REGISTRY
from netspec.spelling import nearest
from netspec.syntax import tree
from netspec.syntax.source import Span


def let(elaborator: Elaborator, let: tree.Let, frame: Frame) -> None:
    """A side value: the flow stays where it was."""
    value: Any
    only = let.flow.elements[0]
    if len(let.flow.elements) == 1 and not isinstance(only, tree.Group | tree.Wiring):
        value = elaborator.evaluate(only, frame)
    else:
        value = flow_result(elaborator, let.flow, frame)
    name_set(value, let.names[0])
    if len(let.names) == 1:
        takes_name = let.names[0] != KEPT and isinstance(value, Result) and value.maker is not None
        takes_name = takes_name and not elaborator.in_loop(frame)
        if isinstance(only, tree.Call) and takes_name:
            value.maker.suggestion = let.names[0]
        bind_names(let, [value], frame)
        return
    parts = list(value.outputs) if isinstance(value, Result) else value
    if not isinstance(parts, list) or len(parts) != len(let.names):
        description = counted(len(parts), "value") if isinstance(parts, list) else operators.kind(value)
        raise Problem("E0208", f"{len(let.names)} names, but this is {description}", let.flow.span)
    bind_names(let, parts, frame)


def in_loop(elaborator: Elaborator, frame: Frame) -> bool:
    """Whether a statement stands in a loop of its module: what it makes there is one of several."""
    scopes = takewhile(lambda scope: not scope.is_module, frame.scope.chain())
    return any(scope.kind == "iteration" for scope in scopes)


def bind_names(let: tree.Let, values: list[Any], frame: Frame) -> None:
    """The names of a let; a label keeps its meaning, another let or a parameter may be given a new one."""
    for name, value in zip(let.names, values, strict=True):
        there = frame.environment.labels.get(name)
        if there is not None and not isinstance(there, Poison):
            raise Problem("E0204", f"there is a stage labelled {name} in this scope already", let.span)
        frame.environment.parameters.discard(name)
        frame.environment.names[name] = value


def define(elaborator: Elaborator, function: tree.Function, frame: Frame) -> None:
    """A function of numbers: it knows the names that are in force here, and not itself."""
    there = frame.environment.own(function.name)
    if there is not UNBOUND and not isinstance(there, Function | Poison):
        message = f"{function.name} is the name of a value in this scope already"
        raise Problem("E0204", message, function.span, help="give the function another name")
    frame.environment.names[function.name] = Function(function, frame.environment.snapshot())


def default(elaborator: Elaborator, default: tree.Default, frame: Frame) -> None:
    """Keyword arguments for the calls of a layer or block below, checked by its own argument names."""
    template = frame.environment.templates.get(default.layer)
    if template is not None:
        default_of_block(elaborator, template.definition, default, frame)
        return
    cls = REGISTRY.get(default.layer)
    if cls is None:
        start = default.span.start + default.span.text.index(default.layer, len("default"))
        place = Span(default.span.source, start, start + len(default.layer))
        near = nearest(default.layer, [*REGISTRY, *frame.environment.templates])
        help = f"did you mean {near}?" if near else "netspec layers lists the layers"
        mend = (place, near) if near else None
        raise Problem(
            "E0202", f"there is no layer or block named {default.layer}", place, "not known", help=help, mend=mend
        )
    default, unnamed = _with_names(default, list(cls.model_fields))
    evaluated = elaborator.evaluated(default.arguments, frame, default.span)
    for name, (_, span) in evaluated.keywords.items():
        if name not in cls.model_fields:
            raise no_argument(cls, name, span)
    values = {name: elaborator.plain(value, name, cls.name, span) for name, (value, span) in evaluated.keywords.items()}
    frame.environment.default(cls.name, values)
    if unnamed is not None:
        raise unnamed


def _with_names(default: tree.Default, fields: Sequence[str]) -> tuple[tree.Default, Problem | None]:
    """The default with a name for each argument, and the problem where some have none.

    `fields` are those of the layer or block in order. Raises Problem where there are more arguments than these.
    """
    unnamed = [argument for argument in default.arguments if argument.name is None]
    if not unnamed:
        return default, None
    texts = [f"{field}={argument.value.span.text}" for field, argument in zip(fields, unnamed, strict=False)]
    arguments_text, span = ", ".join(texts), unnamed[0].span.to(unnamed[-1].span)
    is_complete = len(texts) == len(unnamed)
    problem = Problem(
        "E0110",
        "a default gives arguments by name",
        unnamed[0].span,
        "this one has no name",
        help=f"write {arguments_text}" if is_complete else f"{default.layer} has {len(fields)} of them",
        mend=(span, arguments_text) if is_complete else None,
    )
    if not is_complete:
        raise problem
    names = iter(fields)
    arguments = [a if a.name is not None else replace(a, name=next(names)) for a in default.arguments]
    return replace(default, arguments=tuple(arguments)), problem


def default_of_block(elaborator: Elaborator, definition: tree.Definition, default: tree.Default, frame: Frame) -> None:
    default, unnamed = _with_names(default, [parameter.name for parameter in definition.parameters])
    evaluated = elaborator.evaluated(default.arguments, frame, default.span)
    values = for_parameters(elaborator, definition, bound_arguments(definition, [], evaluated))
    frame.environment.default(definition.name, values)
    if unnamed is not None:
        raise unnamed
