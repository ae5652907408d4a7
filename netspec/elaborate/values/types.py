"""What a parameter may be: of a type such as `int`, or one of the values that the spec lists for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netspec.elaborate.draft import Tensor
from netspec.elaborate.problems import Problem
from netspec.elaborate.values.operators import kind
from netspec.elaborate.values.values import Word
from netspec.shapes.sizes import OpenSize
from netspec.spelling import nearest
from netspec.syntax import tree
from netspec.syntax.source import Span

_TYPES: dict[str, Any] = {
    "int": lambda value: isinstance(value, int | OpenSize) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "list": lambda value: isinstance(value, list),
    "tensor": lambda value: isinstance(value, Tensor),
    "layer": lambda value: value is None or isinstance(value, Word),
}


MEANINGS: dict[str, str] = {
    "int": "a whole number, or an open size",
    "float": "a number",
    "bool": "`true` or `false`",
    "str": "a text; a word without quotes is one",
    "list": "a list; `list[int]` of whole numbers, `list[tensor]` of values",
    "tensor": "a value: one more input of a block",
    "layer": "a layer or block without its values: `relu`, `leaky_relu(0.2)`; `none` for nothing at all",
}
"""What each takes, for the reference."""


def known_types() -> tuple[str, ...]:
    """The names of the types."""
    return tuple(_TYPES)


def fits_type(value: Any, declared: tree.TypeName | tree.Choice | None) -> bool:
    """Whether a value is of the declared type; everything is of none."""
    match declared:
        case None:
            return True
        case tree.Choice(choices):
            return not isinstance(value, bool) and any(value == choice.value for choice in choices)
        case tree.TypeName(name, item):
            if name not in _TYPES or not _TYPES[name](value):
                return False
            return item is None or all(fits_type(entry, tree.TypeName(item)) for entry in value)


def is_tensor(parameter: tree.Parameter) -> bool:
    """Whether a parameter is one more input of its block."""
    return isinstance(parameter.type, tree.TypeName) and parameter.type.name == "tensor"


def is_tensors(parameter: tree.Parameter) -> bool:
    """Whether a parameter is a list of inputs of its block: `list[tensor]`."""
    match parameter.type:
        case tree.TypeName("list", "tensor"):
            return True
    return False


def is_layer(parameter: tree.Parameter) -> bool:
    """Whether a parameter is declared to be a layer or block."""
    return parameter.type == tree.TypeName("layer")


def takes_text(declared: tree.TypeName | tree.Choice | None) -> bool:
    """Whether a word without quotes can be meant as a text."""
    match declared:
        case tree.Choice(choices):
            return any(isinstance(choice, tree.String) for choice in choices)
        case tree.TypeName(name):
            return name == "str"
        case None:
            return False


def not_of_type(definition: tree.Definition, parameter: tree.Parameter, value: Any, span: Span) -> Problem:
    """That a parameter is given a value that its type does not have."""
    subject, signature = f"{parameter.name} of {definition.name}", definition.signature
    from_outside = span == parameter.span
    inside = span.source is signature.source and signature.start <= span.start < signature.end
    related = () if inside else ((signature, "defined here"),)
    match parameter.type:
        case tree.Choice(choices):
            near = nearest(str(value), [choice.value for choice in choices if isinstance(choice, tree.String)])
            help = f'did you mean "{near}"?' if near else ""
            message = f"{subject} is {_either(choices)}, not {kind(value)}"
            return Problem("E0210", message, span, related=related, help=help)
        case tree.TypeName(name, item):
            declared = name if item is None else f"{name}[{item}]"
            items = value if item is not None and isinstance(value, list) else ()
            alien = next((entry for entry in items if not fits_type(entry, tree.TypeName(item or ""))), value)
            what = "is" if alien is value else "has in it"
            message = f"{subject} is declared {declared}, but this {what} {kind(alien)}"
            single = name == "list" and isinstance(value, int | float)
            help = f"a list of one number is [{value}]" if single else _example(parameter) if from_outside else ""
            mend = (span, f"[{span.text}]") if single and not inside else None
            if name == "int" and isinstance(value, float) and value == int(value) and not inside:
                named = "=" in span.text.partition("(")[0]
                word, equal, number = span.text.rpartition("=") if named else ("", "", span.text)
                text = f"{word}{equal}floor({number})"
                help, mend = f"floor makes a whole number of it: {text}", (span, text)
            return Problem("E0210", message, span, related=related, help=help, mend=mend)
    raise AssertionError("every value is of no type")


def _example(parameter: tree.Parameter) -> str:
    """What can be given to a parameter from outside, as `--set` takes it."""
    assert isinstance(parameter.type, tree.TypeName)
    default = parameter.default
    if default is not None and not isinstance(default, tree.Constant):
        return f"for example {parameter.name}={''.join(default.span.text.split())}"
    examples = {"int": "10", "float": "0.5", "bool": "true", "str": '"same"', "list": "[1,2]", "layer": "relu"}
    return f"for example {parameter.name}={examples[parameter.type.name]}" if parameter.type.name in examples else ""


def _either(choices: Sequence[tree.Number | tree.String]) -> str:
    *others, last = (choice.span.text for choice in choices)
    return f"{', '.join(others)} or {last}" if others else last
