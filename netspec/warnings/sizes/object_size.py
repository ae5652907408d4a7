"""W0306: a receptive field that is smaller than what the net has to see.

Why: a position of the last map decides by what it sees of the input. Where an object is larger than that, no position
has ever seen one whole; averaging over the positions does not change it. Asked for by `netspec check --object 64`.
Example: three `conv(64, 3)` and `global_avgpool` for objects of 64 positions: each sees 7.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.analysis.receptive_field import fields_of
from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Graph, Node
from netspec.warnings.subject import Subject


def warnings(subject: Subject, least: int) -> Iterator[Diagnostic]:
    for graph in subject.graphs:
        last = _last_map(graph)
        if last is not None and last[1] < least:
            node, size = last
            warning = Diagnostic(
                "W0306",
                f"{graph.name} sees {size} positions of its input at once, and an object has {least}",
                node.span,
                f"a position of this map sees {size}",
                help="add strides, dilations or layers before it",
            )
            yield subject.at(graph, node, warning)


def _last_map(graph: Graph) -> tuple[Node, int] | None:
    """The map that the outputs are made from and how much of the input it sees; None where a layer sees all of it.

    A layer with weights that sees everything has seen the object. Pooling has not.
    """
    fields = fields_of(graph)
    last: tuple[Node, int] | None = None
    for node in graph.nodes:
        field = fields.of(node.output)
        if field == "everything":
            if node.layer.parameters(*node.shapes) and any(_wide(fields.of(value)) for value in node.inputs):
                return None
            if node.layer.name == "flatten" and any(size != 1 for size in node.shapes[0].spatial):
                return None
            continue
        if not field:
            continue
        size = int(min(axis.size for axis in field))
        if last is None or size >= last[1]:
            last = node, size
    return last


def _wide(field: object) -> bool:
    return isinstance(field, tuple)
