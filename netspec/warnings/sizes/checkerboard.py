"""W0302: a transposed convolution whose kernel is no multiple of its stride.

Why: then some positions of the output are reached by more of the kernel than their neighbours, and pictures come out
with a checkerboard. Source: Odena, Dumoulin, Olah, "Deconvolution and Checkerboard Artifacts", Distill 2016.
Example: `upconv(64, 3, stride=2)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for graph, node in subject.nodes():
        if not type(node.layer).transposed or not node.inputs:
            continue
        axes = len(node.shapes[0].spatial)
        kernel, stride = (_each(getattr(node.layer, name), axes) for name in ("kernel", "stride"))
        uneven = [(k, s) for k, s in zip(kernel, stride, strict=True) if s > 1 and k % s]
        if not uneven:
            continue
        (k, s), *_ = uneven
        warning = Diagnostic(
            "W0302",
            f"a kernel of {k} with a stride of {s} reaches some positions more often than others",
            node.span,
            "leaves a checkerboard",
            help=f"take a kernel that is a multiple of the stride, {k + s - k % s}, or upsample and a conv",
        )
        yield subject.at(graph, node, warning)


def _each(size: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    return (size,) * axes if isinstance(size, int) else size
