"""A layer made of the arguments of its call."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from pydantic import ValidationError

from netspec.elaborate.draft import Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import as_tensor, mistaken, unknown_name, weighed
from netspec.elaborate.expressions.names import current_value
from netspec.elaborate.mistakes import hints
from netspec.elaborate.mistakes.demands import aid, choices, demand, takes_words, words
from netspec.elaborate.problems import Problem, counted
from netspec.elaborate.state import Frame
from netspec.elaborate.values import operators
from netspec.elaborate.values.values import Arguments, Result, SharedModule, Word
from netspec.layers import REGISTRY
from netspec.layers.declaration.base import Layer
from netspec.layers.declaration.symbols import Spelled
from netspec.shapes.sizes import OpenSize
from netspec.spelling import nearest
from netspec.syntax.source import Span


def layer_call(
    elaborator: Elaborator, name: str, arguments: Arguments, span: Span, name_span: Span, frame: Frame
) -> Result:
    """A layer applied to its leading tensors, or else to the current value."""
    cls = REGISTRY[name]
    slots, fields = slots_and_fields(cls)
    tensors = sum(argument.name is None for argument in arguments.syntax) - len(arguments.positional)
    if foreign := hints.foreign_argument(cls, arguments.syntax, tensors, slots, span):
        raise foreign
    if stage := hints.label_for_tensor(arguments.positional, len(fields), frame.environment):
        raise stage
    if word := hints.word_for_tensor(arguments.positional, len(fields), words()):
        raise unknown_name(elaborator, word.text, word.span)
    try:
        layer = elaborator.make_layer(cls, arguments, span, name_span, frame)
        inputs = layer_inputs(elaborator, cls, arguments, span, frame)
        return elaborator.apply(layer, inputs, span, frame)
    except Problem as problem:
        entering = arguments.tensors[0] if arguments.tensors else frame.current
        values = [value for value, _ in arguments.positional]
        if hidden := hints.value_for_number(problem, arguments.syntax, frame.environment, span):
            raise hidden from None
        raise hints.likelier(problem, cls, arguments.syntax, values, entering, span) from None


def apply_layer(
    elaborator: Elaborator, name: str, inputs: tuple[Tensor, ...], arguments: dict[str, Any], span: Span, frame: Frame
) -> tuple[Tensor, ...]:
    keywords = {key: (value, span) for key, value in arguments.items()}
    layer = elaborator.make_layer(REGISTRY[name], Arguments([], [], keywords), span, span, frame, lexical=False)
    return elaborator.apply(layer, inputs, span, frame).outputs


def layer_inputs(
    elaborator: Elaborator, cls: type[Layer], arguments: Arguments, span: Span, frame: Frame
) -> tuple[Tensor, ...]:
    """The tensors of a layer's slots; an absent one before a present one repeats the one before it."""
    slots, _ = slots_and_fields(cls)
    if not slots:
        return ()
    if any(slot.startswith("*") for slot in cls.tensors):
        return several_inputs(elaborator, cls, arguments, span, frame)
    by_slot: dict[str, Tensor] = {}
    leading = list(arguments.tensors)
    if len(leading) > len(slots):
        raise wrong_call(cls, f"{cls.name} takes at most {counted(len(slots), 'tensor')}, not {len(leading)}", span)
    by_slot.update(zip(slots, leading, strict=False))
    for slot in slots:
        if slot in arguments.keywords:
            value, where = arguments.keywords[slot]
            by_slot[slot] = as_tensor(elaborator, value, where)
    if slots[0] not in by_slot:
        by_slot[slots[0]] = current_value(frame, span)
    inputs: list[Tensor] = []
    last = max(index for index, slot in enumerate(slots) if slot in by_slot)
    for index, slot in enumerate(slots):
        if slot in by_slot:
            inputs.append(by_slot[slot])
        elif not cls.tensors[index].endswith("?"):
            raise wrong_call(cls, f"{cls.name} needs the tensor {slot}", span)
        elif index < last:
            inputs.append(inputs[-1])
    return tuple(inputs)


def several_inputs(
    elaborator: Elaborator, cls: type[Layer], arguments: Arguments, span: Span, frame: Frame
) -> tuple[Tensor, ...]:
    """The tensors of a layer that takes one or more, then those that it takes by name."""
    inputs = list(arguments.tensors) or [current_value(frame, span)]
    several = next(place for place, slot in enumerate(cls.tensors) if slot.startswith("*"))
    for slot in cls.tensors[several + 1 :]:
        if slot not in arguments.keywords:
            raise wrong_call(cls, f"{cls.name} needs the tensor {slot}", span, help=f"{slot}=... names it")
        value, where = arguments.keywords[slot]
        inputs.append(as_tensor(elaborator, value, where))
    return tuple(inputs)


