"""Numbers under a name: variables of the class."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from netspec.elaborate.bodies.lets import let
from netspec.elaborate.control import DraftLet
from netspec.elaborate.draft import Tensor
from netspec.elaborate.expressions.sayings import NO_NUMBER, Unsayable, computed, elements, holds_tensors, is_constant
from netspec.elaborate.generic.expressions import translation
from netspec.elaborate.generic.generic import Generic
from netspec.elaborate.problems import Problem, Spoilt
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import Poison
from netspec.elaborate.values.values import Word
from netspec.layers.declaration.symbols import Whole, is_opaque, names, opaque, plain, size_of, substituted, symbolic
from netspec.syntax import tree

SETTLED = 6
"""A size whose expression has more parts is given a name."""


def settle(
    generic: Generic,
    tensor: Tensor,
    frame: Frame,
    inside: Mapping[str, tree.Expr] = MappingProxyType({}),
    parts_left: int = SETTLED,
) -> None:
    """Gives sizes that have become long expressions a name of their own: `channels`; lets that are not seen from
    here are written out.
    """
    if generic.concrete:
        return
    dims = list(tensor.shape.dims)
    for axis, size in enumerate(dims):
        if not isinstance(size, Whole) or is_opaque(size.expression):
            continue
        expression = size.expression
        while names(expression) & set(inside):
            expression = substituted(expression, inside)
        if is_opaque(expression) or names(expression) - generic.steady - generic.open_names:
            dims[axis] = Whole(int(plain(size)), opaque(expression))
            continue
        if size_of(expression) > parts_left:
            expression = new_let(generic, "channels" if axis == 0 else "features", expression, frame)
        dims[axis] = symbolic(int(plain(size)), expression)
    tensor.shape = tensor.shape.with_dims(*dims)


def let_for_all(generic: Generic, statement: tree.Let, frame: Frame) -> None:
    environment = frame.environment
    if generic.concrete:
        let(generic, statement, frame)
        return
    only = statement.flow.elements[0]
    formula: tree.Expr | Unsayable = Unsayable()
    if len(statement.flow.elements) == 1 and not isinstance(only, tree.Group | tree.Wiring):
        try:
            formula = translation(generic, only, frame)
        except (Unsayable, Problem, Spoilt) as reason:
            formula = reason if isinstance(reason, Unsayable) else Unsayable()
    let(generic, statement, frame)
    values = [environment.names[name] for name in statement.names]
    if any(holds_tensors(value) or isinstance(value, Poison) for value in values):
        for name in statement.names:
            environment.expressions.pop(name, None)
        return
    if isinstance(formula, Unsayable):
        raise formula
    if len(statement.names) == 1:
        keep(generic, statement.names[0], values[0], formula, frame)
        return
    parts = elements(formula, generic.lets) or [
        tree.Index(formula, tree.Number(index)) for index in range(len(statement.names))
    ]
    for name, value, part in zip(statement.names, values, parts, strict=True):
        keep(generic, name, value, part, frame)


def keep(generic: Generic, name: str, value: Any, formula: tree.Expr, frame: Frame) -> None:
    """A number under a name: a variable of the class, where it is more than another name or a literal."""
    environment = frame.environment
    if (
        isinstance(value, Word)
        or is_constant(formula)
        or (isinstance(formula, tree.Name) and formula.id in generic.steady)
    ):
        environment.expressions[name] = formula
        return
    environment.expressions[name] = new_let(generic, name, formula, frame)
    environment.names[name] = plain(value)


def new_let(generic: Generic, name: str, formula: tree.Expr, frame: Frame) -> tree.Expr:
    """A variable for a number. What the whole module may ask for stands in its own body, before the container that
    it is made in.
    """
    variable = generic.claim(name)
    generic.lets[variable] = formula
    with suppress(*NO_NUMBER):
        generic.numbers[variable] = computed(formula, generic.numbers)
    generic.steady.add(variable)
    let: Any = DraftLet(variable, formula)
    inner, scope = None, frame.scope
    while scope.parent is not None and scope.kind != "iteration" and scope.parent.control is None:
        inner, scope = scope, scope.parent
    if scope.parent is None and names(formula) <= generic.everywhere:
        generic.everywhere.add(variable)
        place = len(scope.items) if inner is None else next(i for i, it in enumerate(scope.items) if it is inner)
        scope.items.insert(place, let)
    else:
        frame.scope.items.append(let)
    return tree.Name(variable)
