"""What is known of a training after an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What is known after an epoch: `epoch` and `step` count those that are done; `train` and `test` are by metric.

    The training figures are of the epoch's batches as they were met, with the weights of that moment. `held` is what
    the others are of: "test", or "val" where there are samples to choose by.
    """

    epoch: int
    step: int
    lr: float
    train: Mapping[str, float]
    test: Mapping[str, float]
    seconds: float
    held: str = "test"
