"""What a train section names: data sets, losses, optimizers, schedules, metrics. One declaration each, as layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError
from pydantic.fields import FieldInfo

from netspec.diagnostics import Diagnostic
from netspec.elaborate.mistakes.demands import aid, demand, sentence, words_of
from netspec.layers.declaration.base import spec_literal
from netspec.layers.declaration.synonyms import SYNONYMS
from netspec.spelling import bare, nearest, synonym
from netspec.syntax.source import Span
from netspec.train.literals import Word, description

Real: TypeAlias = Annotated[float, Strict()]
AtLeastZero: TypeAlias = Annotated[float, Strict(), Field(ge=0)]
AboveZero: TypeAlias = Annotated[float, Strict(), Field(gt=0)]
Fraction: TypeAlias = Annotated[float, Strict(), Field(ge=0, lt=1)]
"""A share of something, 1 excluded: a decay rate, the part of the data that is set aside."""


class Part(BaseModel):
    """Base of everything that a setting names. Fields are its arguments: their order, types, defaults and bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    """What else PyTorch, Keras and papers call it; case, `_` and `-` do not count."""

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        """The names of the arguments, in the order of positional ones."""
        return tuple(cls.fields())

    @classmethod
    def fields(cls) -> dict[str, tuple[str, FieldInfo]]:
        """The arguments by their names in a spec, each with its attribute: `class_` where Python keeps the name."""
        return {info.alias or attribute: (attribute, info) for attribute, info in cls.model_fields.items()}

    @classmethod
    def signature(cls) -> str:
        """`sgd(lr=0.001, momentum=0.0, ...)`, as messages show it."""
        infos = [(name, cls.fields()[name][1]) for name in cls.arguments()]
        fields = [name if info.is_required() else f"{name}={written(info.default)}" for name, info in infos]
        return f"{cls.name}({', '.join(fields)})" if fields else cls.name

    @classmethod
    def proposal(cls, argument: str, value: Any) -> Any:
        """What an argument that is not right may stand for; None where that is not known."""
        return None

    def written(self) -> str:
        """The part as a spec would write it: its name and the arguments that are not the defaults."""
        arguments: list[str] = []
        positional = True
        fields = self.fields()
        for name in self.arguments():
            attribute, info = fields[name]
            value = getattr(self, attribute)
            positional = positional and info.is_required()
            if positional:
                arguments.append(f'"{value}"' if info.annotation is str else written(value))
            elif info.is_required() or value != info.default:
                arguments.append(f"{name}={written(value)}")
        return f"{self.name}({', '.join(arguments)})" if arguments else self.name


def call_text(part: Part, output: str | None, target: str | None = None) -> str:
    """A part that is about an output of the net, and a target, as a spec would write it: `mse(depth, far)`."""
    name, _, arguments = part.written().partition("(")
    inside = ", ".join(filter(None, (output, target, arguments.removesuffix(")"))))
    return f"{name}({inside})" if inside else name


