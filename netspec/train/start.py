"""A job becomes a trained net: begun in a folder of its own, or taken up again in the folder where it was left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.spec import Spec
from netspec.syntax.source import place_outside
from netspec.train.after.restored import Restored
from netspec.train.data.files import DataError
from netspec.train.engine.devices import environment
from netspec.train.launch import Report, Work, is_parting, launched, lost, report, together
from netspec.train.plan.job import Job, Prepared, override, prepare, settings_of
from netspec.train.plan.remarks import remarks
from netspec.train.plan.signature import Signature
from netspec.train.runs import sources
from netspec.train.runs.checkpoint import FOLDER as CHECKPOINTS
from netspec.train.runs.checkpoint import Checkpoints, Damaged, State
from netspec.train.runs.figures import curves
from netspec.train.runs.figures.events import events
from netspec.train.runs.folder import claimed, occupied, sweep
from netspec.train.runs.progress import Stop, Watch
from netspec.train.runs.resumption import check_same, identity
from netspec.train.runs.run import Recorder, Run, Status
from netspec.train.section.callbacks import Moment, Progress

if TYPE_CHECKING:
    from accelerate import Accelerator

    from netspec.train.data import Data
    from netspec.train.engine.loop import Trainer

__all__ = ["begin", "go_on", "override"]

T = TypeVar("T")

WORDS = {"test": "test", "val": "validation"}
SHARE = 0.02
"""Keeping checkpoints takes at most this share of the time."""


def begin(job: Job, spec: Spec, *, out: str | Path | None = None, quiet: bool = False) -> Run:
    """Trains as a job says, in a new folder. All that can be wrong is found before the first step."""
    path = Path(out) if out is not None else Path("runs") / _name(job, spec)
    if job.setup.processes > 1 and not launched():
        return _begun_together(job, spec, path, quiet=quiet)
    prepared = prepare(job, spec)
    with environment(prepared.graph, prepared.settings.batch, job.setup) as accelerator:
        messages: list[str] = []
        trainer = trainer_of(prepared, accelerator, messages)
        about = _about(prepared, accelerator)

        def write(folder: Path) -> None:
            Recorder(folder, about).begin(prepared.graph.emit())
            sources.keep(spec, folder)

        with ExitStack() as stack:
            folder = _from_first(accelerator, lambda: stack.enter_context(claimed(path, write)))
            report(Report(folder=folder))
            recorder = Recorder(folder, about, lead=trainer.rank == 0)
            return _trained(prepared, trainer, recorder, messages, kept=False, quiet=quiet)


def go_on(job: Job, spec: Spec | None, folder: Path, *, quiet: bool = False) -> Run:
    """Takes a run up in its folder, where its newest whole checkpoint is; with its own spec, where none is given."""
    if job.setup.processes > 1 and not launched():
        work = Work(job=job, text=job.text, folder=folder, taken_up=True, kept=spec is None, quiet=quiet)
        return _of_others(together(work, job.setup), job, work.spec())
    prepared = prepare(job, spec or sources.reopen(folder))
    with environment(prepared.graph, prepared.settings.batch, job.setup) as accelerator:
        recorder = Recorder(folder, _about(prepared, accelerator), lead=accelerator.is_main_process)
        with occupied(folder) if recorder.lead else nullcontext():
            if recorder.lead:
                sweep(folder)
                sweep(folder / CHECKPOINTS)
            state, messages = _from_first(accelerator, Checkpoints(folder).newest)
            if state is not None:
                check_same(prepared, accelerator.num_processes, state["identity"], folder)
            trainer = trainer_of(prepared, accelerator, messages, initial=state is None)
            if state is not None:
                _restore(trainer, state, folder)
            messages.append(_where_from(folder, state, trainer))
            return _trained(prepared, trainer, recorder, messages, kept=state is not None, quiet=quiet)


def _restore(trainer: Trainer, state: State, folder: Path) -> None:
    """Goes back to a checkpoint's state; raises NetspecError (E0650) where it is none of this training."""
    try:
        trainer.restore(state)
    except Damaged as damage:
        here = place_outside(folder)
        message = f"the checkpoint in {folder} is of no such training: {damage}"
        raise NetspecError((Diagnostic("E0650", message, here),)) from None


def _begun_together(job: Job, spec: Spec, path: Path, *, quiet: bool) -> Run:
    """Begins a run on several devices; its first process makes the folder."""
    return _of_others(together(Work(job=job, text=job.text, folder=path, quiet=quiet), job.setup), job, spec)


