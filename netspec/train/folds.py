"""Cross-validation: a run for each fold of the data, tested with what the others are trained on."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.spec import Spec
from netspec.train.data.base import Divided
from netspec.train.runs.folder import RECORD
from netspec.train.runs.run import Run


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """A run for each fold, in their order, in folders `fold1`, `fold2` and so on of one."""

    folder: Path
    runs: tuple[Run, ...]

    @property
    def figures(self) -> dict[str, tuple[float, float]]:
        """The mean of each test figure over the folds, and its standard deviation (of a sample, n - 1)."""
        tested = [tested_figures(run) for run in self.runs]
        columns = {name: [figures[name] for figures in tested] for name in tested[0]}
        return {name: (statistics.mean(column), statistics.stdev(column)) for name, column in columns.items()}

    def text(self) -> str:
        """A line a fold, and the means with their deviations."""
        names = list(self.figures)
        rows = [
            [f"fold {n}", *(f"{tested_figures(run)[name]:.4f}" for name in names)] for n, run in enumerate(self.runs, 1)
        ]
        means = ["mean", *(f"{mean:.4f} ± {deviation:.4f}" for mean, deviation in self.figures.values())]
        table = [["", *names], *rows, means]
        widths = [max(len(row[column]) for row in table) for column in range(len(means))]
        lines = ("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in table)
        return "\n".join(lines)


def tested_figures(run: Run) -> Mapping[str, float]:
    """The test figures of the weights that a run has kept."""
    return run.tested if run.tested is not None else run.metrics[run.kept].test


def cross_validate(spec: Spec, folds: int, *, out: str | Path | None = None, **options: Any) -> CrossValidation:
    """Trains a net of a spec once for each of so many folds, and tests each with what it was not trained on.

    Folds do not overlap; every sample is tested with once. Those whose runs have come to their end are not trained
    again, and one that was left is taken up. `options` are those of `netspec.train.train`. Raises NetspecError (E0609
    where the data cannot be shared out).
    """
    from netspec.train import resume, train
    from netspec.train.plan.job import job_of, settings_of

    own_settings: Mapping[str, Any] = options.pop("set", None) or {}
    data = settings_of(job_of(spec, set=own_settings), spec).data
    if not isinstance(data, Divided) or "folds" not in data.arguments():
        here = settings_of(job_of(spec, set=own_settings), spec).span("data")
        raise NetspecError((Diagnostic("E0609", f"{data.name} has test data of its own, and no folds", here),))
    folder = Path(out) if out is not None else Path("runs") / f"{spec.path.stem if spec.path else 'net'}-folds"
    runs: list[Run] = []
    for fold in range(folds):
        own = folder / f"fold{fold + 1}"
        setting = data.model_copy(update={"folds": folds, "fold": fold}).written()
        if (own / RECORD).exists():
            runs.append(resume(own, quiet=bool(options.get("quiet", False))))
        else:
            runs.append(train(spec, set={**own_settings, "train.data": setting}, out=own, **options))
        if runs[-1].status != "finished":
            break
    return CrossValidation(folder, tuple(runs))
