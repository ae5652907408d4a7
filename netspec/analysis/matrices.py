"""Small convolutions of one channel as matrices: Toeplitz in one dimension, doubly blocked in two, and transposed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

from netspec.graph.graph import Node
from netspec.layers.spatial.window import Window

MOST_CELLS = 400
"""The largest matrix that is written out: 20 x 20 numbers."""
Row = list[int | None]
"""For each input position the tap that one output position meets there, None where it meets none."""


def matrix(node: Node, kernel: Sequence[float] | None, values: Sequence[float] | None) -> Iterator[tuple[str, str]]:
    """The lines of a small layer's matrix: a row for each output, a column for each input."""
    rows, count = _matrix(node)
    if not rows:
        return
    taps = [f"w{index}" for index in range(count)]
    if kernel is not None and len(kernel) == count:
        taps = [f"{weight:g}" for weight in kernel]
    cells = [["0" if tap is None else taps[tap] for tap in row] for row in rows]
    width = max(len(cell) for row in cells for cell in row)
    yield "matrix", f"{len(rows)} x {len(rows[0])}: output = matrix * input"
    for row in cells:
        yield "", " ".join(f"{cell:>{width}}" for cell in row)
    if kernel is not None and values is not None and len(values) == len(rows[0]) and len(kernel) == count:
        results: list[float] = [
            sum(kernel[tap] * value for tap, value in zip(row, values, strict=True) if tap is not None) for row in rows
        ]
        yield "output", f"[{', '.join(f'{number:g}' for number in results)}]"


def _matrix(node: Node) -> tuple[list[Row], int]:
    """The rows, and how many taps the kernel has; none for what is no small linear layer of one channel."""
    shape = node.shapes[0] if node.inputs else None
    output = node.output.shape
    if shape is None or shape.is_open or output.is_open or not node.layer.macs(*node.shapes):
        return [], 0
    sizes, counts = ([int(str(size)) for size in one.spatial] for one in (shape, output))
    if shape.channels != 1 or prod(sizes) * prod(counts) > MOST_CELLS:
        return [], 0
    back = node.layer.spreading(*node.shapes)
    windows = back or node.layer.sliding(*node.shapes)
    if not windows or any(window.sides is None for window in windows):
        return [], 0
    rows = list(_rows(windows, counts, sizes)) if back else list(_rows(windows, sizes, counts))
    taps = prod(window.kernel for window in windows)
    return ([list(row) for row in zip(*rows, strict=True)] if back else rows), taps


def _rows(windows: Sequence[Window], sizes: Sequence[int], counts: Sequence[int]) -> Iterator[Row]:
    """The rows of the windows' own convolution, from maps of `sizes` to maps of `counts`."""
    for position in product(*map(range, counts)):
        row: Row = [None] * prod(sizes)
        for taps in product(*(range(window.kernel) for window in windows)):
            at = [
                p * window.stride - window.left + tap * window.dilation
                for p, tap, window in zip(position, taps, windows, strict=True)
            ]
            if all(0 <= place < size for place, size in zip(at, sizes, strict=True)):
                row[_index(at, sizes)] = _index(taps, [window.kernel for window in windows])
        yield row


def _index(place: Sequence[int], sizes: Sequence[int]) -> int:
    """Where a position lies when the axes are written one after another, the last one first."""
    index = 0
    for at, size in zip(place, sizes, strict=True):
        index = index * size + at
    return index
