"""Trainings of a spec, each ended before its time and taken up, against one that was left alone.

`python -m tests.train.kills --kills 200` kills at random moments; before one of the times that a training opens, makes,
renames or removes something, from the first file of its folder on; and lets files grow no further, as a disk does that
is full. What ended when is printed as JSON lines, and whether what came of it at last is the same. Trainings are forks
of this process, which has loaded what they need.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from netspec.diagnostics import NetspecError
from netspec.train import resume, train
from netspec.train.runs.checkpoint import Checkpoints
from netspec.train.runs.folder import SPEC, WEIGHTS
from tests.train.train_specs import EVERYTHING

FIRST_TOUCHES, TOUCHES = 36, 381
"""So many times a training of the spec touches its folder before it has kept the first step; and in all."""
SMALL_FILE, LARGE_FILE = 6_000, 50_000
"""More bytes than the texts of a run of the spec have, and more than any file of it."""
TOUCHING = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod"})
"""What the interpreter audits that can change a folder."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.train.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="so many at least")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="netspec-") as folder:
        spec = Path(folder) / SPEC
        spec.write_text(EVERYTHING, encoding="utf-8")
        right = True
        for trial in trials(spec, Path(folder), options.kills, random.Random(options.seed)):
            print(json.dumps(trial), flush=True)
            right = right and trial["same"] and not trial["left"]
    sys.exit(0 if right else 1)


def trials(spec: Path, folder: Path, count: int, chance: random.Random) -> Iterator[dict[str, object]]:
    """Runs that are killed, `count` times at least together, and taken up again to their end."""
    train(spec, out=folder / "whole", device="cpu", quiet=True, save_every=1e9)
    whole = outcome(folder / "whole")
    begun = time.monotonic()
    wait(forked(lambda: train(spec, out=folder / "kept", device="cpu", quiet=True, save_every=0)))
    span = time.monotonic() - begun
    number = 0
    while count > 0:
        run = folder / f"killed{number}"
        begin = partial(started, spec, run)
        after: list[str | None] = []
        for _ in range(chance.choice([1, 1, 2])):
            match number % 3:
                case 0:
                    after.append(killed(begin, run, chance.uniform(0.02, span)))
                case 1:
                    most = chance.choice([FIRST_TOUCHES, TOUCHES])
                    after.append(killed_at(begin, run, chance.randrange(most)))
                case _:
                    most = chance.choice([SMALL_FILE, LARGE_FILE])
                    after.append(full(begin, run, chance.randrange(most)))
        wait(forked(begin))
        left = [path.name for path in run.rglob("*.partial")]
        yield {"after": after, "same": outcome(run) == whole, "left": left}
        count -= sum(moment is not None for moment in after)
        number += 1


def killed(begin: Callable[[], object], run: Path, seconds: float) -> str | None:
    """Kills a training after some time; what it had kept by then, None where it had ended before."""
    process = forked(begin)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    return None if wait(process) == 0 else kept(run)


def killed_at(begin: Callable[[], object], run: Path, number: int) -> str | None:
    """Kills a training before it touches anything beside or in its folder for that time, counted from 0."""
    seen = 0

    def look(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        touched = str(arguments[0]) if event in TOUCHING else ""
        if touched.startswith(str(run.parent)) and touched != str(run.parent / SPEC):
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1

    def audited() -> None:
        sys.addaudithook(look)
        begin()

    return None if wait(forked(audited)) == 0 else f"{kept(run)}, before touch {number}"


def full(begin: Callable[[], object], run: Path, room: int) -> str | None:
    """Lets no file of a training grow beyond so many bytes, which it has to say and no more."""

    def cramped() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        try:
            begin()
        except NetspecError as error:
            if error.diagnostics[0].code != "E0610":
                raise
            os.kill(os.getpid(), signal.SIGKILL)

    return None if wait(forked(cramped)) == 0 else f"{kept(run)}, files of {room} bytes"


def kept(run: Path) -> str:
    """How far a run has come."""
    if not run.exists():
        return "no folder"
    return max((path.stem for path in Checkpoints(run).files()), default="no checkpoint")


def started(spec: Path, run: Path) -> None:
    """Begins the run, or takes it up where there is one."""
    if run.exists():
        resume(run, quiet=True, save_every=0)
    else:
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
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return process


def wait(process: int) -> int:
    """The exit status of a process, or minus the signal that ended it."""
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    return status


if __name__ == "__main__":
    main()
