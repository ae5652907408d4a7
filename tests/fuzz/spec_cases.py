"""Cases of specs: a changed spec is checked, and what checks is counted, written, emitted and drawn."""

from __future__ import annotations

import functools
from random import Random

import netspec
from netspec.analysis import summary
from netspec.diagnostics import Diagnostic, NetspecError, render
from netspec.graph import json_form
from netspec.graph.graph import Graph
from tests.fuzz.case import Case
from tests.fuzz.texts import mutated, specs

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
    list(summary.lines(graph, None))
    compile(graph.emit(), "model.py", "exec")
    graph.render(format=picture)


def mend_case(random: Random) -> Case:
    """A spec with a mistake: whatever mend a message has, the message is gone once it is pasted."""
    text = mutated(random.choice(specs()), random, 2)
    return Case(text, functools.partial(mend, text))


def mend(text: str) -> None:
    """Every mend of a text, pasted by itself."""
    before = mistakes(text)
    for diagnostic in before:
        if diagnostic.mend is not None and diagnostic.mend[0].source.text == text:
            again = pasted(diagnostic, text)
            left = [other for other in mistakes(again) if same(other, diagnostic)]
            assert not left, f"a mend of {diagnostic.code} does not mend:\n{render(diagnostic)}\n--- pasted:\n{again}"


def mistakes(text: str) -> list[Diagnostic]:
    """What is wrong with a text."""
    try:
        return netspec.parse(text, "spec.net").check()
    except NetspecError as error:
        return list(error.diagnostics)


def pasted(diagnostic: Diagnostic, text: str) -> str:
    """The text with a diagnostic's mend in it."""
    assert diagnostic.mend is not None
    span, replacement = diagnostic.mend
    return text[: span.start] + replacement + text[span.end :]


def same(one: Diagnostic, other: Diagnostic) -> bool:
    """Whether two diagnostics of two texts say the same of the same line."""
    return (one.code, one.message, one.span.line) == (other.code, other.message, other.span.line)