def make_layer(
    elaborator: Elaborator,
    cls: type[Layer],
    arguments: Arguments,
    span: Span,
    name_span: Span,
    frame: Frame,
    *,
    lexical: bool = True,
) -> Layer:
    """The layer with its arguments; equal calls share one object."""
    slots, fields = slots_and_fields(cls)
    values: dict[str, Any] = dict(frame.environment.defaults.get(cls.name, {})) if lexical else {}
    where: dict[str, Span] = {}
    if len(arguments.positional) > len(fields):
        extra = arguments.positional[len(fields)][1]
        raise wrong_call(cls, f"{cls.name} takes at most {counted(len(fields), 'argument')} besides tensors", extra)
    pairs = [(name, *pair) for name, pair in zip(fields, arguments.positional, strict=False)]
    pairs += [(name, *pair) for name, pair in arguments.keywords.items() if name not in slots]
    for name, value, here in pairs:
        if name in where:
            raise wrong_call(cls, f"{cls.name} is given {name} twice", here)
        where[name] = here
        if name not in cls.model_fields and not cls.collects:
            raise no_argument(cls, name, here)
        values[name] = elaborator.plain(value, name, cls.name, here)
    drop_idle(cls, values, where)
    key = (cls.name, repr(values))
    layer = elaborator.state.layers.get(key)
    if layer is None:
        try:
            layer = cls(**{name: str(v) if isinstance(v, Word) else v for name, v in values.items()})
        except ValidationError as error:
            raise invalid_argument(elaborator, cls, error, values, where, span) from None
        elaborator.state.layers[key] = layer
    assert isinstance(layer, Layer)
    return layer


def drop_idle(cls: type[Layer], values: dict[str, Any], explicit: Collection[str]) -> None:
    """Takes out of a layer's arguments the defaults that speak of what others switch off; what is `explicit` stays."""
    for name, switch in cls.speaks_of.items():
        if name in values and name not in explicit and values.get(switch) is False:
            del values[name]


def plain_argument(elaborator: Elaborator, value: Any, argument: str, callee: str, span: Span) -> Any:
    """An argument as a layer takes it: numbers, words, texts and lists of these."""
    if isinstance(value, OpenSize):
        raise Problem(
            "E0402",
            f"{argument} of {callee} depends on the open size {value}",
            span,
            f"this is {value}",
            help="give the input a size (--input NAME=[...]), or use a layer that follows one: upsample(like=x)",
        )
    if isinstance(value, Tensor | Result):
        help, mend = hints.start(argument, span) or (f"tensors lead: {callee}(x, ...)", None)
        message = f"{argument} of {callee} takes a number or a word, not a tensor"
        raise Problem("E0206", message, span, help=help, mend=mend)
    if isinstance(value, SharedModule):
        raise mistaken(elaborator, value, "a number or a word", span)
    if isinstance(value, Spelled):
        return weighed(elaborator, value, span)
    if isinstance(value, list | range):
        return tuple(elaborator.plain(item, argument, callee, span) for item in weighed(elaborator, value, span))
    return value


def invalid_argument(
    elaborator: Elaborator,
    cls: type[Layer],
    error: ValidationError,
    values: dict[str, Any],
    where: dict[str, Span],
    span: Span,
) -> Problem:
    """What pydantic found, as a sentence in the spec's terms."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    here = where.get(name, span)
    value = values.get(name)
    if first["type"] == "missing":
        missing = [str(e["loc"][0]) for e in error.errors(include_url=False) if e["type"] == "missing"]
        return wrong_call(cls, f"{cls.name} needs {' and '.join(missing)}", span)
    if first["type"] == "extra_forbidden":
        return no_argument(cls, name, here)
    for word in value if isinstance(value, tuple) else (value,):
        if isinstance(word, Word) and not takes_words(cls, name):
            return unknown_name(elaborator, word.text, word.span)
    if first["type"] == "value_error":
        message = str(first.get("ctx", {}).get("error", first["msg"]))
        message = message if message.startswith(cls.name) else f"{cls.name}: {message}"
        help, mend = hints.choice(here, value, choices(cls, name))
        return wrong_call(cls, message, here, help=help, mend=mend)
    message = f"{name} of {cls.name} {demand(error, name, value)}"
    help, mend = hints.axis_as_word(cls, name, value, here) or aid(value, here, choices(cls, name))
    label = f"this is {operators.kind(value)}"
    return wrong_call(cls, message, here, label=label, help=help, mend=mend)


def no_argument(cls: type[Layer], name: str, here: Span) -> Problem:
    """An argument of a name that the layer does not know; `here` begins with the name."""
    near = nearest(name, (*cls.model_fields, *slots_and_fields(cls)[0]))
    mend = (Span(here.source, here.start, here.start + len(name)), near) if near else None
    help = f"did you mean {near}?" if near else ""
    return wrong_call(cls, f"{cls.name} has no argument {name}", here, help=help, mend=mend)


def wrong_call(
    cls: type[Layer],
    message: str,
    span: Span,
    *,
    label: str = "",
    help: str = "",
    mend: tuple[Span, str] | None = None,
) -> Problem:
    return Problem("E0203", message, span, label, notes=(cls.signature(),), help=help, mend=mend)


@cache
def slots_and_fields(cls: type[Layer]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of a layer's tensors and of its other arguments, in order."""
    return tuple(slot.strip("*?") for slot in cls.tensors), tuple(cls.model_fields)
