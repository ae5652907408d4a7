"""What an argument must be, of a layer or a part of a train section: what pydantic says of it, in the spec's terms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from netspec.elaborate.mistakes.hints import choice
from netspec.elaborate.problems import whole
from netspec.layers import REGISTRY
from netspec.layers.declaration.arguments import PADDINGS
from netspec.layers.declaration.base import Layer
from netspec.layers.declaration.initializers import FORMS, MODES, NONLINEARITIES
from netspec.syntax.source import Span


def demand(error: ValidationError, name: str, value: Any) -> str:
    """What the argument must be, joined over those alternatives of a union that are of the value's kind."""
    details = [d for d in error.errors(include_url=False) if d["loc"] and str(d["loc"][0]) == name]
    is_list = isinstance(value, tuple | list)
    apt = [d for d in details if (d["type"] in _OF_LISTS or len(d["loc"]) > 2) == is_list]
    demands = list(dict.fromkeys(map(sentence, apt or details)))
    return " or ".join([demands[0], *(text.removeprefix("must be ") for text in demands[1:])]) if demands else ""


_OF_LISTS = frozenset({"tuple_type", "list_type", "too_long", "too_short"})


def aid(value: Any, span: Span, words: Sequence[str]) -> tuple[str, tuple[Span, str] | None]:
    """The help for an argument that is not what it must be, and the mend: a word of its own, or a whole number."""
    help, mend = choice(span, value, words)
    return help or whole(value, span), mend


def sentence(detail: Any) -> str:
    """What a value must be, from one error that pydantic has found with it."""
    context = detail.get("ctx", {})
    match detail["type"]:
        case "int_type" | "int_parsing" | "int_from_float":
            return "must be a whole number"
        case "greater_than":
            return f"must be more than {_number(context['gt'])}"
        case "greater_than_equal":
            return f"must be at least {_number(context['ge'])}"
        case "less_than":
            return f"must be less than {_number(context['lt'])}"
        case "less_than_equal":
            return f"must be at most {_number(context['le'])}"
        case "literal_error" | "enum":
            return f"must be {str(context['expected']).replace(chr(39), '')}"
        case "bool_type" | "bool_parsing":
            return "must be true or false"
        case "float_type" | "float_parsing":
            return "must be a number"
        case "tuple_type" | "list_type":
            return "must be a list"
        case "string_type":
            return "must be a text"
        case "none_required":
            return "must be none"
        case "missing":
            return f"must have {context.get('field_count', 'more')} entries"
        case "too_long":
            return f"must have at most {context['max_length']} entries"
        case "too_short":
            return f"must have at least {context['min_length']} entries"
        case "value_error":
            return str(context.get("error", detail["msg"]))
        case _:
            return f"is not right: {detail['msg']}"


def _number(bound: Any) -> str:
    return f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"


@cache
def words() -> frozenset[str]:
    """Every word that some layer takes as an argument: same, reflect, bilinear, he_normal."""
    vocabulary = {*PADDINGS, *FORMS, *MODES, *NONLINEARITIES}
    for cls in REGISTRY.values():
        for info in cls.model_fields.values():
            vocabulary.update(words_of(info.annotation))
    return frozenset(vocabulary)


def choices(cls: type[Layer], name: str) -> tuple[str, ...]:
    """The words that an argument of a layer may be."""
    info = cls.model_fields.get(name)
    if info is None:
        return ()
    special = {"pad": PADDINGS, "init": tuple(FORMS), "bias_init": tuple(FORMS)}.get(name, ())
    return (*words_of(info.annotation), *special)


def words_of(annotation: Any) -> list[str]:
    """The words that a type lists."""
    if get_origin(annotation) is Literal:
        return [choice for choice in get_args(annotation) if isinstance(choice, str)]
    return [choice for part in get_args(annotation) for choice in words_of(part)]


def takes_words(cls: type[Layer], name: str) -> bool:
    """Whether an argument may be a word: its annotation names texts."""
    info = cls.model_fields.get(name)
    return info is not None and (_has_text(info.annotation) or bool(words_of(info.annotation)))


def _has_text(annotation: Any) -> bool:
    return (isinstance(annotation, type) and issubclass(annotation, str)) or any(map(_has_text, get_args(annotation)))
