"""What has to hold of every net that checks: it is emitted, it is its graph, and its classes are its blocks.

A failure has a kind, the step at which a net went wrong, by which it can be made smaller without turning into another.
"""

from __future__ import annotations

import linecache
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from agreement import Disagreement, check_net
from law import Emitted, check_block, omissions, others
from law import check_net as check_net_law

import netspec
from netspec.codegen.loader import load_source, net_class
from netspec.graph.graph import Graph

MOST_WEIGHTS, MOST_MACS, MOST_NODES = 50_000, 500_000, 120


@dataclass(frozen=True)
class Failure:
    """A net that went wrong: at which step, and what was said."""

    kind: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


class _Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


@contextmanager
def _step(kind: str) -> Iterator[None]:
    try:
        yield
    except Disagreement as error:
        raise _Failed(Failure(f"{kind} ({error.kind})", str(error))) from error
    except Exception as error:
        raise _Failed(Failure(f"{kind} ({type(error).__name__})", str(error))) from error


def graph_of(text: str) -> Graph | None:
    """The graph of the file's last net; None where netspec refuses it, or where it is not run in an instant."""
    try:
        graph = netspec.parse(text, "random.net").graph()
    except netspec.NetspecError:
        return None
    small = graph.parameters <= MOST_WEIGHTS and len(graph) <= MOST_NODES
    closed = not any(value.shape.is_open for value in graph.inputs)  # an input that nothing takes may be open
    return graph if small and closed and isinstance(graph.macs, int) and graph.macs <= MOST_MACS else None


def failure_of(text: str, seed: str | None) -> Failure | None:
    """What is wrong with the net that is emitted for the text, which checks; None where all is well.

    `seed` draws the arguments with which the law is asked of one of its blocks; None leaves the law out.
    """
    graph = graph_of(text)
    if graph is None:
        return None
    before = set(sys.modules)
    try:
        _check(graph, text, seed)
    except _Failed as failed:
        return failed.failure
    finally:
        for name in set(sys.modules) - before:
            if name.startswith("netspec_emitted_"):
                del sys.modules[name]
                linecache.cache.pop(f"<{name}>", None)
    return None


def _check(graph: Graph, text: str, seed: str | None) -> None:
    with _step("emit"):
        source = graph.emit()
    with _step("load"):
        module = load_source(source)
    with _step("construct"):
        net = net_class(module)()
    with _step("run"):
        check_net(graph, net)
    if seed is not None:
        with _step("law"):
            _obey(text, random.Random(seed))


def _obey(text: str, chance: random.Random) -> None:
    """The law for the net with other arguments, and for the blocks in it, one or two of them."""
    emitted = Emitted(text)
    net = emitted.net_use()
    if net.parameters and not net.is_exception:
        other = replace(others([net], chance), shapes=net.shapes)
        try:
            graph = emitted.graph_with(other.arguments)
        except netspec.NetspecError:
            graph = None
        if graph is not None:
            check_net_law(other, graph)
    families = [uses for uses in emitted.families() if not uses[0].is_exception]
    for uses in chance.sample(families, min(2, len(families))):
        use = others(uses, chance)
        check_block(text, use, seed=chance.randrange(100), omitted=omissions(use, chance))
