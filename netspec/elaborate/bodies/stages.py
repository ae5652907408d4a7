"""Stages: flows under their labels, containers, groups, and what each of them leaves."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.bodies.labels import require_free
from netspec.elaborate.bodies.scopes import close_scope, open_scope
from netspec.elaborate.bodies.statements import run_body
from netspec.elaborate.calls.calls import call
from netspec.elaborate.draft import DraftNode, Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import sound
from netspec.elaborate.expressions.names import current_value
from netspec.elaborate.problems import Problem, Spoilt, counted
from netspec.elaborate.state import Frame
from netspec.elaborate.values import operators
from netspec.elaborate.values.environment import POISON, UNBOUND, Poison, Unbound
from netspec.elaborate.values.numbering import is_chain, is_chain_body
from netspec.elaborate.values.values import Result, SharedModule, Word
from netspec.layers import REGISTRY
from netspec.syntax import tree
from netspec.syntax.source import Span


def sequence(elaborator: Elaborator, stage: tree.Stage, frame: Frame) -> None:
    """A stage takes the current value and makes the next one."""
    frame.current = labelled(elaborator, stage.labels, stage.flow, stage.span, frame).outputs[0]


def labelled(
    elaborator: Elaborator, labels: tuple[tree.Label, ...], flow: tree.Flow, span: Span, frame: Frame
) -> Result:
    """A flow under its labels: one stage is named itself, several are put into a container of that name."""
    if not labels:
        return flow_result(elaborator, flow, frame)
    names = [elaborator.label(label, frame) for label in labels]
    for index, (name, label) in enumerate(zip(names, labels, strict=True)):
        require_free(name, label.span, frame)
        if name in names[:index]:
            raise Problem("E0204", f"the label {name} is given twice", label.span, "the second one")
    result = named_stage(elaborator, names[0], flow, span, frame)
    outputs = result.outputs
    if len(names) > 1 and len(names) != len(outputs):
        raise Problem(
            "E0208",
            f"{len(names)} labels, but the stage has {counted(len(outputs), 'output')}",
            labels[0].span.to(labels[-1].span),
        )
    environment = frame.environment
    environment.give(names[0], Result(outputs[:1], result.inside) if len(names) > 1 else result)
    for name, tensor in zip(names[1:], outputs[1:], strict=False):
        environment.give(name, tensor)
    for name, tensor in zip(names, outputs, strict=False):
        if tensor.name is None:
            tensor.name = name
    name_set(result, names[0])
    return result


def name_set(value: Any, name: str) -> None:
    """A set is called as the first value in it that has a name."""
    each = value.outputs[0].shape.each if isinstance(value, Result) and value.outputs else None
    if each is not None and not each.name:
        each.name = name


def named_stage(elaborator: Elaborator, name: str, flow: tree.Flow, span: Span, frame: Frame) -> Result:
    """The flow as one module called `name`."""
    first = flow.elements[0]
    starts = int(not isinstance(first, tree.Group | tree.Wiring) and is_reference(first, frame))
    while starts and len(flow.elements) > starts + 1 and is_shared(elaborator, flow.elements[starts], frame):
        starts += 1  # a shared module has its name, and what follows it the label
    stages = flow.elements[starts:]
    if not stages:
        return flow_result(elaborator, flow, frame)
    if len(stages) == 1 and not isinstance(stages[0], tree.Group | tree.Wiring):
        before = elaborator.state.nodes
        result = flow_result(elaborator, flow, frame)
        maker = result.maker
        if isinstance(maker, DraftNode) and maker.index < before:
            maker = None
        if maker is not None and maker.label is None and maker.first is None:
            maker.label = name
        return result
    return elaborator.container(name, flow, stages, starts, span, frame)


def container(
    elaborator: Elaborator,
    name: str,
    flow: tree.Flow,
    stages: tuple[tree.Element, ...],
    starts: int,
    span: Span,
    frame: Frame,
) -> Result:
    begin = tree.Flow(flow.elements[:starts], span=flow.span)
    current = flow_result(elaborator, begin, frame).outputs[0] if starts else frame.current
    scope = open_scope(elaborator, "container", name, span, frame)
    scope.label = name or None
    local = frame.inside(frame.environment.module(), scope)
    local.current = current
    if len(stages) == 1 and isinstance(stages[0], tree.Group):
        scope.numbered = is_chain_body(stages[0].body, frame.environment)
        run_body(elaborator, stages[0].body, local, sequence)
    else:
        scope.numbered = is_chain(stages, frame.environment, first=not starts)
        local.current = flow_result(elaborator, tree.Flow(stages, span=flow.span), local).outputs[0]
    return close_scope(elaborator, scope, current, local, local.environment)


def is_shared(elaborator: Elaborator, element: tree.Element, frame: Frame) -> bool:
    """Whether an element applies a shared module."""
    label = label_of(elaborator, element, frame)
    return label is not None and isinstance(frame.environment.get(label), SharedModule)


def label_of(elaborator: Elaborator, element: tree.Element, frame: Frame) -> str | None:
    """The label that an element may name: `rpn.head` as it stands; None where it is another expression."""
    match element:
        case tree.Name(name):
            return name
        case tree.Label():
            return elaborator.label(element, frame)
        case tree.Attribute(around, name) if (label := label_of(elaborator, around, frame)) is not None:
            return f"{label}.{name}"
        case tree.Member(around, last) if (label := label_of(elaborator, around, frame)) is not None:
            return f"{label}.{elaborator.label(last, frame)}"
    return None


def flow_result(elaborator: Elaborator, flow: tree.Flow, frame: Frame) -> Result:
    """The elements in turn, each fed what the one before leaves; the frame's own flow stays where it was."""
    local = frame.copy()
    result: Result | None = None
    for position, element in enumerate(flow.elements):
        try:
            result = element_result(elaborator, element, local, first=position == 0)
            local.current = result.outputs[0]
        except (Problem, Spoilt) as problem:
            if position == len(flow.elements) - 1:
                raise
            if isinstance(problem, Problem):
                elaborator.state.report(problem)
            result, local.current = None, POISON
    if result is None:
        raise Spoilt
    return result


