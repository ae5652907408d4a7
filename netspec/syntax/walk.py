"""Walks over a tree: every part of a file, and the names that it mentions."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.syntax import tree


def parts(root: tree.Tree) -> Iterator[tree.Tree]:
    """`root` and all parts of it, each before its own, in the order of the text."""
    pending: list[object] = [root]
    while pending:
        match pending.pop():
            case tree.Tree() as part:
                yield part
                pending.extend(value for _, value in reversed(part.content()))
            case tuple(items):
                pending.extend(reversed(items))


def names(root: tree.Tree) -> Iterator[tree.Name]:
    """The bare names in it: values, layers, words; those of callees among them."""
    return (part for part in parts(root) if isinstance(part, tree.Name))


def calls(root: tree.Tree) -> Iterator[tree.Call]:
    return (part for part in parts(root) if isinstance(part, tree.Call))
