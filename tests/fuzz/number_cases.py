"""Cases of numbers: what is emitted for a changed net computes what its graph does, and its classes are its blocks."""

from __future__ import annotations

import functools
import sys
from functools import cache
from random import Random

from tests.fuzz.case import Case
from tests.fuzz.texts import ROOT, mutated, specs

sys.path[:0] = [str(ROOT / "tests" / "codegen"), str(ROOT / "tests" / "generated")]

from emission import failure_of, graph_of  # noqa: E402
from random_nets import random_net  # noqa: E402


@cache
def nets() -> tuple[str, ...]:
    """The specs whose nets are run in an instant."""
    cases = (path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("tests/codegen/cases/**/*.net")))
    return tuple(text for text in (*specs(), *cases) if 'from "' not in text and graph_of(text) is not None)


def number_case(random: Random) -> Case:
    """A small net, one that somebody wrote or one that was drawn, changed."""
    text = mutated(random_net(random) if random.random() < 0.5 else random.choice(nets()), random, 2)
    return Case(text, functools.partial(compute, text, str(random.random())))


def compute(text: str, seed: str) -> None:
    """Compares outputs, gradients and statistics of the emitted net with those of the graph, and blocks with theirs.

    Of a net that is written call by call, since it has no blueprint, the classes are for those calls alone.
    """
    graph = graph_of(text)
    failure = failure_of(text, seed if graph is not None and graph.blueprint is not None else None)
    assert failure is None, f"{failure.kind}\n{failure}"