def element_result(elaborator: Elaborator, element: tree.Element, frame: Frame, *, first: bool) -> Result:
    match element:
        case tree.Group(body):
            return group(elaborator, body, element.span, frame)
        case tree.Wiring():
            return elaborator.wiring(element, frame)
        case tree.Name():
            return bare_name(elaborator, element, frame, first=first)
        case tree.String() | tree.Number() if first and is_reference(element, frame):
            return as_result(elaborator, frame.environment.get(str(element.value)), element, frame)
        case tree.Call():
            return as_result(elaborator, call(elaborator, element, frame, stage=True), element, frame)
        case _:
            value = elaborator.evaluate(element, frame)
            if isinstance(value, SharedModule):
                value = elaborator.apply_shared(value, current_value(frame, element.span), element.span, frame)
            return as_result(elaborator, value, element, frame)


def group(elaborator: Elaborator, body: tree.Body, span: Span, frame: Frame) -> Result:
    """A group is a stage by itself in a chain, and else no more than its stages."""
    entering = frame.current
    if frame.scope.module.numbered:
        stages = (tree.Group(body, span=span),)
        return elaborator.container("", tree.Flow(stages, span=span), stages, 0, span, frame)
    scope = open_scope(elaborator, "group", "", span, frame)
    local = frame.inside(frame.environment.body(), scope)
    run_body(elaborator, body, local, sequence)
    return close_scope(elaborator, scope, entering, local, None)


def bare_name(elaborator: Elaborator, name: tree.Name, frame: Frame, *, first: bool) -> Result:
    """A name alone: a value where the flow begins with it, else a layer, block or shared module."""
    if first and is_reference(name, frame):
        return as_result(elaborator, elaborator.evaluate(name, frame), name, frame)
    bound = frame.environment.get(name.id)
    callable_here = bound is None or isinstance(bound, SharedModule | Word) or name.id in frame.environment.templates
    if not callable_here and name.id not in REGISTRY and not isinstance(bound, Poison | Unbound):
        raise Problem(
            "E0205",
            f"{name.id} is a value, and what follows -> has to be a layer or a block",
            name.span,
            help=f"to start from the value, begin a stage with it: {name.id} -> ...",
        )
    if not callable_here and name.id in ("_", "in"):
        raise Problem("E0205", f"{name.id} is a value, and what follows -> has to be a layer or a block", name.span)
    return as_result(
        elaborator, elaborator.named_call(name.id, (), name.span, name.span, frame, stage=True), name, frame
    )


def is_reference(element: tree.Element, frame: Frame) -> bool:
    """Whether an element names a value that is there already (and so is where a flow starts, not a stage)."""
    match element:
        case tree.Name("_") | tree.Name("in"):
            return True
        case tree.Name(name):
            value = frame.environment.get(name)
            return value is not UNBOUND and value is not None and not isinstance(value, SharedModule | Word)
        case tree.Label() | tree.Attribute() | tree.Member() | tree.Index():
            return True
        case tree.String() | tree.Number():
            return isinstance(frame.environment.get(str(element.value)), Tensor | Result)
    return False


def as_result(elaborator: Elaborator, value: Any, element: tree.Expr, frame: Frame) -> Result:
    """What a stage made; raises where it is no tensor."""
    if isinstance(value, Result):
        return value
    if isinstance(value, Word):
        result = elaborator.named_call(value.text, (), value.span, value.span, frame, stage=True)
        return as_result(elaborator, result, element, frame)
    if isinstance(value, Tensor):
        return Result((value,), None, value.node)
    sound(value)
    raise Problem(
        "E0205",
        f"a stage makes a tensor, and this is {operators.kind(value)}",
        element.span,
        help=f"for a side value write: let name = {element.span.text}" if len(element.span.text) < 40 else "",
    )
