"""What is worth a second look in a spec that fits: warnings, with codes that begin with W.

A warning is a file of its own in `unused`, `habits`, `sizes` or `training`: what it says and why, and the function
that finds it. `# allow W0101` at the end of a line silences the warning of that line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from netspec.diagnostics import Diagnostic
from netspec.elaborate.problems import in_order
from netspec.graph.graph import Graph
from netspec.syntax import tree
from netspec.syntax.source import Source
from netspec.warnings.habits import axes, batch, channels_last, order, whole_eps, width
from netspec.warnings.sizes import bias, checkerboard, even_kernel, holes, narrow_map, object_size, unseen
from netspec.warnings.subject import Subject
from netspec.warnings.training import softmax
from netspec.warnings.unused import block, constant, nothing, parameter, stage

OF_THE_TEXT = (batch.warnings, channels_last.warnings)
"""The rules that need no graph: they say what may lie behind errors, too."""
OF_THE_NETS = (
    nothing.warnings,
    stage.warnings,
    block.warnings,
    parameter.warnings,
    constant.warnings,
    order.warnings,
    whole_eps.warnings,
    axes.warnings,
    width.warnings,
    bias.warnings,
    checkerboard.warnings,
    narrow_map.warnings,
    unseen.warnings,
    even_kernel.warnings,
    holes.warnings,
    softmax.warnings,
)


def warnings(
    source: Source, file: tree.File, graphs: Sequence[Graph], *, sound: bool = True, least: int | None = None
) -> list[Diagnostic]:
    """The warnings about a file and the graphs of its nets, in the order of the text.

    What a habit of PyTorch explains is not said again of its sizes. `sound` says that nothing is wrong with the file.
    `least` is the size of what a net has to see, in positions of its input.
    """
    subject = Subject(source, file, tuple(graphs))
    doubts = [warning for rule in OF_THE_TEXT for warning in rule(subject)]
    if sound:
        doubts += [warning for rule in OF_THE_NETS for warning in rule(subject)]
        doubts += object_size.warnings(subject, least) if least is not None else []
    habits = {warning.span for warning in doubts if warning.code.startswith("W02")}
    apart = (warning for warning in _unallowed(doubts) if warning.code.startswith("W02") or warning.span not in habits)
    return [replace(warning, severity="warning") for warning in in_order(apart, source)]


_ALLOWED = re.compile(r"#[^\n]*?\ballow((?:[ ,]+W\d{4})+)")


def _unallowed(doubts: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Those that no comment on their line, or on that of the stage that they come from, allows."""
    for warning in doubts:
        places = [warning.span, *(span for span, _ in warning.related)]
        lines = (place.source.line(place.line) for place in places)
        if not any(warning.code in codes for line in lines for codes in _ALLOWED.findall(line)):
            yield warning
