"""Whole processes, from a file to an SVG: `netspec render` against torchview's pictures of torchvision's nets.

Both are laid out by the same Graphviz, the one in pygraphviz. torchview's default is drawn as it comes; unfolded means
every module and every layer by itself, on both sides. What takes longer than LIMIT seconds is stopped.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from benchmarks.measure import ROOT, publish, python, table

LIMIT = 120
PEER = """
import sys
from benchmarks.peers import torchvision
models = torchvision().models
from torchview import draw_graph
from pygraphviz import AGraph
name, unfolded, out = sys.argv[1:]
options = {"depth": 20, "expand_nested": True} if unfolded == "unfolded" else {}
drawn = draw_graph(getattr(models, name)().eval(), input_size=(1, 3, 224, 224), **options)
AGraph(string=drawn.visual_graph.source).draw(out, prog="dot", format="svg")
"""
NETS = {
    "ResNet-152": ("resnet152", ["examples/resnet.net", "--set", "depth=152"]),
    "DenseNet-201": ("densenet201", ["examples/densenet.net", "--set", "depth=201"]),
}


@dataclass(frozen=True)
class Drawn:
    """One picture: seconds, MiB at most, and its size in points; `stopped` where the limit came first."""

    wall: float
    cpu: float
    memory: float
    size: str
    stopped: bool = False


def main(rounds: int = 5) -> None:
    rows = []
    for title, (model, net) in NETS.items():
        for view in ("default", "unfolded"):
            with tempfile.TemporaryDirectory() as folder:
                ours, theirs = Path(folder, "ours.svg"), Path(folder, "theirs.svg")
                unfold = ["--unfold"] if view == "unfolded" else []
                commands: list[tuple[Sequence[object], Path]] = [
                    ([sys.executable, "-m", "netspec", "render", *net, *unfold, "-o", ours], ours),
                    (python(PEER, model, view, theirs), theirs),
                ]
                kept: list[list[Drawn]] = [[], []]
                for number in range(rounds + 1):
                    for place, (command, out) in enumerate(commands):
                        if kept[place] and kept[place][-1].stopped:
                            continue
                        drawn = draw(command, out)
                        if number or drawn.stopped:
                            kept[place].append(drawn)
            mine, peer = map(middle, kept)
            rows += [row(f"{title}, {view}", "netspec", mine, peer), row("", "torchview", peer, peer)]
    text = table(["", "", "wall", "CPU", "times faster", "memory", "picture (pt)"], rows)
    publish("render", "From a file to an SVG", f"Medians of {rounds} processes each, in turns.\n\n{text}")


def draw(command: Sequence[object], out: Path) -> Drawn:
    """Runs a process that writes a picture, and stops it at the limit."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, cwd=ROOT, env=environment, start_new_session=True
    )
    over = Timer(LIMIT, os.killpg, (process.pid, signal.SIGKILL))
    over.start()
    _, status, used = os.wait4(process.pid, 0)
    over.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    memory = used.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    if process.returncode == -signal.SIGKILL:
        return Drawn(wall, used.ru_utime + used.ru_stime, memory, "", stopped=True)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(map(str, command)))
    return Drawn(wall, used.ru_utime + used.ru_stime, memory, extent(out))


def extent(svg: Path) -> str:
    """Width and height, from the viewBox."""
    text = svg.read_text(encoding="utf-8")
    _, _, width, height = text.split('viewBox="', 1)[1].split('"', 1)[0].split()
    return f"{float(width):,.0f} x {float(height):,.0f}"


def middle(drawn: Sequence[Drawn]) -> Drawn:
    """The median of each figure by itself."""
    return Drawn(
        statistics.median(one.wall for one in drawn),
        statistics.median(one.cpu for one in drawn),
        statistics.median(one.memory for one in drawn),
        drawn[-1].size,
        drawn[-1].stopped,
    )


def row(name: str, tool: str, drawn: Drawn, peer: Drawn) -> list[str]:
    more = "> " if drawn.stopped else ""
    ratio = f"{'> ' if peer.stopped and not drawn.stopped else ''}{peer.wall / drawn.wall:.1f}"
    figures = [f"{more}{drawn.wall:.2f} s", f"{more}{drawn.cpu:.2f} s", ratio, f"{drawn.memory:.0f} MiB"]
    return [name, tool, *figures, drawn.size or f"stopped after {LIMIT} s"]


if __name__ == "__main__":
    main()
