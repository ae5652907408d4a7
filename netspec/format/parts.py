"""A statement as a row of parts: text that stays on its line, and the places where lines may end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from netspec.format.breaking import Breakable
from netspec.syntax import tree
from netspec.syntax.printer import print_expression, print_label, print_parameter, print_string, print_targets
from netspec.syntax.source import Span


@dataclass(frozen=True, slots=True)
class Arrow:
    """` -> `; `start` and `end` are those of what stands between the two elements in the source."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Braces:
    """A body, from its `{` at `start` to the end of its `}`; `peers` are the bodies that are broken where one is."""

    statements: tuple[tree.Statement | tree.Setting | tree.Step, ...]
    start: int
    end: int
    peers: tuple[Span, ...]


def _braces(body: tree.Body, peers: tuple[Span, ...] = ()) -> Braces:
    return Braces(body.statements, body.span.start, body.span.end, peers or (body.span,))


Part: TypeAlias = str | Breakable | Arrow | Braces
Statement: TypeAlias = tree.Statement | tree.Item | tree.Setting | tree.Step


def parts(statement: Statement, keys: int = 0) -> Iterator[Part]:
    """The parts of a statement in the order of the text; a setting's key is filled up to the width `keys`."""
    if isinstance(statement, tree.Setting):
        yield f"{statement.key:<{keys}} "
        yield from _flow(statement.value)
    else:
        yield from _PARTS[type(statement)](statement)


def _import(item: tree.Import) -> Iterator[Part]:
    module = print_string(item.module) if isinstance(item.module, tree.String) else item.module.id
    yield f"from {module} import {', '.join(name.id for name in item.names)}"


def _definition(item: tree.Definition) -> Iterator[Part]:
    yield f"{item.kind} {item.name}"
    if item.parameters:
        yield item.parameters
    yield " "
    yield _braces(item.body)


def _train(item: tree.Train) -> Iterator[Part]:
    yield "train "
    yield _settings(item)


def _step(step: tree.Step) -> Iterator[Part]:
    yield f"{step.key} "
    yield _settings(step)


def _settings(section: tree.Train | tree.Step) -> Braces:
    span = section.span
    inner = Span(span.source, span.start + max(span.text.find("{"), 0), span.end)
    return Braces(section.settings, inner.start, inner.end, (inner,))


def _stage(stage: tree.Stage) -> Iterator[Part]:
    if stage.labels:
        yield f"{', '.join(map(print_label, stage.labels))} = "
    first, *others = (stage.labels and _loop_alone(stage.flow)) or _flow(stage.flow)
    yield first if stage.labels or isinstance(first, str | Braces) else _leading(first)
    yield from others


def _loop_alone(flow: tree.Flow) -> Iterator[Part] | None:
    """`body = repeat 3 { ... }`, which was written without the braces of the container."""
    match flow.elements:
        case (tree.Group(tree.Body((tree.For() | tree.Repeat() as loop,))) as group,) if group.span == loop.span:
            return _PARTS[type(loop)](loop)
    return None


_LEADING_WORD = re.compile(r"(output|return|repeat)(?= ?[(\[+-]| in\b| not\b)")


def _leading(expr: Any) -> str | Breakable:
    """An expression that begins a statement: with a name that would be a keyword there, this stands in brackets."""
    text = print_expression(expr)
    return _LEADING_WORD.sub(r"(\1)", text, count=1) if _LEADING_WORD.match(text) else expr


def _let(let: tree.Let) -> Iterator[Part]:
    yield f"let {', '.join(let.names)} = "
    yield from _flow(let.flow)


def _function(function: tree.Function) -> Iterator[Part]:
    yield f"let {function.name}({', '.join(map(print_parameter, function.parameters))}) = "
    yield function.value


def _shared(shared: tree.Shared) -> Iterator[Part]:
    yield f"shared {print_label(shared.label)} = "
    yield from _flow(shared.flow)


def _default(default: tree.Default) -> Iterator[Part]:
    yield "default "
    yield tree.Call(tree.Name(default.layer), default.arguments, span=default.span)


def _for(statement: tree.For) -> Iterator[Part]:
    yield f"for {print_targets(statement.targets)} in "
    yield statement.sequence
    yield " "
    yield _braces(statement.body)


def _repeat(statement: tree.Repeat) -> Iterator[Part]:
    yield "repeat "
    yield statement.count
    yield " "
    yield _braces(statement.body)


def _if(statement: tree.If) -> Iterator[Part]:
    bodies = tuple(branch.body.span for branch in statement.branches)
    bodies += (statement.otherwise.span,) if statement.otherwise is not None else ()
    for index, branch in enumerate(statement.branches):
        yield " else if " if index else "if "
        yield branch.condition
        yield " "
        yield _braces(branch.body, bodies)
    if statement.otherwise is not None:
        yield " else "
        yield _braces(statement.otherwise, bodies)


def _return(statement: tree.Return) -> Iterator[Part]:
    yield f"return {', '.join(map(print_expression, statement.values))}"


def _input(statement: tree.Input) -> Iterator[Part]:
    dtype = f": {statement.dtype}" if statement.dtype is not None else ""
    yield f"input {statement.name}{dtype} [{', '.join(map(print_expression, statement.shape))}]"


def _output(statement: tree.Output) -> Iterator[Part]:
    yield f"output {print_label(statement.label)} = " if statement.label is not None else "output "
    yield from _flow(statement.flow)
    if statement.when_training:
        yield " when training"


def _assert(statement: tree.Assert) -> Iterator[Part]:
    yield "assert "
    yield statement.figure
    yield f" {statement.operator} "
    limit = statement.limit
    yield f"{limit.number}{limit.unit}" if isinstance(limit, tree.Quantity) else limit


def _flow(flow: tree.Flow) -> Iterator[Part]:
    previous: tree.Element | None = None
    for element in flow.elements:
        if previous is not None:
            yield Arrow(previous.span.end, element.span.start)
        yield from _element(element)
        previous = element


def _element(element: tree.Element) -> Iterator[Part]:
    if isinstance(element, tree.Group):
        yield _braces(element.body)
    elif isinstance(element, tree.Wiring):
        bodies = (element.body.span, *(clause.body.span for clause in element.clauses))
        yield f"{element.keyword} "
        if element.condition is not None:
            yield "if "
            yield element.condition
            yield " "
        yield _braces(element.body, bodies)
        for clause in element.clauses:
            yield f" {clause.keyword} "
            yield _braces(clause.body, bodies)
    else:
        yield element


_PARTS: dict[type, Callable[[Any], Iterator[Part]]] = {
    tree.Import: _import,
    tree.Definition: _definition,
    tree.Train: _train,
    tree.Step: _step,
    tree.Stage: _stage,
    tree.Let: _let,
    tree.Function: _function,
    tree.Shared: _shared,
    tree.Default: _default,
    tree.For: _for,
    tree.Repeat: _repeat,
    tree.If: _if,
    tree.Return: _return,
    tree.Input: _input,
    tree.Output: _output,
    tree.Assert: _assert,
}
