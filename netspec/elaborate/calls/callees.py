"""What may be called by a name, and what to say of a name that may not."""

from __future__ import annotations

import re
from typing import Any

from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import unknown_name
from netspec.elaborate.mistakes import hints
from netspec.elaborate.problems import Problem, Spoilt
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import UNBOUND, Poison
from netspec.elaborate.values.operators import FUNCTIONS
from netspec.layers import REGISTRY
from netspec.layers.declaration.initializers import FORMS
from netspec.spelling import nearest
from netspec.syntax import tree
from netspec.syntax.source import Span

_FLOW = re.compile(r"[ \t]+[A-Za-z_]\w*\(")
"""What follows a label whose `=` is missing."""


def unknown_callee(
    elaborator: Elaborator,
    name: str,
    bound: Any,
    arguments: tuple[tree.Argument, ...],
    spans: tuple[Span, Span],
    frame: Frame,
    *,
    stage: bool,
) -> Problem:
    """The problem of a name that cannot be called; `spans` are those of the name and of the whole call."""
    span, call = spans
    callables = {*REGISTRY, *frame.environment.templates, *(() if stage else (*FUNCTIONS, *FORMS))}
    if bound is UNBOUND and (foreign := hints.unknown_callee(name, arguments, span, call, frame.environment)):
        return foreign
    values = set(frame.environment.visible()) if span == call else set()
    spoilt = {value for value in frame.environment.visible() if isinstance(frame.environment.get(value), Poison)}
    near = nearest(name, callables | spoilt | values)
    if near in spoilt and near not in callables:
        raise Spoilt
    if near is not None and near not in callables:
        return unknown_name(elaborator, name, span)
    if bound is not UNBOUND:
        return Problem(
            "E0205",
            f"{name} is a value, and this place needs a layer or a block",
            span,
            help=f"did you mean the layer {near}?"
            if near
            else "a stage that begins with a value stands first in its flow",
        )
    if stage and span == call and (near is None or name[-1:].isdigit()) and _FLOW.match(span.source.text, span.end):
        mend = Span(span.source, span.end, span.end), " ="
        help = f"if it is a label: {name} = ..."
        return Problem("E0202", f"there is no layer or block named {name}", span, "not known", help=help, mend=mend)
    return Problem(
        "E0202",
        f"there is no layer or block named {name}",
        span,
        "not known",
        help=f"did you mean {near}?" if near else "netspec layers lists the layers",
        mend=(span, near) if near else None,
    )


def is_layer_call(flow: tree.Flow) -> bool:
    """Whether a flow is a call of a layer, and nothing else."""
    match flow.elements:
        case (tree.Call(tree.Name(name)),):
            return name in REGISTRY and name not in FUNCTIONS
    return False
