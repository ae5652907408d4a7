"""Tree to text, in the one way that each thing is written: `parse(print_tree(tree)) == tree`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from netspec.syntax import tree

INDENT = "  "


def print_tree(file: tree.File) -> str:
    """The canonical text of `file`: definitions apart, a statement a line, no brackets that precedence makes idle."""
    parts: list[str] = []
    previous: tree.Item | None = None
    for item in file.items:
        if previous is not None and _apart(previous, item):
            parts.append("")
        parts.append(_ITEMS[type(item)](item, ""))
        previous = item
    return "".join(part + "\n" for part in parts)


def print_expression(expr: tree.Expr) -> str:
    """The canonical text of one expression."""
    return _expr(expr, 0)


def print_statement(statement: tree.Statement | tree.Item, indent: str = "") -> str:
    """The canonical text of one statement, its lines after the first indented by `indent`."""
    return _ITEMS[type(statement)](statement, indent)


def _apart(above: tree.Item, below: tree.Item) -> bool:
    """Whether an empty line stands between the two: around definitions, and after the imports."""
    imports = isinstance(above, tree.Import) and isinstance(below, tree.Import)
    lines = tree.Let | tree.Default
    return not imports and not (isinstance(above, lines) and isinstance(below, lines))


# ---- the file ----


def _import(item: tree.Import, indent: str) -> str:
    module = _string(item.module.value) if isinstance(item.module, tree.String) else item.module.id
    return f"from {module} import {', '.join(name.id for name in item.names)}"


def _definition(item: tree.Definition, indent: str) -> str:
    parameters = f"({', '.join(map(_parameter, item.parameters))})" if item.parameters else ""
    return f"{item.kind} {item.name}{parameters} {_body(item.body, indent)}"


def _parameter(parameter: tree.Parameter) -> str:
    text = parameter.name
    if parameter.type is not None:
        text += f": {_type(parameter.type)}"
    if parameter.default is not None:
        text += f" = {_expr(parameter.default, 0)}"
    return text


def _type(declared: tree.TypeName | tree.Choice) -> str:
    if isinstance(declared, tree.Choice):
        return " | ".join(_expr(value, 0) for value in declared.values)
    return declared.name + (f"[{declared.item}]" if declared.item is not None else "")


def _train(item: tree.Train, indent: str) -> str:
    """The settings of one section have their values in one column."""
    width = max((len(setting.key) for setting in item.settings), default=0)
    inner = indent + INDENT
    lines = [f"{inner}{setting.key:<{width}} {_flow(setting.value, inner)}" for setting in item.settings]
    return _braces("train ", lines, indent)


# ---- bodies ----


def _body(body: tree.Body, indent: str) -> str:
    inner = indent + INDENT
    lines = [inner + _ITEMS[type(statement)](statement, inner) for statement in body.statements]
    return _braces("", lines, indent)


def _braces(head: str, lines: list[str], indent: str) -> str:
    return "\n".join([head + "{", *lines, indent + "}"]) if lines else head + "{ }"


_LEADING_WORD = re.compile(r"(output|return|repeat)(?= ?[(\[+-]| in\b| not\b)")


def _stage(stage: tree.Stage, indent: str) -> str:
    flow = _flow(stage.flow, indent)
    if stage.labels:
        return f"{', '.join(map(_label, stage.labels))} = {flow}"
    return _LEADING_WORD.sub(r"(\1)", flow, count=1) if _LEADING_WORD.match(flow) else flow


_WORD_NEXT = re.compile(r"[A-Za-z0-9_]")


def _label(label: tree.Label) -> str:
    text = ""
    for index, part in enumerate(label.parts):
        following = label.parts[index + 1] if index + 1 < len(label.parts) else ""
        if isinstance(part, str):
            text += part
        elif isinstance(part, tree.Name) and not (isinstance(following, str) and _WORD_NEXT.match(following)):
            text += f"${part.id}"
        else:
            text += f"${{{_expr(part, 0)}}}"
    return text


def _let(let: tree.Let, indent: str) -> str:
    return f"let {', '.join(let.names)} = {_flow(let.flow, indent)}"


def _shared(shared: tree.Shared, indent: str) -> str:
    return f"shared {_label(shared.label)} = {_flow(shared.flow, indent)}"


def _default(default: tree.Default, indent: str) -> str:
    return f"default {default.layer}({_arguments(default.arguments)})"


def _for(statement: tree.For, indent: str) -> str:
    return f"for {', '.join(statement.names)} in {_expr(statement.sequence, 0)} {_body(statement.body, indent)}"


def _repeat(statement: tree.Repeat, indent: str) -> str:
    return f"repeat {_expr(statement.count, 0)} {_body(statement.body, indent)}"


def _if(statement: tree.If, indent: str) -> str:
    branches = [f"if {_expr(branch.condition, 0)} {_body(branch.body, indent)}" for branch in statement.branches]
    if statement.otherwise is not None:
        branches.append(_body(statement.otherwise, indent))
    return " else ".join(branches)


def _return(statement: tree.Return, indent: str) -> str:
    return "return " + ", ".join(_expr(value, 0) for value in statement.values)


def _input(statement: tree.Input, indent: str) -> str:
    dtype = f": {statement.dtype}" if statement.dtype is not None else ""
    return f"input {statement.name}{dtype} [{', '.join(_expr(size, 0) for size in statement.shape)}]"


def _output(statement: tree.Output, indent: str) -> str:
    name = f"{statement.name} = " if statement.name is not None else ""
    return f"output {name}{_flow(statement.flow, indent)}" + (" when training" if statement.when_training else "")


def _flow(flow: tree.Flow, indent: str) -> str:
    return " -> ".join(_element(element, indent) for element in flow.elements)


def _element(element: tree.Element, indent: str) -> str:
    if isinstance(element, tree.Group):
        return _body(element.body, indent)
    if isinstance(element, tree.Wiring):
        clauses = "".join(f" {clause.keyword} {_body(clause.body, indent)}" for clause in element.clauses)
        return f"{element.keyword} {_body(element.body, indent)}{clauses}"
    return _expr(element, 0)


_ITEMS: dict[type, Callable[[Any, str], str]] = {
    tree.Import: _import,
    tree.Definition: _definition,
    tree.Train: _train,
    tree.Stage: _stage,
    tree.Let: _let,
    tree.Shared: _shared,
    tree.Default: _default,
    tree.For: _for,
    tree.Repeat: _repeat,
    tree.If: _if,
    tree.Return: _return,
    tree.Input: _input,
    tree.Output: _output,
}

# ---- expressions ----

_TERNARY, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _FACTOR, _POWER, _PRIMARY, _ATOM = range(11)
_BINARY: dict[str, tuple[int, int, int, str]] = {
    "or": (_OR, _OR, _AND, " or "),
    "and": (_AND, _AND, _NOT, " and "),
    **{sign: (_SUM, _SUM, _PRODUCT, f" {sign} ") for sign in ("+", "-")},
    **{sign: (_PRODUCT, _PRODUCT, _FACTOR, f" {sign} ") for sign in ("*", "/", "//", "%")},
    "**": (_POWER, _PRIMARY, _FACTOR, "**"),
}
"""An operator's own level, the lowest that its left and right sides may have without brackets, and its text."""


