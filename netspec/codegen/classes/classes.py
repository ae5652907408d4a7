"""Classes: what one is made from, its signature, its docstring; constructor and forward are files of their own."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator

from netspec.codegen.classes.constructor import Constructor
from netspec.codegen.classes.forward import argument_names, write_forward
from netspec.codegen.classes.plan import ClassPlan, Design, Return
from netspec.codegen.regions.chains import is_chain, is_sequential, number_stages
from netspec.codegen.regions.liveness import needs
from netspec.codegen.regions.overwriting import mark_in_place
from netspec.codegen.regions.regions import container_names, free_names
from netspec.codegen.regions.running import continued
from netspec.codegen.text.layout import INDENT, WIDTH, Bracket, Expr, lines
from netspec.codegen.text.naming import TAKEN, Names, parameter, prose
from netspec.codegen.text.preamble import Preamble
from netspec.codegen.text.python import python
from netspec.codegen.text.types import type_of
from netspec.graph.blueprint import Choice, Container, Let, Loop, Parameter, Region, Use
from netspec.syntax import tree


def write_class(
    design: Design, preamble: Preamble, class_of: dict[int, str], outer_names: set[str], ending: Return | None = None
) -> list[str]:
    """The lines of a class."""
    always = [wire for place, wire in enumerate(design.outputs) if place not in design.training]
    plan = ClassPlan(
        design,
        preamble,
        class_of,
        needs(design.region, design.outputs),
        needs(design.region, always),
        Names({*TAKEN, *outer_names, *preamble.support}),
        outer_names=frozenset(outer_names),
    )
    chain = ending is None and is_chain(design.region, design.inputs, design.outputs, plan.needs)
    if design.counted and not chain:
        number_stages(design.region)
    plan.label_counts = Counter(_labels(design.region))
    plan.labels = set(plan.label_counts)
    for each in design.parameters:
        word = parameter(each.name.partition("#")[0])
        plan.local[each.name] = plan.names.claim(word, f"{word}_")
    for name in argument_names(design.inputs, is_net=design.is_net):
        plan.names.reserve(name)
    plan.spans = _spans(design.region)
    plan.continued = continued(design.region, {each.name for each in design.parameters})
    plan.shifting = frozenset(_stems(design.region))
    plan.templates = frozenset(_templates(design.region)) - {""}
    constructor = Constructor(plan)
    if chain and not any(plan.labels):
        mark_in_place(design.region, design.outputs, constructor.in_place)
        body = constructor.sequential()
        head = [f"class {design.name}(nn.Sequential):", *_docstring(design)]
        return [*head, *_signature(plan), *body]
    forward = write_forward(plan, constructor, ending)
    head = [f"class {design.name}({constructor.base}):", *_docstring(design)]
    return [*head, *_signature(plan), f"{INDENT * 2}super().__init__()", *constructor.write(), "", *forward]


def _docstring(design: Design) -> list[str]:
    paragraphs = [prose(" ".join(part.split())) for part in re.split(r"\n\s*\n", design.documentation)]
    paragraphs = [part for part in paragraphs if part]
    if not paragraphs:
        return []
    room = WIDTH - len(INDENT)
    broken: list[str] = []
    for part in paragraphs:
        broken += [*([""] if broken else []), *textwrap.wrap(part, room - 3, break_on_hyphens=False)]
    if len(broken) == 1 and len(broken[0]) + 6 <= room:
        return [f'{INDENT}"""{broken[0]}"""', ""]
    return [f'{INDENT}"""{broken[0]}', *(f"{INDENT}{line}".rstrip() for line in broken[1:]), f'{INDENT}"""', ""]


def _signature(plan: ClassPlan) -> list[str]:
    items: list[tuple[str, Expr]] = [("", "self")]
    for each in plan.design.parameters:
        default = "" if each.default is None else f" = {python(each.default, plan.variable, sequence='()')}"
        items.append(("", f"{plan.variable(each.name)}: {_annotation(each)}{default}"))
    return lines("def ", Bracket("__init__", tuple(items)), 1, " -> None:")


def _annotation(parameter: Parameter) -> str:
    """A parameter's type in a signature: a list that is a tuple by default may be either."""
    if isinstance(parameter.default, tree.List) and parameter.type.startswith("list"):
        return parameter.type.replace("list", "Sequence", 1)
    return parameter.type


