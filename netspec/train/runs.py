"""The folder of a run: claimed at the start, every file in it written beside its place and then renamed."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.syntax.source import Source, Span

if TYPE_CHECKING:
    from torch import nn

    from netspec.train.loop import Row
    from netspec.train.settings import Settings

Status: TypeAlias = Literal["running", "finished", "stopped", "diverged", "failed"]
SPEC, SOURCE, METRICS, WEIGHTS, CURVES, RECORD = (
    "spec.net",
    "model.py",
    "metrics.csv",
    "model.safetensors",
    "curves.png",
    "run.json",
)
SAVE_EVERY = 2.0
"""The metrics on disk are at most this many seconds behind, and an epoch."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A training that is over: its folder, a row an epoch, and the net as it is now."""

    folder: Path
    settings: Settings
    metrics: tuple[Row, ...]
    model: nn.Module
    status: Status = "finished"

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
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: Exception) -> NetspecError:
    """That a file or folder of a run cannot be written, and why."""
    reason = getattr(error, "strerror", None) or str(error)
    blocking = next(filter(_is_file, path.parents), None)
    mend = f"{blocking} is a file, and a folder is needed there" if blocking else ""
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
    """Keeps a run's folder up to date while it goes on."""

    folder: Path
    about: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    _saved: float = field(default_factory=monotonic)

    def begin(self, spec: str, source: str) -> None:
        """The files that are known before the first step."""
        self.text(SPEC, spec)
        self.text(SOURCE, source)
        self.save("running")

    def add(self, row: Row) -> None:
        """Notes an epoch; on disk now and then."""
        self.rows.append(row)
        if monotonic() - self._saved > SAVE_EVERY:
            self.save("running")

    def save(self, status: Status) -> None:
        """Brings the metrics and the record on disk up to date."""
        self.text(METRICS, table(self.rows))
        last = self.rows[-1] if self.rows else None
        state = {"status": status, "epochs": last.epoch if last else 0, "steps": last.step if last else 0}
        figures = {"train": dict(last.train), "test": dict(last.test)} if last else {}
        self.text(RECORD, json.dumps({**self.about, **state, **figures}, indent=2) + "\n")
        self._saved = monotonic()

    def finish(self, model: nn.Module, status: Status) -> None:
        """The weights and the curves."""
        from netspec.train.curves import draw

        self.save(status)
        self.weights(model)
        if self.rows:
            draw(self.folder)

    def weights(self, model: nn.Module) -> None:
        """The net's parameters and buffers under their names."""
        from safetensors import SafetensorError
        from safetensors.torch import save_model

        def write(beside: Path) -> None:
            try:
                save_model(model, str(beside), metadata={"format": "pt"})
            except SafetensorError as error:
                raise OSError(str(error)) from error

        replacing(self.folder / WEIGHTS, write)

    def text(self, name: str, text: str) -> None:
        """A file of text."""
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