def _of_others(outcome: Report, job: Job, spec: Spec) -> Run:
    """A run that other processes have carried out, read from its folder; without weights where that is elsewhere."""
    from netspec.train.engine.rows import Row

    folder = outcome.folder
    assert folder is not None
    if job.setup.node > 0:
        model = spec.graph(job.net, inputs=job.input, **job.arguments).compile("meta")
        return Run(folder, settings_of(job, spec), (), model, outcome.status, outcome.signal, lead=False)
    restored = Restored.read(folder)
    state, _ = Checkpoints(folder).newest()
    rows = tuple(Row(**row) for row in state["rows"]) if state is not None else ()
    kept = next((index for index, row in enumerate(rows) if row.epoch == restored.record.kept_epoch), -1)
    return Run(folder, restored.settings, rows, restored.model, outcome.status, outcome.signal, kept=kept)


def _name(job: Job, spec: Spec) -> str:
    """What a run's folder is called where nobody says."""
    return job.path.stem if job.path is not None else job.net or spec.nets[-1]


def trainer_of(prepared: Prepared, accelerator: Accelerator, messages: list[str], *, initial: bool = True) -> Trainer:
    """The net with the first weights of its seed, and all that trains it.

    Those of the setting `init` are put into it, unless a checkpoint follows, and `messages` which were.
    """
    from netspec.train.engine.loop import Trainer
    from netspec.train.randomness import WEIGHTS, reseed, stream
    from netspec.train.runs.weights.initial import load_initial

    job, _, settings, graph, plan = prepared
    reseed(stream(settings.seed, WEIGHTS), accelerator.device)
    model = graph.compile()
    if initial:
        messages.extend(load_initial(model, prepared))
    return Trainer(model, graph, plan, settings, accelerator, job.setup)


def _trained(
    prepared: Prepared, trainer: Trainer, recorder: Recorder, messages: Sequence[str], *, kept: bool, quiet: bool
) -> Run:
    """Trains to the end and keeps the folder up to date, so that it can be taken up whatever ends the training."""
    from netspec.train.engine import states
    from netspec.train.engine.loop import Wish

    settings, setup = prepared.settings, prepared.job.setup
    recorder.rows, recorder.kept = list(trainer.rows), trainer.kept
    keeper = Keeper(trainer, Checkpoints(recorder.folder), identity(prepared, trainer.processes), lead=recorder.lead)
    with (
        Stop() as stop,
        Watch(settings.epochs, trainer.steps, settings.batch, quiet=quiet or not recorder.lead) as watch,
        events(recorder.folder, recorder.rows, on=setup.tensorboard and recorder.lead) as log,
    ):

        def tell(moment: Moment, epoch: int, steps: int) -> None:
            for callback in settings.callbacks if recorder.lead else ():
                if callback.after == moment:
                    rows = tuple(recorder.rows)
                    callback(Progress(epoch, steps, rows, trainer.bare, trainer.optimizer, recorder.folder))

        def pause(epoch: int, step: int) -> Wish:
            watch.step(epoch, step)
            tell("step", epoch, epoch * trainer.steps + step + 1)
            if stop.asked:
                return Wish.LEAVE
            return Wish.KEEP if keeper.due else Wish.GO_ON

        for line in [*messages, *_left_out(prepared.plan.data), *remarks(prepared.plan.data)]:
            watch.say(line)
        with _explained(trainer, recorder, keeper):
            if not kept:
                keeper.keep()
            for row in trainer.epochs(pause=pause, keep=keeper.keep, most=setup.steps):
                recorder.add(row, trainer.kept)
                recorder.copies(trainer.copied, row.epoch, trainer.weights)
                log(row)
                watch.epoch(row)
                tell("epoch", row.epoch, row.step)
            keeper.keep()
        status: Status = "finished" if trainer.over else "stopped"
        weights = states.of_model(trainer.settle())
        recorder.tested = trainer.examined() if trainer.over else None
        recorder.finish(weights, status, stop.signal)
        if recorder.rows and recorder.lead:
            curves.draw(recorder.folder)
        watch.say(_last_line(recorder, status, trainer))
    model = prepared.graph.compile().to(trainer.device)
    model.load_state_dict(weights)
    rows, lead, tested = tuple(recorder.rows), recorder.lead, recorder.tested
    return Run(
        recorder.folder, settings, rows, model, status, stop.signal, lead, recorder.kept, tested, watch.unprinted
    )


class Keeper:
    """Keeps checkpoints: when it is time to, and seldom enough."""

    def __init__(self, trainer: Trainer, checkpoints: Checkpoints, identity: State, *, lead: bool) -> None:
        self.trainer, self.checkpoints, self.identity, self.lead = trainer, checkpoints, identity, lead
        self.every = trainer.setup.save_every
        self.kept, self.cost = monotonic(), 0.0

    @property
    def due(self) -> bool:
        """Whether it is time for another checkpoint. The first process says so for all."""
        return self.lead and (not self.every or monotonic() - self.kept > max(self.every, self.cost / SHARE))

    def keep(self) -> None:
        """Keeps the state of the training; raises NetspecError (E0610, E0611)."""
        begun = monotonic()
        self.trainer.check_weights()
        state = self.trainer.state()
        if self.lead:
            self.checkpoints.save({"identity": self.identity, **state}, self.trainer.steps_done)
        self.kept = monotonic()
        self.cost = self.kept - begun


