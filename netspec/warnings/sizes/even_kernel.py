"""W0305: an even kernel with `pad=same`.

Why: the padding of one side is larger by one than that of the other, so that the output is shifted by half a position
against its input; in a deep net the shifts add up. Odd kernels have a middle.
Example: `conv(64, 4, pad=same)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    for graph, node in subject.nodes():
        if getattr(node.layer, "pad", None) not in ("same", "same_lower"):
            continue
        reach = subject.windows(node)
        if reach is None:
            continue
        even = [k for k, s in zip(reach.kernel, reach.stride, strict=True) if k % 2 == 0 and s == 1]
        if even:
            side = "end" if getattr(node.layer, "pad", None) == "same" else "beginning"
            warning = Diagnostic(
                "W0305",
                f"a kernel of {even[0]} has no middle: the odd position of its padding goes to the {side}",
                node.span,
                "shifts the map by half a position",
                help=f"take an odd kernel, {even[0] - 1} or {even[0] + 1}, or say the padding of both sides",
            )
            yield subject.at(graph, node, warning)
