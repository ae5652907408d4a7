"""Weights to start from: those of a file, as far as they fit, with a list of what did and what did not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.train.data.files import DataError
from netspec.train.runs.weights import files as weights
from netspec.train.runs.weights.published import published

if TYPE_CHECKING:
    from torch import nn

    from netspec.train.plan.job import Prepared


def load_initial(model: nn.Module, prepared: Prepared) -> tuple[str, ...]:
    """Puts the weights of the setting `init` into a net; what was and was not taken, a line each.

    Raises NetspecError: E0609 and E0613 where they cannot be had, E0641 where nothing of them fits, E0651 where a file
    is refused.
    """
    start, span = prepared.settings.init, prepared.settings.span("init")
    if start is None:
        return ()
    read = published(start, span) if start.library else weights.read_foreign(_file(start.source, prepared))
    tensors = {start.name_of(name): tensor for name, tensor in read.items()}
    own = model.state_dict()
    differences = weights.differences(own, tensors)
    fitting = {name: tensors[name] for name in own if name in tensors and name not in differences.reshaped}
    lines = differences.lines(prepared.graph.name)
    if not fitting:
        message = f"none of the weights in {start.source} are those of {prepared.graph.name}"
        raise NetspecError((Diagnostic("E0641", message, span, "nothing fits", notes=lines),))
    model.load_state_dict(fitting, strict=False)
    return (f"{start.source}: {len(fitting)} of {len(own)} tensors taken", *lines)


def _file(source: str, prepared: Prepared) -> Path:
    try:
        return prepared.job.place.resolve(source)
    except DataError as error:
        raise error.at(prepared.settings.span("init")) from None
