"""Expressions to text, in the one way that each is written: `print_expression(tree)` reads back as the same tree.

Numbers and strings that were read from a text keep their spelling. What spans lines is laid out in netspec/format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from netspec.syntax import tree
from netspec.syntax.lexer import HARD, number, string


def print_expression(expr: tree.Expr) -> str:
    """The text of one expression, on one line, without the brackets that precedence makes idle."""
    return print_within(expr, 0)


def print_parameter(parameter: tree.Parameter) -> str:
    """`width`, `classes: int = 10`."""
    text = parameter.name
    if parameter.type is not None:
        text += f": {_type(parameter.type)}"
    if parameter.default is not None:
        text += f" = {print_within(parameter.default, 0)}"
    return text


def print_argument(argument: tree.Argument) -> str:
    """`64`, `stride=2`; with spaces where words are on the right: `stride = 1 if i == 0 else 2`."""
    level, text = _EXPRESSIONS[type(argument.value)](argument.value)
    if argument.name is None:
        return text
    return f"{argument.name} = {text}" if level < SUM else f"{argument.name}={text}"


_WORD_NEXT = re.compile(r"[A-Za-z0-9_]")


def print_label(label: tree.Label) -> str:
    """`c1`, `layer$i`, `a${i + 1}_b`, `0`, `"block-$i"`, `stem.c1`, `convs[i]`."""
    around = "" if label.around is None else print_label(label.around)
    match label.parts:
        case (tree.Tree() as index,) if around:
            around = f'"{around}"' if around in _BEFORE_BRACKET else around
            return f"{around}[{print_within(index, 0)}]"
    text = _completed(label)
    if not all(_IN_LABEL.fullmatch(part) for part in label.parts if isinstance(part, str)) or _is_hard(label):
        text = f'"{text}"'
    return f"{around}.{text}" if around else text


_BEFORE_BRACKET = ("output", "return", "repeat")
"""Words that begin a statement where a bracket follows."""
_IN_LABEL = re.compile(r"\w+", re.ASCII)
_STEP = re.compile(r"[A-Za-z_]\w*|0|[1-9]\d{0,17}", re.ASCII)


def _is_hard(label: tree.Label) -> bool:
    """Whether a label is read as something else where it has no quotes: a word of the language, `1x1`, `007`."""
    first = label.parts[0]
    if not isinstance(first, str):
        return False
    if len(label.parts) == 1:
        return first in HARD or not _STEP.fullmatch(first)
    return not (first[0].isalpha() or first[0] == "_")


def _completed(label: tree.Label) -> str:
    """The parts of one label, each expression with its `$`."""
    text = ""
    for index, part in enumerate(label.parts):
        following = label.parts[index + 1] if index + 1 < len(label.parts) else ""
        if isinstance(part, str):
            text += part
        elif isinstance(part, tree.Name) and not (isinstance(following, str) and _WORD_NEXT.match(following)):
            text += f"${part.id}"
        else:
            text += f"${{{print_within(part, 0)}}}"
    return text


def _type(declared: tree.TypeName | tree.Choice) -> str:
    if isinstance(declared, tree.Choice):
        return " | ".join(print_within(value, 0) for value in declared.values)
    return declared.name + (f"[{declared.item}]" if declared.item is not None else "")


TERNARY, OR, _AND, _NOT, _COMPARE, SUM, _PRODUCT, _FACTOR, _POWER, _PRIMARY, _ATOM = range(11)
BINARY: dict[str, tuple[int, int, int, str]] = {
    "or": (OR, OR, _AND, " or "),
    "and": (_AND, _AND, _NOT, " and "),
    **{sign: (SUM, SUM, _PRODUCT, f" {sign} ") for sign in ("+", "-")},
    **{sign: (_PRODUCT, _PRODUCT, _FACTOR, f" {sign} ") for sign in ("*", "/", "//", "%")},
    "**": (_POWER, _PRIMARY, _FACTOR, " ** "),
}
"""An operator's own level, the lowest that its left and right sides may have without brackets, and its text."""


def print_within(expr: tree.Expr, lowest: int) -> str:
    """The text of `expr`, in brackets where its level is below `lowest`."""
    level, text = _EXPRESSIONS[type(expr)](expr)
    return f"({text})" if level < lowest else text


_DIGITS = r"\d+(?:_\d+)*"
_NUMBER = re.compile(rf"(?=\.?\d)(?:{_DIGITS})?(?:\.(?:{_DIGITS})?)?(?:[eE][+-]?\d+)?", re.ASCII)


def _number(expr: tree.Number) -> tuple[int, str]:
    """As it was spelt where it was read, but with an `e` for `E`, and a digit on both sides of the point."""
    text = expr.span.text
    if not (_NUMBER.fullmatch(text) and number(text) == expr.value):
        return _ATOM, repr(expr.value)
    before, point, after = text.lower().partition(".")
    spelt = f"{before or 0}.{after if after[:1].isdigit() else '0' + after}" if point else before
    return _ATOM, spelt


