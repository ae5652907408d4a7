"""Values as what a place needs: a tensor, a list, a condition; and what to say where one is something else."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from netspec.elaborate.draft import Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.mistakes import hints
from netspec.elaborate.problems import Problem, Spoilt
from netspec.elaborate.state import Frame
from netspec.elaborate.values import operators
from netspec.elaborate.values.environment import Modules, Poison
from netspec.elaborate.values.operators import LONGEST_LIST, LONGEST_TEXT, OperandError, TooLarge
from netspec.elaborate.values.values import Listed, Result, SharedModule, Word
from netspec.layers import REGISTRY
from netspec.spelling import nearest
from netspec.syntax import tree
from netspec.syntax.source import Span


def sound(value: Any) -> Any:
    """The value, unless an earlier mistake has spoilt it."""
    if isinstance(value, Poison):
        raise Spoilt
    return value


def weighed(elaborator: Elaborator, value: Any, span: Span) -> Any:
    """The value; a list counts against the limits."""
    if isinstance(value, list | range):
        try:
            elaborator.state.handle(span, operators.items(value))
        except TooLarge as error:
            fail(error, span)
    return value


def as_list(value: Any) -> Any:
    """The value; several results of a stage as the list that they are."""
    if isinstance(value, Result) and (isinstance(value.outputs, Listed) or len(value.outputs) > 1):
        return list(value.outputs)
    return value


def is_listed(value: Any) -> bool:
    """Whether a stage leaves a list."""
    return isinstance(value, Result) and isinstance(value.outputs, Listed)


def as_tensor(elaborator: Elaborator, value: Any, span: Span) -> Tensor:
    """The value as one tensor: a stage stands for its first output."""
    sound(value)
    if isinstance(value, Result):
        return value.outputs[0]
    if isinstance(value, Tensor):
        return value
    raise mistaken(elaborator, value, "a tensor", span)


def truth(elaborator: Elaborator, expression: tree.Expr, frame: Frame) -> bool:
    """A condition: true or false, known without running."""
    value = elaborator.evaluate(expression, frame)
    if isinstance(value, Word):
        raise unknown_name(elaborator, value.text, value.span)
    if isinstance(value, Tensor | Result):
        raise Problem(
            "E0209",
            "a condition has to be known when the spec is read; a tensor's content is not",
            expression.span,
            help="ask for its shape: in.channels != 64",
        )
    if isinstance(value, bool | int | float | list | str) or value is None:
        return bool(value)
    raise Problem("E0209", f"this condition is {operators.kind(value)}, neither true nor false", expression.span)


def mistaken(elaborator: Elaborator, value: Any, need: str, span: Span) -> Problem:
    """The problem of finding `value` where a `need` is."""
    if isinstance(value, Word):
        return unknown_name(elaborator, value.text, value.span)
    if isinstance(value, SharedModule):
        return Problem(
            "E0205",
            f"{value.name} is a shared module, which is no value until it is applied",
            span,
            help=f"apply it: x -> {value.name}",
        )
    if need.startswith("a tensor") and elaborator.state.frame is not None:
        labelled = hints.label_as_text(value, span, elaborator.state.frame.environment)
        if labelled is not None:
            return labelled
    description = operators.kind(value)
    help = ""
    if isinstance(value, Modules) and value.inside:
        help = f"{span.text} holds {', '.join(list(value.inside)[:5])}: write {span.text}[...] or {span.text}.NAME"
    elif need == "a list" and isinstance(value, Tensor | Result):
        help = f"a list of it is [{span.text}]"
    return Problem("E0206", f"this needs {need}, not {description}", span, f"this is {description}", help=help)


def unknown_name(elaborator: Elaborator, name: str, span: Span) -> Problem:
    """An unknown name, with the nearest known one."""
    near = nearest(name, elaborator.state.visible_names())
    if name in REGISTRY:
        return Problem(
            "E0205",
            f"{name} is a layer, and this place needs a value",
            span,
            help=f"apply it to a value: {name}(x)",
        )
    return Problem(
        "E0201",
        f"there is no value named {name} here",
        span,
        "not known",
        help=f"did you mean {near}?" if near else "",
        mend=(span, near) if near else None,
    )


def fail(error: OperandError | TooLarge, span: Span) -> NoReturn:
    if isinstance(error, TooLarge):
        raise Problem(
            "E0504",
            f"{error} is more than a spec may hold",
            span,
            help=f"numbers go up to 2**63, lists to {LONGEST_LIST:,} items, texts to {LONGEST_TEXT:,} characters",
        ) from None
    message = str(error)
    code = "E0209" if message.startswith("whether ") else "E0206"
    help = "what a net is made of is known before its sizes are; decide by a parameter" if code == "E0209" else ""
    if single := re.search(r"needs a list, not the number (\S+)$", message):
        help = f"a list of one number is [{single[1]}]"
    raise Problem(code, message, span, help=help) from None
