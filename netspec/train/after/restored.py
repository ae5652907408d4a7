"""A run's folder as a live net again: its spec elaborated as it was trained, its weights in place, its settings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph
from netspec.spec import Spec
from netspec.syntax.source import place_outside
from netspec.train.plan.signature import Signature
from netspec.train.runs import checkpoint
from netspec.train.runs.checkpoint import Checkpoints, State
from netspec.train.runs.folder import RECORD, WEIGHTS
from netspec.train.runs.record import Record, no_run, read_record, recorded_settings
from netspec.train.runs.sources import reopen
from netspec.train.runs.weights import files as weights

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from netspec.train.augment import Augmentation
    from netspec.train.section.settings import Settings


@dataclass(frozen=True, eq=False)
class Restored:
    """A trained net: `model` is in evaluation mode on `device`, with the weights of the file `weights`."""

    folder: Path
    record: Record
    spec: Spec
    graph: Graph
    model: nn.Module = field(repr=False)
    device: torch.device
    weights: Path

    @classmethod
    def read(cls, folder: str | Path, *, device: str | None = None, weights: str | Path | None = None) -> Self:
        """The net of a run's folder. Nothing in it is ever run: a spec is data, and weights are safetensors.

        `device` is cpu, cuda or mps, the best there is where it is None. `weights` is a file to take in place of the
        run's own, which are those of its end, or of its newest checkpoint where it has not come to one.
        Raises NetspecError: E0614 and E0650 where the folder holds no run, E0651 where weights cannot be read, E0652
        where they are another net's.
        """
        folder = Path(folder)
        record = read_record(folder)
        spec = reopen(folder)
        graph = _graph(spec, record, folder)
        tensors, path = _weights(folder, None if weights is None else Path(weights))
        where = _device(device)
        model = graph.compile()
        _load(model, graph, tensors, path)
        return cls(folder, record, spec, graph, model.to(where).eval(), where, path)

    @property
    def signature(self) -> Signature:
        """What goes into the net and what comes out of it."""
        return self.record.signature

    @cached_property
    def settings(self) -> Settings:
        """How the net was trained; raises NetspecError (E0601 to E0605) where a spec could not say that."""
        return recorded_settings(self.spec, self.record)

    @cached_property
    def augmentation(self) -> Augmentation:
        """What is done to samples on their way in, with the figures that were taken from the training data."""
        from netspec.train.augment import Augmentation

        return Augmentation(self.settings.augment)

    def outputs(self, *inputs: Tensor) -> Tensor:
        """The judged output for a batch of samples as the net takes them, for each input (n, *shape)."""
        import torch

        with torch.inference_mode():
            return self.signature.judged(self.model(*(x.to(self.device) for x in inputs)), self.graph)

    def for_sizes(self, graph: Graph) -> Self:
        """The net with its weights for samples of other sizes, where its spec leaves them open: those of `graph`."""
        if [value.shape for value in graph.inputs] == [value.shape for value in self.graph.inputs]:
            return self
        model = graph.compile()
        model.load_state_dict(self.model.state_dict())
        return replace(self, graph=graph, model=model.to(self.device).eval())


def graph_of_run(folder: Path) -> Graph:
    """The net of a run's folder without its weights; raises NetspecError (E0614, E0650)."""
    return _graph(reopen(folder), read_record(folder), folder)


def weights_of_run(folder: Path) -> tuple[dict[str, Tensor], Path]:
    """The weights of a run's folder, and the file that they are from; raises NetspecError (E0650, E0651)."""
    return _weights(folder, None)


def _graph(spec: Spec, record: Record, folder: Path) -> Graph:
    """The net of a run with its parameters; raises NetspecError where a spec's could not be those (E0650)."""
    try:
        return spec.graph(record.net, inputs=record.input, **record.arguments)
    except TypeError as error:
        message = f"{folder / RECORD} is damaged: it gives {record.net} parameters that no net has"
        raise no_run("E0650", folder / RECORD, message, [str(error)]) from None


def _weights(folder: Path, other: Path | None) -> tuple[dict[str, Tensor], Path]:
    """The weights to take, and the file that they are from."""
    own = folder / WEIGHTS
    if other is not None or own.exists():
        return weights.read(own) if other is None else weights.read_foreign(other), other or own
    passed: list[str] = []
    for path in Checkpoints(folder).files():
        try:
            return judged_weights(checkpoint.read_training(path)), path
        except checkpoint.Damaged as damage:
            passed.append(f"{path} is passed over: {damage}")
    if not (folder / RECORD).exists():
        raise no_run("E0614", folder / RECORD, f"{folder} is no run: it has no {RECORD}")
    message = f"{folder} holds no weights: the run has come neither to its end nor to a checkpoint"
    raise no_run("E0650", own, message, passed)


def judged_weights(state: State) -> dict[str, Tensor]:
    """The weights of a checkpoint that are tested and kept: the best so far, their average, or those of the moment."""
    return {**state["model"], **(state.get("average") or {}), **(state.get("best") or {})}


def _load(model: nn.Module, graph: Graph, tensors: dict[str, Tensor], path: Path) -> None:
    """Puts weights into a model; raises NetspecError (E0652) where they are another's."""
    differences = weights.differences(model.state_dict(), tensors)
    if differences:
        message = f"the weights in {path} are not those of {graph.name}"
        help = "evaluate them with the spec that they were trained with"
        here = place_outside(path)
        raise NetspecError((Diagnostic("E0652", message, here, notes=differences.lines(graph.name), help=help),))
    model.load_state_dict(tensors, strict=False)


def _device(name: str | None) -> torch.device:
    """The device of that name, the best there is where it is None; raises NetspecError (E0612)."""
    import torch

    from netspec.train.engine.devices import device_kind

    kind = device_kind(name)
    if kind is None:
        kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return torch.device(kind)
