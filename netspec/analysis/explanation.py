"""Every number of one stage with the formula and the figures that it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

from netspec.analysis import budgets, counts
from netspec.analysis.columns import field_text
from netspec.analysis.counts import memory_text
from netspec.analysis.receptive_field import Field, Fields, receptive_fields
from netspec.graph.graph import Graph, Node, Scope, Value
from netspec.graph.views import layer_text, scope_text
from netspec.layers.base import EVERYTHING
from netspec.layers.window import Window
from netspec.shapes.sizes import Dimension

MOST_CELLS = 400
"""The largest matrix that is written out: 20 x 20 numbers."""
MOST_NAMES = 8
MOST_POSITIONS = 100_000
"""How many stages are named, and how many positions of an axis are looked at one by one."""
_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def explanation(
    graph: Graph, name: str, kernel: Sequence[float] | None = None, values: Sequence[float] | None = None
) -> str:
    """The lines of a stage by its name; with the numbers of a kernel and an input, what the layer makes of them.

    Raises KeyError where there is no such stage.
    """
    stage = graph[name]
    lines = _of_scope(graph, stage) if isinstance(stage, Scope) else _of_node(graph, stage, kernel, values)
    return "\n".join(f"{head:<10}  {text}".rstrip() for head, text in lines)


Lines = Iterator[tuple[str, str]]


def _of_scope(graph: Graph, scope: Scope) -> Lines:
    """What goes in and comes out, and the sums over what is inside."""
    own = counts.of_scopes(graph)[scope.index]
    yield "stage", f"{scope.name or graph.name} = {scope_text(scope)}"
    for value in scope.inputs:
        yield "input", f"{value.shape}, from {value.name}"
    for value in scope.outputs:
        yield "output", f"{value.shape}, from {value.name}"
    yield "weights", f"{own.parameters:,}"
    yield "MACs", _number(own.macs)
    yield "neurons", _number(own.neurons)
    end = scope.output
    yield "field", field_text(receptive_fields(graph)[graph.nodes[end.node].name if end.node is not None else end.name])
    yield "memory", f"{memory_text(own.made)} of one sample"
    inside = [stage.name for stage in budgets.stages(graph, scope)]
    more = f" and {len(inside) - MOST_NAMES:,} more" if len(inside) > MOST_NAMES else ""
    yield "inside", f"{', '.join(inside[:MOST_NAMES])}{more}"


def _of_node(graph: Graph, node: Node, kernel: Sequence[float] | None, values: Sequence[float] | None) -> Lines:
    yield "stage", f"{node.name} = {layer_text(node.layer)}"
    for value in node.inputs:
        yield "input", f"{value.shape}, from {value.name}"
    for value in node.outputs:
        yield "output", str(value.shape)
    yield from _sizes(node)
    yield from _weights(node)
    yield from _macs(node)
    fields = receptive_fields(graph)
    yield from _field(graph, node, fields)
    yield from _unseen(node)
    yield "memory", f"{memory_text(counts.of_node(node).made)} of one sample"
    yield from _matrix(node, kernel, values)


def _sizes(node: Node) -> Lines:
    """How each size of the output came about."""
    rank = node.output.shape.rank
    names = ("channels", *_AXES.get(rank - 1, ())) if rank > 1 else ("features",)
    for axis in range(rank):
        text = node.layer.explain(axis, *node.shapes)
        if text is not None:
            yield f"  {names[axis] if axis < len(names) else axis}", text


def _weights(node: Node) -> Lines:
    parameters = node.layer.parameters(*node.shapes)
    sizes = [prod(shape) for shape in parameters.values()]
    if not parameters:
        return
    several = f"{' + '.join(f'{size:,}' for size in sizes)} = " if len(sizes) > 1 else ""
    yield "weights", f"{several}{sum(sizes):,}"
    for (name, shape), size in zip(parameters.items(), sizes, strict=True):
        yield f"  {name}", f"{' * '.join(map(str, shape)) or '1'} = {size:,}"


def _macs(node: Node) -> Lines:
    macs, made = node.layer.macs(*node.shapes), node.output.shape.elements
    if not macs:
        return
    if isinstance(macs, int) and isinstance(made, int) and macs % made == 0:
        yield "MACs", f"{macs:,} = {made:,} outputs * {macs // made:,} products for each"
    else:
        yield "MACs", _number(macs)
    windows = _windows(node)
    positions = prod(node.output.shape.spatial)
    if windows and isinstance(macs, int) and isinstance(made, int) and isinstance(positions, int):
        yield "im2col", f"a matrix of {macs // made:,} x {positions:,}: a column for each output position"


def _field(graph: Graph, node: Node, fields: dict[str, Fields]) -> Lines:
    """The receptive field, and how it grew layer by layer along the first inputs."""
    yield "field", field_text(fields[node.name])
    reach, before = node.layer.reach(*node.shapes), _field_of(graph, node.inputs[0], fields) if node.inputs else None
    if reach is None or reach == EVERYTHING or not isinstance(before, tuple) or not before:
        return
    first, kernel, stride, offset = before[0], reach.kernel[0], reach.stride[0], reach.offset[0]
    yield "  size", f"{first.size + (kernel - 1) * first.jump} = {first.size} + ({kernel} - 1) * {first.jump}"
    yield "  jump", f"{first.jump * stride} = {first.jump} * {stride}"
    yield "  start", f"{first.start + offset * first.jump} = {first.start} + {offset} * {first.jump}"
    yield "  through", "kernel  stride  size  jump  start"
    for one in _path(graph, node):
        field = fields[one.name]
        step = one.layer.reach(*one.shapes)
        if step is not None and step != EVERYTHING and isinstance(field, tuple) and field:
            axis: Field = field[0]
            row = (step.kernel[0], step.stride[0], axis.size, axis.jump, axis.start)
            yield "", f"{row[0]!s:>6}  {row[1]!s:>6}  {row[2]!s:>4}  {row[3]!s:>4}  {row[4]!s:>5}  {one.name}"


def _field_of(graph: Graph, value: Value, fields: dict[str, Fields]) -> Fields:
    return fields[graph.nodes[value.node].name if value.node is not None else value.name]


def _path(graph: Graph, node: Node) -> list[Node]:
    """The nodes from the net's input to this one, along the first input of each."""
    path = [node]
    while path[-1].inputs and path[-1].inputs[0].node is not None:
        path.append(graph.nodes[path[-1].inputs[0].node])
    return path[::-1]


