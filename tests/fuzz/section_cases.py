"""Cases of train sections: a changed section is read and brought together with its net, without data or torch."""

from __future__ import annotations

import functools
from functools import cache
from random import Random

import netspec
from netspec.diagnostics import render
from netspec.train import check
from tests.fuzz.case import Case
from tests.fuzz.texts import mutated, specs

NET = "net N {\n  input x [1, 28, 28]\n  conv(8, 3) -> relu -> global_avgpool -> flatten -> linear(10)\n}\n"


@cache
def sections() -> tuple[str, ...]:
    """The train sections of all specs."""
    found = [text[text.index("\ntrain {") :] for text in specs() if "\ntrain {" in text]
    return tuple(dict.fromkeys(found))


def section_case(random: Random) -> Case:
    """A net and a section, changed."""
    text = NET + mutated(random.choice(sections()), random)
    return Case(text, functools.partial(use, text))


def use(text: str) -> None:
    """What `netspec check` does with a section."""
    spec = netspec.parse(text, "spec.net")
    graph = spec.graph()
    if spec.train is not None:
        for diagnostic in check(spec.train, graph):
            render(diagnostic)
