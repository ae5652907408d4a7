"""A run for TensorBoard: its figures as event files in the run's folder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from netspec.train.runs.folder import unwritable

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
    Raises NetspecError (E0610) where the files cannot be.
    """
    if not on:
        yield lambda row: None
        return
    from torch.utils.tensorboard import SummaryWriter

    place = folder / FOLDER
    with _writing(place):
        writer = SummaryWriter(place, purge_step=0 if before else None, flush_secs=FLUSH)

    def log(row: Row) -> None:
        with _writing(place):
            for split, figures in (("train", row.train), (row.held, row.test)):
                for name, value in figures.items():
                    writer.add_scalar(f"{name}/{split}", value, row.step)
            writer.add_scalar("lr", row.lr, row.step)
            writer.add_scalar("seconds", row.seconds, row.step)

    with _quiet_threads():
        try:
            for row in before:
                log(row)
            yield log
        finally:
            with _writing(place):
                writer.close()


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(place, error) from None


@contextmanager
def _quiet_threads() -> Iterator[None]:
    """TensorBoard writes in a thread, which prints what keeps it from that; the writer raises the same later."""
    before = threading.excepthook

    def hook(failure: threading.ExceptHookArgs) -> None:
        if not isinstance(failure.exc_value, OSError):
            before(failure)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before