P = TypeVar("P", bound=Part)
C = TypeVar("C", bound="type[Part]")


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument as the spec gives it: `name` is None where it is positional."""

    name: str | None
    value: Any
    span: Span


class Table(Generic[P]):
    """The parts of one kind by name. A new one is a class under this decorator, in one place."""

    def __init__(self, kind: str, article: str = "a") -> None:
        self.kind, self.article = kind, article
        self._parts: dict[str, type[P]] = {}

    def __call__(self, name: str, *aliases: str) -> Callable[[C], C]:
        """Registers a part under its name in specs; raises ValueError where the name is taken."""

        def register(cls: C) -> C:
            if name in self._parts and self._parts[name].__qualname__ != cls.__qualname__:
                raise ValueError(f"there is {self.article} {self.kind} {name!r} already")
            cls.name, cls.aliases = name, aliases
            self._parts[name] = cls  # type: ignore[assignment]
            return cls

        return register

    def __getitem__(self, name: str) -> type[P]:
        return self._parts[name]

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def make(self, name: str, arguments: Sequence[Argument], span: Span) -> P | list[Diagnostic]:
        """The part of that name with these arguments, or everything that is wrong with them."""
        if name not in self._parts:
            return [self._unknown(name, span, alone=not arguments)]
        return bind(self._parts[name], arguments, span)

    def synonym(self, name: str) -> str | None:
        """The part that PyTorch, Keras or a paper calls so, with or without its kind: `CrossEntropyLoss`."""
        bare_name = bare(name)
        without_kind = bare_name.removesuffix(bare(self.kind)) or bare_name
        meanings = {part_name: part.aliases for part_name, part in self._parts.items()}
        return synonym(bare_name, meanings) or synonym(without_kind, meanings)

    def example(self, name: str, text: str) -> str:
        """The part as a spec would write it without arguments, or with `text` where it needs one."""
        required = [info for info in self._parts[name].model_fields.values() if info.is_required()]
        return f'{name}("{text}")' if required and required[0].annotation is str else name

    def _unknown(self, name: str, span: Span, *, alone: bool) -> Diagnostic:
        meaning = self.synonym(name)
        near = meaning or nearest(name, self._parts)
        text = self.example(near, name) if near and alone else near
        return Diagnostic(
            "E0602",
            f"there is no {self.kind} named {name}",
            span,
            "not known",
            notes=(f"known: {', '.join(sorted(self._parts))}",),
            help=f"it is {text} here" if meaning else f"did you mean {near}?" if near else "",
            mend=(span, text) if text else None,
        )


def bind(part: type[P], arguments: Sequence[Argument], span: Span) -> P | list[Diagnostic]:
    """The part with these arguments, positional ones in the order of its fields, or everything that is wrong."""
    names = part.arguments()
    wrong: list[Diagnostic] = []
    by_field: dict[str, Argument] = {}
    for position, argument in enumerate(arguments):
        name = argument.name or (names[position] if position < len(names) else None)
        if name is None:
            wrong.append(_mistake(part, f"{part.name} takes {_count(len(names))}", argument.span, "one too many"))
        elif name not in names:
            wrong.append(_unknown_argument(part, name, argument.span))
        elif name in by_field:
            wrong.append(_mistake(part, f"{part.name} is given {name} twice", argument.span, "again"))
        else:
            by_field[name] = argument
    try:
        instance = part(**{name: _plain(argument.value) for name, argument in by_field.items()})
    except ValidationError as error:
        return [*wrong, *_explain(part, by_field, error, span)]
    return wrong or instance


def _mistake(part: type[Part], message: str, span: Span, label: str = "") -> Diagnostic:
    return Diagnostic("E0603", message, span, label, notes=(part.signature(),))


def _unknown_argument(part: type[Part], name: str, span: Span) -> Diagnostic:
    plain = _mistake(part, f"{part.name} has no argument {name}", span, "not known")
    near = synonym(name, {field: _aliases(field) for field in part.fields()}) or nearest(name, part.arguments())
    if near is None:
        return plain
    here = Span(span.source, span.start, span.start + len(name))
    return replace(plain, help=f"did you mean {near}?", mend=(here, near))


_ARGUMENTS = {"lr": ("learning_rate",), "size": ("image_size", "img_size"), "p": ("prob",), "steps": ("milestones",)}


def _aliases(field: str) -> tuple[str, ...]:
    """What else an argument is called."""
    return (*_ARGUMENTS.get(field, ()), *(alias for alias, fields in SYNONYMS.items() if field in fields))


def _explain(
    part: type[Part], by_field: dict[str, Argument], error: ValidationError, span: Span
) -> Iterator[Diagnostic]:
    """What is wrong with each argument, in the words that a layer's have."""
    fields = part.fields()
    for name in dict.fromkeys(str(slip["loc"][0]) if slip["loc"] else "" for slip in error.errors(include_url=False)):
        if name not in fields:
            slips = (slip for slip in error.errors(include_url=False) if not slip["loc"] or slip["loc"][0] == name)
            yield _mistake(part, f"{part.name}: {' or '.join(dict.fromkeys(map(sentence, slips)))}", span)
        elif name not in by_field:
            yield _mistake(part, f"{part.name} needs {name}", span, "missing")
        else:
            argument = by_field[name]
            help, mend = aid(argument.value, argument.span, words_of(fields[name][1].annotation))
            if (proposal := part.proposal(name, _plain(argument.value))) is not None:
                text = f"{name}={written(proposal)}" if argument.name else written(proposal)
                help, mend = f"write {text}", (argument.span, text)
            plain = _mistake(
                part,
                f"{name} of {part.name} {demand(error, name, argument.value)}",
                argument.span,
                f"this is {description(argument.value)}",
            )
            yield replace(plain, help=help, mend=mend)


def written(value: Any) -> str:
    """A value as a spec writes it; a text that is no word in quotes."""
    if isinstance(value, Part):
        return value.written()
    if isinstance(value, str) and not value.isidentifier():
        return f'"{value}"'
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(written, value))}]"
    return spec_literal(value)


def _count(number: int) -> str:
    return "no arguments" if number == 0 else "one argument" if number == 1 else f"at most {number} arguments"


def _plain(value: Any) -> Any:
    """Words as text, lists as tuples: what the fields of a part hold."""
    if isinstance(value, Word):
        return value.text
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    return value
