"""The columns that a summary may have: the head of each, its side, and what stands in it for a stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from netspec.analysis.counts import Counts, memory_text
from netspec.analysis.receptive_field import Fields
from netspec.diagnostics import Diagnostic, NetspecError
from netspec.layers.declaration.base import EVERYTHING
from netspec.shapes.sizes import Dimension
from netspec.syntax.source import Source, Span


@dataclass(frozen=True, slots=True)
class Stage:
    """What the columns say of one row: `field` is that of its last output, `whole` the parameters of the net."""

    label: str
    layer: str
    shape: str
    kernel: str
    counts: Counts
    field: Fields
    batch: int
    whole: int


@dataclass(frozen=True, slots=True)
class Column:
    head: str
    side: Literal["<", ">"]
    cell: Callable[[Stage], str]


def figure(size: Dimension) -> str:
    """A count with its thousands apart; `-` for none, an expression where sizes are open."""
    return (f"{size:,}" if size else "-") if isinstance(size, int) else str(size)


def field_text(field: Fields) -> str:
    """`427 x 427`, `all` where the whole input is seen, `-` where nothing of it is."""
    if field is None:
        return "-"
    return "all" if field == EVERYTHING else " x ".join(f"{float(axis.size):g}" for axis in field) or "1"


def _trainable(stage: Stage) -> str:
    counts = stage.counts
    return "yes" if counts.parameters else "no" if counts.buffers else "-"


def _share(stage: Stage) -> str:
    return f"{stage.counts.parameters / stage.whole:.1%}" if stage.counts.parameters else "-"


COLUMNS: dict[str, Column] = {
    "name": Column("name", "<", lambda stage: stage.label),
    "layer": Column("layer", "<", lambda stage: stage.layer),
    "output": Column("output", "<", lambda stage: stage.shape),
    "kernel": Column("kernel", "<", lambda stage: stage.kernel or "-"),
    "field": Column("field", "<", lambda stage: field_text(stage.field)),
    "params": Column("parameters", ">", lambda stage: figure(stage.counts.parameters)),
    "percent": Column("of all", ">", _share),
    "trainable": Column("trained", ">", _trainable),
    "macs": Column("MACs", ">", lambda stage: figure(stage.counts.macs)),
    "memory": Column("memory", ">", lambda stage: _activations(stage)),
}
"""By the name that `--columns` takes. `memory` is of what a stage makes of a batch."""

USUAL = ("name", "layer", "output", "params", "macs")


def _activations(stage: Stage) -> str:
    activations = stage.counts.activations * stage.batch
    return memory_text(activations) if activations else "-"


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """The columns of these names, in their order; raises NetspecError (E0005) for one that there is not."""
    from difflib import get_close_matches

    for name in names:
        if name not in COLUMNS:
            near = get_close_matches(name, COLUMNS, n=1)
            text = ",".join(names)
            start = text.index(name)
            help = f"did you mean {near[0]}?" if near else f"there are {', '.join(COLUMNS)}"
            span = Span(Source("--columns", text), start, start + len(name))
            raise NetspecError((Diagnostic("E0005", f"a summary has no column {name!r}", span, help=help),))
    return tuple(names)
