"""The folder of a run: claimed at the start, every file in it written beside its place and then renamed."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.syntax.source import Source, Span

if TYPE_CHECKING:
    from torch import Tensor, nn

    from netspec.train.engine.rows import Row
    from netspec.train.section.settings import Settings

Status: TypeAlias = Literal["running", "finished", "stopped", "diverged", "failed"]
SPEC, SOURCE, METRICS, WEIGHTS, CURVES, RECORD = (
    "spec.net",
    "model.py",
    "metrics.csv",
    "model.safetensors",
    "curves.png",
    "run.json",
)
FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says where a disk, or one's share of it, is full."""
SAVE_EVERY = 2.0
"""The metrics on disk are at most this many seconds behind, and an epoch."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A training that is over: its folder, a row an epoch, and the net as it is now.

    `signal` is the number of the signal that stopped it, where one did. Of several processes the `lead` keeps the
    folder.
    """

    folder: Path
    settings: Settings
    metrics: tuple[Row, ...]
    model: nn.Module
    status: Status = "finished"
    signal: int | None = None
    lead: bool = True

    @property
    def test_error(self) -> float | None:
        """The share of the test data that the net gets wrong after the last epoch; None where that is not measured."""
        accuracy = self.metrics[-1].test.get("accuracy") if self.metrics else None
        return None if accuracy is None else 1 - accuracy


def claim(wanted: Path) -> Path:
    """Makes the folder `wanted`, or where there is one the next free number of it; raises NetspecError (E0610)."""
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
    except (OSError, ValueError) as error:
        raise unwritable(wanted, error) from None
    raise AssertionError


@contextmanager
def occupied(folder: Path) -> Iterator[None]:
    """A folder at the disposal of this process alone; raises NetspecError (E0646) where another one is at work in it.

    The system lets go of the folder when the process ends, however it ends.
    """
    try:
        import fcntl
    except ImportError:  # not on every system
        yield
        return
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        here = Span(Source(str(folder), ""), 0, 0)
        message = f"a training is at work in {folder}"
        raise NetspecError((Diagnostic("E0646", message, here, help="wait for its end, or stop it first"),)) from None
    try:
        yield
    finally:
        os.close(opened)


def sweep(folder: Path) -> None:
    """Takes away what a process that was killed had begun to write in a folder."""
    for beside in folder.glob(".*.partial"):
        with suppress(OSError):
            beside.unlink()


def replacing(path: Path, write: Callable[[Path], object]) -> None:
    """Has `write` make the file beside its place, then renames it: it is there whole or not at all.

    Raises NetspecError (E0610).
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        try:
            write(beside)
            beside.chmod(path.parent.stat().st_mode & 0o666)
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            beside.replace(path)
            _sync_folder(path.parent)
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from error


def _sync_folder(folder: Path) -> None:
    """Brings the names in a folder to the disk, where the system can: a rename alone may be lost with the power."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def save_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Writes tensors of the CPU as a safetensors file, each whole where several share memory; raises OSError."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    memories: set[int] = set()
    own: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        memory = tensor.untyped_storage().data_ptr()
        shared = memory in memories
        own[name] = tensor.clone(memory_format=torch.contiguous_format) if shared else tensor.contiguous()
        memories.add(own[name].untyped_storage().data_ptr())
    try:
        save_file(own, path, dict(metadata))
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        raise (OSError(int(number[1]), os.strerror(int(number[1]))) if number else OSError(str(error))) from None


def unwritable(path: Path, error: Exception) -> NetspecError:
    """That a file or folder of a run cannot be written, and why."""
    reason = getattr(error, "strerror", None) or str(error)
    blocking = next(filter(_is_file, path.parents), None)
    mend = f"{blocking} is a file, and a folder is needed there" if blocking else ""
    if getattr(error, "errno", None) in FULL:
        mend = "make room there; a run that has begun is taken up with netspec train --resume RUN"
    span = Span(Source(str(path), ""), 0, 0)
    message = f"{path} cannot be written: {reason[:1].lower()}{reason[1:]}"
    return NetspecError((Diagnostic("E0610", message, span, help=mend or "name another folder: --out FOLDER"),))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@dataclass(slots=True, eq=False)
class Recorder:
    """Keeps a run's folder up to date while it goes on. Of several processes only the first, the lead, writes."""

    folder: Path
    about: dict[str, Any]
    lead: bool = True
    rows: list[Row] = field(default_factory=list)
    _saved: float = field(default_factory=monotonic)

    def begin(self, source: str) -> None:
        """What is known before the first step: the net's PyTorch source, and the record."""
        self.text(SOURCE, source)
        self.save("running")

    def add(self, row: Row) -> None:
        """Notes an epoch; on disk now and then."""
        self.rows.append(row)
        if monotonic() - self._saved > SAVE_EVERY:
            self.save("running")

    def save(self, status: Status, signal: int | None = None) -> None:
        """Brings the metrics and the record on disk up to date."""
        self.text(METRICS, table(self.rows))
        last = self.rows[-1] if self.rows else None
        state = {
            "status": status,
            "signal": signal,
            "epochs": last.epoch if last else 0,
            "steps": last.step if last else 0,
        }
        figures = {"train": dict(last.train), "test": dict(last.test)} if last else {}
        self.text(RECORD, json.dumps({**self.about, **state, **figures}, indent=2) + "\n")
        self._saved = monotonic()

    def finish(self, weights: Mapping[str, Tensor], status: Status, signal: int | None = None) -> None:
        """The weights and the curves."""
        from netspec.train.runs.curves import draw

        self.save(status, signal)
        self.weights(weights)
        if self.rows and self.lead:
            draw(self.folder)

    def weights(self, weights: Mapping[str, Tensor]) -> None:
        """The net's parameters and buffers under their names."""
        tensors = {name: tensor.detach().cpu() for name, tensor in weights.items()}
        if self.lead:
            replacing(self.folder / WEIGHTS, lambda beside: save_tensors(tensors, beside, {"format": "pt"}))

    def text(self, name: str, text: str) -> None:
        """A file of text."""
        if self.lead:
            replacing(self.folder / name, lambda beside: beside.write_text(text, encoding="utf-8", newline="\n"))


def table(rows: Sequence[Row]) -> str:
    """The rows as comma-separated values: epoch, step, learning rate, training and test figures in turn, seconds."""
    names = list(rows[0].test) if rows else ["loss"]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    columns = [f"{split}_{name}" for name in names for split in ("train", "test")]
    writer.writerow(["epoch", "step", "lr", *columns, "seconds"])
    for row in rows:
        figures = [split[name] for name in names for split in (row.train, row.test)]
        writer.writerow(
            [row.epoch, row.step, f"{row.lr:.8g}", *(f"{figure:.8g}" for figure in figures), f"{row.seconds:.4f}"]
        )
    return file.getvalue()
