"""Weights to start from: those of a file, as far as they fit, with a list of what did and what did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.train.data.files import DataError
from netspec.train.runs import weights

if TYPE_CHECKING:
    from torch import nn

    from netspec.train.plan.job import Prepared


def load_initial(model: nn.Module, prepared: Prepared) -> tuple[str, ...]:
    """Puts the weights of the setting `init` into a net; what was and was not taken, a line each.

    Raises NetspecError: E0609 where there is no such file, E0641 where nothing in it fits, E0651 where it is refused.
    """
    settings = prepared.settings
    if settings.init is None:
        return ()
    span = settings.span("init")
    try:
        path = prepared.job.place.resolve(settings.init)
    except DataError as error:
        raise error.at(span) from None
    tensors = weights.read(path)
    own = model.state_dict()
    differences = weights.differences(own, tensors)
    fitting = {name: tensors[name] for name in own if name in tensors and name not in differences.reshaped}
    lines = differences.lines(prepared.graph.name)
    if not fitting:
        message = f"none of the weights in {settings.init} are those of {prepared.graph.name}"
        raise NetspecError((Diagnostic("E0641", message, span, "nothing fits", notes=lines),))
    model.load_state_dict(fitting, strict=False)
    return (f"{settings.init}: {len(fitting)} of {len(own)} tensors taken", *lines)
