"""What the items of a region ask for and make: expressions, names, modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.codegen.text.applied import call_of
from netspec.graph.blueprint import Choice, Container, Instance, Item, LayerUse, Let, Loop, Region, Use
from netspec.layers.declaration.base import TorchCall
from netspec.layers.declaration.symbols import MARK, Symbolic, expression_at, names
from netspec.syntax import tree


def expressions_of(item: Item) -> Iterator[tree.Expr]:
    """The expressions that an item asks for, those inside of containers too."""
    match item:
        case Let(_, value):
            yield value
        case Use():
            if item.label is not None:
                yield from (part for part in item.label.parts if not isinstance(part, str))
            match item.what:
                case LayerUse(_, torch_call):
                    yield from expressions_in(torch_call)
                case Instance(_, arguments):
                    yield from arguments.values()
                case Container(region):
                    yield from (tree.Name(name) for name in free_names(region))
        case Choice():
            yield from (condition for condition in item.conditions if condition is not None)
        case Loop():
            yield item.sequence
            yield from (running.first for running in item.running)


def expressions_in(torch_call: TorchCall) -> Iterator[tree.Expr]:
    """The expressions in the PyTorch form of a layer: in its arguments, and in how it is started."""
    stack = [*torch_call.args, *torch_call.kwargs.values()]
    while stack:
        value = stack.pop(0)
        if isinstance(value, Symbolic):
            yield value.expression
        elif isinstance(value, tuple):
            stack[:0] = value
    for text in (torch_call.parameter, *torch_call.init):
        yield from (expression_at(mark) for mark in MARK.finditer(text))


def asked_names(item: Item) -> Iterator[str]:
    """The names that an item asks for, those inside of containers too."""
    for expression in expressions_of(item):
        yield from sorted(names(expression))


def free_names(region: Region) -> Iterator[str]:
    """The names that a region asks for and does not make, in order."""
    own: set[str] = set()
    for item in region.items:
        for name in asked_names(item):
            if name not in own:
                yield name
        match item:
            case Let(name, _):
                own.add(name)
            case Loop():
                inner = {*item.names, item.index, *(running.name for running in item.running)}
                own |= {running.name for running in item.running}
                yield from (name for name in free_names(item.region) if name not in inner and name not in own)
                own |= _lets(item.region)
            case Choice():
                for part in item.regions:
                    yield from (name for name in free_names(part) if name not in own)
                own = own.union(*map(_lets, item.regions))


def _lets(region: Region) -> set[str]:
    """The numbers that a region gives names, those in its conditions and loops too: Python keeps them afterwards."""
    variables: set[str] = set()
    for item in region.items:
        match item:
            case Let(name, _):
                variables.add(name)
            case Loop():
                variables |= _lets(item.region)
            case Choice():
                variables = variables.union(*map(_lets, item.regions))
    return variables


def container_names(region: Region, around: Mapping[str, str]) -> list[str]:
    """The names that a container's class takes from the class around it, its arguments: `channels` first."""
    free = [name for name in dict.fromkeys(free_names(region)) if name in around]
    return sorted(free, key=lambda name: not name.startswith("channels"))


def made_names(region: Region) -> frozenset[str]:
    """The names that a region makes by itself."""
    return frozenset(item.name for item in region.items if isinstance(item, Let))


def uses_in(item: Choice | Loop) -> Iterator[Use]:
    """The stages in a condition or loop, those of conditions and loops in it too."""
    for region in item.regions if isinstance(item, Choice) else [item.region]:
        for inner in region.items:
            if isinstance(inner, Use):
                yield inner
            elif isinstance(inner, Choice | Loop):
                yield from uses_in(inner)


def uses_of_region(region: Region) -> Iterator[Use]:
    """The stages of a region, those in its conditions, loops and containers too."""
    for item in region.items:
        match item:
            case Use():
                yield item
                if isinstance(item.what, Container):
                    yield from uses_of_region(item.what.region)
            case Choice():
                for inner in item.regions:
                    yield from uses_of_region(inner)
            case Loop():
                yield from uses_of_region(item.region)


def has_modules(item: Choice | Loop) -> bool:
    """Whether a constructor has anything to write for a condition or loop: modules, or a refusal."""
    return any(is_module(use) for use in uses_in(item)) or (isinstance(item, Choice) and bool(item.refusals))


def is_module(use: Use) -> bool:
    """Whether it is an attribute of the module around it, and no expression."""
    torch_call = call_of(use)
    return torch_call is None or bool(torch_call.target or torch_call.parameter)


def plain_label(use: Use) -> str | None:
    """The label without expressions; None where there is none."""
    if use.label is None or not all(isinstance(part, str) for part in use.label.parts):
        return None
    return "".join(map(str, use.label.parts))


def is_bare(use: Use) -> bool:
    """Whether it is a parameter or buffer of the module around it, and no module."""
    torch_call = call_of(use)
    return torch_call is not None and bool(torch_call.parameter)
