"""W0304: positions of a value that none of the layers after it sees.

Why: where the stride does not divide what the windows slide over, the last positions are left out: floor((i - k)/s)
is rounded. A stride that is larger than the kernel leaves out positions between the windows. Padding that is left out
costs nothing, and is not told. Source: Dumoulin & Visin, "A guide to convolution arithmetic", 2016, section 2.4.
Example: `maxpool(2)` on a map of 7 x 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Node, Value
from netspec.layers.declaration.axes import axis_name
from netspec.layers.declaration.base import Reach
from netspec.warnings.subject import Subject


@dataclass(frozen=True, slots=True)
class Windows:
    """What the windows of a layer see along one axis: from `first` up to `last`, excluded, with or without gaps."""

    first: int
    last: int
    gaps: bool


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for graph, node in subject.nodes():
        for value in node.inputs:
            users = subject.users(value)
            if users[0] is not node:
                continue  # each value once, at the first layer that takes it
            unseen = _unseen(subject, value, users)
            if unseen is not None:
                help = "choose sizes that fit: i + 2p - k a multiple of the stride, or a larger kernel"
                warning = Diagnostic("W0304", unseen, node.span, f"this value is {value.shape}", help=help)
                yield subject.at(graph, node, warning)


def _unseen(subject: Subject, value: Value, users: Sequence[Node]) -> str | None:
    """What no user sees of a value, in words; None where all is seen."""
    for axis, size in enumerate(value.shape.spatial):
        if not isinstance(size, int):
            continue
        windows = [_windows(user, subject.windows(user), axis) for user in users]
        parts = [part for part in windows if part is not None]
        if len(parts) < len(windows):
            continue
        name = axis_name(axis + 1, value.shape.rank)
        end = size - max(part.last for part in parts)
        if end > 0:
            return f"no output sees the last {'position' if end == 1 else f'{end} positions'} of {size} in {name}"
        if all(part.gaps for part in parts) and size > 1:
            return f"no output sees the positions between the windows in {name}: the stride is larger than the kernel"
    return None


def _windows(user: Node, reach: Reach | None, axis: int) -> Windows | None:
    """What a layer sees along an axis; None where it is not known to leave anything out."""
    count = user.output.shape.spatial
    if reach is None or axis >= len(reach.kernel) or axis >= len(count) or reach.stride[axis] < 1:
        return None
    positions, stride, first = count[axis], int(reach.stride[axis]), int(reach.offset[axis])
    if not isinstance(positions, int):
        return None
    kernel = reach.kernel[axis]
    return Windows(first, first + (positions - 1) * stride + kernel, positions > 1 and stride > kernel)
