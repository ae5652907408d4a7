"""Whether a run can be taken up: what it was a function of, compared with what it would be now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Node
from netspec.graph.views import layer_text
from netspec.spec import Spec
from netspec.syntax.source import place_outside
from netspec.train.plan.job import Job, Prepared, as_text
from netspec.train.runs.checkpoint import State
from netspec.train.runs.fingerprint import fingerprint
from netspec.train.runs.record import read_record
from netspec.train.setup import Setup

MAY_CHANGE = frozenset({"epochs", "stop", "keep", "callbacks", "sweep"})
"""The settings that may be others when a run is taken up: how long it goes on."""
MOST_NAMED = 8
"""So many differences are named."""


def job_in(folder: Path, overrides: Mapping[str, Any], setup: Mapping[str, Any], spec: Spec | None = None) -> Job:
    """The job that a run's folder records, with changes; raises NetspecError (E0614, E0650) where it holds none.

    A spec that is given takes the place of the run's own.
    """
    record = read_record(folder)
    try:
        if record.job is None:
            raise KeyError("job")
        job = Job.model_validate({"text": "", **record.job.model_dump(exclude_unset=True)})
    except (KeyError, TypeError, ValidationError):
        here = place_outside(folder)
        message = f"{folder} does not say how it was started, so it cannot be taken up"
        raise NetspecError((Diagnostic("E0650", message, here),)) from None
    mark = "train."
    changes = {key.removeprefix(mark): as_text(value) for key, value in overrides.items() if key.startswith(mark)}
    source = {} if spec is None else {"text": spec.source.text, "name": spec.source.name, "path": spec.path}
    return job.model_copy(
        update={
            **source,
            "arguments": {**job.arguments, **{key: overrides[key] for key in overrides if not key.startswith(mark)}},
            "settings": {**job.settings, **changes},
            "setup": Setup.model_validate({**job.setup.model_dump(), "steps": None, **setup}),
        }
    )


def identity(prepared: Prepared, processes: int) -> State:
    """What a run is a function of, as plain data."""
    data = prepared.plan.data
    return {
        "net": prepared.graph.name,
        "layers": {node.name: _layer(node) for node in prepared.graph},
        "settings": prepared.settings.written(),
        "samples": [len(split) for split in data.splits.values()],
        "data": [fingerprint(split) for split in data.splits.values()],
        "processes": processes,
    }


def check_same(prepared: Prepared, processes: int, then: State, folder: Path) -> None:
    """Raises NetspecError (E0644, E0645) where a checkpoint with that identity belongs to another run."""
    now = identity(prepared, processes)
    layers = list(_differences(then["layers"], now["layers"], now["net"]))
    if layers:
        message = f"the checkpoint in {folder} is of another net than {now['net']}"
        raise _refused(
            "E0644", message, folder, layers, "take up the run with its own spec: netspec train --resume RUN"
        )
    before = {key: text for key, text in then["settings"].items() if key not in MAY_CHANGE}
    after = {key: text for key, text in now["settings"].items() if key not in MAY_CHANGE}
    others = [
        f"{key} was {before.get(key, 'not set')}, and is {after.get(key, 'not set')}"
        for key in {**before, **after}
        if before.get(key) != after.get(key)
    ]
    if then["samples"] != now["samples"]:
        others.append(f"the data had {_samples(then['samples'])}, and have {_samples(now['samples'])}")
    elif then["data"] != now["data"]:
        others.append("the samples are as many as they were, and others")
    if then["processes"] != processes:
        others.append(f"{then['processes']} processes were at work, and {processes} would be")
    if others:
        message = f"{folder} cannot be taken up as it was: it would be another run"
        help = "start a run of its own, or give what was given before; only epochs and stop may change"
        raise _refused("E0645", message, folder, others, help)


def _layer(node: Node) -> str:
    shapes = ", ".join(str(value.shape) for value in node.inputs)
    return f"{layer_text(node.layer)} of {shapes or 'nothing'} at {node.key}"


def _differences(then: Mapping[str, str], now: Mapping[str, str], net: str) -> Iterator[str]:
    for name in {**then, **now}:
        if name not in now:
            yield f"{name} is not in {net}: {then[name]}"
        elif name not in then:
            yield f"{name} is not in the checkpoint: {now[name]}"
        elif then[name] != now[name]:
            yield f"{name} was {then[name]}, and is {now[name]}"


def _samples(counts: list[int]) -> str:
    train, *val, test = counts
    chosen = "".join(f", {count:,} validation" for count in val)
    return f"{train:,} training{chosen} and {test:,} test samples"


def _refused(code: str, message: str, folder: Path, differences: list[str], help: str) -> NetspecError:
    more = len(differences) - MOST_NAMED
    notes = (*differences[:MOST_NAMED], *([f"and {more} more"] if more > 0 else []))
    return NetspecError((Diagnostic(code, message, place_outside(folder), notes=notes, help=help),))
