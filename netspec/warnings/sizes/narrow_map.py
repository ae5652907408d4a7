"""W0303: a kernel that is wider than the map that it slides over.

Why: wherever it stands, some of its weights meet padding alone. Mostly the net was made for larger inputs, and its
last stages have become too small.
Example: `conv(64, 3, pad=1)` on a map of 2 x 2.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.layers.declaration.axes import axis_name
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for graph, node in subject.nodes():
        reach = subject.windows(node)
        if reach is None or type(node.layer).transposed:
            continue
        sizes = node.shapes[0].spatial
        for axis, (kernel, size) in enumerate(zip(reach.kernel, sizes, strict=False), 1):
            slides = reach.stride[axis - 1] >= 1
            if isinstance(size, int) and slides and kernel > size:
                name = axis_name(axis, node.shapes[0].rank)
                warning = Diagnostic(
                    "W0303",
                    f"the kernel of this {node.layer.name} is {kernel} wide, and its map {size} in {name}",
                    node.span,
                    f"this value is {node.shapes[0]}",
                    help="take a smaller kernel, a larger input or fewer strides before it",
                )
                yield subject.at(graph, node, warning)
                break
