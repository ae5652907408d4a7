"""W0307: a dilation that leaves holes.

Why: the positions that a dilated kernel reads are `dilation` apart. Where each of them has seen less of the input than
that, what lies between is not seen at all, and neighbours of the output have nothing in common: gridding. Dilations
that grow no faster than what is seen, as 1, 2, 4, leave none. Source: Wang et al., "Understanding Convolution for
Semantic Segmentation", WACV 2018, section 3.2.
Example: `conv(8, 3, pad=2, dilation=2)` as the first layer.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.analysis.receptive_field import Fields, fields_of
from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Node
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for graph in subject.graphs:
        if not any(_dilation(node) for node in graph.nodes):
            continue
        fields = fields_of(graph)
        for node in graph.nodes:
            step = _hole(node, fields.of(node.inputs[0])) if _dilation(node) else 0
            if step:
                warning = Diagnostic(
                    "W0307",
                    f"this {node.layer.name} reads every {_ordinal(step)} position of the input, and nothing between",
                    node.span,
                    f"the dilation is {getattr(node.layer, 'dilation', 1)}",
                    help="put layers with smaller dilations before it: 1, 2, 4, ...",
                )
                yield subject.at(graph, node, warning)


def _dilation(node: Node) -> bool:
    dilation = getattr(node.layer, "dilation", 1)
    return bool(node.inputs) and (dilation if isinstance(dilation, int) else max(dilation)) > 1


def _hole(node: Node, fields: Fields) -> int:
    """How far apart the positions of the input are that a kernel reads; 0 where what they have seen has no gaps."""
    if fields is None or fields == "everything":
        return 0
    axes = len(fields)
    kernel, dilation = (_each(getattr(node.layer, name, 1), axes) for name in ("kernel", "dilation"))
    for field, k, d in zip(fields, kernel, dilation, strict=True):
        if k > 1 and d > 1 and d * field.jump > field.size:
            return int(d * field.jump)
    return 0


def _each(size: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    return (size,) * axes if isinstance(size, int) else size


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"
