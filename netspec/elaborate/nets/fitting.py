"""Which sizes of an input would fit, where the ones that it has do not: the same net is tried with open ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import TypeAlias

from netspec.diagnostics import Diagnostic
from netspec.elaborate.draft import Tensor
from netspec.elaborate.mistakes import pictures
from netspec.elaborate.state import State
from netspec.graph.graph import Graph
from netspec.shapes.requirements import describe, nearest
from netspec.shapes.sizes import Dimension
from netspec.syntax.source import Span

OF_SIZES = frozenset({"E0301", "E0302", "E0305"})
"""What may be wrong because of the size of an input."""
NAMES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
"""What the spatial sizes are called, by how many there are."""

Attempt: TypeAlias = Callable[[Mapping[str, list[int | str]], State], Graph | None]
"""Elaborates the net with inputs of other shapes; None where something is wrong with it."""


def with_sizes(
    diagnostics: Sequence[Diagnostic], inputs: Sequence[Tensor], attempt: Attempt, state: State
) -> list[Diagnostic]:
    """The diagnostics of a net; the first that may come from the sizes of its inputs says which would do, if any."""
    misread = next((diagnostic for diagnostic in diagnostics if diagnostic.code in (*OF_SIZES, "E0307")), None)
    if misread is not None and (problem := _declared_otherwise(misread, inputs, attempt, state)):
        return [problem]
    first = next((diagnostic for diagnostic in diagnostics if diagnostic.code in OF_SIZES), None)
    if first is None or not (note := _sizes_that_fit(inputs, attempt, state)):
        return list(diagnostics)
    with_note = replace(first, notes=(*first.notes, note))
    return [with_note if diagnostic is first else diagnostic for diagnostic in diagnostics]


def _declared_otherwise(
    first: Diagnostic, inputs: Sequence[Tensor], attempt: Attempt, state: State
) -> Diagnostic | None:
    """The first mistake as that of an input whose channels come last or that counts the batch, if the net fits then."""
    for tensor in inputs:
        habit = _habit(tensor.shape.dims)
        place = _sizes_place(tensor)
        if habit is None or place is None:
            continue
        sizes, why = habit
        if attempt({str(tensor.name): sizes}, State(steps=state.steps)) is None:
            continue
        text = ", ".join(map(str, sizes))
        return Diagnostic(
            first.code,
            why,
            Span(place.source, place.start - 1, place.end + 1),
            f"{tensor.shape.dims[0]} channels here",
            related=((first.span, first.message),),
            help=f"write input {tensor.name} [{text}]",
            mend=(place, text),
        )
    return None


def _habit(sizes: Sequence[Dimension]) -> tuple[list[int | str], str] | None:
    """The shape that is meant by one of Keras or by one with the batch, and what is said of it."""
    plain: list[int | str] = [size if isinstance(size, int) else str(size) for size in sizes]
    if pictures.has_channels_last(plain):
        return [plain[-1], *plain[:-1]], "the channels of an input come first"
    if pictures.has_batch(plain):
        return plain[1:], "the batch is no part of an input's shape"
    return None


def _sizes_place(tensor: Tensor) -> Span | None:
    """Where the sizes of an input are declared, between their brackets."""
    text = tensor.span.text
    start, end = text.find("["), text.rfind("]")
    if not 0 <= start < end or text[start + 1 : end].count(",") + 1 != tensor.shape.rank:
        return None
    return Span(tensor.span.source, tensor.span.start + start + 1, tensor.span.start + end)


def _sizes_that_fit(inputs: Sequence[Tensor], attempt: Attempt, state: State) -> str:
    """`image [3, 112, 112] fits: H must be a multiple of 16, at least 16`, which has been tried.

    Empty where none would, or only much smaller ones: then it is the wiring that is wrong.
    """
    opened, sizes = _opened(inputs)
    trial = State(steps=state.steps)
    attempt(opened, trial)
    requirements = [fit.requirement for fit in trial.fits if fit.requirement.symbols <= sizes.keys()]
    near = nearest(requirements, sizes)
    if near is None or near == sizes or any(near[name] < size // 2 for name, size in sizes.items()):
        return ""
    closed = _closed(opened, near)
    if attempt(closed, State(steps=state.steps)) is None:
        return ""
    changed = [name for name, shape in _closed(opened, sizes).items() if closed[name] != shape]
    sizes_text = " and ".join(f"{name} [{', '.join(map(str, closed[name]))}]" for name in changed)
    demands = " and ".join(describe([requirement for requirement in requirements if len(requirement.symbols) == 1]))
    return f"{sizes_text} {'fits' if len(changed) == 1 else 'fit'}: {demands}"


def _opened(inputs: Sequence[Tensor]) -> tuple[dict[str, list[int | str]], dict[str, int]]:
    """The shapes of the inputs with names for their spatial sizes, one for what is the same, and the sizes by name."""
    shapes: dict[str, list[int | str]] = {
        str(tensor.name): [size if isinstance(size, int) else str(size) for size in tensor.shape.dims]
        for tensor in inputs
    }
    symbols = {size for shape in shapes.values() for size in shape if isinstance(size, str)}
    names: dict[tuple[str, int], str] = {}
    for shape in shapes.values():
        for axis, letter in enumerate(NAMES.get(len(shape) - 1, ()), 1):
            size = shape[axis]
            if isinstance(size, int):
                numbered = chain([letter], (f"{letter}{number}" for number in count(2)))
                name = names.setdefault((letter, size), next(name for name in numbered if name not in symbols))
                shape[axis] = name
                symbols.add(name)
    return shapes, {name: size for (_, size), name in names.items()}


def _closed(shapes: Mapping[str, list[int | str]], sizes: Mapping[str, int]) -> dict[str, list[int | str]]:
    """The shapes with sizes in place of their names."""
    return {name: [sizes.get(str(size), size) for size in shape] for name, shape in shapes.items()}
