"""What names stand for: `_`, `in`, labels with templates in them, and all that has a name in a body."""

from __future__ import annotations

import re
from typing import Any

from netspec.elaborate.draft import Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import mistaken, sound, unknown_name
from netspec.elaborate.problems import Problem, Spoilt
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import UNBOUND
from netspec.elaborate.values.values import Word
from netspec.syntax import tree
from netspec.syntax.source import Span

_LABEL = re.compile(r"[A-Za-z0-9_+:/@-]+(?:\.[A-Za-z0-9_+:/@-]+)*", re.ASCII)


def named_value(elaborator: Elaborator, name: tree.Name, frame: Frame) -> Any:
    """What a bare name stands for; a Word where it stands for nothing, for its consumer to judge."""
    if name.id == "_":
        return current_value(frame, name.span)
    if name.id == "in":
        return entered_value(frame, name.span)
    value = frame.environment.get(name.id)
    if value is UNBOUND and any(pattern.fullmatch(name.id) for pattern in elaborator.state.spoilt_labels):
        raise Spoilt
    if value is UNBOUND:
        return Word(name.id, name.span)
    return sound(value)


def current_value(frame: Frame, span: Span) -> Tensor:
    """The value that flows here."""
    current = sound(frame.current)
    if current is None:
        if frame.inputs > 1:
            raise Problem(
                "E0216",
                f"this net has {frame.inputs} inputs, so a stage has to say which one it takes",
                span,
                help="start the flow from an input: NAME -> ...",
            )
        raise Problem(
            "E0216",
            "no value flows here yet",
            span,
            "nothing to take",
            help="declare the net's input first: input image [3, 224, 224]",
        )
    assert isinstance(current, Tensor)
    return current


def entered_value(frame: Frame, span: Span) -> Tensor:
    entered = sound(frame.entered)
    if entered is None:
        return current_value(frame, span)
    assert isinstance(entered, Tensor)
    return entered


def label_text(elaborator: Elaborator, label: tree.Label, frame: Frame) -> str:
    """The label's text, its templates filled in; dots stand between the containers on its way."""
    parts: list[str] = []
    for part in label.path:
        if isinstance(part, str):
            parts.append(part)
            continue
        value = elaborator.evaluate(part, frame)
        if isinstance(value, Word):
            raise unknown_name(elaborator, value.text, value.span)
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise mistaken(elaborator, value, "a whole number or a text", part.span)
        parts.append(str(value))
    name = "".join(parts)
    if not _LABEL.fullmatch(name) or len(name) > 100:
        message = f"{name[:100]!r} is no label: letters, digits and _ - + : / @ only, and dots between containers"
        raise Problem("E0206", message, label.span)
    return name
