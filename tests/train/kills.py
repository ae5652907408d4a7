"""Trainings of a spec, each killed at a random moment and taken up, against one that was left alone.

`python kills.py SPEC FOLDER COUNT SEED` kills at least COUNT times and prints, as JSON, what was killed when, and
whether what it ended in is the same. The trainings are forks of this process, which has loaded what they need.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from netspec.train import resume, train
from netspec.train.runs.checkpoint import Checkpoints
from netspec.train.runs.folder import RECORD, WEIGHTS


def main() -> None:
    spec, folder, count, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    chance = random.Random(seed)
    train(spec, out=folder / "whole", device="cpu", quiet=True, save_every=1e9)
    whole = outcome(folder / "whole")
    begun = time.monotonic()
    wait(forked(lambda: train(spec, out=folder / "kept", device="cpu", quiet=True, save_every=0)))
    span = time.monotonic() - begun
    trials: list[dict[str, object]] = []
    while count > 0:
        run = folder / f"killed{len(trials)}"
        begin = partial(started, spec, run)
        after = [killed(begin, run, chance.uniform(0.02, span)) for _ in range(chance.choice([1, 1, 2]))]
        wait(forked(begin))
        left = [path.name for path in run.rglob("*.partial")]
        trials.append({"after": after, "same": outcome(run) == whole, "left": left})
        count -= sum(step is not None for step in after)
    print(json.dumps(trials))


def killed(begin: Callable[[], object], run: Path, seconds: float) -> int | None:
    """Kills a training after some time; the step that it had kept by then, None where it had ended before."""
    process = forked(begin)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    if wait(process) == 0:
        return None
    return max((int(path.stem) for path in Checkpoints(run).files()), default=0)


def started(spec: Path, run: Path) -> None:
    """Begins the run, or takes it up where there is one."""
    if (run / RECORD).exists():
        resume(run, quiet=True, save_every=0)
    else:
        if run.exists():
            for path in run.rglob("*"):
                path.unlink()
            run.rmdir()
        train(spec, out=run, device="cpu", quiet=True, save_every=0)


def outcome(run: Path) -> tuple[bytes, list[str]]:
    """The weights of a run, and its figures without the time that they took."""
    figures = (run / "metrics.csv").read_text().splitlines()
    return (run / WEIGHTS).read_bytes(), [line.rpartition(",")[0] for line in figures]


def forked(act: Callable[[], object]) -> int:
    """A copy of this process that does this and ends."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    return process


def wait(process: int) -> int:
    """The exit status of a process, or minus the signal that ended it."""
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    return status


main()