def _expr(expr: tree.Expr, lowest: int) -> str:
    """The text of `expr`, in brackets where its level is below `lowest`."""
    level, text = _EXPRESSIONS[type(expr)](expr)
    return f"({text})" if level < lowest else text


def _number(expr: tree.Number) -> tuple[int, str]:
    return _ATOM, repr(expr.value)


def _constant(expr: tree.Constant) -> tuple[int, str]:
    return _ATOM, "none" if expr.value is None else str(expr.value).lower()


def _list(expr: tree.List) -> tuple[int, str]:
    return _ATOM, f"[{', '.join(_expr(item, 0) for item in expr.items)}]"


def _unary(expr: tree.Unary) -> tuple[int, str]:
    if expr.operator == "not":
        return _NOT, "not " + _expr(expr.operand, _NOT)
    return _FACTOR, expr.operator + _expr(expr.operand, _FACTOR)


def _binary(expr: tree.Binary) -> tuple[int, str]:
    level, left, right, text = _BINARY[expr.operator]
    return level, _expr(expr.left, left) + text + _expr(expr.right, right)


def _compare(expr: tree.Compare) -> tuple[int, str]:
    first, *rest = (_expr(operand, _SUM) for operand in expr.operands)
    return _COMPARE, first + "".join(f" {sign} {side}" for sign, side in zip(expr.operators, rest, strict=True))


def _conditional(expr: tree.Conditional) -> tuple[int, str]:
    then, condition = _expr(expr.then, _OR), _expr(expr.condition, _OR)
    return _TERNARY, f"{then} if {condition} else {_expr(expr.otherwise, _TERNARY)}"


def _arguments(arguments: tuple[tree.Argument, ...]) -> str:
    return ", ".join((f"{a.name}=" if a.name is not None else "") + _expr(a.value, 0) for a in arguments)


def _call(expr: tree.Call) -> tuple[int, str]:
    return _PRIMARY, f"{_expr(expr.callee, _PRIMARY)}({_arguments(expr.arguments)})"


def _attribute(expr: tree.Attribute) -> tuple[int, str]:
    value = _expr(expr.value, _PRIMARY)
    return _PRIMARY, (f"({value})" if isinstance(expr.value, tree.Number) else value) + f".{expr.name}"


def _index(expr: tree.Index) -> tuple[int, str]:
    return _PRIMARY, f"{_expr(expr.value, _PRIMARY)}[{_expr(expr.index, 0)}]"


def _slice(expr: tree.Slice) -> tuple[int, str]:
    start, stop, step = ("" if part is None else _expr(part, 0) for part in (expr.start, expr.stop, expr.step))
    return _PRIMARY, f"{_expr(expr.value, _PRIMARY)}[{start}:{stop}" + (f":{step}]" if step else "]")


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def _string(value: str) -> str:
    return '"' + "".join(map(_character, value)) + '"'


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() or ord(character) > 0xFFFF else f"\\u{ord(character):04x}"


_EXPRESSIONS: dict[type, Callable[[Any], tuple[int, str]]] = {
    tree.Number: _number,
    tree.String: lambda expr: (_ATOM, _string(expr.value)),
    tree.Constant: _constant,
    tree.Name: lambda expr: (_ATOM, expr.id),
    tree.List: _list,
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.Compare: _compare,
    tree.Conditional: _conditional,
    tree.Call: _call,
    tree.Attribute: _attribute,
    tree.Index: _index,
    tree.Slice: _slice,
    tree.Label: lambda expr: (_ATOM, _label(expr)),
}
