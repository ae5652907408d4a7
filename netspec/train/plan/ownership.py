"""Which step of a training trains which parameters: each of them one step's, and none that its loss does not reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from netspec.diagnostics import Diagnostic
from netspec.elaborate.problems import Problem
from netspec.graph.graph import Graph
from netspec.syntax.source import Span
from netspec.train.plan.training_plan import output_of
from netspec.train.section.patterns import Pattern, chosen, mistakes, parameters
from netspec.train.section.settings import Settings
from netspec.train.section.steps import Step


def wrong_patterns(settings: Settings, graph: Graph) -> list[Diagnostic]:
    """What is wrong with the names of parameters in a section (E0640), else with the steps that train them (E0660)."""
    return mistakes(settings.patterns, graph) or list(_wrong_steps(settings, graph))


def _wrong_steps(settings: Settings, graph: Graph) -> Iterator[Diagnostic]:
    frozen = chosen(settings.freeze, parameters(graph))
    owners: dict[str, Step] = {}
    for step in settings.steps:
        own = step.parameters(graph)
        yield from _of_step(step, own, frozen, owners, graph)
        owners = {**dict.fromkeys(own, step), **owners}
    orphans = [name for name in parameters(graph) if name not in owners and name not in frozen]
    if orphans and settings.steps:
        yield _left_out(orphans, settings.steps)
    if all(step.every > 1 for step in settings.steps) and settings.steps:
        message = "no step is taken on every batch"
        yield Diagnostic("E0660", message, settings.steps[0].span, help="leave every out of one of them")


def _of_step(
    step: Step, own: set[str], frozen: set[str], owners: dict[str, Step], graph: Graph
) -> Iterator[Diagnostic]:
    """What is wrong with a step that trains the parameters `own`; `owners` are the steps before it of theirs."""
    shared = next((name for name in parameters(graph) if name in own and name in owners), None)
    if shared is not None:
        first = owners[shared]
        message = f"{shared} is trained by two steps, {first.name} and {step.name}"
        related = ((first.span, "trains it first"),)
        help = "give each parameter to one step: trains [...] names parts, down to single parameters"
        yield Diagnostic("E0660", message, step.span, "trains it, too", related=related, help=help)
    elif own <= frozen:
        message = f"all that the step {step.name} trains is frozen"
        yield Diagnostic("E0660", message, step.span, "has nothing to train")
    elif not _reaches(step, own - frozen, graph):
        message = f"the loss of the step {step.name} does not depend on anything that the step trains"
        help = "name an output that comes out of it"
        yield Diagnostic("E0660", message, step.span, "has nothing to learn from", help=help)


def _left_out(names: Sequence[str], steps: Sequence[Step]) -> Diagnostic:
    """That parameters belong to no step, and the setting that says that this is meant."""
    parts = dict.fromkeys(name.partition(".")[0] for name in names)
    freeze = f"freeze [{', '.join(Pattern(part).written() for part in parts)}]"
    first = steps[0].span
    mend = (Span(first.source, first.start, first.start), f"{freeze}\n  ")
    message = f"no step trains {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    return Diagnostic("E0660", message, first, help=f"if they are to stay as they begin: {freeze}", mend=mend)


def _reaches(step: Step, own: set[str], graph: Graph) -> bool:
    """Whether some output that the loss of a step is about depends on one of these parameters."""
    keys = {node.key for name, node in parameters(graph).items() if name in own}
    pending: list[int | None] = []
    for term in step.loss:
        with suppress(Problem):  # which is told of where the loss is planned
            pending.append(graph.outputs[output_of(term, graph)].value.node)
    seen: set[int] = set()
    while pending:
        index = pending.pop()
        if index is None or index in seen:
            continue
        seen.add(index)
        if graph.nodes[index].key in keys:
            return True
        pending.extend(value.node for value in graph.nodes[index].inputs)
    return False
