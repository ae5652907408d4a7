"""How a training is carried out: on what, in which precision, how often it is kept. What is trained is the spec's."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from netspec.layers.base import NonNegative, Positive

Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]


class Setup(BaseModel):
    """How a training is carried out. None of it changes what a run is about; some of it changes the last bits.

    `device` is cpu, cuda or mps, None the best there is. `devices` is how many processes a machine runs, one a device;
    `nodes` how many machines, of which this is number `node`, and `address` (host:port) is where the first is found.
    `precision` is that of the forward and backward pass; weights and optimizer stay in 32 bits. `checkpoint` names
    modules, blocks or wirings whose activations are computed again in the backward pass instead of being kept.
    `deterministic` takes the kernels that give the same bits every time. `save_every` is in seconds. `workers` are
    processes that read samples ahead, where they come from files. After `steps` steps it stops as if it was told to.
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
    workers: NonNegative = 0
    steps: Positive | None = None
    tensorboard: bool = False

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
    workers: int
    steps: int | None
    tensorboard: bool
