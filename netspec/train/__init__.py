"""Training: what the train section of a spec says, done. Nothing here loads torch before a training starts.

`run = train("examples/mnist1d_conv.net", epochs=20)` gives `run.test_error`, `run.folder`, `run.model`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph
from netspec.spec import Spec, load
from netspec.syntax import tree

if TYPE_CHECKING:
    from netspec.train.after.trained_net import TrainedNet
    from netspec.train.runs.run import Run
    from netspec.train.section.settings import Settings
    from netspec.train.setup import SetupOptions

__all__ = ["check", "restore", "resume", "train", "write_report"]


def check(
    section: tree.Train,
    graph: Graph,
    set: Mapping[str, Any] | None = None,  # noqa: A002
    path: Path | None = None,
) -> list[Diagnostic]:
    """What is wrong with a train section, by itself and with the net. Nothing is loaded: neither data nor torch.

    `set` overrides settings by their key, as the text that a spec would have there; `path` is that of the spec.
    """
    from netspec.train.plan.drawn import with_draws
    from netspec.train.plan.job import override
    from netspec.train.plan.ownership import wrong_patterns
    from netspec.train.plan.swept import unknown_names
    from netspec.train.plan.training_plan import training_plan, unknown_outputs
    from netspec.train.section.settings import settings

    try:
        chosen = settings(section, {key: override(key, value) for key, value in (set or {}).items()})
        _check_paths(chosen, path)
        outline = chosen.data.outline()
        if outline is None and (wrong := unknown_outputs(chosen, graph)):
            return wrong
        if outline is not None:
            training_plan(chosen, graph, with_draws(outline, chosen, graph))
        return [*unknown_names(chosen, graph), *wrong_patterns(chosen, graph)]
    except NetspecError as error:
        return list(error.diagnostics)


def _check_paths(chosen: Settings, path: Path | None) -> None:
    """Raises NetspecError (E0609) where the data are outside of the project, wherever the spec itself is."""
    from netspec.elaborate import project_root
    from netspec.train.data.files import DataError, Place

    folder = Path.cwd() if path is None else path.parent
    place = Place(folder, folder if path is None else project_root(path))
    paths = [("data", path_text) for path_text in chosen.data.paths()]
    if chosen.init is not None and not chosen.init.library:
        paths.append(("init", chosen.init.source))
    for key, path_text in paths:
        try:
            place.within(path_text)
        except DataError as error:
            raise error.at(chosen.span(key)) from None


def train(
    spec: str | Path | Spec,
    *,
    net: str | None = None,
    set: Mapping[str, Any] | None = None,  # noqa: A002
    epochs: int | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    input: Mapping[str, Sequence[int | str]] | None = None,
    data: Any = None,
    skip_bad: bool = False,
    quiet: bool = False,
    **setup: Unpack[SetupOptions],
) -> Run:
    """Trains a net of a spec as its train section says, and keeps the run in a folder.

    `set` overrides the net's parameters by name, and settings by `train.` and their key: the text that a spec would
    have there, or plain data. `epochs` and `seed` are short for two of those. `out` is the folder, `runs/NAME` where it
    is None; where there is such a folder, the next free number of it. `input` gives declared shapes in place of the
    spec's. `data` is the folder where paths of data begin, or a data set from Python in place of the spec's: any
    `torch.utils.data.Dataset`, or a pair, to train and to test with. With `skip_bad` damaged files are left out.
    `setup` are the fields of a `Setup`: device, devices, precision, compile and others. Raises NetspecError.
    """
    from netspec.train.plan.job import job_of
    from netspec.train.setup import Setup
    from netspec.train.start import begin

    opened = spec if isinstance(spec, Spec) else load(spec)
    own_settings = {f"train.{key}": value for key, value in (("epochs", epochs), ("seed", seed)) if value is not None}
    overrides = {**(set or {}), **own_settings}
    job = job_of(opened, net=net, set=overrides, input=input, data=data, skip_bad=skip_bad, setup=Setup(**setup))
    return begin(job, opened, out=out, quiet=quiet)


def resume(
    folder: str | Path,
    spec: str | Path | Spec | None = None,
    *,
    epochs: int | None = None,
    set: Mapping[str, Any] | None = None,  # noqa: A002
    data: Any = None,
    quiet: bool = False,
    **setup: Unpack[SetupOptions],
) -> Run:
    """Takes up a run in its folder, at its newest whole checkpoint: what follows is what would have followed.

    The run's own spec is in its folder; one that is given has to say the same. Only the settings `epochs` and `stop`
    may be others than before; `setup` may, though other devices or another precision change the last bits. A data set
    from Python is given again as `data`, and another folder of data, should they have moved. Raises NetspecError.
    """
    from netspec.train.plan.job import folder_or_dataset
    from netspec.train.runs.resumption import job_in
    from netspec.train.start import go_on

    opened = load(spec) if isinstance(spec, str | Path) else spec
    overrides = {**(set or {}), **({} if epochs is None else {"train.epochs": epochs})}
    job = job_in(Path(folder), overrides, setup, opened)
    if data is not None:
        where, dataset = folder_or_dataset(data)
        job = job.model_copy(update={"data": where or job.data, "dataset": dataset})
    return go_on(job, opened, Path(folder), quiet=quiet)


def restore(folder: str | Path, *, device: str | None = None, weights: str | Path | None = None) -> TrainedNet:
    """The net of a run's folder with its weights, to be evaluated, asked and exported.

    `run = restore("runs/mnist1d_conv")` gives `run.evaluate().figures`, `run.predict("signal.npy")`, `run.model`.
    Nothing in the folder is ever run. `device` is cpu, cuda or mps, the best there is where it is None. `weights` is a
    safetensors file to take in place of the run's own. Raises NetspecError.
    """
    from netspec.train.after.trained_net import TrainedNet

    return TrainedNet.read(folder, device=device, weights=weights)


def write_report(run: Run) -> None:
    """Writes `report.html` into the folder of a run that has just been trained, where this process leads it.

    What keeps it from being written is printed and no more: the run itself is safe.
    """
    import os
    import sys

    from netspec.train.after import report

    if os.environ.get("RANK", "0") != "0":
        return
    try:
        report.write(restore(run.folder))
    except NetspecError as error:
        print(f"note: there is no report: {error.diagnostics[0].message}", file=sys.stderr)
