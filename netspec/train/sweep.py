"""A sweep: many runs of a net, with other settings each, chosen by Optuna from what its train section says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.spec import Spec
from netspec.train.runs.figures import plots
from netspec.train.runs.folder import RECORD, make_folder
from netspec.train.runs.run import Run
from netspec.train.section.settings import KEYS, Settings
from netspec.train.section.sweeps import EXAMPLE, Range, Sweep

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True, slots=True)
class Trial:
    """A run of a sweep: what was chosen, and the figure that it was judged by, of the weights that it kept."""

    number: int
    chosen: Mapping[str, Any]
    value: float
    folder: Path


@dataclass(frozen=True, slots=True)
class Sweeping:
    """The runs of a sweep that came to their end, the best first, judged by `figure` of the samples of `held`."""

    folder: Path
    figure: str
    held: str
    trials: tuple[Trial, ...]

    def text(self, most: int = 20) -> str:
        """The best of them, a line each."""
        names = list(self.trials[0].chosen) if self.trials else []
        rows = [
            [trial.folder.name, *(_short(trial.chosen[name]) for name in names), f"{trial.value:.5g}"]
            for trial in self.trials[:most]
        ]
        table = [["run", *names, f"{self.held} {self.figure}"], *rows]
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        return "\n".join(
            "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in table
        )


def sweep(
    spec: Spec,
    *,
    trials: int | None = None,
    figure: str = "loss",
    out: str | Path | None = None,
    storage: str | None = None,
    set: Mapping[str, Any] | None = None,  # noqa: A002
    seed: int = 0,
    **options: Any,
) -> Sweeping:
    """Trains a net of a spec as often as `trials` says, with what the setting `sweep` goes over chosen anew each time.

    Where it goes over lists alone and `trials` is not given, each combination is trained once; else Optuna's TPE
    chooses, by `figure` of what the best epoch is chosen by. Runs are kept in folders of `out`, and the trials in a
    `storage` of Optuna, a file there if not given: a sweep that was killed goes on where it was, its last run taken up,
    and several machines share one. Raises NetspecError (E0605, E0608, E0610).
    """
    import optuna

    from netspec.train.plan.job import job_of, prepare
    from netspec.train.plan.swept import unknown_names

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    job = job_of(spec, net=options.get("net"), set=set, data=options.get("data"), input=options.get("input"))
    prepared = prepare(job, spec)
    settings, plan = prepared.settings, prepared.plan
    over = settings.sweep
    if over is None:
        message = "the train section does not say what a sweep goes over"
        raise NetspecError((Diagnostic("E0605", message, settings.span("data"), help=EXAMPLE),))
    if wrong := unknown_names(settings, prepared.graph):
        raise NetspecError(tuple(wrong))
    if figure not in ("loss", *plan.figures):
        message = f"this run does not measure {figure}"
        notes = (f"it measures {', '.join(('loss', *plan.figures))}",)
        raise NetspecError((Diagnostic("E0608", message, settings.span("sweep"), notes=notes),))
    folder = Path(out) if out is not None else Path("runs") / f"{spec.path.stem if spec.path else 'net'}-sweep"
    make_folder(folder)
    study = optuna.create_study(
        storage=storage or f"sqlite:///{(folder / 'trials.db').absolute()}",
        study_name=spec.path.stem if spec.path else "net",
        direction="minimize" if figure in plan.falling else "maximize",
        sampler=_sampler(over, trials, seed),
        load_if_exists=True,
    )
    count = trials or _combinations(over) or 20

    def objective(trial: optuna.trial.BaseTrial, taken_up: bool = False) -> float:
        from netspec.train import resume, train
        from netspec.train.engine.loop import Diverged

        chosen = {name: _suggested(trial, name, values) for name, values in over.over.items()}
        own = folder / f"trial{trial.number}"
        try:
            if taken_up and (own / RECORD).exists():
                run = resume(own, quiet=True)
            else:
                run = train(spec, set={**(set or {}), **_overrides(chosen, settings)}, out=own, **options)
        except Diverged as error:
            raise optuna.TrialPruned from error
        if run.signal:
            raise KeyboardInterrupt
        return _value(run, figure)

    for orphan in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        if storage is None:
            try:
                value = objective(optuna.trial.FixedTrial(orphan.params, orphan.number), taken_up=True)
                study.tell(orphan.number, value)
            except optuna.TrialPruned:
                study.tell(orphan.number, state=optuna.trial.TrialState.PRUNED)
    ended = tuple(state for state in optuna.trial.TrialState if state.is_finished())
    while len(study.get_trials(states=ended)) < count:
        study.optimize(objective, n_trials=1)
    split = "test" if plan.data.val is None else "validation"
    return Sweeping(folder, figure, split, tuple(_ended(study, folder, over)))


def _sampler(over: Sweep, trials: int | None, seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    if trials is None and _combinations(over):
        grid = {name: list(range(len(values))) for name, values in over.over.items() if isinstance(values, tuple)}
        return optuna.samplers.GridSampler(grid, seed=seed)
    return optuna.samplers.TPESampler(seed=seed)


def _combinations(over: Sweep) -> int:
    """How many combinations there are of lists alone; 0 where there is a range."""
    count = 1
    for values in over.over.values():
        count *= len(values) if isinstance(values, tuple) else 0
    return count


def _suggested(trial: optuna.trial.BaseTrial, name: str, values: tuple[Any, ...] | Range) -> Any:
    """A value that Optuna chooses; of a list by its place, so that it may hold anything."""
    if isinstance(values, tuple):
        return values[trial.suggest_categorical(name, list(range(len(values))))]
    if values.scale == "whole":
        return trial.suggest_int(name, int(values.low), int(values.high))
    return trial.suggest_float(name, values.low, values.high, log=values.scale == "log")


def _overrides(chosen: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """What was chosen, as `train` takes it: settings, arguments of the optimizer, parameters of the net."""
    fields = type(settings.optimizer).model_fields
    own = {name: value for name, value in chosen.items() if name in fields and name not in KEYS}
    others = {f"train.{name}" if name in KEYS else name: value for name, value in chosen.items() if name not in own}
    if own:
        others["train.optimizer"] = settings.optimizer.model_copy(update=own).written()
    return others


def _value(run: Run, figure: str) -> float:
    value = run.metrics[run.kept].test[figure] if run.metrics else float("nan")
    return value if isfinite(value) else float("nan")


def _ended(study: optuna.Study, folder: Path, over: Sweep) -> list[Trial]:
    """The trials that came to their end with a figure, the best first."""
    import optuna

    sign = 1 if study.direction == optuna.study.StudyDirection.MINIMIZE else -1
    trials = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    trials = [trial for trial in trials if trial.value is not None]
    ordered = sorted(trials, key=lambda trial: sign * (trial.value or 0.0))

    def chosen(params: Mapping[str, Any]) -> dict[str, Any]:
        own = {name: (values, params[name]) for name, values in over.over.items() if name in params}
        return {name: values[at] if isinstance(values, tuple) else at for name, (values, at) in own.items()}

    return [
        Trial(each.number, chosen(each.params), each.value or 0.0, folder / f"trial{each.number}") for each in ordered
    ]


def draw(sweeping: Sweeping, path: Path) -> None:
    """Draws what came of each value: a panel for each name, a point for each run. Raises NetspecError (E0610)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(sweeping.trials[0].chosen) if sweeping.trials else []
    picture = Figure(figsize=(3.2 * max(len(names), 1), 3), layout="constrained")
    FigureCanvasAgg(picture)
    for place, name in enumerate(names, 1):
        axes = picture.add_subplot(1, len(names), place)
        column = [trial.chosen[name] for trial in sweeping.trials]
        real = all(isinstance(value, float) for value in column)
        values = [trial.value for trial in sweeping.trials]
        if real:
            axes.plot(column, values, "o")
        else:
            order = sorted(dict.fromkeys(column), key=_rank)
            axes.plot([order.index(value) for value in column], values, "o")
            axes.set_xticks(range(len(order)), [_short(value) for value in order])
        if real and min(column) > 0 and max(column) > 20 * min(column):
            axes.set_xscale("log")
        axes.set_xlabel(name)
        axes.set_ylabel(f"{sweeping.held} {sweeping.figure}")
    plots.write(picture, path, dpi=150)


def _rank(value: Any) -> tuple[float, str]:
    """Where a value stands on an axis: numbers by their size, others after them by what they say."""
    return (value, "") if isinstance(value, int | float) else (float("inf"), str(value))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
