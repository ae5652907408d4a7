"""The names that a sweep goes over."""

from __future__ import annotations

from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Graph
from netspec.spelling import nearest
from netspec.train.section.settings import KEYS, Settings


def unknown_names(settings: Settings, graph: Graph) -> list[Diagnostic]:
    """What a sweep goes over that is no setting, argument of the optimizer or parameter of the net (E0608)."""
    if settings.sweep is None:
        return []
    parameters = [name for name, _ in graph.scopes[0].arguments]
    owned = bool(settings.steps) and all(step.optimizer is not None for step in settings.steps)
    names = [*KEYS, *([] if owned else type(settings.optimizer).model_fields), *parameters]
    wrong = []
    for name in settings.sweep.over:
        if name not in names:
            near = nearest(name, names)
            message = f"there is no setting, argument of {settings.optimizer.name} or parameter of the net named {name}"
            help = f"did you mean {near}?" if near else ""
            wrong.append(Diagnostic("E0608", message, settings.span("sweep"), help=help))
    return wrong
