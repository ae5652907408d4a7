"""A run for TensorBoard: its figures as event files in the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from netspec.train.engine.rows import Row

Log: TypeAlias = "Callable[[Row], None]"
FOLDER = "tensorboard"
FLUSH = 10
"""The files are at most so many seconds behind."""


@contextmanager
def events(folder: Path, before: Sequence[Row], *, on: bool) -> Iterator[Log]:
    """Gives what takes note of each epoch: loss and metrics of both splits, learning rate, seconds, by step.

    `before` are the epochs of a run that is taken up. They are written again, and TensorBoard is told to forget what
    was there: so the files say what the run's metrics say, whatever ended it before. Without `on` nothing is written.
    """
    if not on:
        yield lambda row: None
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder / FOLDER, purge_step=0 if before else None, flush_secs=FLUSH) as writer:

        def log(row: Row) -> None:
            for split, figures in (("train", row.train), (row.held, row.test)):
                for name, value in figures.items():
                    writer.add_scalar(f"{name}/{split}", value, row.step)
            writer.add_scalar("lr", row.lr, row.step)
            writer.add_scalar("seconds", row.seconds, row.step)

        for row in before:
            log(row)
        yield log
