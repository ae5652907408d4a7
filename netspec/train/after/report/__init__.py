"""A run on one page: figures, curves, mistakes, the diagram, what it was made with. One file, all by itself."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import NetspecError, printable
from netspec.marks import signed
from netspec.train.runs.folder import replacing

if TYPE_CHECKING:
    from netspec.train.after.evaluate import Evaluation
    from netspec.train.after.report.charts import Chart
    from netspec.train.after.restored import Restored

REPORT = "report.html"
TEMPLATE = Path(__file__).parent / "page.html"
MOST_CLASSES = 30
"""Of more classes the page shows the commonest mistakes instead of the whole table."""
MOST_MISTAKES = 25
DIAGRAM_SECONDS = 5.0
"""How long a diagram may take to lay out before more of it is folded."""


def write(run: Restored, path: Path | None = None, *, data: str | Path | None = None) -> Path:
    """Writes the page of a run, `report.html` in its folder where no other place is named; where it is.

    `data` is what `evaluate` takes. Where the test data cannot be had, the page says so and shows the rest. Raises
    NetspecError (E0610).
    """
    from jinja2 import Environment, StrictUndefined

    target = path or run.folder / REPORT
    pages = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_safe
    )
    pages.filters["percent"] = lambda share: f"{100 * share:.1f} %"
    page = pages.from_string(TEMPLATE.read_text(encoding="utf-8")).render(**content(run, data))
    text = signed(f"{page.rstrip()}\n", "<!-- {} -->")
    replacing(target, lambda beside: beside.write_text(text, encoding="utf-8", newline="\n"))
    return target


def content(run: Restored, data: str | Path | None = None) -> dict[str, Any]:
    """All that the page shows, as plain values: the template does the rest."""
    from netspec.train.after.evaluate import assess, prepared_for
    from netspec.train.after.report.charts import PLANE
    from netspec.train.after.report.samples import SIGNAL, galleries

    record = run.record.model_extra or {}
    parts: dict[str, Any] = {
        "missing": "",
        "evaluation": None,
        "figures": {},
        "confusion": None,
        "galleries": [],
        "signal": SIGNAL,
    }
    try:
        prepared = prepared_for(run, data=data)
        run = run.for_sizes(prepared.graph)
        evaluation = assess(run, prepared)
        parts |= {
            "evaluation": evaluation,
            "figures": _figures(evaluation),
            "confusion": confusion(evaluation),
            "galleries": galleries(run, prepared, evaluation),
        }
    except NetspecError as error:
        parts["missing"] = error.diagnostics[0].message
    return {
        "run": run,
        "record": run.record,
        "parameters": run.graph.parameters,
        "facts": _facts(run),
        "charts": curves_of(run),
        "plane": PLANE,
        "diagrams": _diagrams(run),
        "environment": {"device": str(record.get("device", run.device)), **run.record.environment},
        "spec": run.spec.source.text.splitlines(),
        **parts,
    }


def curves_of(run: Restored) -> list[Chart]:
    """Loss and every metric over epochs; accuracy as the error in percent. Empty where no epoch is done."""
    from netspec.train.after.report.charts import chart
    from netspec.train.runs.figures.curves import read

    try:
        curve = read(run.folder)
    except NetspecError:
        return []
    charts = []
    mark = f"{curve.held}_"
    for name in [column.removeprefix(mark) for column in curve.columns if column.startswith(mark)]:
        columns = {part: curve.columns.get(f"{part}_{name}") for part in ("train", curve.held)}
        curves = {part: values for part, values in columns.items() if values is not None}
        if name == "accuracy":
            errors = {part: [100 * (1 - value) for value in values] for part, values in curves.items()}
            charts.append(chart("error", curve.epochs, errors, unit=" %"))
        else:
            charts.append(chart(name, curve.epochs, curves))
    rates = curve.columns.get("lr", [])
    return [*charts, *([chart("learning rate", curve.epochs, {"lr": rates})] if len(set(rates)) > 1 else [])]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Which class was taken for which: rows of (count, share of the row), or the commonest mistakes of many classes.

    `classes` are (name, count, recall, precision); the last two None where there is nothing to divide by.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[tuple[int, float], ...], ...]
    mistakes: tuple[tuple[str, str, int], ...]
    classes: tuple[tuple[str, int, float | None, float | None], ...]


def confusion(evaluation: Evaluation) -> Confusion | None:
    """The table of an evaluation; None where there are no classes, or too many."""
    table = evaluation.confusion
    if table is None:
        return None
    names = tuple(evaluation.signature.name(index) for index in range(len(table)))
    totals, predictions = table.sum(1), table.sum(0)
    classes = tuple(
        (name, int(total), _share(table[place, place], total), _share(table[place, place], predictions[place]))
        for place, (name, total) in enumerate(zip(names, totals, strict=True))
    )
    if len(names) <= MOST_CLASSES:
        rows = tuple(
            tuple((int(count), float(count / max(total, 1))) for count in row)
            for row, total in zip(table, totals, strict=True)
        )
        return Confusion(names, rows, (), classes)
    wrong = table.copy()
    wrong[range(len(names)), range(len(names))] = 0
    order = [divmod(int(place), len(names)) for place in (-wrong).ravel().argsort(kind="stable")[:MOST_MISTAKES]]
    mistakes = tuple((names[one], names[other], int(wrong[one, other])) for one, other in order if wrong[one, other])
    return Confusion(names, (), mistakes, classes)


def _share(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None


def _figures(evaluation: Evaluation) -> dict[str, str]:
    """The test figures in words, those that people ask for first."""
    figures = dict(evaluation.figures)
    accuracy, loss = figures.pop("accuracy", None), figures.pop("loss")
    error = {} if accuracy is None else {"error": f"{100 * (1 - accuracy):.2f} %"}
    return {**error, **{name: f"{value:.4g}" for name, value in figures.items()}, "loss": f"{loss:.4g}"}


def _facts(run: Restored) -> dict[str, str]:
    """What the run was: how large, how long."""
    from netspec.train.runs.figures.curves import read

    try:
        seconds = sum(read(run.folder).columns.get("seconds", []))
    except NetspecError:
        seconds = 0.0
    macs = run.graph.macs
    return {
        "parameters": f"{run.graph.parameters:,}",
        "MACs of a sample": f"{macs:,}" if isinstance(macs, int) else str(macs),
        "epochs": f"{run.record.epochs:,}",
        **({} if run.record.kept_epoch is None else {"weights of epoch": _kept_epoch(run)}),
        "steps": f"{run.record.steps:,}",
        "training time": _time(seconds),
    }


def _kept_epoch(run: Restored) -> str:
    """Which epoch's weights the net has, and by which data they were chosen: figures of these are too good then."""
    if not run.settings.chooses:
        return f"{run.record.kept_epoch:,}"
    chosen = "validation data" if "val" in (run.record.model_extra or {}) else "test data, whose figures flatter it so"
    return f"{run.record.kept_epoch:,}, chosen by the {chosen}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.3g} s"


def _diagrams(run: Restored) -> dict[str, str]:
    """The diagram by theme as data URIs, which keeps it apart from the page; empty texts where it cannot be drawn."""
    from netspec.diagram.drawing import svg
    from netspec.diagram.drawing.theme import THEMES
    from netspec.diagram.render import Request, draw

    try:
        drawing, _ = draw(Request(run.graph, timeout=DIAGRAM_SECONDS))
    except NetspecError:
        return dict.fromkeys(THEMES, "")
    pictures = {name: svg.write(drawing, theme).encode("utf-8", "backslashreplace") for name, theme in THEMES.items()}
    return {name: f"data:image/svg+xml;base64,{base64.b64encode(text).decode()}" for name, text in pictures.items()}


def _safe(value: Any) -> Any:
    """What the template writes: control and direction-changing characters of strangers' names made visible."""
    return printable(value) if isinstance(value, str) else value
