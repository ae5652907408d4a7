"""What to say when shapes do not fit: both sides, how each size came about, the way there, and the mend."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netspec.elaborate.draft import DraftNode, DraftScope, Tensor
from netspec.elaborate.problems import Problem
from netspec.elaborate.values.environment import Poison
from netspec.graph.graph import MODULES
from netspec.layers.declaration.base import Layer, SetError, ShapeError
from netspec.syntax.source import Span

LONGEST_EXCERPT = 60
LONGEST_WAY = 8
WIRINGS = frozenset({"residual", "highway", "concat", "add", "mul", "dense"})
MOST_HISTORIES = 6

Mend: TypeAlias = tuple[str, tuple[Span, str] | None]
"""A help line, and what to put where."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of the values that a wiring joins: F(x), x, branch 2; and where it is written."""

    name: str
    value: Tensor | Poison | None
    span: Span | None = None


def no_mend() -> Mend:
    return "", None


def excerpt(span: Span) -> str:
    """The text of a span on one line: a body of several lines is left out, the rest cut to a readable length."""
    text = span.text
    if "{" in text and "\n" in text:
        text = f"{text.partition('{')[0]}{{ ... }}"
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_EXCERPT else f"{text[: LONGEST_EXCERPT - 4]} ..."


def place(span: Span, seen_from: Span) -> str:
    """`line 31`, or `std/resnet.net:31` where that is in another file than the message."""
    return f"line {span.line}" if span.source is seen_from.source else f"{span.source.name}:{span.line}"


def way_here(scope: DraftScope, seen_from: Span) -> tuple[str, ...]:
    """The chain of instances that led into a scope, innermost first: `in layer2 = { ... } at line 31`."""
    lines: list[str] = []
    inner: Span | None = None
    for around in scope.chain():
        if around.kind not in MODULES or around.parent is None or (around.kind == "container" and not around.title):
            continue
        text = excerpt(around.span)
        if around.label is not None and "$" in text.partition("=")[0]:
            text = f"{around.label} ={text.partition('=')[2]}"
        if inner is not None and inner.source is around.span.source and inner.line == around.span.line:
            lines.pop()
        inner = around.span
        lines.append(f"in {text} at {place(around.span, seen_from)}")
    if len(lines) > LONGEST_WAY:
        lines[LONGEST_WAY - 2 : -1] = [f"in {len(lines) - LONGEST_WAY + 1} more"]
    return tuple(lines)


def origin(tensor: Tensor, seen_from: Span) -> str:
    """Where a tensor comes from, in the spec's words."""
    if tensor.node is None:
        return f"the input {tensor.name}, declared at {place(tensor.span, seen_from)}"
    text = excerpt(tensor.node.span)
    article = "the " if text in WIRINGS else ""
    return f"{article}{text} at {place(tensor.node.span, seen_from)}"


def history(tensor: Tensor, axis: int, seen_from: Span) -> str:
    """How the size of one axis came about: `28 = floor((56 + 2*1 - 3)/2) + 1, by conv(64, 3, 2, pad=1) at line 9`."""
    size = tensor.shape.dims[axis]
    node = tensor.node
    while node is not None:
        input_shapes = tuple(value.shape for value in node.inputs)
        if explained := node.layer.explain(axis, *input_shapes):
            equation = explained.removesuffix(f" of this {node.layer.name}")
            return f"{equation}{', by' if equation == explained else ' of'} {origin(tensor, seen_from)}"
        before = node.inputs[0] if node.inputs else None
        if before is None or before.shape.rank != tensor.shape.rank or before.shape.dims[axis] != size:
            return f"{size}, by {origin(tensor, seen_from)}"
        tensor, node = before, before.node
    return f"{size} is a size of {origin(tensor, seen_from)}"


def histories(tensors: Sequence[Tensor], axes: Sequence[int], seen_from: Span) -> list[str]:
    """How the sizes of these axes came about, each thing said once."""
    notes = [history(tensor, axis, seen_from) for axis in axes for tensor in tensors]
    return list(dict.fromkeys(notes))[:MOST_HISTORIES]


def layer_problem(layer: Layer, inputs: Sequence[Tensor], span: Span, scope: DraftScope, error: ShapeError) -> Problem:
    """A layer that cannot take its inputs."""
    shapes = [str(tensor.shape) for tensor in inputs[:4]]
    label = ""
    if not all(shape in error.message for shape in shapes):
        label = f"this value is {shapes[0]}" if len(shapes) == 1 else f"these values are {' and '.join(shapes)}"
    notes = [f"{tensor.shape} is {origin(tensor, span)}" for tensor in inputs]
    axes: Sequence[int] = ()
    if error.code == "E0301" and len({tensor.shape.rank for tensor in inputs}) == 1:
        axes = _differing(inputs)
    elif error.code == "E0305" and inputs:
        axes = range(1, inputs[0].shape.rank)
    elif error.code == "E0302" and "channels" in error.message:
        axes = (0,)
    notes += [note for note in histories(inputs, axes, span) if "=" in note]
    notes = [*dict.fromkeys(notes), *way_here(scope, span)]
    help, mend = (error.help, None) if error.help else as_indices(inputs, error)
    return Problem(error.code, error.message, span, label, notes=tuple(notes), help=help, mend=mend)