@contextmanager
def _explained(trainer: Trainer, recorder: Recorder, keeper: Keeper) -> Iterator[None]:
    """Says what went wrong in words, and notes it in the record."""
    from netspec.train.engine.divergence import explained
    from netspec.train.engine.loop import Diverged

    try:
        yield
    except BaseException as error:
        with suppress(NetspecError):
            recorder.save("diverged" if isinstance(error, Diverged) else "failed")
        if isinstance(error, Diverged):
            raise explained(trainer, keeper.checkpoints, error) from error
        if isinstance(error, DataError):
            raise error.at(trainer.settings.span("data")) from None
        if isinstance(error, RuntimeError | IndexError | ValueError):
            raise _failed(trainer, recorder, error) from error
        raise


def _failed(trainer: Trainer, recorder: Recorder, error: Exception) -> NetspecError:
    """That torch refused a step, in its own words; or that the processes have lost each other."""
    import torch

    if trainer.processes > 1 and is_parting(error):
        return lost("another process of this training is gone", recorder.folder)
    full = isinstance(error, torch.OutOfMemoryError)
    first = str(error).strip().partition("\n")[0]
    message = "a batch does not fit into memory" if full else f"{trainer.graph.name} cannot take a step: {first}"
    half = max(1, trainer.settings.batch // 2)
    help = f"a smaller batch, --set train.batch={half}, or the same in parts, --set train.accumulate=2" if full else ""
    key = "batch" if full else "data"
    return NetspecError((Diagnostic("E0615", message, trainer.settings.span(key), help=help),))


def _last_line(recorder: Recorder, status: Status, trainer: Trainer) -> str:
    if status == "stopped" and trainer.done:
        account = f"stopped after step {trainer.done} of epoch {trainer.epoch + 1}"
    else:
        account = f"{'stopped after' if status == 'stopped' else 'trained'} {len(recorder.rows)} epochs"
    if not recorder.rows:
        return f"{account}, kept in {recorder.folder}"
    row = recorder.rows[recorder.kept]
    chosen = f" by the {WORDS[row.held]} data" if trainer.settings.chooses else ""
    best = f", the best of them {row.epoch}{chosen}" if row is not recorder.rows[-1] else ""
    split, figures = ("test", recorder.tested) if recorder.tested is not None else (row.held, row.test)
    accuracy = figures.get("accuracy")
    result = f": {WORDS[split]} error {100 * (1 - accuracy):.1f} %" if accuracy is not None else ""
    return f"{account}{best}{result}, kept in {recorder.folder}"


def _where_from(folder: Path, state: State | None, trainer: Trainer) -> str:
    if state is None:
        return f"{folder} has no checkpoint, so it begins at the first step"
    return f"{folder} goes on after step {trainer.done} of epoch {trainer.epoch + 1}"


def _from_first(accelerator: Accelerator, read: Callable[[], T]) -> T:
    """What the first process reads, on all of them: the others need not have its files. Raises what it raises."""
    if accelerator.num_processes == 1:
        return read()
    import torch

    box: list[Any] = [None]
    if accelerator.is_main_process:
        try:
            box = [read()]
        except NetspecError as error:
            box = [error]
    torch.distributed.broadcast_object_list(box, 0)
    result: T | NetspecError = box[0]
    if isinstance(result, NetspecError):
        raise result
    return result


def _left_out(data: Data) -> Iterator[str]:
    """That damaged files were left out, and which."""
    count = len(data.skipped)
    if count:
        more = f" and {count - 3:,} more" if count > 3 else ""
        files = "a damaged file" if count == 1 else f"{count:,} damaged files"
        yield f"left out {files}: {', '.join(data.skipped[:3])}{more}"


def _about(prepared: Prepared, accelerator: Accelerator) -> dict[str, Any]:
    """What a run is a function of, and what it ran on."""
    import torch

    from netspec import __version__
    from netspec.train.runs.machine import machine

    job, spec, settings, graph, plan = prepared
    augment = plan.augment.written()
    return {
        "netspec": __version__,
        "torch": torch.__version__,
        "device": str(accelerator.device),
        "processes": accelerator.num_processes,
        "threads": torch.get_num_threads(),
        "spec": spec.source.name,
        "net": graph.name,
        "arguments": dict(graph.arguments),
        "input": {
            value.name: [size if isinstance(size, int) else str(size) for size in value.shape.dims]
            for value in graph.inputs
        },
        "parameters": graph.parameters,
        "settings": settings.written() | ({"augment": augment} if augment else {}),
        "meaning": Signature.of(plan).model_dump(mode="json"),
        "job": job.model_dump(mode="json"),
        "left_out": list(plan.data.skipped),
        "environment": machine(),
    }
