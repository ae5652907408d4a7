"""The inputs of a net that are drawn, brought together with the data that feed the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate.problems import Problem
from netspec.graph.graph import Graph, Value
from netspec.spelling import nearest
from netspec.train.augment import AugmentError
from netspec.train.data import Data
from netspec.train.data.drawn import Column, with_columns
from netspec.train.data.files import DataError
from netspec.train.plan.inputs import input_plan
from netspec.train.section.settings import DRAW, Settings


def with_draws(data: Data, settings: Settings, graph: Graph) -> Data:
    """The data with what is drawn for inputs of the net after their own; raises NetspecError (E0661)."""
    if not settings.draws:
        return data
    if wrong := list(_wrong(data, settings, graph)):
        raise NetspecError(tuple(wrong))
    columns = columns_of(settings, graph)
    numbers = {id(split): number for number, split in enumerate(data.splits.values())}
    try:
        return data.with_splits(lambda split: with_columns(split, columns, settings.seed, numbers[id(split)]))
    except DataError as error:
        raise error.at(settings.span("data")) from None


def columns_of(settings: Settings, graph: Graph) -> tuple[Column, ...]:
    """What is drawn, in the order of the net's inputs."""
    random_inputs = (value for value in graph.inputs if value.name in settings.draws)
    return tuple(
        Column(settings.draws[value.name], tuple(size for size in value.shape.dims if isinstance(size, int)))
        for value in random_inputs
    )


def _wrong(data: Data, settings: Settings, graph: Graph) -> Iterator[Diagnostic]:
    """What keeps inputs from being drawn (E0661)."""
    values = {value.name: value for value in graph.inputs}
    for name in settings.draws:
        if name not in values:
            yield _unknown(name, settings, graph)
        elif values[name].shape.dtype != "float":
            message = f"the input {name} of {graph.name} takes indices, and real numbers are drawn"
            yield _at(settings, name, message)
        elif values[name].shape.is_open:
            message = f"the shape {values[name].shape} of {name} is open, so there is no saying how many to draw"
            yield _at(settings, name, message, help="declare it with numbers, or give it one: --input")
        elif settings.augment.steps and values[name].shape.rank > 1:
            message = f"{name} has the shape {values[name].shape} of a signal or image, which augment would change"
            yield _at(settings, name, message, help=f"declare it [{values[name].shape.elements}], and reshape it")
    if any(name not in values for name in settings.draws):
        return
    fed = [value for value in graph.inputs if value.name not in settings.draws]
    swap = _swap(data, settings, graph, fed)
    if swap is not None:
        yield swap
    elif not fed:
        message = f"every input of {graph.name} is drawn, so that {settings.data.name} feeds none"
        yield _at(settings, next(iter(settings.draws)), message, help="leave the draw out of the input that is data")
    elif list(graph.inputs[: len(fed)]) != fed:
        first = next(value for value in graph.inputs if value.name in settings.draws)
        last = fed[-1].name
        message = f"the input {first.name} of {graph.name} is drawn, and comes before {last}, which is data"
        yield _at(settings, first.name, message, help=f"declare input {first.name} after input {last}")


def _swap(data: Data, settings: Settings, graph: Graph, fed: list[Value]) -> Diagnostic | None:
    """That an input is drawn which the data would feed, and one is left to them that they cannot."""
    random_inputs = [value for value in graph.inputs if value.name in settings.draws]
    if len(fed) != 1 or len(random_inputs) != 1 or len(data.shapes) != 1:
        return None
    (other,), (own,) = fed, random_inputs
    if _takes(other, data, settings) or not _takes(own, data, settings):
        return None
    message = f"{settings.data.name} feeds the input {own.name}, and it is to be drawn, while {other.name} has no data"
    span = settings.span(f"{DRAW}{own.name}")
    place = span.text.find(own.name, len(DRAW))
    mend = (replace(span, start=span.start + place, end=span.start + place + len(own.name)), other.name)
    return _at(settings, own.name, message, help=f"did you mean {other.name}?", mend=mend)


def _takes(value: Value, data: Data, settings: Settings) -> bool:
    try:
        return input_plan(value.shape, data.of_input(0), settings.data, settings.augment) is not None
    except (AugmentError, Problem):
        return False


def _unknown(name: str, settings: Settings, graph: Graph) -> Diagnostic:
    inputs = [value.name for value in graph.inputs]
    near = nearest(name, inputs) or (inputs[-1] if len(inputs) == 2 else None)
    span = settings.span(f"{DRAW}{name}")
    place = span.text.find(name, len(DRAW))
    mend = (replace(span, start=span.start + place, end=span.start + place + len(name)), near) if near else None
    notes = (f"its inputs are {', '.join(inputs)}",)
    message = f"{graph.name} has no input {name} that could be drawn"
    help = f"did you mean {near}?" if near else ""
    return Diagnostic("E0661", message, span, "not an input", notes=notes, help=help, mend=mend)


def _at(settings: Settings, name: str, message: str, **more: object) -> Diagnostic:
    return Diagnostic("E0661", message, settings.span(f"{DRAW}{name}"), **more)  # type: ignore[arg-type]
