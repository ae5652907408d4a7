"""Every number of one stage with the formula and the figures that it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from netspec.analysis import budgets, counts
from netspec.analysis.columns import field_text
from netspec.analysis.counts import memory_text
from netspec.analysis.matrices import matrix
from netspec.analysis.receptive_field import Field, Fields, receptive_fields
from netspec.graph.graph import Graph, Node, Scope, Value
from netspec.graph.views import layer_text, scope_text
from netspec.layers.declaration.base import EVERYTHING, spec_literal
from netspec.layers.spatial.window import Window
from netspec.shapes.sizes import Dimension

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
    inputs = [value for value in graph.inputs if value.name == name and name not in graph]
    if inputs:
        return "\n".join(f"{head:<10}  {text}" for head, text in _of_input(graph, inputs[0]))
    stage = graph[name]
    lines = _of_scope(graph, stage) if isinstance(stage, Scope) else _of_node(graph, stage, kernel, values)
    return "\n".join(f"{head:<10}  {text}".rstrip() for head, text in lines)


def sizes(graph: Graph) -> str:
    """How the first axis of every stage's map came about, a line each; stages that keep it are left out."""
    rows = [
        (node.name, str(node.output.shape), text)
        for node in graph.nodes
        if node.output.shape.rank > 1 and (text := node.layer.explain(1, *node.shapes)) is not None
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(2)]
    return "\n".join(f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {text}" for name, shape, text in rows)


Lines = Iterator[tuple[str, str]]


def _of_input(graph: Graph, value: Value) -> Lines:
    yield "input", f"{value.shape} of {graph.name}, {value.shape.dtype}"
    if value.span is not None and value.span.source.text:
        yield "declared", f"{value.span.source.name}:{value.span.line}: {value.span.text}"
    yield "memory", f"{memory_text(counts.size(value.shape))} of one sample"
    readers = [node.name for node in graph.nodes if any(operand is value for operand in node.inputs)]
    yield "read by", ", ".join(readers[:MOST_NAMES]) + (" and others" if len(readers) > MOST_NAMES else "")


def _of_scope(graph: Graph, scope: Scope) -> Lines:
    """What goes in and comes out, and the sums over what is inside."""
    own = counts.of_scopes(graph)[scope.index]
    yield "stage", f"{scope.name or graph.name} = {scope_text(scope)}"
    for value in scope.inputs:
        yield "input", f"{value.shape}, from {value.name}"
    for value in scope.outputs:
        yield "output", f"{value.shape}, from {value.name}"
        if value.node is not None:
            yield from _sizes(graph.nodes[value.node])
    yield "weights", f"{own.parameters:,}"
    yield "MACs", _number(own.macs)
    yield "neurons", _number(own.neurons)
    end = scope.output
    yield "field", field_text(receptive_fields(graph)[graph.nodes[end.node].name if end.node is not None else end.name])
    yield "memory", f"{memory_text(own.activations)} of one sample"
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
    yield from _changed_by(graph, node)
    yield from _weights(node)
    yield from _macs(node)
    fields = receptive_fields(graph)
    yield from _field(graph, node, fields)
    yield from _unseen(node)
    yield "memory", f"{memory_text(counts.of_node(node).activations)} of one sample"
    yield from _as_convolution(node)
    yield from matrix(node, kernel, values)


def _sizes(node: Node) -> Lines:
    """How each size of the output came about."""
    rank = node.output.shape.rank
    names = ("channels", *_AXES.get(rank - 1, ())) if rank > 1 else ("features",)
    for axis in range(rank):
        text = node.layer.explain(axis, *node.shapes)
        if text is not None:
            yield f"  {names[axis] if axis < len(names) else axis}", text
    sides = [window.sides for window in _windows(node) if window.sides is not None]
    if any(before != after for before, after in sides):
        paddings = (
            f"{name} {before} before, {after} after" for name, (before, after) in zip(names[1:], sides, strict=False)
        )
        yield "  padding", "; ".join(paddings)


def _changed_by(graph: Graph, node: Node) -> Lines:
    """What the size of the map follows from: the arguments here, the stages before that change it, the input."""
    if node.output.shape.rank < 2 or node.layer.explain(1, *node.shapes) is None:
        return
    own = [
        f"{name}={spec_literal(getattr(node.layer, name))}" for name in _SIZING if name in type(node.layer).model_fields
    ]
    before = [one.name for one in _path(graph, node)[:-1] if one.layer.explain(1, *one.shapes) is not None]
    first = _path(graph, node)[0].inputs
    parts = [", ".join(own), ", ".join(before[-MOST_NAMES:]), first[0].name if first else ""]
    yield "changed by", "; ".join(filter(None, parts))


_SIZING = ("kernel", "stride", "pad", "output_pad", "dilation", "ceil", "size", "scale", "factor", "amount")
"""What arguments are called that decide how large a map is."""


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
    macs, elements = node.layer.macs(*node.shapes), node.output.shape.elements
    if not macs:
        return
    if node.unused:
        yield "MACs", "0, as nothing uses it: it does not run"
        return
    read = node.shapes[0].elements if node.layer.transposed and node.inputs else elements
    what = "inputs" if node.layer.transposed else "outputs"
    if isinstance(macs, int) and isinstance(read, int) and macs % read == 0:
        yield "MACs", f"{macs:,} = {read:,} {what} * {macs // read:,} products for each"
    else:
        yield "MACs", _number(macs)
    each = node.layer.members(*node.shapes)
    if each is not None:
        yield "  of a sample", f"{_number(macs * each.most)}, {each}"
    windows = _windows(node)
    positions = prod(node.output.shape.spatial)
    if windows and isinstance(macs, int) and isinstance(elements, int) and isinstance(positions, int):
        yield "im2col", f"a matrix of {macs // elements:,} x {positions:,}: a column for each output position"


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
    if not windows:
        return
    names = _AXES.get(len(windows), ())
    for name, window, size, count in zip(names, windows, _spatial(node, 0), _spatial(node, 1), strict=False):
        if not isinstance(size, int) or not isinstance(count, int) or size > MOST_POSITIONS:
            continue
        left, right = window.sides or (0, 0)
        taps = range(0, window.extent, window.dilation)
        coverage = {position * window.stride - left + tap for position in range(count) for tap in taps}
        missed = [at for at in range(-left, size + right) if at not in coverage]
        if missed:
            yield "never seen", f"{name} {', '.join(_position(at, size) for at in missed)}"


def _as_convolution(node: Node) -> Lines:
    """A transposed convolution as the convolution that it is, of its input with zeros between (Dumoulin & Visin, 4)."""
    windows = node.layer.spreading(*node.shapes)
    if not windows:
        return
    for name, window, size, count in zip(
        _AXES.get(len(windows), ()), windows, _spatial(node, 0), _spatial(node, 1), strict=False
    ):
        if not isinstance(size, int) or not isinstance(count, int):
            continue
        stretched = (size - 1) * window.stride + 1
        before = window.extent - 1 - window.left
        after = count + window.extent - 1 - stretched - before
        gaps = f"{window.stride - 1} zero{'s'[: window.stride - 2]}"
        zeros = f"{gaps} between its positions" if window.stride > 1 else "the input as it is"
        size_text = f"{count} = {stretched} + {before} + {after} - {window.extent} + 1"
        yield "as a conv", f"{name}: {zeros}, {before} before and {after} after, the kernel turned round: {size_text}"


def _spatial(node: Node, end: int) -> tuple[Dimension, ...]:
    return (node.output.shape if end else node.shapes[0]).spatial


def _position(at: int, size: int) -> str:
    return f"{at} (padding)" if not 0 <= at < size else str(at)


def _number(size: Dimension) -> str:
    return f"{size:,}" if isinstance(size, int) else str(size)
