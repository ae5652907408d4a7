"""What can be called, as an editor shows it: layers, blocks, nets, parts of the train section, and their arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace

from netspec.elaborate.mistakes.demands import choices
from netspec.elaborate.nets.documentation import comment_on
from netspec.elaborate.values.environment import Template
from netspec.elaborate.values.operators import FUNCTIONS
from netspec.layers import REGISTRY
from netspec.layers.declaration.base import Layer
from netspec.lsp.document import Document
from netspec.reference import layers as reference
from netspec.reference.layers import ArgumentPage
from netspec.syntax import tree
from netspec.syntax.printer import print_expression, print_parameter


@dataclass(frozen=True, slots=True)
class Callee:
    """One thing that is called: how its call is written, its arguments in order, its page in Markdown."""

    name: str
    signature: str
    arguments: tuple[ArgumentPage, ...]
    page: str
    words: Callable[[str], tuple[str, ...]] = lambda argument: ()

    @property
    def first_line(self) -> str:
        """What it is, in a line."""
        return self.page.partition("\n")[0]


def callee(document: Document, name: str, setting: str | None) -> Callee | None:
    """What a name calls, in a train section the part of that setting; None where it calls nothing that is known."""
    if setting is not None:
        return part(setting, name)
    template = document.module.environment.templates.get(name)
    if template is not None:
        return block(template)
    return layer(REGISTRY[name]) if name in REGISTRY else None


def layer(cls: type[Layer]) -> Callee:
    """A layer with its page of the reference."""
    page = reference.page(cls)
    return Callee(page.name, page.signature, page.arguments, page.text, lambda argument: choices(cls, argument))


def block(template: Template) -> Callee:
    """A block or net with the comment above it."""
    definition = template.definition
    signature = f"{definition.name}({', '.join(map(print_parameter, definition.parameters))})"
    arguments = tuple(map(_of_parameter, definition.parameters))
    chosen = {p.name: p.type.values for p in definition.parameters if isinstance(p.type, tree.Choice)}
    return Callee(
        definition.name,
        signature,
        arguments,
        comment_on(definition),
        lambda argument: tuple(print_expression(value) for value in chosen.get(argument, ())),
    )


def _of_parameter(parameter: tree.Parameter) -> ArgumentPage:
    declared = print_parameter(replace(parameter, default=None)).partition(": ")[2]
    default = print_expression(parameter.default) if parameter.default is not None else None
    return ArgumentPage(parameter.name, declared or "any", default, "")


def part(setting: str, name: str) -> Callee | None:
    """What a setting of the train section names."""
    from netspec.train.section.settings import TABLES

    table = TABLES.get(setting)
    if table is None or name not in table:
        return None
    cls = table[name]
    arguments = tuple(reference.argument_page(field, info) for field, info in cls.model_fields.items())
    return Callee(name, cls.signature(), arguments, inspect.cleandoc(cls.__doc__ or ""))


def parts(setting: str) -> list[str]:
    """The names that a setting of the train section may have."""
    from netspec.train.section.settings import TABLES

    return sorted(TABLES[setting]) if setting in TABLES else []


def settings() -> list[str]:
    """What a train section can set."""
    from netspec.train.section.settings import KEYS

    return list(KEYS)


def step_settings() -> list[str]:
    """What a step of a train section can set."""
    from netspec.train.section.settings import STEP_KEYS

    return list(STEP_KEYS)


def functions() -> list[str]:
    """The functions of expressions."""
    return sorted(FUNCTIONS)
