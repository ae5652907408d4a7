"""What a checkpoint holds of a training: a file whose digest is right can still be one that no training has written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MOST_THREADS = 4096
"""More threads than any machine gives a training."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Identity(_Part):
    """What the run is a function of."""

    net: str
    layers: dict[str, str]
    settings: dict[str, str]
    samples: Annotated[list[int], Field(min_length=2, max_length=3)]
    data: list[str]
    processes: Annotated[int, Field(ge=1)]


class Epoch(_Part):
    """The row of an epoch."""

    epoch: Annotated[int, Field(ge=1)]
    step: Annotated[int, Field(ge=1)]
    lr: float
    train: dict[str, float]
    test: dict[str, float]
    seconds: float
    held: Literal["test", "val"] = "test"


class TrainingState(_Part):
    """All that the rest of a training is a function of; tensors are by name."""

    identity: Identity
    epoch: Annotated[int, Field(ge=0)]
    done: Annotated[int, Field(ge=0)]
    seconds: float
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS)]
    rows: list[Epoch]
    scores: list[dict[str, Any]]
    model: dict[str, Any]
    optimizer: dict[str, dict[str, Any]]
    scaler: dict[str, Any] | None
    average: dict[str, Any] | None
    best: dict[str, Any] | None


def mistake(state: Any) -> str:
    """Why this is the state of no training; empty where it may be one."""
    import torch

    try:
        training = TrainingState.model_validate(state)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg'].lower()}"
    for name in ("model", "average", "best"):
        tensors = getattr(training, name) or {}
        if not all(isinstance(tensor, torch.Tensor) for tensor in tensors.values()):
            return f"{name}: not all of it are tensors"
    names = [(list(row.train), list(row.test), row.held) for row in training.rows]
    if [row.epoch for row in training.rows] != list(range(1, training.epoch + 1)) or any(
        each != names[0] for each in names
    ):
        return "rows: they are not those of the epochs that are done"
    if any(list(row.train) != list(row.test) or "loss" not in row.train for row in training.rows[:1]):
        return "rows: an epoch has other figures in training than in the test"
    return "" if len(training.scores) == training.identity.processes else "scores: there is not one for each process"
