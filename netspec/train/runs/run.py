"""A run: how it ended, and what keeps its folder up to date while it goes on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from netspec.train.runs.folder import EPOCHS, METRICS, RECORD, SOURCE, WEIGHTS, make_folder, replacing, save_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

    from netspec.train.engine.rows import Row
    from netspec.train.section.settings import Settings

Status: TypeAlias = Literal["running", "finished", "stopped", "diverged", "failed"]
SAVE_EVERY = 2.0
"""The metrics on disk are at most this many seconds behind, and an epoch."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A training that is over: its folder, a row an epoch, and the net as it is now.

    `signal` is the number of the signal that stopped it, where one did. Of several processes the `lead` keeps the
    folder. `kept` is the index of the row whose weights the net has: the best where that is asked for, else the last.
    """

    folder: Path
    settings: Settings
    metrics: tuple[Row, ...]
    model: nn.Module
    status: Status = "finished"
    signal: int | None = None
    lead: bool = True
    kept: int = -1
    tested: Mapping[str, float] | None = None
    """The figures of the test data, where these were looked at once, at the end."""
    unprinted: OSError | None = None
    """Why not all of its progress could be printed."""

    @property
    def test_error(self) -> float | None:
        """The share of the test data that the net gets wrong; None where that is not measured."""
        row = self.metrics[self.kept] if self.metrics else None
        figures = row.test if row is not None and row.held == "test" else self.tested
        accuracy = None if figures is None else figures.get("accuracy")
        return None if accuracy is None else 1 - accuracy


@dataclass(slots=True, eq=False)
class Recorder:
    """Keeps a run's folder up to date while it goes on. Of several processes only the first, the lead, writes."""

    folder: Path
    about: dict[str, Any]
    lead: bool = True
    rows: list[Row] = field(default_factory=list)
    kept: int = -1
    """The index of the row whose weights are kept."""
    tested: Mapping[str, float] | None = None
    """The figures of the test data, where these are looked at once, at the end."""
    _saved: float = field(default_factory=monotonic)

    def begin(self, source: str) -> None:
        """What is known before the first step: the net's PyTorch source, and the record."""
        self.text(SOURCE, source)
        self.save("running")

    def add(self, row: Row, kept: int = -1) -> None:
        """Notes an epoch, and which one is kept now; on disk now and then."""
        self.rows.append(row)
        self.kept = kept
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
        row = self.rows[self.kept] if self.rows else None
        figures = {"kept_epoch": row.epoch, "train": dict(row.train), row.held: dict(row.test)} if row else {}
        tested = {} if self.tested is None else {"test": dict(self.tested)}
        self.text(RECORD, json.dumps({**self.about, **state, **figures, **tested}, indent=2) + "\n")
        self._saved = monotonic()

    def finish(self, weights: Mapping[str, Tensor], status: Status, signal: int | None = None) -> None:
        """The figures, the record and the weights at the end."""
        self.save(status, signal)
        self.weights(weights)

    def weights(self, weights: Mapping[str, Tensor]) -> None:
        """The net's parameters and buffers under their names."""
        if self.lead:
            self._tensors(self.folder / WEIGHTS, weights)

    def _tensors(self, path: Path, weights: Mapping[str, Tensor]) -> None:
        tensors = {name: tensor.detach().cpu() for name, tensor in weights.items()}
        replacing(path, lambda beside: save_tensors(tensors, beside, {"format": "pt"}))

    def copies(self, epochs: Collection[int], last: int, weights: Callable[[], Mapping[str, Tensor]]) -> None:
        """The weights of those epochs, and of no others, in files of their own, after the epoch `last`."""
        own = {epoch: self.folder / EPOCHS / f"epoch-{epoch:04}.safetensors" for epoch in epochs}
        if last in own:
            tensors = weights()
            if self.lead:
                make_folder(own[last].parent)
                self._tensors(own[last], tensors)
        if self.lead:
            for path in (self.folder / EPOCHS).glob("epoch-*.safetensors"):
                if path not in own.values():
                    path.unlink(missing_ok=True)

    def text(self, name: str, text: str) -> None:
        """A file of text."""
        if self.lead:
            replacing(self.folder / name, lambda beside: beside.write_text(text, encoding="utf-8", newline="\n"))


def table(rows: Sequence[Row]) -> str:
    """The rows as comma-separated values: epoch, step, learning rate, training and test figures in turn, seconds."""
    names = list(rows[0].test) if rows else ["loss"]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    test_split = rows[0].held if rows else "test"
    columns = [f"{split}_{name}" for name in names for split in ("train", test_split)]
    writer.writerow(["epoch", "step", "lr", *columns, "seconds"])
    for row in rows:
        figures = [split[name] for name in names for split in (row.train, row.test)]
        writer.writerow(
            [row.epoch, row.step, f"{row.lr:.8g}", *(f"{figure:.8g}" for figure in figures), f"{row.seconds:.4f}"]
        )
    return file.getvalue()