_STRING = re.compile(r'"(?:[^"\\\n]|\\(?:[nt\\"]|u[0-9a-fA-F]{4}))*"')


def print_string(expr: tree.String) -> str:
    """In double quotes, with the escapes of the text that it was read from."""
    text = expr.span.text
    spelt = f'"{text[1:-1]}"'
    if text[:1] in ('"', "'") and _STRING.fullmatch(spelt) and string(spelt) == expr.value:
        return spelt
    return _string(expr.value)


def _constant(expr: tree.Constant) -> tuple[int, str]:
    return _ATOM, "none" if expr.value is None else str(expr.value).lower()


def _list(expr: tree.List) -> tuple[int, str]:
    return _ATOM, f"[{', '.join(print_within(item, 0) for item in expr.items)}]"


def _unary(expr: tree.Unary) -> tuple[int, str]:
    if expr.operator == "not":
        return _NOT, "not " + print_within(expr.operand, _NOT)
    return _FACTOR, expr.operator + print_within(expr.operand, _FACTOR)


def _binary(expr: tree.Binary) -> tuple[int, str]:
    level, left, right, text = BINARY[expr.operator]
    text = "**" if _close(expr) else text
    return level, print_within(expr.left, left) + text + print_within(expr.right, right)


def _close(expr: tree.Expr) -> bool:
    """Whether this is a power whose sign stands close to both sides, as Black has it: `2**i`, but `2 ** (i - 1)`."""
    if not (isinstance(expr, tree.Binary) and expr.operator == "**"):
        return False
    right = expr.right.operand if isinstance(expr.right, tree.Unary) else expr.right
    return _simple(expr.left) and (_simple(right) or _close(right))


def _simple(expr: tree.Expr) -> bool:
    return _simple(expr.value) if isinstance(expr, tree.Attribute) else isinstance(expr, tree.Name | tree.Number)


def _compare(expr: tree.Compare) -> tuple[int, str]:
    first, *rest = (print_within(operand, SUM) for operand in expr.operands)
    return _COMPARE, first + "".join(f" {sign} {side}" for sign, side in zip(expr.operators, rest, strict=True))


def _conditional(expr: tree.Conditional) -> tuple[int, str]:
    then, condition = print_within(expr.then, OR), print_within(expr.condition, OR)
    return TERNARY, f"{then} if {condition} else {print_within(expr.otherwise, TERNARY)}"


def _call(expr: tree.Call) -> tuple[int, str]:
    return _PRIMARY, f"{print_within(expr.callee, _PRIMARY)}({', '.join(map(print_argument, expr.arguments))})"


def _attribute(expr: tree.Attribute) -> tuple[int, str]:
    value = print_within(expr.value, _PRIMARY)
    return _PRIMARY, (f"({value})" if isinstance(expr.value, tree.Number) else value) + f".{expr.name}"


def _member(expr: tree.Member) -> tuple[int, str]:
    value = print_within(expr.value, _PRIMARY)
    return _PRIMARY, (f"({value})" if isinstance(expr.value, tree.Number) else value) + f".{print_label(expr.label)}"


def _comprehension(expr: tree.Comprehension) -> tuple[int, str]:
    return _ATOM, f"[{print_within(expr.item, 0)}{''.join(map(print_round, expr.rounds))}]"


def print_round(round_: tree.Round) -> str:
    """` for i, (a, b) in xs if c`, as it stands in a comprehension."""
    condition = "" if round_.condition is None else f" if {print_within(round_.condition, OR)}"
    return f" for {print_targets(round_.targets)} in {print_within(round_.sequence, OR)}{condition}"


def print_targets(targets: Sequence[tree.Target]) -> str:
    """`i, (a, b)`."""
    return ", ".join(target if isinstance(target, str) else f"({print_targets(target)})" for target in targets)


def _index(expr: tree.Index) -> tuple[int, str]:
    return _PRIMARY, f"{print_within(expr.value, _PRIMARY)}[{print_within(expr.index, 0)}]"


def _slice(expr: tree.Slice) -> tuple[int, str]:
    start, stop, step = ("" if part is None else print_within(part, 0) for part in (expr.start, expr.stop, expr.step))
    return _PRIMARY, f"{print_within(expr.value, _PRIMARY)}[{start}:{stop}" + (f":{step}]" if step else "]")


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def _string(value: str) -> str:
    return '"' + "".join(map(_character, value)) + '"'


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() or ord(character) > 0xFFFF else f"\\u{ord(character):04x}"


_EXPRESSIONS: dict[type, Callable[[Any], tuple[int, str]]] = {
    tree.Number: _number,
    tree.String: lambda expr: (_ATOM, print_string(expr)),
    tree.Constant: _constant,
    tree.Name: lambda expr: (_ATOM, expr.id),
    tree.List: _list,
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.Compare: _compare,
    tree.Conditional: _conditional,
    tree.Call: _call,
    tree.Attribute: _attribute,
    tree.Member: _member,
    tree.Comprehension: _comprehension,
    tree.Index: _index,
    tree.Slice: _slice,
    tree.Label: lambda expr: (_ATOM, print_label(expr)),
}
