"""Bodies: statements in turn, where a mistake spoils what flows on and no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.mistakes import habits
from netspec.elaborate.problems import Problem, Spoilt
from netspec.elaborate.state import MOST_MISTAKES, STEPS_OF_A_STATEMENT, Frame
from netspec.elaborate.values.environment import POISON
from netspec.syntax import tree

Each: TypeAlias = Callable[[Elaborator, tree.Stage, Frame], None]
"""What a body does with each of its stages: sequence, branch or dense stage."""


def run_body(elaborator: Elaborator, body: tree.Body, frame: Frame, each: Each) -> None:
    """Every statement in turn; a mistake poisons what flows on, and the rest is still looked at."""
    after_return = False
    for statement in body.statements:
        elaborator.state.frame = frame
        if frame.returned is not None:
            if after_return:
                elaborator.state.report(Problem("E0215", "nothing can follow the return of a block", statement.span))
            return
        still_sound(elaborator)
        elaborator.state.work(statement.span, STEPS_OF_A_STATEMENT)
        try:
            elaborator.statements[type(statement)](elaborator, statement, frame, each)
        except Problem as problem:
            elaborator.state.report(habits.likelier(problem, statement, body))
            poison(elaborator, statement, frame)
        except Spoilt:
            poison(elaborator, statement, frame)
        after_return = isinstance(statement, tree.Return)


def poison(elaborator: Elaborator, statement: tree.Statement, frame: Frame) -> None:
    """What a failed statement would have made is there, and spoilt."""
    frame.current = (
        frame.current if isinstance(statement, tree.Let | tree.Shared | tree.Default | tree.Assert) else POISON
    )
    if isinstance(statement, tree.Input):
        frame.inputs += 1
        frame.entered = POISON
    for label, lets in _made_by(statement):
        frame.environment.names.update(dict.fromkeys(lets, POISON))
        if label is None:
            continue
        if label.is_plain:
            frame.environment.labels.setdefault(label.text.partition(".")[0], POISON)
            continue
        pattern = "".join(re.escape(part) if isinstance(part, str) else "[A-Za-z0-9_]+" for part in label.path)
        elaborator.state.spoilt_labels.append(re.compile(pattern))


def still_sound(elaborator: Elaborator) -> None:
    """Leaves a body or a loop that goes on finding mistakes: the first of them have been told."""
    if elaborator.state.mistakes > MOST_MISTAKES:
        raise Spoilt


def _made_by(statement: tree.Statement) -> Iterator[tuple[tree.Label | None, tuple[str, ...]]]:
    """The labels and side values that a statement gives to the scope around it, those of its bodies included."""
    match statement:
        case tree.Stage(labels, flow):
            yield from ((label, ()) for label in labels)
            if not labels:
                for element in flow.elements:
                    yield from _made_in(element)
        case tree.Let(names, _):
            yield None, names
        case tree.Shared(label, _):
            yield label, ()
        case tree.Input(name, _, _):
            yield None, (name,)
        case tree.Output(label, _) if label is not None:
            yield label, ()
        case tree.Function(name):
            yield None, (name,)
        case tree.For(_, _, body) | tree.Repeat(_, body):
            yield from _made_in(tree.Group(body))
        case tree.If(branches, otherwise):
            for branch in branches:
                yield from _made_in(tree.Group(branch.body))
            if otherwise is not None:
                yield from _made_in(tree.Group(otherwise))


def _made_in(element: tree.Element) -> Iterator[tuple[tree.Label | None, tuple[str, ...]]]:
    """The same for the bodies of an unlabelled group or wiring."""
    if isinstance(element, tree.Group | tree.Wiring):
        clauses = element.clauses if isinstance(element, tree.Wiring) else ()
        for body in (element.body, *(clause.body for clause in clauses)):
            for statement in body.statements:
                yield from _made_by(statement)
