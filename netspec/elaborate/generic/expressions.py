"""What expressions say over the names of a class, and where a number decides what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netspec.elaborate.calls.functions import function_arguments
from netspec.elaborate.control import Key
from netspec.elaborate.draft import Tensor
from netspec.elaborate.expressions.access import attribute, item_at, slice_of
from netspec.elaborate.expressions.comprehensions import closed, comprehension, is_settled, matched
from netspec.elaborate.expressions.evaluation import conditional
from netspec.elaborate.expressions.kinds import as_list, mistaken, truth, weighed
from netspec.elaborate.expressions.names import label_text, named_value
from netspec.elaborate.expressions.sayings import (
    Unsayable,
    computed,
    elements,
    folded,
    holds_tensors,
    is_constant,
    lifted,
    literal,
)
from netspec.elaborate.generic.generic import Generic
from netspec.elaborate.generic.numbers import is_data
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import UNBOUND, Environment
from netspec.elaborate.values.operators import FUNCTIONS
from netspec.elaborate.values.values import Function, Result, SharedModule
from netspec.layers.declaration.symbols import constant, is_opaque, names, plain
from netspec.syntax import tree
from netspec.syntax.source import Span


def translation(generic: Generic, expression: tree.Expr, frame: Frame) -> tree.Expr:
    """The expression over the names of the class; raises Unsayable."""
    if generic.concrete:
        return literal(plain(generic.evaluate(expression, frame)))
    formula = folded(_say(generic, expression, frame))
    if is_opaque(formula):
        raise Unsayable
    return formula


def _say(generic: Generic, expression: tree.Expr, frame: Frame) -> tree.Expr:
    def say(part: tree.Expr) -> tree.Expr:
        return folded(_say(generic, part, frame))

    match expression:
        case tree.Number() | tree.String() | tree.Constant():
            return expression
        case tree.Name(name):
            return _say_name(name, frame)
        case tree.List(parts):
            return tree.List(tuple(map(say, parts)))
        case tree.Unary(operator, operand):
            return tree.Unary(operator, say(operand))
        case tree.Binary(operator, left, right):
            return tree.Binary(operator, say(left), say(right))
        case tree.Compare(operators, operands):
            return tree.Compare(operators, tuple(map(say, operands)))
        case tree.Conditional(then, condition, otherwise):
            return _say_conditional(generic, say(condition), then, otherwise, frame)
        case tree.Call(tree.Name(name), arguments) if isinstance(frame.environment.get(name), Function):
            return _say_function(generic, frame.environment.get(name), arguments, expression.span, frame)
        case tree.Comprehension():
            return _say_comprehension(generic, expression, frame)
        case tree.Call(tree.Name(name), arguments) if is_function(name, frame):
            return tree.Call(tree.Name(name), tuple(tree.Argument(None, say(a.value)) for a in arguments))
        case tree.Index(value, index):
            return _say_index(generic, say(value), say(index))
        case tree.Slice(value, start, stop, step):
            ends = [None if part is None else say(part) for part in (start, stop, step)]
            return tree.Slice(say(value), *ends)
        case tree.Attribute(value, _):
            if not isinstance(value, tree.Name | tree.Attribute | tree.Label):
                raise Unsayable
            size = attribute(generic, expression, frame)
            if holds_tensors(size):
                raise Unsayable
            return literal(size)
    raise Unsayable


def _say_function(
    generic: Generic, function: Function, arguments: tuple[tree.Argument, ...], span: Span, frame: Frame
) -> tree.Expr:
    """A function of numbers with what is said of its arguments in the place of its parameters."""
    definition = function.definition
    values = function_arguments(generic, definition, arguments, span, frame)
    names_ = [parameter.name for parameter in definition.parameters]
    local = Frame(Environment({}, function.environment, {}, {}, function.environment.templates), frame.scope, None)
    for place, argument in enumerate(arguments):
        name = argument.name or names_[place]
        local.environment.names[name] = values[name]
        local.environment.expressions[name] = folded(_say(generic, argument.value, frame))
    for parameter in definition.parameters:
        if parameter.name not in values and parameter.default is not None:
            local.environment.names[parameter.name] = generic.evaluate(parameter.default, local)
            local.environment.expressions[parameter.name] = folded(_say(generic, parameter.default, local))
    return _say(generic, definition.value, local)


def _say_comprehension(generic: Generic, expression: tree.Comprehension, frame: Frame) -> tree.Expr:
    """The list that a comprehension makes, item by item: of lists whose length is the same for all arguments."""
    if is_settled(expression, frame.environment) and closed(expression, frame.environment) is not None:
        return tree.List(tuple(map(literal, comprehension(generic, expression, frame))))
    local = frame.copy()
    local.environment = frame.environment.body()
    items: list[tree.Expr] = []
    _say_rounds(generic, expression, 0, local, items)
    return tree.List(tuple(items))


def _say_rounds(
    generic: Generic, expression: tree.Comprehension, depth: int, frame: Frame, items: list[tree.Expr]
) -> None:
    if depth == len(expression.rounds):
        items.append(folded(_say(generic, expression.item, frame)))
        return
    for _ in said_rounds(generic, expression.rounds[depth], frame):
        _say_rounds(generic, expression, depth + 1, frame, items)


def said_rounds(generic: Generic, round_: tree.Round, frame: Frame) -> Iterator[Any]:
    """The items of a comprehension's list that its condition lets through, each under its names, with what is said
    of it; raises Unsayable where the arguments decide which these are.
    """
    values = as_list(generic.evaluate(round_.sequence, frame))
    if not isinstance(values, list | range):
        raise mistaken(generic, values, "a list", round_.sequence.span)
    values = list(weighed(generic, values, round_.sequence.span))
    items: list[tree.Expr] | None = None
    if not generic.concrete and all(map(is_data, values)):
        formula = translation(generic, round_.sequence, frame)
        items = elements(formula, generic.lets)
        if items is None or len(items) != len(values):
            raise Unsayable(names(formula))
    for place, value in enumerate(values):
        bound = matched(round_.targets, value, round_.sequence.span)
        frame.environment.names.update(bound)
        for name in bound:
            frame.environment.expressions.pop(name, None)
        if items is not None:
            _bind_expressions(round_.targets, value, items[place], frame)
        if round_.condition is not None:
            if not generic.concrete:
                demand(generic, round_.condition, frame)
            if not truth(generic, round_.condition, frame):
                continue
        yield value


def _bind_expressions(targets: tuple[tree.Target, ...], value: Any, formula: tree.Expr, frame: Frame) -> None:
    if len(targets) == 1 and isinstance(targets[0], str):
        frame.environment.expressions[targets[0]] = formula
        return
    for place, target in enumerate(targets):
        part = formula.items[place] if isinstance(formula, tree.List) else tree.Index(formula, tree.Number(place))
        _bind_expressions((target,) if isinstance(target, str) else target, value[place], part, frame)


def is_function(name: str, frame: Frame) -> bool:
    """Whether a call of that name is one of numbers and lists."""
    bound = frame.environment.get(name)
    return name in FUNCTIONS and name not in frame.environment.templates and not isinstance(bound, SharedModule)


def _say_name(name: str, frame: Frame) -> tree.Expr:
    if name in ("_", "in"):
        raise Unsayable
    formula = frame.environment.expression(name)
    if formula is not None:
        return formula
    value = frame.environment.get(name)
    return tree.String(name) if value is UNBOUND else literal(value)


def _say_conditional(
    generic: Generic, condition: tree.Expr, then: tree.Expr, otherwise: tree.Expr, frame: Frame
) -> tree.Expr:
    if is_constant(condition):
        return _say(generic, then if computed(condition, {}) else otherwise, frame)
    return tree.Conditional(folded(_say(generic, then, frame)), condition, folded(_say(generic, otherwise, frame)))


def _say_index(generic: Generic, value: tree.Expr, index: tree.Expr) -> tree.Expr:
    items = elements(value, generic.lets)
    place = constant(index)
    if items is None or not isinstance(place, int) or not -len(items) <= place < len(items):
        return tree.Index(value, index)
    return items[place]


def conditional_for_all(generic: Generic, expression: tree.Conditional, frame: Frame) -> Any:
    value = conditional(generic, expression, frame)
    if holds_tensors(value) and not generic.concrete:
        demand(generic, expression.condition, frame)
    return value


def demand(generic: Generic, expression: tree.Expr, frame: Frame) -> None:
    """Raises Unsayable where an expression is not the same for all arguments."""
    formula = translation(generic, expression, frame)
    if not is_constant(formula):
        raise Unsayable(names(formula))


def item_for_all(generic: Generic, value: Any, index: Any, expression: tree.Index, frame: Frame) -> Any:
    item = item_at(generic, value, index, expression, frame)
    if holds_tensors(item):
        demand(generic, expression.index, frame)
    return item


def slice_for_all(generic: Generic, expression: tree.Slice, frame: Frame) -> Any:
    value = slice_of(generic, expression, frame)
    if holds_tensors(value):
        for part in (expression.start, expression.stop, expression.step):
            if part is not None:
                demand(generic, part, frame)
    return value


def label_for_all(generic: Generic, label: tree.Label, frame: Frame) -> str:
    name = label_text(generic, label, frame)
    parts = tuple(part if isinstance(part, str) else translation(generic, part, frame) for part in label.path)
    if all(isinstance(part, str) or is_constant(part) for part in parts):
        return name
    key = Key(name)
    key.label = tree.Label(parts)
    return key


def name_for_all(generic: Generic, name: tree.Name, frame: Frame) -> Any:
    value = named_value(generic, name, frame)
    if isinstance(name.id, Key) and not generic.concrete and holds_tensors(value):
        tensor = value.outputs[0] if isinstance(value, Result) else value
        if not (isinstance(tensor, Tensor) and generic.collected and _is_gathered(generic, value)):
            raise Unsayable(set().union(*(names(p) for p in name.id.label.parts if not isinstance(p, str))))
    return value


def _is_gathered(generic: Generic, value: Any) -> bool:
    """Whether a value is one that a loop leaves in every round."""
    tensors = value.outputs if isinstance(value, Result) else (value,)
    return all(id(tensor) in generic.rounds_of for tensor in tensors)


def operand_for_all(generic: Generic, value: Any, expression: tree.Expr, frame: Frame) -> Any:
    """A side of an operator on tensors, where it is a number with the expression behind it."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return lifted(value, translation(generic, expression, frame)) if number and not generic.concrete else value
