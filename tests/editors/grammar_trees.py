"""The tree of tree-sitter's grammar beside netspec's own: as kinds of nodes and where these begin and end, in bytes.

Names are left out: netspec's tree has them only where they are expressions. So is what lies inside of labels, which it
reads as labels at once, and the grammar as expressions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, TypeAlias

from tree_sitter import Node

from netspec.syntax import tree

Place: TypeAlias = tuple[str, int, int]


def _kind(node: type[tree.Tree]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", node.__name__).lower()


KINDS = frozenset(
    _kind(node) for node in vars(tree).values() if isinstance(node, type) and issubclass(node, tree.Tree)
) - {"tree", "file", "name"} | {"template"}


def own(file: tree.File) -> Counter[Place]:
    """The nodes of netspec's tree, by the names of their classes."""
    text = file.span.source.text
    at = [0, *accumulate(len(letter.encode()) for letter in text)]
    return Counter((kind, at[span.start], at[span.end]) for kind, span in _own(file.items))


def _own(node: Any) -> Iterator[tuple[str, Any]]:
    match node:
        case tuple():
            for part in node:
                yield from _own(part)
        case tree.Name():
            return
        case tree.Stage(labels, flow):
            yield "stage", node.span
            yield from (("label", label.span) for label in labels)
            yield from _own(_written(flow))
        case tree.Shared(label, flow) | tree.Output(label, flow):
            yield _kind(type(node)), node.span
            yield from [("label", label.span)] if label else []
            yield from _own(flow)
        case tree.Member(value):
            yield "member", node.span
            yield from _own(value)
        case tree.Label(parts):
            yield "template", node.span
            yield from _own(parts)
        case tree.Tree():
            yield _kind(type(node)), node.span
            yield from _own(tuple(value for _, value in node.said()))


def _written(flow: tree.Flow) -> tree.Tree:
    """A flow, or the loop that `x = repeat 3 { ... }` is short for."""
    match flow:
        case tree.Flow((tree.Group(tree.Body((tree.For() | tree.Repeat() as loop,))),)) if loop.span == flow.span:
            return loop
    return flow


def theirs(root: Node) -> Counter[Place]:
    """The nodes of tree-sitter's tree that netspec's has, too."""
    return Counter((kind, node.start_byte, node.end_byte) for kind, node in _theirs(root))


def _theirs(node: Node, field: str | None = None) -> Iterator[tuple[str, Node]]:
    kind = "setting" if node.type == "draw" else node.type
    if node.is_named and kind in KINDS and field != "shape":
        yield kind, node
    if kind == "label":
        return
    for index, child in enumerate(node.children):
        inner = node.field_name_for_child(index)
        if (kind, inner) not in _WORDS:
            yield from _theirs(child, inner)


_WORDS = {("member", "label"), ("input", "type")}
"""Fields whose nodes are words in netspec's tree; the shape of an input is the sizes themselves."""


def mistakes(node: Node) -> Iterator[str]:
    """What tree-sitter could not read, or has put in."""
    if node.is_error or node.is_missing:
        yield f"{node.start_point.row + 1}: {node.type} {(node.text or b'')[:60]!r}"
    for child in node.children:
        if child.has_error:
            yield from mistakes(child)