def container_design(use: Use, name: str, around: Design) -> Design:
    """The class of a container that is no chain: its arguments are the names that it takes from the class around."""
    container = use.what
    assert isinstance(container, Container)
    inner = dict(around.types)
    kinds = {**inner, **{parameter.name: _annotation(parameter) for parameter in around.parameters}}
    parameters = [Parameter(name, kinds[name]) for name in container_names(container.region, inner)]
    outputs = (*container.outputs, *container.escapes)
    return Design(
        name,
        container.region,
        container.inputs,
        outputs,
        parameters,
        counted=container.counted,
        types=types_of(container.region, inner),
        covered=around.covered,
    )


def types_of(region: Region, around: dict[str, str]) -> dict[str, str]:
    """The types of all names in a region: those from around, its lets, its loops' variables."""
    types = dict(around)
    for item in region.items:
        match item:
            case Let(name, value):
                types[name] = type_of(value, types)
            case Loop():
                for name in (*item.names, *(running.name for running in item.running), item.index):
                    types.setdefault(name, "int")
                types |= types_of(item.region, types)
            case Choice():
                for inner in item.regions:
                    types |= types_of(inner, types)
            case Use(what=Container() as container):
                types |= types_of(container.region, types)
    return types


def _templates(region: Region) -> Iterator[str]:
    """What labels begin with that are completed by an expression."""
    for item in region.items:
        match item:
            case Use(label=tree.Label((str(stem), tree.Tree(), *_))):
                yield stem
            case Choice():
                for inner in item.regions:
                    yield from _templates(inner)
            case Loop():
                yield from _templates(item.region)


def _stems(region: Region) -> Iterator[str]:
    """What comes before the number in labels that are numbered by an expression."""
    for item in region.items:
        match item:
            case Use(label=tree.Label((str(stem), tree.Tree()))) if not item.chosen:
                yield stem
            case Choice():
                for inner in item.regions:
                    yield from _stems(inner)
            case Loop():
                yield from _stems(item.region)


def _spans(region: Region) -> dict[str, tuple[float, float]]:
    """The items of a module's body that each of its lets first and last stands in, and the variables of its loops."""
    spans: dict[str, tuple[float, float]] = {}
    for place, item in enumerate(_flat(region)):
        if isinstance(item, Let):
            spans[item.name] = place, place
        if isinstance(item, Loop):
            for name in _variables(item):
                spans[name] = place + 0.1, place + 0.9
        for name in free_names(Region([item])):
            if name in spans:
                spans[name] = spans[name][0], place
    return spans


def _variables(loop: Loop) -> Iterator[str]:
    yield from (name for name in (*loop.names, loop.index) if name)
    for item in loop.region.items:
        if isinstance(item, Loop):
            yield from _variables(item)


def _flat(region: Region) -> Iterator[Use | Let | Choice | Loop]:
    """The items of a module's body and of the chains in it, as they are constructed."""
    for item in region.items:
        if isinstance(item, Use) and isinstance(item.what, Container) and is_sequential(item):
            yield from _flat(item.what.region)
        else:
            yield item


def _labels(region: Region) -> Iterator[str]:
    for item in region.items:
        match item:
            case Use() if item.label is not None and (item.chosen or item.keeps_state):
                yield "".join(map(str, item.label.parts)) if all(isinstance(p, str) for p in item.label.parts) else ""
                container, dot, _ = str(item.label.parts[0]).partition(".")
                if dot and isinstance(item.label.parts[0], str):
                    yield container
            case Choice():
                for inner in item.regions:
                    yield from _labels(inner)
            case Loop():
                yield from _labels(item.region)
