"""How a training is carried out: on what, in which precision, how often it is kept. What is trained is the spec's."""

from __future__ import annotations

import os
from typing import Annotated, Literal, TypeAlias, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from netspec.layers.base import NonNegative, Positive

Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]


MOST_READERS = 4
"""More processes than that read samples ahead only where somebody says so."""


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

    device: str | None = None
    devices: Positive = 1
    nodes: Positive = 1
    node: NonNegative = 0
    address: str = ""
    precision: Precision = "fp32"
    compile: bool = False
    channels_last: bool = True
    checkpoint: tuple[str, ...] = ()
    sync_batchnorm: bool = False
    shard: bool = False
    deterministic: bool = True
    save_every: Annotated[float, Field(ge=0)] = 30.0
    workers: NonNegative | None = None
    steps: Positive | None = None
    tensorboard: bool = False

    @property
    def readers(self) -> int:
        """Processes that read samples ahead: where nobody says how many, those that there are cores for, up to 4."""
        if self.workers is not None:
            return self.workers
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(0, min(MOST_READERS, cores // self.devices - 1))

    @property
    def processes(self) -> int:
        """The processes of all machines together."""
        return self.devices * self.nodes


class SetupOptions(TypedDict, total=False):
    """The fields of a Setup as keyword arguments."""

    device: str | None
    devices: int
    nodes: int
    node: int
    address: str
    precision: Precision
    compile: bool
    channels_last: bool
    checkpoint: tuple[str, ...]
    sync_batchnorm: bool
    shard: bool
    deterministic: bool
    save_every: float
    workers: int | None
    steps: int | None
    tensorboard: bool
