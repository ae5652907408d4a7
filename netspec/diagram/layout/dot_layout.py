"""Graphviz's `dot`, in a process of its own that is stopped when the time is over."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from types import TracebackType
from typing import Any

from netspec.diagram.drawing.items import Point

_SCRIPT = Path(__file__).with_name("dot_process.py")
_POINTS = 72


class LayoutTimeoutError(Exception):
    """The layout was stopped: it would have taken longer than it may."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Where `dot` puts things, in points, y down: the centres of the nodes, and each edge's curve as points of cubic
    Béziers. Nodes and edges are in the order of the DOT text.
    """

    width: float
    height: float
    nodes: tuple[Point, ...]
    curves: tuple[tuple[Point, ...], ...]


class Graphviz:
    """Lays out DOT texts until `seconds` are over (no end if None). The same text is laid out once."""

    def __init__(self, seconds: float | None = None) -> None:
        self._end: float | None = None
        self.limit(seconds)
        self._process: subprocess.Popen[str] | None = None
        self._answers: Queue[str] = Queue()
        self._known: dict[str, Arrangement] = {}

    def __enter__(self) -> Graphviz:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def limit(self, seconds: float | None) -> None:
        """Sets the time anew, from now on."""
        self._end = None if seconds is None else monotonic() + seconds

    def start(self) -> None:
        """Starts the process, which then gets ready while something else is done."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_SCRIPT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
            self._answers = Queue()
            Thread(target=_listen, args=(self._process, self._answers), daemon=True).start()

    def stop(self) -> None:
        """Ends the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
            self._process = None

    def check_time(self) -> None:
        """Raises LayoutTimeoutError where the time is over."""
        if self._end is not None and monotonic() >= self._end:
            raise LayoutTimeoutError

    def lay_out(self, dot: str) -> Arrangement:
        """The layout of a DOT text whose nodes are named 0, 1, ... in their order.

        Raises LayoutTimeoutError where the time is over, RuntimeError where Graphviz fails.
        """
        if dot not in self._known:
            self._known[dot] = _arrangement(self._ask(dot))
        return self._known[dot]

    def _ask(self, dot: str) -> dict[str, Any]:
        self.check_time()
        self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(dot) + "\n")
            self._process.stdin.flush()
            answer = self._answers.get(timeout=None if self._end is None else max(0, self._end - monotonic()))
        except Empty:
            self.stop()
            raise LayoutTimeoutError from None
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.stop()
            raise RuntimeError("Graphviz cannot lay this out")
        drawn: dict[str, Any] = json.loads(answer)
        return drawn


def _listen(process: subprocess.Popen[str], answers: Queue[str]) -> None:
    """Hands on what the process answers, and an empty text when it ends."""
    assert process.stdout is not None
    try:
        for answer in process.stdout:
            answers.put(answer)
    except ValueError:
        pass  # closed while reading: the process has been stopped
    answers.put("")


def _arrangement(answer: dict[str, Any]) -> Arrangement:
    _, _, width, height = map(float, answer["bb"].split(","))

    def place(text: str) -> Point:
        x, y = text.split(",")[:2]
        return float(x), height - float(y)

    placed = (thing for thing in answer.get("objects", ()) if "pos" in thing)
    nodes = sorted(placed, key=lambda node: int(node["name"]))
    edges = sorted((edge for edge in answer.get("edges", ()) if "id" in edge), key=lambda edge: int(edge["id"]))
    return Arrangement(
        width,
        height,
        tuple(place(node["pos"]) for node in nodes),
        tuple(tuple(map(place, edge["pos"].split())) for edge in edges),
    )


@dataclass(frozen=True, slots=True)
class DotNode:
    """A node of a layout: its size in whole points, and where edges enter and leave it, from its left side.

    Without ports, edges go towards its middle from where they come.
    """

    width: int
    height: int
    entries: tuple[int, ...] = ()
    exits: tuple[int, ...] = ()
    shape: str = "box"
    rank: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether edges enter and leave at the middle of the upper and the lower side."""
        return all(2 * port == self.width for port in (*self.entries, *self.exits))


