"""Commands before and during training: data looked at, memory and rates found, runs made, taken up and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from netspec.commands.command import command
from netspec.commands.options.assignments import read_inputs, read_settings
from netspec.commands.options.setup import setup_options
from netspec.commands.options.shared import DataFolder, File, Force, Inputs, Net, Settings, read_memory, spec_of
from netspec.commands.printing import display_path


@command
@setup_options()
def train(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="A .net file with a train section; - for the standard input.", show_default=False
        ),
    ] = None,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", min=0, help="In place of the file's epochs.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="What the run's randomness comes from.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the run is kept; runs/NAME if not given.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Take up the run in this folder where it was left.")
    ] = None,
    data: DataFolder = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out damaged samples, and count them.")] = False,
    folds: Annotated[
        int | None,
        typer.Option(metavar="K", min=2, help="A run for each of K folds, tested with what the others train on."),
    ] = None,
    report: Annotated[bool, typer.Option(help="Write report.html at the end.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
    *,
    setup: Any,
) -> None:
    """Train a net as the train section of its file says, or take up a run where it was left: --resume RUN."""
    from netspec import train as training

    settings = read_settings(set, train=True)
    if folds is not None:
        _cross_validate(
            file,
            folds,
            net=net,
            set=settings,
            epochs=epochs,
            seed=seed,
            out=out,
            input=read_inputs(input),
            data=data,
            skip_bad=skip_bad,
            quiet=quiet,
            **setup,
        )
        return
    if resume is not None:
        spec = None if file is None else spec_of(file)
        run = training.resume(resume, spec, epochs=epochs, set=settings, quiet=quiet, **setup)
    elif file is None:
        raise typer.BadParameter("name a FILE to train, or take up a run with --resume RUN")
    else:
        run = training.train(
            spec_of(file),
            net=net,
            set=settings,
            epochs=epochs,
            seed=seed,
            out=out,
            input=read_inputs(input),
            data=data,
            skip_bad=skip_bad,
            quiet=quiet,
            **setup,
        )
    if report and run.lead and not run.signal:
        training.write_report(run)
    if run.signal:
        raise typer.Exit(128 + run.signal)
    if run.unprinted is not None:
        raise run.unprinted


def _cross_validate(file: Path | None, folds: int, **options: Any) -> None:
    """A run for each fold, and their figures."""
    from netspec.train.folds import cross_validate

    if file is None:
        raise typer.BadParameter("name a FILE to train on folds of its data")
    folds_ = cross_validate(spec_of(file), folds, **options)
    last = folds_.runs[-1]
    if last.status != "finished":
        raise typer.Exit(128 + last.signal if last.signal else 0)
    print(folds_.text())
    print(f"kept in {display_path(folds_.folder)}")


@command
@setup_options("device")
def lr_find(
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The picture.")] = Path("lr.png"),
    low: Annotated[float, typer.Option("--from", metavar="LR", min=0, help="The first learning rate.")] = 1e-6,
    high: Annotated[float, typer.Option("--to", metavar="LR", min=0, help="The last learning rate.")] = 10.0,
    steps: Annotated[int, typer.Option(metavar="N", min=20, help="So many steps between them.")] = 150,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    data: DataFolder = None,
    force: Force = False,
    *,
    setup: Any,
) -> None:
    """Find a learning rate: a short training whose rate grows, as a curve and a suggestion."""
    from netspec.train.rehearsal import range_test
    from netspec.train.runs.figures import plots
    from netspec.train.setup import Setup

    plots.form_of(output)
    if not 0 < low < high:
        raise typer.BadParameter("the learning rates go from one above 0 to a higher one: --from 1e-6 --to 10")
    curve = range_test.find(
        spec_of(file),
        net=net,
        set=read_settings(set, train=True),
        input=read_inputs(input),
        data=data,
        low=low,
        high=high,
        steps=steps,
        setup=Setup(**setup),
    )
    range_test.draw(curve, output)
    print(f"{range_test.text(curve)}\ndrawn to {display_path(output)}")


@command
def preview(
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The picture.")] = Path("preview.png"),
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    data: DataFolder = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out damaged samples.")] = False,
    samples: Annotated[int, typer.Option(metavar="N", min=1, max=50, help="Training samples, a row each.")] = 6,
    variants: Annotated[int, typer.Option(metavar="N", min=1, max=50, help="What becomes of each, a column each.")] = 5,
    force: Force = False,
) -> None:
    """Draw training samples and what augmentation makes of them, as the file's train section says."""
    from netspec.train.plan.job import job_of, samples_of
    from netspec.train.rehearsal.preview import preview as draw
    from netspec.train.runs.figures import plots

    plots.form_of(output)
    spec = spec_of(file)
    settings = read_settings(set, train=True)
    job = job_of(spec, net=net, set=settings, input=read_inputs(input), data=data, skip_bad=skip_bad)
    draw(samples_of(job, spec), output, samples=samples, variants=variants)
    print(f"drawn to {display_path(output)}")


