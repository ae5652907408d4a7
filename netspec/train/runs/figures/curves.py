"""Curves of runs: error (or loss) against epochs, for one run and for several in one picture."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.files import regular
from netspec.syntax.source import place_outside
from netspec.train.runs.figures import plots
from netspec.train.runs.folder import CURVES, METRICS, RECORD, make_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Wong, "Color blindness", Nature Methods 2011: told apart by everyone."""
ABREAST = 3
"""So many runs beside each other before the next row begins."""
INK, GRID = "#333333", "#dddddd"


@dataclass(frozen=True, slots=True)
class Curve:
    """What the metrics of a run hold: columns by name, and how the net is called."""

    title: str
    columns: dict[str, list[float]]
    kept: int = -1
    """The index of the epoch whose weights are kept."""

    @property
    def epochs(self) -> list[float]:
        return self.columns["epoch"]

    @property
    def held(self) -> str:
        """What the net was looked at with after each epoch: "val", or "test"."""
        return "val" if "val_loss" in self.columns else "test"

    def figure(self, split: str) -> list[float]:
        """The error in percent where accuracy was measured, else the loss."""
        if f"{split}_accuracy" in self.columns:
            return [100 * (1 - accuracy) for accuracy in self.columns[f"{split}_accuracy"]]
        return self.columns[f"{split}_loss"]

    @property
    def judged(self) -> str:
        return "error (%)" if f"{self.held}_accuracy" in self.columns else "loss"


def read(folder: Path) -> Curve:
    """The curve of a run's folder; raises NetspecError (E0614) where it holds none."""
    path = Path(folder) / METRICS
    try:
        with regular(path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        columns = {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else {})}
    except (OSError, ValueError, TypeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise _no_run(folder, f"{path} cannot be read: {reason[:1].lower()}{reason[1:]}") from None
    if not {"epoch", "train_loss"} <= set(columns) or not {"test_loss", "val_loss"} & set(columns):
        raise _no_run(folder, f"{path} holds no epochs")
    record = _record(Path(folder))
    kept = next((index for index, epoch in enumerate(columns["epoch"]) if epoch == record.get("kept_epoch")), -1)
    return Curve(_title(Path(folder), record), columns, kept)


def read_all(folders: Sequence[Path]) -> list[Curve]:
    """The curves of several runs; those of one net that was trained in several ways are called as their folders are."""
    curves = [read(Path(folder)) for folder in folders]
    titles = [curve.title for curve in curves]
    return [
        replace(curve, title=Path(folder).resolve().name) if titles.count(curve.title) > 1 else curve
        for curve, folder in zip(curves, folders, strict=True)
    ]


def draw(folder: Path) -> None:
    """Draws the curves of a run into its folder: loss on the left, error on the right where there is one."""
    curve = read(folder)
    both = f"{curve.held}_accuracy" in curve.columns
    figure = _figure(7.6 if both else 4.4, 3.2)
    axes = figure.subplots(1, 2 if both else 1, squeeze=False)[0]
    losses = replace(curve, columns={name: values for name, values in curve.columns.items() if "accuracy" not in name})
    for place, half in zip(axes, [losses, curve] if both else [losses], strict=True):
        _plot(place, half, COLOURS[0])
        _legend(place)
    figure.suptitle(curve.title, fontsize=11, color=INK)
    save(figure, Path(folder) / CURVES)


def compare(folders: Sequence[Path], out: Path) -> None:
    """Draws the curves of several runs beside each other, on the same scale, into the picture `out`.

    Raises NetspecError where a folder holds no run or the picture cannot be written.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    curves = read_all(folders)
    columns, rows = min(len(curves), ABREAST), ceil(len(curves) / ABREAST)
    figure = _figure(3.5 * columns + 0.4, 3.4 * rows)
    alike = len({curve.judged for curve in curves}) == 1
    axes = figure.subplots(rows, columns, sharey=alike, squeeze=False).flat
    for index, (place, curve) in enumerate(zip(axes, curves, strict=False)):
        _plot(place, curve, COLOURS[index % len(COLOURS)])
        place.set_title(f"{chr(ord('a') + index)})  {curve.title}", fontsize=11, loc="left", color=INK)
        _legend(place)
        if alike and index % columns:
            place.set_ylabel("")
    if isinstance(layout := figure.get_layout_engine(), ConstrainedLayoutEngine):
        layout.set(wspace=0.05)
    for place in list(axes)[len(curves) :]:
        place.remove()
    make_folder(Path(out).parent)
    save(figure, Path(out))


def _plot(axes: Axes, curve: Curve, colour: str) -> None:
    """Training thin, test thick, the test figure of the epoch that is kept written beside it."""
    train, test = curve.figure("train"), curve.figure(curve.held)
    axes.plot(
        curve.epochs,
        train,
        color=colour,
        linewidth=1.2,
        alpha=0.55,
        linestyle=(0, (4, 1.5)),
        label="train",
        clip_on=False,
    )
    axes.plot(curve.epochs, test, color=colour, linewidth=1.8, label=curve.held, clip_on=False)
    point = (curve.epochs[curve.kept], test[curve.kept])
    axes.plot(*point, "o", color=colour, markersize=4, clip_on=False)
    percent = curve.judged.startswith("error")
    text = f"{point[1]:.1f} %" if percent else f"{point[1]:.3g}"
    axes.annotate(text, point, xytext=(6, 0), textcoords="offset points", va="center", fontsize=9, color=colour)
    axes.locator_params(axis="x", nbins=5, integer=True)
    axes.set_xlabel("epoch", color=INK)
    axes.set_ylabel(curve.judged, color=INK)
    axes.set_xlim(0, max(curve.epochs[-1], 1))
    axes.set_ylim(0, 100 if percent else None)


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=9, loc="best", labelcolor=INK)


def _figure(width: float, height: float) -> Figure:
    """An empty figure that belongs to no window and no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, out: Path) -> None:
    """Dresses the axes alike and writes the picture, in the format that the file's end names."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(INK)
        axes.tick_params(colors=INK, labelsize=9)
        axes.grid(axis="y", color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
    plots.write(figure, out)


def _record(folder: Path) -> dict[str, Any]:
    """What the run's record says; nothing where it cannot be read, since curves need the table alone."""
    try:
        record = json.loads(regular(folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _title(folder: Path, record: dict[str, Any]) -> str:
    """The net's name as the run's record has it; else the folder's."""
    try:
        return f"{record['net']}, {record['parameters']:,} parameters"
    except (ValueError, KeyError, TypeError):
        return folder.name


def _no_run(folder: Path, message: str) -> NetspecError:
    span = place_outside(folder)
    help = "name the folder of a run, such as runs/mnist1d_conv"
    return NetspecError((Diagnostic("E0614", message, span, help=help),))
