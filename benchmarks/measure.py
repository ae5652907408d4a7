"""What the measurements share: processes and functions timed in turn, and tables of the results."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Cost:
    """Seconds of one run, and the most memory it held, in MiB."""

    wall: float
    cpu: float
    memory: float = 0.0


def processes(commands: Mapping[str, Sequence[object]], rounds: int) -> dict[str, Cost]:
    """The median cost of each command as a whole process, in turns, after a first round that is not counted.

    Python may keep its compiled files, as it does in an installation.
    """
    kept: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            cost = process(command)
            if number:
                kept[name].append(cost)
    return {name: median(costs) for name, costs in kept.items()}


def process(command: Sequence[object]) -> Cost:
    """The cost of one process, which has to succeed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=environment)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def python(program: str, *arguments: object) -> list[object]:
    """A command that runs a Python program."""
    return [sys.executable, "-c", program, *arguments]


def functions(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Cost]:
    """The median cost of each function, in turns, after a first round that is not counted."""
    kept: dict[str, list[Cost]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            start, cpu = time.perf_counter(), time.process_time()
            result = call()
            cost = Cost(time.perf_counter() - start, time.process_time() - cpu)
            del result
            if number:
                kept[name].append(cost)
    return {name: median(costs) for name, costs in kept.items()}


def peak() -> int:
    """The most memory that this process has held, in KiB (Linux): `ru_maxrss` is that of who started it, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure by itself."""
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.memory for cost in costs),
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; all columns but the first are figures."""
    lines = [head, [":---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def machine() -> str:
    """The machine in plain words."""
    libraries = []
    for name in ("torch", "torchvision", "torchinfo"):
        try:
            libraries.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{cores} CPU cores ({platform.machine()}), {platform.system()}, Python {platform.python_version()}, "
        f"{', '.join(libraries)}"
    )


def publish(name: str, title: str, text: str) -> None:
    """Prints the result and keeps it in `results/`."""
    page = f"# {title}\n\n{machine()}.\n\n{text}\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(page, encoding="utf-8")
    print(page)