@dataclass(frozen=True, slots=True)
class DotEdge:
    """An edge between the nodes of these numbers, at their ports of these numbers on these sides.

    One that is not `drawn` only keeps its place free; the layout does not tell its curve. One that is not `ranked` has
    no say in what stands above what.
    """

    tail: int
    head: int
    exit: int | None = None
    entry: int | None = None
    weight: int = 1
    drawn: bool = True
    ranked: bool = True
    sides: str = "sn"


def dot_text(
    nodes: Sequence[DotNode],
    edges: Sequence[DotEdge],
    node_gap: float,
    rank_gap: float,
    level: Sequence[Sequence[int]] = (),
) -> str:
    """The DOT text of a layout; nothing of the spec's text is in it, so that alike pictures are the same text.

    The nodes of each of `level` stand beside each other.
    """
    from graphviz import Digraph

    graph = Digraph(
        graph_attr={
            "nodesep": _inches(node_gap),
            "ranksep": _inches(rank_gap),
            "ordering": "out",
            "splines": "spline",
            "margin": "0",
        },
        node_attr={"fixedsize": "true", "label": "", "shape": "box", "margin": "0"},
        edge_attr={"dir": "none"},
    )
    for number, node in enumerate(nodes):
        if node.is_plain:
            graph.node(str(number), width=_inches(node.width), height=_inches(node.height), shape=node.shape)
        else:
            graph.node(str(number), label=_table(node), shape="plain", fixedsize="false")
    ends = [(rank, [number for number, node in enumerate(nodes) if node.rank == rank]) for rank in ("source", "sink")]
    for rank, placed in (*ends, *(("same", beside) for beside in level)):
        if placed:
            with graph.subgraph(graph_attr={"rank": rank}) as same:
                for number in placed:
                    same.node(str(number))
    numbers = count()
    for edge in edges:
        attributes = {"weight": str(edge.weight)}
        attributes |= {"id": str(next(numbers))} if edge.drawn else {"style": "invis"}
        attributes |= {} if edge.ranked else {"constraint": "false"}
        tail = _port(nodes[edge.tail], edge.exit, edge.sides[0])
        head = _port(nodes[edge.head], edge.entry, edge.sides[1])
        graph.edge(f"{edge.tail}{tail}", f"{edge.head}{head}", **attributes)
    return str(graph.source)


def _port(node: DotNode, port: int | None, side: str) -> str:
    if port is None:
        return ""
    return f":{side}" if node.is_plain else f":{side}{port}:{side}"


def _table(node: DotNode) -> str:
    """An HTML-like label that is the node: its ports are narrow cells at its upper and its lower side."""
    above = node.height // 2
    rows = _row(node.entries, "n", node.width, above) + _row(node.exits, "s", node.width, node.height - above)
    return f"<{_TABLE.format(node.width, node.height)}{rows}</TABLE>>"


_TABLE = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" FIXEDSIZE="TRUE" WIDTH="{}" HEIGHT="{}">'
_CELL = '<TD FIXEDSIZE="TRUE" WIDTH="{}" HEIGHT="{}"{}>{}</TD>'


def _row(ports: tuple[int, ...], side: str, width: int, height: int) -> str:
    cells = []
    column = 0
    for number, port in sorted(enumerate(ports), key=lambda pair: pair[1]):
        if port - 1 > column:
            cells.append(_CELL.format(port - 1 - column, height, "", ""))
        cells.append(_CELL.format(2, height, f' PORT="{side}{number}"', ""))
        column = max(column, port - 1) + 2
    if width > column:
        cells.append(_CELL.format(width - column, height, "", ""))
    inner = f"{_TABLE.format(width, height)}<TR>{''.join(cells)}</TR></TABLE>"
    return f"<TR>{_CELL.format(width, height, '', inner)}</TR>"


def _inches(points: float) -> str:
    return f"{points / _POINTS:.4f}"
