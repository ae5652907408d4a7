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
from typing import Literal, TypeAlias

from netspec.graph.graph import Graph
from netspec.layers.declaration.base import FigureWeight, Layer
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension
from netspec.syntax.source import Span

Kind: TypeAlias = Literal["net", "block", "container", "rounds", "layer", "join", "input", "output"]
Role: TypeAlias = Literal["flow", "skip", "dense", "gate", "carry", "size", "auxiliary"]


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """One box of the picture.

    `id` is the same at every depth; `name` is the spec's full name (`layer3.0.conv2`), `label` what a figure shows of
    it. `title` is the main line, `before` and `after` the merged lighter layers around it. `nodes` are the indices of
    all nodes that it stands for, those of every round where `times` is above 1; a block stands for so many `copies`
    with the rounds around it. `inputs` are the shapes that enter (the first round), `outputs` those that leave (the
    last). `children` are there where it is open. `layer` is the type of the layer that names it.

    It is `shared` where its weights are those of a box before it or the same in every round, `partly_shared` where
    some of those in it are. `terms` is how many values a join takes where fewer arrows lead to it: one arrow stands
    for a value of every round.
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
    copies: int = 1
    children: tuple[Box, ...] = ()
    scope: int | None = None
    span: Span | None = None
    definition: Span | None = None
    shared: bool = False
    partly_shared: bool = False
    when_training: bool = False
    layer: type[Layer] | None = None
    terms: int = 0

    def walk(self) -> Iterator[Box]:
        """This box and all inside it, from the outside in."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def is_leaf(self) -> bool:
        return not self.children

    @property
    def is_source(self) -> bool:
        """Whether it is a layer that takes nothing: a learned tensor that comes in from the side."""
        return self.layer is not None and self.is_leaf and not self.inputs

    @property
    def weight(self) -> FigureWeight:
        """What its layer is to a figure."""
        return self.layer.figure_weight if self.layer is not None else "own"

    @property
    def rearranges(self) -> bool:
        """Whether its layer makes nothing new: it moves, picks, repeats or joins."""
        return self.layer is not None and self.layer.rearranges


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
