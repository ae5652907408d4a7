"""How a training is carried out: on what, in which precision, how often it is kept. What is trained is the spec's.

Each way is one field of `Setup`: its type, default, bounds and the words of its option on the command line, which is
made of it. `SetupOptions` says the same types to type checkers; a test holds the two together.
"""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal, TypeAlias, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from netspec.layers.declaration.base import NonNegative, Positive

Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]


MOST_READERS = 4
"""More processes than that read samples ahead only where somebody says so."""


def _way(default: Any, help: str, metavar: str | None = None) -> Any:
    """A field with its words on the command line; `metavar` stands for its value there."""
    return Field(default=default, description=help, json_schema_extra={"metavar": metavar})


class Setup(BaseModel):
    """How a training is carried out. None of it changes what a run is about; some of it changes the last bits.

    `device` is cpu, cuda or mps, None the best there is. `devices` is how many processes a machine runs, one a device;
    `nodes` how many machines, of which this is number `node`, and `address` (host:port) is where the first is found.
    `precision` is that of the forward and backward pass; weights and optimizer stay in 32 bits. `checkpoint` names
    modules, blocks or wirings whose activations are computed again in the backward pass instead of being kept.
    `deterministic` takes the kernels that give the same bits every time. `save_every` is in seconds. `workers` are
    processes that read samples ahead, where they come from files; as many as there are cores for
    where it is None. After `steps` steps it stops as if it was told to.
    `tensorboard` writes event files into the run's folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: NonNegative | None = _way(None, "Processes that read samples ahead; chosen if not given.", "N")
    device: str | None = _way(None, "cpu, cuda, mps; the best there is if not given.", "DEVICE")
    devices: Positive = _way(1, "So many devices of this machine together.", "N")
    nodes: Positive = _way(1, "So many machines together.", "N")
    node: NonNegative = _way(0, "Which of the machines this is, from 0.", "I")
    address: str = _way("", "Where the first machine is found.", "HOST:PORT")
    shard: bool = _way(False, "Share out the weights over the devices (FSDP).")
    sync_batchnorm: bool = _way(False, "Batch statistics over all devices together.")
    precision: Precision = _way("fp32", "Of the passes through the net.")
    compile: bool = _way(False, "Through torch.compile.")
    channels_last: bool = _way(True, "Images with their channels last in memory.")
    checkpoint: tuple[str, ...] = _way(
        (), "Compute what is in layer3, or in dense blocks, again: for less memory.", "NAME"
    )
    deterministic: bool = _way(True, "Kernels that give the same bits every time.")
    save_every: Annotated[float, Field(ge=0)] = _way(30.0, "Between two checkpoints.", "SECONDS")
    steps: Positive | None = _way(None, "Stop after so many steps.", "N")
    tensorboard: bool = _way(False, "Write event files for TensorBoard.")

    @property
    def readers(self) -> int:
        """Processes that read samples ahead: where nobody says how many, those that there are cores for, up to 4."""
        if self.workers is not None:
            return self.workers
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(0, min(MOST_READERS, cores // self.devices - 1))

    @property
    def channels_lie_last(self) -> bool:
        """Whether images have their channels last in memory: what shares weights out takes none that lie so."""
        return self.channels_last and not self.shard

    @property
    def processes(self) -> int:
        """The processes of all machines together."""
        return self.devices * self.nodes


class SetupOptions(TypedDict, total=False):
    """The fields of a Setup as keyword arguments."""

    workers: int | None
    device: str | None
    devices: int
    nodes: int
    node: int
    address: str
    shard: bool
    sync_batchnorm: bool
    precision: Precision
    compile: bool
    channels_last: bool
    checkpoint: tuple[str, ...]
    deterministic: bool
    save_every: float
    steps: int | None
    tensorboard: bool
