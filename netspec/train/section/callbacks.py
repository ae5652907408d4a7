"""Callbacks: functions of the user's own that are told how far a training is. They are registered from Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from netspec.train.parts import Part, Table

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from netspec.train.engine.rows import Row

Moment: TypeAlias = Literal["epoch", "step"]


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """How far a training is: `epoch` epochs and `step` steps of all are done; `rows` are those of the epochs.

    `model` and `optimizer` are the ones at work, of several steps the first one's, and `folder` is that of the run.
    What is changed there is not undone, and a run that is taken up is the same only where it is changed as a function
    of these numbers.
    """

    epoch: int
    step: int
    rows: Sequence[Row]
    model: nn.Module
    optimizer: Optimizer
    folder: Path


class Callback(Part):
    """Base of all callbacks."""

    after: ClassVar[Moment] = "epoch"
    function: ClassVar[Callable[..., Any]]

    def __call__(self, progress: Progress) -> None:
        """Tells it how far the training is."""
        type(self).function(progress, **self.model_dump())


CALLBACKS: Table[Callback] = Table("callback")
