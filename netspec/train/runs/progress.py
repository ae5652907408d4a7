"""How a run is watched: a bar on a terminal, a line now and then elsewhere; and how it is stopped."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from time import monotonic
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from netspec.diagnostics import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from netspec.train.engine.rows import Row

MOVE_EVERY = 0.1
"""Seconds between two moves of the bar."""
MOST_FIGURES = 5
"""So many figures of an epoch stand in its line."""
LINES = 10
"""So many lines a run where there is no terminal."""
STOPPING = tuple(
    number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
)
"""The signals that stop a training; the last, where a system has it, says that its terminal is gone."""
PARENT = "NETSPEC_PARENT"
"""The variable that tells a process which one has started it."""


class Watch(AbstractContextManager["Watch"]):
    """Shows how far a run is. `quiet` shows nothing.

    Where the output is closed or full a training goes on, and `unprinted` says why nothing is shown any more.
    """

    def __init__(self, epochs: int, steps: int, batch: int, *, quiet: bool) -> None:
        self.epochs, self.steps, self.batch = epochs, steps, batch
        self.first: int | None = None
        self.quiet = quiet
        self.unprinted: OSError | None = None
        self.bar = not quiet and sys.stdout.isatty()
        self.progress: Progress | None = None
        self.task: TaskID | None = None
        self.moved = self.begun = monotonic()
        self.summary = -1
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        if self.bar:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("epoch"),
                MofNCompleteColumn(),
                BarColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[rate]}"),
                TextColumn("{task.description}"),
            )
            self.progress = self.stack.enter_context(Progress(*columns))
            self.task = self.progress.add_task("", total=self.epochs, rate="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self.stack.close()

    def step(self, epoch: int, step: int) -> None:
        """A step is done."""
        if self.progress is not None and self.task is not None and monotonic() - self.moved > MOVE_EVERY:
            now, count = monotonic(), epoch * self.steps + step + 1
            if self.first is None:
                self.first, self.begun = count, now
            rate = (
                f"{(count - self.first) * self.batch / (now - self.begun):,.0f} samples/s" if count > self.first else ""
            )
            self.moved = now
            self.progress.update(self.task, completed=count / self.steps, rate=rate)

    def epoch(self, row: Row) -> None:
        """An epoch is done."""
        if self.progress is not None and self.task is not None:
            self.progress.update(self.task, completed=row.epoch, description=summary(row))
        elif not self.quiet and (row.epoch * LINES // self.epochs > self.summary or row.epoch == self.epochs):
            self.summary = row.epoch * LINES // self.epochs
            width = len(str(self.epochs))
            self.say(f"epoch {row.epoch:>{width}}/{self.epochs}  {summary(row)}  {monotonic() - self.begun:.0f} s")

    def say(self, text: str) -> None:
        """A line of text."""
        if self.quiet:
            return
        try:
            print(printable(text), flush=True)
        except OSError as error:
            self.quiet, self.unprinted = True, error


def summary(row: Row) -> str:
    """The figures of an epoch in a line: errors where accuracy was measured. Of many the first; the table has all."""
    parts = [f"loss {row.train['loss']:.4f}"]
    names = [name for name in row.test if name != "loss"]
    for name in names[:MOST_FIGURES]:
        parts.append(f"train {_figures_text(name, row.train)}  {row.held} {_figures_text(name, row.test)}")
    parts += [f"and {len(names) - MOST_FIGURES} more"] if len(names) > MOST_FIGURES else []
    return "  ".join(parts if names else [*parts, f"{row.held} loss {row.test['loss']:.4f}"])


def _figures_text(name: str, figures: Mapping[str, float]) -> str:
    return f"error {100 * (1 - figures[name]):.1f} %" if name == "accuracy" else f"{name} {figures[name]:.4f}"


def stopping() -> list[int]:
    """The signals that stop a training; one that it was started to ignore does not, unless that is Ctrl-C."""
    return [number for number in STOPPING if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN]


class Stop(AbstractContextManager["Stop"]):
    """Notes Ctrl-C, SIGTERM and SIGHUP instead of ending there, so that the step in progress is finished and kept.

    A second Ctrl-C ends as ever; what is ignored, as SIGHUP is under nohup, stays so. `signal` is the number of the one
    that was noted. A process whose parent, that started it, has gone is to stop as well.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.before: dict[int, Any] = {}
        self.parent = int(os.environ.get(PARENT, 0))

    @property
    def asked(self) -> bool:
        return self.signal is not None or (self.parent != 0 and os.getppid() != self.parent)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self._note) for number in stopping()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number