@command
@setup_options("devices", "precision", "checkpoint")
def fit(
    file: File,
    memory: Annotated[str, typer.Option(metavar="SIZE", help="What there is on a device: 24GB, 16GiB, 800MB.")],
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    data: DataFolder = None,
    *,
    setup: Any,
) -> None:
    """Find the largest batch that a device's memory holds, before any training."""
    from netspec.train.plan.job import job_of
    from netspec.train.rehearsal.memory import largest, needs, step_of, table
    from netspec.train.setup import Setup

    limit = read_memory(memory)
    spec = spec_of(file)
    settings = read_settings(set, train=True)
    job = job_of(spec, net=net, set=settings, input=read_inputs(input), data=data, setup=Setup(**setup))
    step = step_of(job, spec)
    print(table([needs(step, step.settings.batch), largest(step, limit)], limit))


@command
@setup_options("device", "devices", "precision")
def verify_resume(
    file: File,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    data: DataFolder = None,
    steps: Annotated[int, typer.Option(metavar="N", min=2, help="So many steps; it is killed after one of them.")] = 30,
    *,
    setup: Any,
) -> None:
    """Prove that a run of a file can be taken up: train, kill, take up, and compare every bit."""
    from netspec.train.plan.job import job_of
    from netspec.train.rehearsal.verify import verify
    from netspec.train.setup import Setup

    spec = spec_of(file)
    settings = read_settings(set, train=True)
    job = job_of(spec, net=net, set=settings, input=read_inputs(input), data=data, setup=Setup(**setup))
    verdict = verify(job, spec, steps=steps)
    print(f"{verdict.steps} steps at one go, and killed with SIGKILL after step {verdict.killed_after} and taken up:")
    if not verdict.differing:
        print(f"all {verdict.tensors} tensors of weights and optimizer ({verdict.numbers:,} numbers) are the same")
        return
    print(f"{len(verdict.differing)} of {verdict.tensors} tensors differ: {', '.join(verdict.differing[:8])}")
    raise typer.Exit(1)


@command
@setup_options("device")
def sweep(
    file: File,
    trials: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="So many runs; each combination of lists if not given, or 20."),
    ] = None,
    figure: Annotated[str, typer.Option(metavar="NAME", help="What runs are judged by: loss, or a metric.")] = "loss",
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the runs are kept; runs/NAME-sweep if not given.")
    ] = None,
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="A storage of Optuna that machines share; a file if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="What values are chosen by.")] = 0,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    data: DataFolder = None,
    *,
    setup: Any,
) -> None:
    """Train a net many times over what the setting sweep of its file goes over, and list the best."""
    from netspec.train.sweep import draw
    from netspec.train.sweep import sweep as search

    settings = read_settings(set, train=True)
    sweeping = search(
        spec_of(file),
        trials=trials,
        figure=figure,
        out=out,
        storage=storage,
        set=settings,
        seed=seed,
        net=net,
        input=read_inputs(input),
        data=data,
        quiet=True,
        **setup,
    )
    if sweeping.trials:
        draw(sweeping, sweeping.folder / "sweep.png")
    print(f"{sweeping.text()}\nkept in {display_path(sweeping.folder)}")


@command
def curves(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The picture.")] = Path("curves.png"),
    force: Force = False,
) -> None:
    """Draw the curves of several runs into one picture, and print the figures of what they kept."""
    from netspec.train.runs.figures import curves

    curves.compare(runs, output)
    ends = curves.read_all(runs)
    width = max(len(run.title) for run in ends)
    for run in ends:
        form = "error {:.1f} %" if run.judged.startswith("error") else "loss {:.3g}"
        train, test = (form.format(run.figure(split)[run.kept]) for split in ("train", run.held))
        print(f"{run.title:<{width}}  {run.held} {test}  training {train}")
    print(f"drawn to {display_path(output)}")
