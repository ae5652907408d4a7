"""A folded picture of a graph: which boxes there are, what each stands for, and what flows between them.

Boxes form a tree: a block instance or a labelled container holds the boxes of its stages where it is open, and is one
box where it is folded. Wirings have no box: they are edges with a role and the join where these meet. What a figure
would merge is merged: `conv -> batchnorm -> relu` is one box. Alike rounds that follow each other are one box, or one
frame around a round's boxes, with the number of times. Every node of the graph is in exactly one box without children.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph, Node, Scope
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension
from netspec.syntax.source import Source, Span

if TYPE_CHECKING:
    from netspec.diagram.folding import Builder

Kind: TypeAlias = Literal["net", "block", "container", "rounds", "layer", "join", "input", "output"]
Role: TypeAlias = Literal["flow", "skip", "dense", "gate", "carry", "size", "auxiliary"]

PAGE = 44
"""The boxes that a readable page has at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """One box of the picture.

    `id` is the same at every depth; `name` is the spec's full name (`layer3.0.conv2`), `label` what a figure shows of
    it. `title` is the main line, `before` and `after` the merged lighter layers around it. `nodes` are the indices of
    all nodes that it stands for, those of every round where `times` is above 1. `inputs` are the shapes that enter (the
    first round), `outputs` those that leave (the last). `children` are there where it is open.
    """

    id: str
    kind: Kind
    name: str
    label: str
    title: str
    signature: str
    family: str
    nodes: tuple[int, ...] = ()
    inputs: tuple[Shape, ...] = ()
    outputs: tuple[Shape, ...] = ()
    parameters: int = 0
    macs: Dimension = 0
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    times: int = 1
    children: tuple[Box, ...] = ()
    scope: int | None = None
    span: Span | None = None
    definition: Span | None = None
    shared: bool = False
    when_training: bool = False

    def walk(self) -> Iterator[Box]:
        """This box and all inside it, from the outside in."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def is_leaf(self) -> bool:
        return not self.children


@dataclass(frozen=True, slots=True)
class Edge:
    """A value on its way from one leaf box to another.

    `shapes` are its shapes in every round, where boxes stand for several; `output` is which of the net's or block's
    results it is for edges into an output box, 0 otherwise.
    """

    source: str
    target: str
    shapes: tuple[Shape, ...]
    role: Role
    value: str

    @property
    def shape(self) -> Shape:
        return self.shapes[-1]


@dataclass(frozen=True, slots=True)
class Carry:
    """A value that a round of `frame` hands on to the next one; `source` is the leaf box inside that makes it."""

    source: str
    value: str
    frame: str
    shape: Shape


@dataclass(frozen=True, eq=False)
class View:
    """The picture. `boxes` are the outermost ones, inputs first and outputs last; `carries` are the values that go from
    round to round; `deepest` is the first depth at which everything is open.
    """

    graph: Graph
    title: str
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    carries: tuple[Carry, ...]
    depth: int
    deepest: int
    focus: str = ""
    unfold: bool = False

    def walk(self) -> Iterator[Box]:
        """Every box, from the outside in, in the order of the text."""
        for box in self.boxes:
            yield from box.walk()

    def leaves(self) -> Iterator[Box]:
        return (box for box in self.walk() if box.is_leaf)

    @cached_property
    def by_id(self) -> dict[str, Box]:
        return {box.id: box for box in self.walk()}


def view(graph: Graph, depth: int | None = None, *, unfold: bool = False, focus: str = "") -> View:
    """The picture of a graph, or with `focus` of the inside of one of its blocks, blocks deeper than `depth` folded.

    Without a depth, the greatest that fits a page; with `unfold`, nothing is folded and the depth is all there is
    unless given. Raises NetspecError (E0801) where there is no block of the name `focus`.
    """
    from netspec.diagram.folding import Builder

    scope = _focused(graph, focus) if focus else graph.scopes[0]
    builder = Builder(graph, scope, unfold=unfold)
    if depth is None:
        depth = builder.deepest if unfold else _fitting(builder)
    return builder.build(depth)


def _fitting(builder: Builder) -> int:
    """The greatest depth with no more boxes than fit a page; 1 where none has."""
    for depth in range(builder.deepest, 1, -1):
        if sum(box.kind != "join" for box in builder.build(depth).leaves()) <= PAGE:
            return depth
    return min(1, builder.deepest)


def _focused(graph: Graph, focus: str) -> Scope:
    from difflib import get_close_matches

    found: Node | Scope | None = None
    if focus in graph:
        found = graph[focus]
    if isinstance(found, Scope):
        return found
    here = Span(Source("--focus", focus), 0, len(focus))
    blocks = [scope.name for scope in graph.scopes if scope.is_module and scope.name]
    if isinstance(found, Node):
        message = f"{focus} is a single layer: there is no inside to draw"
        around = graph.scopes[found.scope].name
        help = f"--focus {around} draws the block around it" if around else ""
    else:
        message = f"{graph.name} has no block {focus}"
        near = get_close_matches(focus, blocks, n=1, cutoff=0.4)
        listed = ", ".join(blocks[:6]) + (", ..." if len(blocks) > 6 else "")
        help = f"did you mean {near[0]}?" if near else f"its blocks are {listed}" if blocks else "it has no blocks"
    raise NetspecError((Diagnostic("E0801", message, here, help=help),))