def _windows(node: Node) -> tuple[Window, ...]:
    """The windows of the layer, where their padding is known."""
    windows = node.layer.sliding(*node.shapes)
    return windows if all(window.sides is not None for window in windows) else ()


def _unseen(node: Node) -> Lines:
    """The positions of the padded input that no window covers, for each axis that has some."""
    windows = _windows(node)
    names = _AXES.get(len(windows), ())
    for name, window, size, count in zip(names, windows, _spatial(node, 0), _spatial(node, 1), strict=False):
        if not isinstance(size, int) or not isinstance(count, int) or size > MOST_POSITIONS:
            continue
        left, right = window.sides or (0, 0)
        taps = range(0, window.extent, window.dilation)
        seen = {position * window.stride - left + tap for position in range(count) for tap in taps}
        missed = [at for at in range(-left, size + right) if at not in seen]
        if missed:
            yield "never seen", f"{name} {', '.join(_position(at, size) for at in missed)}"


def _spatial(node: Node, end: int) -> tuple[Dimension, ...]:
    return (node.output.shape if end else node.shapes[0]).spatial


def _position(at: int, size: int) -> str:
    return f"{at} (padding)" if not 0 <= at < size else str(at)


def _matrix(node: Node, kernel: Sequence[float] | None, values: Sequence[float] | None) -> Lines:
    """A small convolution of one channel as a matrix: a row for each output, a column for each input."""
    windows, shape = _windows(node), node.shapes[0] if node.inputs else None
    if not windows or shape is None or shape.is_open or shape.channels != 1 or not node.layer.macs(*node.shapes):
        return
    sizes, made = ([int(str(size)) for size in _spatial(node, end)] for end in (0, 1))
    if prod(sizes) * prod(made) > MOST_CELLS:
        return
    rows = list(_rows(windows, sizes, made))
    taps = [f"w{index}" for index in range(prod(window.kernel for window in windows))]
    if kernel is not None and len(kernel) == len(taps):
        taps = [f"{weight:g}" for weight in kernel]
    cells = [["0" if tap is None else taps[tap] for tap in row] for row in rows]
    width = max(len(cell) for row in cells for cell in row)
    yield "matrix", f"{len(rows)} x {len(rows[0])}: output = matrix * input"
    for row in cells:
        yield "", " ".join(f"{cell:>{width}}" for cell in row)
    if kernel is not None and values is not None and len(values) == len(rows[0]) and len(kernel) == len(taps):
        results: list[float] = [
            sum(kernel[tap] * value for tap, value in zip(row, values, strict=True) if tap is not None) for row in rows
        ]
        yield "output", f"[{', '.join(f'{number:g}' for number in results)}]"


def _rows(windows: Sequence[Window], sizes: Sequence[int], counts: Sequence[int]) -> Iterator[list[int | None]]:
    """For each output position the tap that each input position meets, None where it meets none."""
    for position in product(*map(range, counts)):
        row: list[int | None] = [None] * prod(sizes)
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


def _number(size: Dimension) -> str:
    return f"{size:,}" if isinstance(size, int) else str(size)
