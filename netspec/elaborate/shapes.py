"""What to say when shapes do not fit: both sides, how each size came about, the way there, and the mend."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.elaborate.draft import DraftScope
from netspec.elaborate.problems import Problem
from netspec.elaborate.values import Tensor
from netspec.graph.graph import MODULES
from netspec.graph.shape import Shape
from netspec.layers.base import Layer, ShapeError
from netspec.syntax.source import Span

LONGEST_EXCERPT = 60


def excerpt(span: Span) -> str:
    """The text of a span on one line, cut to a readable length."""
    text = " ".join(span.text.split())
    return text if len(text) <= LONGEST_EXCERPT else f"{text[: LONGEST_EXCERPT - 4]} ..."


def way_here(scope: DraftScope) -> tuple[str, ...]:
    """The chain of instances that led into a scope, innermost first: `in layer2 = { ... } at line 31`."""
    return tuple(
        f"in {excerpt(around.span)} at line {around.span.line}"
        for around in scope.chain()
        if around.kind in MODULES and around.parent is not None
    )


def origin(tensor: Tensor) -> str:
    """Where a tensor comes from, in the spec's words."""
    if tensor.node is None:
        return f"{tensor.name or 'the input'}, declared at line {tensor.span.line}"
    return f"{excerpt(tensor.node.span)} at line {tensor.node.span.line}"


def history(tensor: Tensor, axis: int) -> str:
    """How the size of one axis came about: `28 = floor((56 + 2*1 - 3)/2) + 1, by conv(64, 3, 2, pad=1) at line 9`."""
    size = tensor.shape.dims[axis]
    for _ in range(10_000):
        node = tensor.node
        if node is None:
            return f"{size}, {'as' if tensor.name else ''} declared at line {tensor.span.line}"
        shapes = tuple(value.shape for value in node.inputs)
        if explained := node.layer.explain(axis, *shapes):
            return f"{explained}, by {origin(tensor)}"
        before = node.inputs[0] if node.inputs else None
        if before is None or before.shape.rank != tensor.shape.rank or before.shape.dims[axis] != size:
            return f"{size}, by {origin(tensor)}"
        tensor = before
    return str(size)


def layer_problem(layer: Layer, inputs: Sequence[Tensor], span: Span, scope: DraftScope, error: ShapeError) -> Problem:
    """A layer that cannot take its inputs."""
    first = "this value is" if len(inputs) == 1 else "these values are"
    label = f"{first} {', '.join(str(tensor.shape) for tensor in inputs)}"
    notes = [f"{tensor.shape} is {origin(tensor)}" for tensor in inputs]
    if error.code == "E0305":
        notes += [history(inputs[0], axis) for axis in range(1, inputs[0].shape.rank)][:1]
    if error.code == "E0301" and len(inputs) > 1:
        notes += differences(inputs)
    return Problem(error.code, error.message, span, label, notes=(*notes, *way_here(scope)), help=error.help)


def differences(tensors: Sequence[Tensor]) -> list[str]:
    """How the sizes came about on the axes where tensors of one rank differ."""
    ranks = {tensor.shape.rank for tensor in tensors}
    if len(ranks) != 1:
        return []
    notes: list[str] = []
    for axis in range(ranks.pop()):
        if len({tensor.shape.dims[axis] for tensor in tensors}) > 1:
            notes += [history(tensor, axis) for tensor in tensors]
    return list(dict.fromkeys(notes))[:6]


def join_problem(
    what: str,
    sides: Sequence[tuple[str, Tensor]],
    keyword: Span,
    scope: DraftScope,
    help: str = "",
    mend: tuple[Span, str] | None = None,
) -> Problem:
    """Branches whose results do not go together; `sides` name them: F(x), x, branch 2."""
    label = " but ".join(f"{name} is {tensor.shape}" for name, tensor in _two_that_differ(sides))
    notes = differences([tensor for _, tensor in sides])
    return Problem(
        "E0301",
        f"the branches of this {what} differ in shape",
        keyword,
        label,
        notes=(*notes, *way_here(scope)),
        help=help,
        mend=mend,
    )


def _two_that_differ(sides: Sequence[tuple[str, Tensor]]) -> list[tuple[str, Tensor]]:
    first = sides[0]
    for other in sides[1:]:
        if other[1].shape != first[1].shape:
            return [first, other]
    return [first, sides[-1]]


def shortcut_for(x: Shape, y: Shape) -> str | None:
    """The stages that take x to the shape of y, as a residual's shortcut would have them; None where none do."""
    if x.rank != y.rank or x.is_open or y.is_open:
        return None
    if x.rank == 1:
        return f"linear({y.dims[0]})"
    sizes = [(int(a), int(b)) for a, b in zip(x.spatial, y.spatial, strict=True)]  # type: ignore[arg-type]
    for stride in range(1, 65):
        if all((a - 1) // stride + 1 == b for a, b in sizes):
            arguments = f"{y.channels}, 1" + (f", stride={stride}" if stride > 1 else "")
            return f"conv({arguments}) -> batchnorm"
    if all(a >= b for a, b in sizes):
        crop = f"center_crop([{', '.join(str(b) for _, b in sizes)}])"
        return crop if x.channels == y.channels else f"{crop} -> conv({y.channels}, 1)"
    return None
