"""Labels: each is given once in its scope."""

from __future__ import annotations

from netspec.elaborate.draft import DraftNode, DraftScope, Tensor
from netspec.elaborate.problems import Problem
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import UNBOUND, Modules, Poison
from netspec.elaborate.values.values import Result, SharedModule
from netspec.syntax.source import Span

KEPT = "training"
"""The one name that a module of PyTorch cannot give to a module in it: it is set by `train()` and `eval()`."""


def require_free(name: str, span: Span, frame: Frame) -> None:
    """Labels are unique in their scope, and no parameter or let of the scope is called the same."""
    if KEPT in name.split("."):
        message = f"no stage can be called {KEPT}: every PyTorch module keeps under that name whether it is trained"
        raise Problem("E0204", message, span, help="give the stage another label")
    there = frame.environment.own(name)
    if there is UNBOUND or frame.environment.is_parameter(name):
        return require_free_around(name, span, frame)
    maker = there.maker if isinstance(there, Result) else there
    where = maker.span if isinstance(maker, DraftNode | DraftScope | Tensor | SharedModule) else None
    related = ((where, "the first one"),) if where is not None else ()
    message, help = f"{name} is the name of a value in this scope already", "give the stage another label"
    if name in frame.environment.labels:
        message, help = f"there is a stage labelled {name} in this scope already", "give it another label"
        if where is not None and where.source is span.source and span.end <= where.start < span.end + 4:
            related, help = (), f"in a loop, complete the label by the loop's variable: {name}$i"
    raise Problem("E0204", message, span, "the second one" if related else "", related=related, help=help)


def require_free_around(name: str, span: Span, frame: Frame) -> None:
    """The containers on the way to a label are no stages of their own."""
    steps = name.split(".")
    for count in range(1, len(steps)):
        around = ".".join(steps[:count])
        there = frame.environment.own(around)
        is_occupied = there is not UNBOUND and not isinstance(there, Modules | Poison)
        if is_occupied and not frame.environment.is_parameter(around):
            message = f"{around} is a stage or value by itself, so {name} cannot be put into it"
            help = f"put the stage into its braces, or label all of its stages: {around}.NAME = ..."
            raise Problem("E0204", message, span, help=help)
