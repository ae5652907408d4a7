"""The names in what nothing elaborates: a block that no net uses, a net whose parameters need values, a body of a
condition that the nets' own arguments do not reach.

What their shapes are is not known. What their names stand for is: each must be bound somewhere in the definition or the
file, or be a layer, a block or a word that some layer takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from netspec.elaborate.calls.blocks import no_parameter
from netspec.elaborate.calls.layers import no_argument, slots_and_fields
from netspec.elaborate.mistakes import hints
from netspec.elaborate.mistakes.demands import words
from netspec.elaborate.problems import Problem
from netspec.elaborate.values.environment import Environment
from netspec.elaborate.values.operators import FUNCTIONS
from netspec.layers import REGISTRY
from netspec.layers.declaration.initializers import FORMS
from netspec.spelling import nearest
from netspec.syntax import tree
from netspec.syntax.walk import names, parts


def names_in_use(file: tree.File) -> set[str]:
    """The blocks and nets that the file's nets with defaults for all parameters are made of, with these nets."""
    definitions = {item.name: item for item in file.items if isinstance(item, tree.Definition)}
    roots = [d for d in definitions.values() if d.kind == "net" and all(p.default is not None for p in d.parameters)]
    reached: set[str] = set()
    pending = [root.name for root in roots]
    while pending:
        name = pending.pop()
        if name in definitions and name not in reached:
            reached.add(name)
            pending.extend(name.id for name in names(definitions[name].body))
            pending.extend(name.id for parameter in definitions[name].parameters for name in names(parameter))
    return reached


def problems(file: tree.File, environment: Environment, *, sound: bool = False) -> Iterator[Problem]:
    """The names that stand for nothing, in the definitions of a file that its nets do not reach.

    Where the nets are `sound`, as far as their own arguments reach, in the other bodies of the rest as well.
    """
    reached = names_in_use(file)
    for item in file.items:
        if isinstance(item, tree.Definition) and (item.name not in reached or (sound and _decides(item))):
            yield from _of_definition(item, environment)


def _decides(definition: tree.Definition) -> bool:
    """Whether some of it may not be reached."""
    return any(isinstance(part, tree.If | tree.For | tree.Repeat | tree.Conditional) for part in parts(definition))


def _of_definition(definition: tree.Definition, environment: Environment) -> Iterator[Problem]:
    bound = _bound(definition)
    templates = [_pattern(part) for part in parts(definition) if isinstance(part, tree.Label)]
    values = {*bound, *environment.visible()}
    callees: dict[int, tree.Call] = {id(part.callee): part for part in parts(definition) if isinstance(part, tree.Call)}
    stages = {
        id(element): element for part in parts(definition) if isinstance(part, tree.Flow) for element in part.elements
    }
    vocabulary = {*values, *REGISTRY, *environment.templates, *FUNCTIONS, *FORMS, "_", "in"}
    asserted = {id(name) for part in parts(definition) if isinstance(part, tree.Assert) for name in names(part)}
    for callee in callees.values():
        yield from _arguments(callee, bound, environment)
    for name in names(definition):  # figures and stages of a budget are no values
        if id(name) in asserted or name.id in vocabulary or any(template.fullmatch(name.id) for template in templates):
            continue
        call = callees.get(id(name))
        if call is not None or id(name) in stages:
            yield _callee(name, call, vocabulary, environment)
        elif name.id not in words() and not _chosen(name, definition):
            yield _value(name, values)


def _arguments(call: tree.Call, bound: set[str], environment: Environment) -> Iterator[Problem]:
    """The arguments that a layer or block of the file does not know by their names."""
    name = call.callee.id if isinstance(call.callee, tree.Name) else ""
    if name in bound or name in FUNCTIONS or not name:
        return
    template, cls = environment.templates.get(name), REGISTRY.get(name)
    if template is not None:
        names = {parameter.name for parameter in template.definition.parameters}
        for argument in call.arguments:
            if argument.name is not None and argument.name not in names:
                yield no_parameter(template.definition, argument.name, argument.span)
    elif cls is not None and not cls.collects:
        slots, fields = slots_and_fields(cls)
        if foreign := hints.foreign_argument(cls, call.arguments, 0, slots, call.span):
            yield foreign
            return
        for argument in call.arguments:
            if argument.name is not None and argument.name not in (*slots, *fields):
                yield no_argument(cls, argument.name, argument.span)


def _callee(name: tree.Name, call: tree.Call | None, vocabulary: set[str], environment: Environment) -> Problem:
    arguments, span = (call.arguments, call.span) if call is not None else ((), name.span)
    near = nearest(name.id, vocabulary)
    return hints.unknown_callee(name.id, arguments, name.span, span, environment) or Problem(
        "E0202",
        f"there is no layer or block named {name.id}",
        name.span,
        "not known",
        help=f"did you mean {near}?" if near else "netspec layers lists the layers",
        mend=(name.span, near) if near else None,
    )


def _value(name: tree.Name, values: Iterable[str]) -> Problem:
    near = nearest(name.id, values)
    return Problem(
        "E0201",
        f"there is no value named {name.id} here",
        name.span,
        "not known",
        help=f"did you mean {near}?" if near else "",
        mend=(name.span, near) if near else None,
    )


def _chosen(name: tree.Name, definition: tree.Definition) -> bool:
    """Whether a name may be a text without quotes: one that a parameter lists, or the size of an input."""
    choices = (p.type.values for p in definition.parameters if isinstance(p.type, tree.Choice))
    sizes = (part.shape for part in parts(definition) if isinstance(part, tree.Input))
    texts = {value.value for value in chain.from_iterable(choices)}
    return name.id in texts or any(name == size for size in chain.from_iterable(sizes)) or _takes_text(definition)


def _takes_text(definition: tree.Definition) -> bool:
    """Whether any parameter is a text: then a word may be compared with it."""
    return any(isinstance(p.type, tree.TypeName) and p.type.name == "str" for p in definition.parameters)


def _bound(definition: tree.Definition) -> set[str]:
    """Every name that the definition binds, wherever; labels are apart."""
    bound = {parameter.name for parameter in definition.parameters}
    for part in parts(definition):
        match part:
            case tree.Let(made, _):
                bound.update(made)
            case tree.For() as loop:
                bound.update(loop.names)
            case tree.Round(targets):
                bound.update(tree.bound(targets))
            case tree.Function(name, parameters):
                bound.update((name, *(parameter.name for parameter in parameters)))
            case tree.Input(name=name):
                bound.add(name)
    return bound


def _pattern(label: tree.Label) -> re.Pattern[str]:
    """The names that a label may have: what a template completes is open."""
    return re.compile("".join(re.escape(part) if isinstance(part, str) else r"\w+" for part in label.parts))
