"""Of what Python type an expression is, as far as an annotation has to say it."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.syntax import tree

_WHOLE = frozenset({"len", "round", "ceil", "floor", "int"})


def type_of(expression: tree.Expr, types: Mapping[str, str]) -> str:
    """The annotation of a name that holds the expression's value."""
    match expression:
        case tree.Number(value):
            return type(value).__name__
        case tree.String():
            return "str"
        case tree.Constant(value):
            return "None" if value is None else "bool"
        case tree.Compare() | tree.Unary("not", _) | tree.Binary("and" | "or", _, _):
            return "bool"
        case tree.Name(name):
            return types.get(name, "Any")
        case tree.List(items):
            inner = {type_of(item, types) for item in items}
            return f"list[{inner.pop()}]" if len(inner) == 1 else "list[Any]"
        case tree.Binary(operator, left, right):
            sides = {type_of(left, types), type_of(right, types)}
            lists = [side for side in sides if side.startswith("list")]
            return lists[0] if lists else "float" if operator == "/" or "float" in sides else "int"
        case tree.Unary(_, operand):
            return type_of(operand, types)
        case tree.Conditional(then, _, otherwise):
            first, second = type_of(then, types), type_of(otherwise, types)
            return first if first == second else "Any"
        case tree.Index(value, _):
            inner_type = type_of(value, types)
            return inner_type[5:-1] if inner_type.startswith("list[") else "Any"
        case tree.Slice(value, _, _, _):
            return type_of(value, types)
        case tree.Call(tree.Name(name), arguments):
            if name in _WHOLE:
                return "int"
            if name in ("min", "max", "sum", "abs") and arguments:
                inner_type = type_of(arguments[0].value, types)
                return inner_type[5:-1] if inner_type.startswith("list[") else inner_type
    return "Any"
