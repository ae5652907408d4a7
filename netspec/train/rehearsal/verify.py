"""A proof that a run can be taken up: the same steps done at one go, and killed on the way and taken up."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.spec import Spec
from netspec.syntax.source import place_outside
from netspec.train.launch import REPORT, Report, Work
from netspec.train.plan.job import Job
from netspec.train.runs.checkpoint import Checkpoints, State

COMPARED = ("model", "optimizer", "average", "best")
"""The parts of a state that have to be the same to the last bit."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it: `tensors` and `numbers` were compared, `differing` are the names of tensors that differ."""

    steps: int
    killed_after: int
    tensors: int
    numbers: int
    differing: tuple[str, ...]


def verify(job: Job, spec: Spec, *, steps: int = 30, kill_after: int | None = None) -> Verdict:
    """Trains a number of steps at one go, and once more in a process that is killed (SIGKILL) and taken up; compares.

    It is killed after `kill_after` steps, or where that is None after a random number. Raises NetspecError.
    """
    from netspec.train.start import begin, go_on

    at = random.randint(1, max(1, steps - 1)) if kill_after is None else kill_after
    with tempfile.TemporaryDirectory(prefix="netspec-") as folder:
        whole, parted = Path(folder) / "whole", Path(folder) / "parted"
        begin(_changed(job, steps=steps, save_every=1e9), spec, out=whole, quiet=True)
        _killed(_changed(job, steps=steps, save_every=0), parted, at)
        first_steps = _step(parted)
        if first_steps < steps:
            go_on(_changed(job, steps=steps - first_steps, save_every=1e9), spec, parted, quiet=True)
        return _compared(whole, parted, first_steps)


def _changed(job: Job, **setup: Any) -> Job:
    return job.model_copy(update={"setup": job.setup.model_copy(update=setup)})


def _killed(job: Job, folder: Path, after: int) -> None:
    """Begins a job in a process of its own, and kills it with all that it has started once it has kept that step."""
    report = folder.with_suffix(".json")
    process = subprocess.Popen(
        [sys.executable, "-m", "netspec.train.worker"],
        stdin=subprocess.PIPE,
        env={**os.environ, REPORT: str(report)},
        text=True,
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin:
        process.stdin.write(Work(job=job, text=job.text, folder=folder, quiet=True).model_dump_json())
    while _step(folder) < after and process.poll() is None:
        sleep(0.001)
    _kill(process.pid)
    process.wait()
    if report.exists() and (wrong := Report.model_validate_json(report.read_bytes()).wrong):
        raise NetspecError(wrong)


def _kill(number: int) -> None:
    """Kills a process and those that it has started, with no time for any of them to do something about it."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(number)
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.kill()


def _step(folder: Path) -> int:
    """The step that a run has kept last."""
    return next((int(path.stem) for path in Checkpoints(folder).files()), 0)


def _compared(whole: Path, parted: Path, killed_after: int) -> Verdict:
    states = [Checkpoints(folder).newest()[0] for folder in (whole, parted)]
    if states[0] is None or states[1] is None or _step(whole) != _step(parted):
        here = place_outside("netspec verify-resume")
        message = f"the runs ended at different steps, {_step(whole)} and {_step(parted)}"
        raise NetspecError((Diagnostic("E0648", message, here),))
    one, other = (dict(_tensors(state)) for state in states if state is not None)
    differing = [name for name in {**one, **other} if not _same(one.get(name), other.get(name))]
    numbers = sum(tensor.numel() for tensor in one.values())
    return Verdict(_step(whole), killed_after, len(one), numbers, tuple(differing))


def _tensors(state: State) -> Iterator[tuple[str, Any]]:
    for part in COMPARED:
        yield from _leaves(state[part], part)


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{name} {key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{name} {index}")


def _same(one: Any, other: Any) -> bool:
    """Whether two tensors are the same to the last bit, the sign of a zero included."""
    import torch

    if one is None or other is None or one.dtype != other.dtype or one.shape != other.shape:
        return False
    bits = (tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other))
    return bool(torch.equal(*bits))
