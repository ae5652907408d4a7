"""Training: what the train section of a spec says, done. Nothing here loads torch before a training starts.

`run = train("examples/mnist1d_conv.net", epochs=20)` gives `run.test_error`, `run.folder`, `run.model`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph
from netspec.spec import Spec, load
from netspec.syntax import tree

if TYPE_CHECKING:
    from netspec.train.runs import Run

__all__ = ["check", "train"]


def check(section: tree.Train, graph: Graph) -> list[Diagnostic]:
    """What is wrong with a train section, by itself and with the net. Nothing is loaded: neither data nor torch."""
    from netspec.train.match import match
    from netspec.train.settings import settings

    try:
        chosen = settings(section)
        outline = chosen.data.outline()
        if outline is not None:
            match(chosen, graph, outline)
    except NetspecError as error:
        return list(error.diagnostics)
    return []


def train(
    spec: str | Path | Spec,
    *,
    net: str | None = None,
    set: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    device: str | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    input: Mapping[str, Sequence[int | str]] | None = None,
    quiet: bool = False,
) -> Run:
    """Trains a net of a spec as its train section says, and keeps the run in a folder.

    `set` overrides the net's parameters by name, and settings by `train.` and their key: the text that a spec would
    have there, or plain data. `epochs` and `seed` are short for two of those. `device` is cpu, cuda or mps; the best
    there is where it is None. `out` is the folder, `runs/NAME` where it is None; where there is such a folder, the next
    free number of it. `input` gives declared shapes in place of the spec's. Raises NetspecError.
    """
    from netspec.train.start import start

    opened = spec if isinstance(spec, Spec) else load(spec)
    return start(opened, net=net, set=set, epochs=epochs, device=device, seed=seed, out=out, input=input, quiet=quiet)
