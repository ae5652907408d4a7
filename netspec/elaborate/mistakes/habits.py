"""Statements as other languages write them: what is meant, said in place of what they came to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from netspec.elaborate.problems import Problem
from netspec.syntax import tree
from netspec.syntax.mistakes.inputs import Edit, declaration
from netspec.syntax.source import Span
from netspec.syntax.walk import calls, names, parts

_PLAIN = (tree.Number, tree.String, tree.Constant, tree.List, tree.Unary, tree.Binary, tree.Compare, tree.Conditional)


def likelier(problem: Problem, statement: tree.Statement, body: tree.Body) -> Problem:
    """The problem of a statement, told as the habit that it comes from, where it does from one."""
    match statement:
        case tree.Stage(labels, flow) if edit := _input(statement):
            return _declared(problem, edit, (labels[0] if labels else flow).span)
        case tree.Stage(flow=tree.Flow(elements=(*_, tree.Binary("//", left) as division))) if not isinstance(
            left, tree.Number
        ):
            return _comment(problem, division)
        case tree.Stage(labels=(label,)) if problem.diagnostic.code in ("E0204", "E0205") and len(label.parts) == 1:
            return _rebound(problem, statement, body) or _number(problem, statement) or problem
    diagnostic = problem.diagnostic
    if (
        diagnostic.code == "E0201"
        and diagnostic.span.text == "training"
        and (mend := _without_mode(statement, diagnostic.span))
    ):
        return _mode(diagnostic.span, mend)
    return problem


def _input(stage: tree.Stage) -> Edit | None:
    """What `input = [3, 64, 64]`, `input(3, 64, 64)` and `x = Input(shape=[3, 64, 64])` are meant to be."""
    match stage.flow.elements[0]:
        case tree.List() if stage.labels:
            pass
        case tree.Call(callee) if callee.span.text.rpartition(".")[2].lower() in ("input", "inputs"):
            pass
        case _:
            return None
    return declaration(stage.span.source.text, stage.span.start)


def _declared(problem: Problem, edit: Edit, span: Span) -> Problem:
    place, text = edit
    message = "an input is declared by its name and its shape"
    return Problem("E0216", message, span, help=f"write {text}", mend=(Span(span.source, *place), text))


def _comment(problem: Problem, division: tree.Binary) -> Problem:
    """`relu // text`: a comment of another language after a stage."""
    between = Span(division.span.source, division.left.span.end, division.right.span.start)
    start = between.start + between.text.index("//")
    mend = (Span(between.source, start, start + 2), "#")
    problem.diagnostic = replace(problem.diagnostic, help="a comment begins with #, not //", mend=mend)
    return problem


def _number(problem: Problem, stage: tree.Stage) -> Problem | None:
    """`n = 4`, where a number is named by `let`."""
    if len(stage.flow.elements) != 1 or not isinstance(stage.flow.elements[0], _PLAIN) or any(calls(stage.flow)):
        return None
    if problem.diagnostic.code == "E0205" and problem.diagnostic.span != stage.flow.elements[0].span:
        return None  # it is of something within, which a `let` would have as well
    start = stage.span.start
    problem.diagnostic = replace(
        problem.diagnostic,
        help=f"a label names a stage; a number is named by let: let {stage.span.text}",
        mend=(Span(stage.span.source, start, start), "let "),
    )
    return problem


def _rebound(problem: Problem, stage: tree.Stage, body: tree.Body) -> Problem | None:
    """`x = relu(x)`, again and again: names stand for one value, and the flow needs none. Told at the first of them."""
    name = stage.labels[0].span.text
    stages = [s for s in body.statements if isinstance(s, tree.Stage) and s.labels and s.labels[0].span.text == name]
    rebound = [s for s in stages if _mentions(s, name)]
    if problem.diagnostic.code != "E0204" or stage not in rebound:
        return None
    first = rebound[0]
    return Problem(
        "E0204",
        f"{name} is the name of a value in this scope already",
        first.labels[0].span,
        "a name stands for one value",
        help=f"leave out `{name} =`: a stage takes the current value and makes the next one",
        mend=_flowing(name, first, body),
    )


def _mentions(statement: tree.Statement, name: str) -> bool:
    return any(reference.id == name for reference in names(statement))


def _flowing(name: str, first: tree.Stage, body: tree.Body) -> tuple[Span, str] | None:
    """The statements from the first on that gives `name` anew, with the current value in its place."""
    rest = body.statements[next(i for i, s in enumerate(body.statements) if s is first) :]
    last = max(i for i, statement in enumerate(rest) if _mentions(statement, name))
    concerned = rest[: last + 1]
    if not all(isinstance(statement, tree.Stage | tree.Let) for statement in concerned):
        return None
    edits: list[tuple[int, int, str]] = []
    for statement in concerned:
        edits += _without_label(statement, name)
        if statement is not first:
            edits += _current(statement, name)
        elif isinstance(statement, tree.Stage) and statement.labels[0].span.text != name:
            return None
    span = first.span.to(concerned[-1].span)
    text = span.source.text
    pieces, at = [], span.start
    for start, end, put in sorted(edits):
        pieces += [text[at:start], put]
        at = end
    return span, "".join([*pieces, text[at : span.end]])


def _without_label(statement: tree.Statement, name: str) -> Iterator[tuple[int, int, str]]:
    if isinstance(statement, tree.Stage) and [label.span.text for label in statement.labels] == [name]:
        yield statement.span.start, statement.flow.span.start, ""


def _current(statement: tree.Statement, name: str) -> Iterator[tuple[int, int, str]]:
    """What is to be replaced for a statement to take the current value in place of `name`."""
    assert isinstance(statement, tree.Stage | tree.Let)
    first, *others = statement.flow.elements
    skipped = None
    if isinstance(statement, tree.Stage) and isinstance(first, tree.Name) and first.id == name and others:
        skipped = first
        yield first.span.start, others[0].span.start, ""
    elif isinstance(statement, tree.Stage) and isinstance(first, tree.Call) and isinstance(first.callee, tree.Name):
        leading = first.arguments[0].value if first.arguments else None
        if isinstance(leading, tree.Name) and leading.id == name and first.arguments[0].name is None:
            skipped = leading
            end = first.arguments[1].span.start if len(first.arguments) > 1 else first.span.end
            start = leading.span.start if len(first.arguments) > 1 else first.callee.span.end
            yield start, end, ""
    for reference in names(statement):
        if reference.id == name and reference is not skipped:
            yield reference.span.start, reference.span.end, "_"


def _mode(span: Span, mend: tuple[Span, str]) -> Problem:
    """`if training { ... }`: one net is for both modes."""
    return Problem(
        "E0201",
        "a net is one for training and evaluation, so there is no condition for it",
        span,
        "known only when the net runs",
        help="dropout and batchnorm know the mode by themselves; an output that only training needs: "
        "output aux = ... when training",
        mend=mend,
    )


def _without_mode(statement: tree.Statement, span: Span) -> tuple[Span, str] | None:
    """What a statement is where only its side for training is kept; None where the mode is asked for otherwise."""
    for part in parts(statement):
        match part:
            case tree.If(branches=(branch,), otherwise=other) if _asks(branch.condition, span):
                side = branch.body if isinstance(branch.condition, tree.Name) else other
                return part.span, re.sub(r"^\{\s*|\s*\}$", "", side.span.text) if side is not None else ""
            case tree.Conditional(then, condition, otherwise) if _asks(condition, span):
                return part.span, (then if isinstance(condition, tree.Name) else otherwise).span.text
    return None


def _asks(condition: tree.Expr, span: Span) -> bool:
    """Whether a condition is `training` or `not training`, at that place."""
    match condition:
        case tree.Name("training"):
            return condition.span == span
        case tree.Unary("not", tree.Name("training") as name):
            return name.span == span
    return False
