"""Several processes for one training, one a device: started, watched, and ended together.

Each is `python -m netspec.train.worker`, finds the others as torch's own launchers have it (RANK, WORLD_SIZE,
MASTER_ADDR, ...), and reads its work as JSON. Under torchrun or `accelerate launch` the processes are there already.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from pydantic import BaseModel, ConfigDict

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.spec import Spec
from netspec.syntax.source import place_outside
from netspec.train.plan.job import Job
from netspec.train.runs.progress import PARENT, stopping
from netspec.train.runs.run import Status
from netspec.train.setup import Setup

REPORT = "NETSPEC_REPORT"
"""The variable that tells a process where to write what became of its work."""
WORKER: tuple[str, ...] = (sys.executable, "-m", "netspec.train.worker")
"""The command of a process that trains with others."""
GRACE = 10.0
"""Seconds that processes have to end by themselves when one of them has failed."""
PARTING = ("closed by peer", "connection reset", "broken pipe", "connection refused", "nccl", "gloo", "heartbeat")
"""Words by which torch says that another process is gone."""


class Work(BaseModel):
    """What a process does: begins a job in a folder that is claimed, or takes up the run that is there.

    With `kept` the spec is the one in that folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: Job
    text: str
    folder: Path
    taken_up: bool = False
    kept: bool = False
    quiet: bool = False

    @classmethod
    def read(cls, text: str) -> Work:
        """The work that was written as JSON; a job's own JSON leaves out its text."""
        document = json.loads(text)
        return cls.model_validate({**document, "job": {**document["job"], "text": document["text"]}})

    def spec(self) -> Spec:
        """The spec that the run's folder has kept, or else the job's."""
        from netspec.train.runs import sources

        return sources.reopen(self.folder) if self.kept else self.job.spec()


class Report(BaseModel):
    """What became of it: where the run is kept, how it ended, or what was wrong."""

    folder: Path | None = None
    status: Status = "failed"
    signal: int | None = None
    wrong: tuple[Diagnostic, ...] = ()


def launched() -> bool:
    """Whether this process is one of several that were started for one training."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def report(outcome: Report) -> None:
    """Tells the process that has started this one what became of its work so far, where one has."""
    if REPORT in os.environ:
        Path(os.environ[REPORT]).write_text(outcome.model_dump_json(), encoding="utf-8")


def together(work: Work, setup: Setup) -> Report:
    """Has the processes of this machine do their work; raises NetspecError with what went wrong first."""
    _check(setup)
    with tempfile.TemporaryDirectory(prefix="netspec-") as reports:
        address = setup.address or f"127.0.0.1:{_free_port()}"
        processes = [_process(rank, work, setup, address, Path(reports)) for rank in range(setup.devices)]
        try:
            with _passed_on(processes):
                _wait(processes)
        finally:
            for process in processes:
                process.end()
        first = processes[0].report
        _raise_failure(processes, setup, first.folder or work.folder)
        return first


def _check(setup: Setup) -> None:
    """Raises NetspecError (E0612) where there cannot be such processes."""
    from netspec.train.engine.devices import unavailable

    if setup.nodes > 1 and (not setup.address or setup.node >= setup.nodes):
        message = "several machines have to know where the first one is, and which of them each is"
        raise unavailable("--nodes", message, "--address HOST:PORT, the same on all, and --node 0, 1, ... on each")
    if setup.device == "cpu":
        return
    import torch

    there = torch.cuda.device_count()
    if setup.devices > there and (there or setup.device is not None):
        raise unavailable(f"--devices {setup.devices}", f"there are {there} GPUs here", f"--devices {max(1, there)}")


def is_parting(error: Exception) -> bool:
    """Whether torch says that another process of the training is gone."""
    text = str(error).lower()
    return any(word in text for word in PARTING)


def lost(message: str, folder: Path) -> NetspecError:
    """That the training has lost a process, and how it can be taken up (E0647)."""
    here = place_outside(folder)
    return NetspecError((Diagnostic("E0647", message, here, help=f"netspec train --resume {folder}"),))


@dataclass(slots=True, eq=False)
class Process:
    """One process at work, and the file for its report."""

    popen: subprocess.Popen[str]
    path: Path

    @property
    def report(self) -> Report:
        """What it has reported; nothing where it could not."""
        with suppress(OSError, ValueError):
            return Report.model_validate_json(self.path.read_bytes())
        return Report()

    def end(self) -> None:
        """Ends it, should it still be there."""
        with suppress(OSError):
            self.popen.kill()
        self.popen.wait()


def _process(rank: int, work: Work, setup: Setup, address: str, reports: Path) -> Process:
    path = reports / f"{rank}.json"
    host, _, port = address.rpartition(":")
    environment = {
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // setup.devices)),
        **os.environ,
        "RANK": str(setup.node * setup.devices + rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(setup.processes),
        "LOCAL_WORLD_SIZE": str(setup.devices),
        "MASTER_ADDR": host,
        "MASTER_PORT": port,
        PARENT: str(os.getpid()),
        REPORT: str(path),
    }
    popen = subprocess.Popen(WORKER, stdin=subprocess.PIPE, env=environment, text=True, start_new_session=True)
    assert popen.stdin is not None
    with suppress(BrokenPipeError), popen.stdin:
        popen.stdin.write(work.model_dump_json())
    return Process(popen, path)


def _free_port() -> int:
    """A port that nobody listens to now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def _passed_on(processes: list[Process]) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP go to all processes, who keep what they have and leave."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def pass_on(number: int, frame: object) -> None:
        for process in processes:
            with suppress(OSError):
                process.popen.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in stopping()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(processes: list[Process]) -> None:
    """Until all have ended, or one has failed and the others have had their time."""
    until: float | None = None
    while any(process.popen.poll() is None for process in processes) and (until is None or monotonic() < until):
        if until is None and any(process.popen.poll() for process in processes):
            until = monotonic() + GRACE
        sleep(0.02)


def _raise_failure(processes: list[Process], setup: Setup, folder: Path) -> None:
    """Raises what a process says is wrong; where none can say it, that one is gone."""
    wrong = list(dict.fromkeys(diagnostic for process in processes for diagnostic in process.report.wrong))
    diagnostics = [diagnostic for diagnostic in wrong if diagnostic.code != "E0647"]
    if diagnostics:
        raise NetspecError(tuple(diagnostics))
    failed = [(rank, process.popen.returncode) for rank, process in enumerate(processes) if process.popen.returncode]
    if failed:
        silent = [(rank, status) for rank, status in failed if not processes[rank].report.wrong]
        rank, status = (silent or failed)[0]
        name = f"process {setup.node * setup.devices + rank} of {setup.processes}"
        if status < 0:
            raise lost(f"{name} was killed by signal {-status} ({signal.Signals(-status).name})", folder)
        raise lost(f"{name} ended with status {status}", folder)
