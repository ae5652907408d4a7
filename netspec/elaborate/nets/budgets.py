"""What a net asserts of itself, read from its statement; whether it holds is for netspec/analysis/budgets.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netspec.elaborate.problems import Problem
from netspec.graph.graph import Budget
from netspec.spelling import nearest
from netspec.syntax import tree
from netspec.syntax.printer import print_expression

FIGURES = ("parameters", "macs", "memory", "neurons", "field")
"""What can be asserted: trainable weights, multiply-accumulates of a sample, bytes of a batch, values that a sample
makes in layers with MACs, and the positions of the input that one output sees, along each axis."""


def read(statement: tree.Assert, evaluate: Callable[[tree.Expr], Any]) -> Budget:
    """The budget that a statement sets; raises Problem where there is no such figure, or the limit is no number."""
    figure = statement.figure
    callee = figure.callee if isinstance(figure, tree.Call) else figure
    name = callee.id if isinstance(callee, tree.Name) else ""
    if name not in FIGURES:
        near = nearest(name, FIGURES)
        help = f"did you mean {near}?" if near else f"it can assert {', '.join(FIGURES[:-1])} and {FIGURES[-1]}"
        mend = (callee.span, near) if near else None
        raise Problem("E0902", f"`{print_expression(callee)}` is no figure of a net", callee.span, help=help, mend=mend)
    stages = [one for one in _arguments(figure) if one.name is None]
    options = [one for one in _arguments(figure) if one.name is not None]
    if len(stages) > 1 or any(one.name != "batch" for one in options) or (options and name != "memory"):
        raise _misused(name, figure)
    if name == "field" and not stages:
        raise Problem("E0902", "field is of a stage", figure.span, help="name it: assert field(layer4) >= 224")
    batch = evaluate(options[0].value) if options else 1
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise Problem("E0902", "a batch is a whole number of samples", options[0].span, help="write memory(batch=32)")
    limit, unit = _limit(statement.limit, name, evaluate)
    stage = stages[0].value if stages else None
    return Budget(
        name,
        stage_name(stage) if stage is not None else "",
        batch,
        statement.operator,
        limit,
        unit,
        statement.span,
        stage.span if stage is not None else figure.span,
        statement.limit.span,
    )


def stage_name(expression: tree.Expr) -> str:
    """The name of a stage as it is written: `layer1.0`, `convs[0]`, `0`, `"block-0"`."""
    match expression:
        case tree.Attribute(value, name):
            return f"{stage_name(value)}.{name}"
        case tree.Member(value, label) if label.is_plain:
            return f"{stage_name(value)}.{label.text}"
        case tree.Index(value, tree.Number(index)):
            return f"{stage_name(value)}.{index}"
        case tree.Index(value, tree.String(label)):
            return f"{stage_name(value)}.{label}"
        case tree.String(label):
            return label
    return print_expression(expression)


def _arguments(figure: tree.Expr) -> tuple[tree.Argument, ...]:
    return figure.arguments if isinstance(figure, tree.Call) else ()


def _misused(name: str, figure: tree.Expr) -> Problem:
    forms = {"memory": "memory, memory(batch=32) or memory(layer3, batch=32)", "field": "field(layer4)"}
    help = f"write {forms.get(name, f'{name} or {name}(layer3)')}"
    return Problem("E0902", f"{name} is asserted of the net or of one stage", figure.span, help=help)


def _limit(
    limit: tree.Expr | tree.Quantity, figure: str, evaluate: Callable[[tree.Expr], Any]
) -> tuple[int | float, str]:
    """The limit in ones or bytes, and the unit that it was written in."""
    if not isinstance(limit, tree.Quantity):
        value = evaluate(limit)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Problem("E0902", "the limit of a budget is a number", limit.span, help="write 5M, 600_000 or 8GB")
        return value, ""
    if (figure == "memory") != limit.unit.endswith("B"):
        help = "bytes are written 8GB, 512MiB" if figure == "memory" else f"write {limit.unit.strip('iB')} without B"
        raise Problem("E0902", f"{figure} {'is' if figure == 'memory' else 'are not'} in bytes", limit.span, help=help)
    return limit.amount, limit.unit
