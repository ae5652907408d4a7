"""Whether starting and long nets have become slow: ratios within one run, each with a bound; exit status 1 beyond one.

A bound is a third above what was measured when it was set. A change that goes beyond it costs every user of the command
line: it has a reason, which goes into the commit that raises the bound, or is a mistake.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import ROOT, processes, python, table
from benchmarks.size import written_out

LIBRARIES = "import lark, pydantic"
"""What no check can do without."""
MODULES = f"""
import sys
{LIBRARIES}
libraries = set(sys.modules)
from netspec.cli import main
sys.argv = ["netspec", "check", "examples/lenet5.net"]
try:
    main()
except SystemExit as end:
    print(end.code or 0, len(set(sys.modules) - libraries))
"""
"""Prints the exit status of a check, and how many modules it has loaded beside those libraries and theirs."""


@dataclass(frozen=True)
class Limit:
    """A figure, and what it may be at most."""

    name: str
    figure: float
    most: float

    @property
    def holds(self) -> bool:
        return self.figure <= self.most

    @property
    def row(self) -> list[str]:
        return [self.name, f"{self.figure:.2f}", f"{self.most:.2f}", "" if self.holds else "too much"]


def modules() -> int:
    """How many modules a check loads beside lark, pydantic and what they load."""
    done = subprocess.run([sys.executable, "-c", MODULES], capture_output=True, text=True, check=True, cwd=ROOT)
    status, count = map(int, done.stdout.splitlines()[-1].split())
    assert status == 0
    return count


def limits(rounds: int) -> list[Limit]:
    """The figures of this machine, medians of so many processes each."""
    check = [sys.executable, "-m", "netspec", "check"]
    with tempfile.TemporaryDirectory() as folder:
        long = {layers: Path(folder) / f"{layers}.net" for layers in (10, 5_000, 10_000)}
        for layers, path in long.items():
            path.write_text(written_out(layers), encoding="utf-8")
        costs = processes(
            {
                "libraries": python(LIBRARIES),
                "small": [*check, "examples/lenet5.net"],
                **{str(layers): [*check, path] for layers, path in long.items()},
            },
            rounds,
        )
    cpu = {name: cost.cpu for name, cost in costs.items()}
    return [
        Limit("modules of a check, beside the libraries'", modules(), 430),
        Limit("CPU of a check / of importing lark and pydantic", cpu["small"] / cpu["libraries"], 6.5),
        Limit("CPU of 10,000 layers / of importing lark and pydantic", cpu["10000"] / cpu["libraries"], 15),
        Limit(
            "CPU of 10,000 layers / of 5,000, beside the start",
            (cpu["10000"] - cpu["10"]) / (cpu["5000"] - cpu["10"]),
            2.8,
        ),
    ]


def main(rounds: int = 5) -> None:
    """Prints the figures beside their bounds; ends with status 1 where one does not hold."""
    measured = limits(rounds)
    print(table(["", "measured", "at most", ""], [limit.row for limit in measured]))
    if not all(limit.holds for limit in measured):
        sys.exit(1)


if __name__ == "__main__":
    main()
