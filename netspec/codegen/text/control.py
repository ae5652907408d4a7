"""The heads of loops and conditions."""

from __future__ import annotations

from typing import Any

from netspec.codegen.text.python import python
from netspec.graph.blueprint import Loop
from netspec.syntax import tree


def loop_header(loop: Loop, naming: Any, references: set[str]) -> str:
    """`i in range(n)`, `i, (a, b) in enumerate(zip(...))`; what the body does not ask for is `_`."""
    words = [naming(name) if naming(name) in references else "_" for name in loop.names]
    sequence = loop.sequence if loop.names else tree.Call(tree.Name("range"), (tree.Argument(None, loop.sequence),))
    if loop.index:
        inner = ", ".join(words) or "_"
        if not loop.names:
            return f"{naming(loop.index)} in {python(sequence, naming, iterated=True)}"
        text = python(sequence, naming, iterated=True)
        return f"{naming(loop.index)}, {f'({inner})' if len(words) > 1 else inner} in enumerate({text})"
    return f"{', '.join(words) or '_'} in {python(sequence, naming, iterated=True)}"


def negated(condition: tree.Expr) -> tree.Expr:
    """The opposite of a condition, as one would write it."""
    opposite = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "in": "not in", "not in": "in"}
    match condition:
        case tree.Compare((operator,), operands):
            return tree.Compare((opposite[operator],), operands)
        case tree.Unary("not", operand):
            return operand
        case tree.Binary("or", left, right):
            return tree.Binary("and", negated(left), negated(right))
        case tree.Binary("and", left, right):
            return tree.Binary("or", negated(left), negated(right))
    return tree.Unary("not", condition)
