"""Makes a spec smaller for as long as the same goes wrong with it: what is left is what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from netspec.format import print_tree
from netspec.syntax import tree
from netspec.syntax.parser import parse
from netspec.syntax.source import Source

Wrong = Callable[[str], bool]
"""Whether a text goes wrong as the first one did."""


def smallest(text: str, wrong: Wrong, most: int = 800) -> str:
    """The text with everything left out that can be; after `most` attempts, with what has been left out by then."""
    file, mistakes = parse(Source("random.net", text))
    assert not mistakes
    progress = True
    while progress and most > 0:
        progress = False
        for candidate in _smaller(file):
            most -= 1
            if most <= 0:
                break
            if wrong(_printed(candidate)):
                file, progress = candidate, True
                break
    return print_tree(file)


def _smaller(part: Any) -> Iterator[Any]:
    """The part with one thing less in it: the large things first."""
    match part:
        case tree.Label():  # a name is whole
            return
        case tuple():
            yield from (part[:index] + part[index + 1 :] for index in range(len(part) - 1, -1, -1))
            for index, item in enumerate(part):
                for other in _instead(item):
                    yield (*part[:index], *other, *part[index + 1 :])
            for index, item in enumerate(part):
                yield from ((*part[:index], other, *part[index + 1 :]) for other in _smaller(item))
        case tree.Number(int() as value) if value > 1:
            yield replace(part, value=1)
            yield replace(part, value=value - 1)
        case tree.Binary() | tree.Conditional():
            yield from _operands(part)
            yield from _fields(part)
        case tree.Tree():
            yield from _fields(part)


def _fields(part: tree.Tree) -> Iterator[tree.Tree]:
    for name in part.__match_args__:
        for other in _smaller(getattr(part, name)):
            yield replace(part, **{name: other})


def _operands(part: tree.Tree) -> Iterator[Any]:
    match part:
        case tree.Binary(_, left, right):
            yield from (left, right)
        case tree.Conditional(then, _, otherwise):
            yield from (then, otherwise)


def _instead(statement: Any) -> Iterator[tuple[Any, ...]]:
    """What can stand for a statement: its body, or a stage without its label."""
    match statement:
        case tree.Repeat(_, body) | tree.For(_, _, body):
            yield body.statements
        case tree.If(branches, otherwise):
            yield branches[0].body.statements
            if otherwise is not None:
                yield otherwise.statements
        case tree.Stage(labels, tree.Flow((tree.Group(body) | tree.Wiring(_, body),))):
            yield body.statements
            if labels:
                yield (replace(statement, labels=()),)
        case tree.Stage(labels) if labels:
            yield (replace(statement, labels=()),)


def _printed(candidate: tree.File) -> str:
    """The text of a candidate; none where what is left of it is no expression any more."""
    try:
        return print_tree(candidate)
    except ValueError:
        return ""
