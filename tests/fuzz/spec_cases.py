"""Cases of specs: a changed spec is checked, and what checks is counted, written, emitted and drawn."""

from __future__ import annotations

import functools
from random import Random

import netspec
from netspec.analysis import budgets, summary
from netspec.diagnostics import Diagnostic, NetspecError, render
from netspec.graph import json_form
from netspec.graph.graph import Graph
from tests.fuzz.case import Case
from tests.fuzz.mistakes import mistaken, right
from tests.fuzz.texts import mutated, specs, with_text

PICTURES = ("dot", "mmd", "json")
"""Forms that take no layout."""


def spec_case(random: Random) -> Case:
    """A spec, changed."""
    text = mutated(random.choice(specs()), random)
    return Case(text, functools.partial(use, text, random.choice(PICTURES)))


def use(text: str, picture: str) -> None:
    """Everything that is done with a spec before any training."""
    spec = netspec.parse(text, "spec.net")
    graphs, found = spec.graphs()
    for diagnostic in found:
        render(diagnostic)
    if spec.train is not None and graphs:
        from netspec.train import check

        for diagnostic in check(spec.train, graphs[-1]):
            render(diagnostic)
    for graph in graphs:
        use_graph(graph, picture)


def use_graph(graph: Graph, picture: str) -> None:
    """A graph that checks is written and read again, counted, emitted and drawn."""
    written = graph.json()
    assert json_form.load(written).json() == written, "a graph is not read as it was written"
    graph.requirements, graph.macs, graph.parameters  # noqa: B018
    summary.json_text(graph, None)
    list(summary.lines(graph, summary.Table()))
    compile(graph.emit(), "model.py", "exec")
    graph.render(format=picture)


def mend_case(random: Random) -> Case:
    """A spec with a mistake: whatever mend a message has, the message is gone once it is pasted."""
    text = mistaken(random.choice(right()), random)
    return Case(text, functools.partial(mend, text))


def mend(text: str) -> None:
    """Every mend of a text, pasted by itself: nothing is left of the message at its place."""
    for diagnostic in mistakes(text):
        if diagnostic.mend is not None and diagnostic.mend[0].source.text == text:
            again = with_text(text, *diagnostic.mend)
            left = [other for other in mistakes(again) if still(other, diagnostic)]
            assert not left, f"a mend of {diagnostic.code} does not mend:\n{render(diagnostic)}\n--- pasted:\n{again}"


def mistakes(text: str) -> list[Diagnostic]:
    """What is wrong with a text, with its training, too."""
    from netspec.train import check

    try:
        spec = netspec.parse(text, "spec.net")
        graphs, found = spec.graphs()
        trained = [graph for graph in graphs if graph.name == spec.nets[-1]]
        wrong = [*found, *(diagnostic for graph in graphs for diagnostic in budgets.check(graph))]
        return [*wrong, *(check(spec.train, trained[0]) if spec.train is not None and trained else ())]
    except NetspecError as error:
        return list(error.diagnostics)


def still(other: Diagnostic, mended: Diagnostic) -> bool:
    """Whether what one diagnostic said is said again once its mend is pasted, of its place or of what was pasted."""
    assert mended.mend is not None
    span, replacement = mended.mend
    moved = len(replacement) - (span.end - span.start) if span.end <= mended.span.start else 0
    pasted = span.start <= other.span.start and other.span.end <= span.start + len(replacement)
    same = other.message == mended.message and other.span.start == mended.span.start + moved
    return other.code == mended.code and (same or (pasted and other.span.end > other.span.start))