def set_problem(layer: Layer, inputs: Sequence[Tensor], span: Span, scope: DraftScope, error: SetError) -> Problem:
    """Values that meet and are not of one set: where each set comes from."""
    pair = [inputs[place] for place in dict.fromkeys(error.places)]
    notes = [f"{tensor.shape} is {origin(tensor, span)}" for tensor in pair]
    made = [(maker, tensor.shape.each) for tensor in pair if (maker := _set_maker(tensor)) is not None]
    related = tuple(
        (maker.span, f"the set {each.name or 'of this value'} is made here") for maker, each in made if each is not None
    )
    help = "values of one set are made of one another; roi_align cuts the regions of a set out of a picture's maps"
    notes = [*dict.fromkeys(notes), *way_here(scope, span)]
    return Problem(error.code, error.message, span, related=related, notes=tuple(notes), help=help)


def _set_maker(tensor: Tensor) -> DraftNode | None:
    """What has made the set that a value is of."""
    pending, seen = [tensor], set[int]()
    while pending:
        node = pending.pop().node
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if node.layer.makes_set and node.outputs[0].shape.each is tensor.shape.each:
            return node
        pending += [value for value in node.inputs if value.shape.each is tensor.shape.each]
    return None


def as_indices(inputs: Sequence[Tensor], error: ShapeError) -> Mend:
    """`: int` for the input that a layer of indices is given, where the spec says nothing of its type."""
    declared = inputs[0].span if inputs and inputs[0].node is None else None
    if error.code != "E0304" or declared is None or inputs[0].shape.dtype != "float" or ":" in declared.text:
        return "", None
    end = declared.start + declared.text.index(str(inputs[0].name), len("input")) + len(str(inputs[0].name))
    return f"declare it as indices: input {inputs[0].name}: int", (Span(declared.source, end, end), ": int")


def _differing(tensors: Sequence[Tensor]) -> list[int]:
    """The axes on which tensors of one rank differ."""
    return [
        axis for axis, sizes in enumerate(zip(*(t.shape.dims for t in tensors), strict=True)) if len(set(sizes)) > 1
    ]


def join_problem(
    what: str,
    sides: Sequence[Side],
    keyword: Span,
    scope: DraftScope,
    help: str = "",
    mend: tuple[Span, str] | None = None,
) -> Problem:
    """Branches whose results do not go together."""
    beyond_channels = what in {"concat", "dense"}
    first, other = _two_that_differ(sides, skip=1 if beyond_channels else 0)
    pair = [side.value for side in (first, other) if isinstance(side.value, Tensor)]
    notes: list[str] = []
    if len({tensor.shape.rank for tensor in pair}) == 1:
        axes = [axis for axis in _differing(pair) if axis > 0 or not beyond_channels]
        notes = histories(pair, axes, keyword)
    else:
        notes = [f"{tensor.shape} is {origin(tensor, keyword)}" for tensor in pair]
    return Problem(
        "E0301",
        f"the branches of this {what} differ in {'more than their channels' if beyond_channels else 'shape'}",
        keyword,
        " but ".join(f"{side.name} is {tensor.shape}" for side, tensor in zip((first, other), pair, strict=True)),
        related=tuple((side.span, side.name) for side in (first, other) if side.span is not None),
        notes=(*notes, *way_here(scope, keyword)),
        help=help,
        mend=mend,
    )


def _two_that_differ(sides: Sequence[Side], skip: int) -> tuple[Side, Side]:
    """The first side, and the first other one that differs from it beyond the first `skip` axes."""
    first = sides[0]
    for other in sides[1:]:
        if isinstance(first.value, Tensor) and isinstance(other.value, Tensor):
            ranks = first.value.shape.rank != other.value.shape.rank
            if ranks or first.value.shape.dims[skip:] != other.value.shape.dims[skip:]:
                return first, other
    return first, sides[-1]


def branch_mend(sides: Sequence[Side], entering: Tensor | Poison | None) -> Mend:
    """What keeps the size in the branch that changes it, where the others keep that of the entering value."""
    values = [side.value for side in sides if isinstance(side.value, Tensor)]
    if not isinstance(entering, Tensor):
        return "", None
    changed = [value for value in values if value.shape.spatial != entering.shape.spatial]
    return padded(changed[0], entering) if len(changed) == 1 else ("", None)


def highway_mend(entering: Tensor | Poison | None) -> Mend:
    if not isinstance(entering, Tensor) or entering.shape.rank == 0:
        return "", None
    last = f"linear({entering.shape.channels})" if entering.shape.rank == 1 else f"conv({entering.shape.channels}, 1)"
    return f"H(x), T(x) and C(x) have the shape of x, {entering.shape}: end them with {last}", None


def padded(through: Tensor, entering: Tensor) -> Mend:
    """`pad=same` for the layers between two values, where the lack of padding alone makes their sizes differ."""
    nothing: Mend = "", None
    shrinking: list[DraftNode] = []
    tensor = through
    while tensor is not entering:
        node = tensor.node
        if node is None or not node.inputs or node.inputs[0].shape.rank != tensor.shape.rank:
            return nothing
        if node.inputs[0].shape.spatial != tensor.shape.spatial:
            if getattr(node.layer, "stride", 0) != 1 or not hasattr(node.layer, "pad"):
                return nothing
            shrinking.append(node)
        tensor = node.inputs[0]
    if not shrinking or not shrinking[0].span.text.endswith(")"):
        return nothing
    span = shrinking[0].span
    text, replaced = re.subn(r"\bpad\s*=\s*\w+", "pad=same", span.text)
    if not replaced:
        text = f"{span.text[:-1]}, pad=same)"
    unpadded = replaced or getattr(shrinking[0].layer, "pad", None) == 0
    if not unpadded or "$" in text:
        return nothing
    return f"keep the size in it: {' '.join(text.split())}", (span, text) if len(shrinking) == 1 else None
