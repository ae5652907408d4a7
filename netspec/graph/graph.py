"""The graph: what a net is once every block is unrolled and every value has its shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from netspec.shapes.requirements import Requirement
from netspec.shapes.sets import Set
from netspec.shapes.shape import Shape, sets_of
from netspec.shapes.sizes import Dimension
from netspec.syntax.source import Span

if TYPE_CHECKING:
    from pathlib import Path

    import networkx as nx

    from netspec.graph.blueprint import Blueprint
    from netspec.layers.declaration.base import Layer

ScopeKind: TypeAlias = Literal[
    # These have a name in the state dict:
    "net",
    "block",
    "container",
    # These are transparent, their stages belong to the scope around:
    "group",
    "repeat",
    "for",
    "iteration",
    "residual",
    "highway",
    "concat",
    "add",
    "mul",
    "dense",
    # The bodies of a wiring:
    "body",
    "branch",
    "shortcut",
    "gate",
    "carry",
]
MODULES = frozenset({"net", "block", "container"})


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One tensor of the graph.

    `node` is the index of the node that makes it, None for an input of the net; `name` is the spec's name for it
    (the label, the input's name) or the dotted name of its node. Values are compared by identity.
    """

    name: str
    shape: Shape
    node: int | None
    index: int = 0
    span: Span | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One layer at work.

    `name` is unique in the graph; `key` is the path of its module in the state dict, which several nodes have in
    common where a `shared` module is applied more than once. `key` is given to stateless layers too. An
    `unused` node is in the module and does not run, as no output needs it.
    """

    index: int
    name: str
    key: str
    layer: Layer
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    scope: int
    span: Span
    when_training: bool = False
    first_use: bool = True
    unused: bool = False

    @property
    def output(self) -> Value:
        return self.outputs[0]

    @property
    def label(self) -> str:
        """The last part of the key: the attribute of the module around it."""
        return self.key.rpartition(".")[2]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the inputs."""
        return tuple(value.shape for value in self.inputs)

    @property
    def times(self) -> Dimension:
        """How often it is at work on a sample at most: once for each member of the set that its inputs are of."""
        each = self.layer.members(*self.shapes)
        return 1 if each is None else each.most


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A stretch of the spec that belongs together: a block instance, a labelled container, a wiring, a repeat.

    Scopes form a tree; `items` are node indices and child scopes (as `ScopeRef`) in the order of the text.
    `inputs[0]` is the value that entered; `outputs` are its results. `key` is the module path for the kinds in
    MODULES, and the path of the module around for the others. `count` is the number of rounds of a repeat or for.
    `counted` is true where unlabelled stages are numbered as `nn.Sequential` numbers them.
    """

    index: int
    kind: ScopeKind
    name: str
    key: str
    title: str
    arguments: tuple[tuple[str, Any], ...]
    parent: int | None
    items: tuple[int | ScopeRef, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    span: Span
    definition: Span | None = None
    count: int | None = None
    counted: bool = False
    first_use: bool = True

    @property
    def output(self) -> Value:
        return self.outputs[0]

    @property
    def is_module(self) -> bool:
        return self.kind in MODULES

    @property
    def label(self) -> str:
        return self.key.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class ScopeRef:
    """A child scope among a scope's items."""

    index: int


@dataclass(frozen=True, slots=True)
class Output:
    """One output of the net; `name` is None where the spec names none."""

    name: str | None
    value: Value
    when_training: bool = False


@dataclass(frozen=True, slots=True)
class Fit:
    """A requirement on open sizes and the place that makes it."""

    requirement: Requirement
    span: Span


@dataclass(frozen=True, slots=True)
class Budget:
    """What a net asserts of itself: `macs(layer3) < 600M`.

    `stage` is the dotted name of what is counted, "" for the whole net; `batch` is for memory alone. `limit_span` is
    where the limit stands, `unit` what it was written in.
    """

    figure: str
    stage: str
    batch: int
    operator: str
    limit: int | float
    unit: str
    span: Span
    stage_span: Span
    limit_span: Span


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A net that fits: every value has its shape.

    Nodes are in topological order, which is the order of the text after unrolling. `scopes[0]` is the net.
    `graph["layer3.0.conv2"]` is a node, `graph["layer3"]` a scope; both have `.output`.
    """

    name: str
    arguments: tuple[tuple[str, Any], ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Output, ...]
    nodes: tuple[Node, ...]
    scopes: tuple[Scope, ...]
    fits: tuple[Fit, ...] = ()
    documentation: str = field(default="", repr=False)
    origin: Callable[[Graph], Blueprint | None] | None = field(default=None, repr=False)
    budgets: tuple[Budget, ...] = ()

    def __getitem__(self, name: str) -> Node | Scope:
        try:
            return self._by_name[name]
        except KeyError:
            from netspec.spelling import nearest

            near = nearest(name, self._by_name)
            raise KeyError(
                f"{self.name} has no stage {name!r}" + (f"; did you mean {near!r}?" if near else "")
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __str__(self) -> str:
        """The summary's table."""
        from netspec.analysis.summary import text

        return text(self).rstrip("\n")

    def __repr__(self) -> str:
        inputs = ", ".join(f"{value.name} {value.shape}" for value in self.inputs)
        outputs = ", ".join(str(output.value.shape) for output in self.outputs)
        return f"<Graph {self.name}: {inputs} -> {outputs}, {len(self.nodes):,} stages, {self.parameters:,} parameters>"

    @cached_property
    def _by_name(self) -> dict[str, Node | Scope]:
        names: dict[str, Node | Scope] = {scope.name: scope for scope in self.scopes if scope.is_module and scope.name}
        names.update((node.name, node) for node in self.nodes)
        return names

    @cached_property
    def blueprint(self) -> Blueprint | None:
        """The net for all arguments, as a compiler needs it; None for a graph that was read from a file."""
        return self.origin(self) if self.origin is not None else None

    @cached_property
    def sets(self) -> tuple[Set, ...]:
        """The sets that values are of, in the order in which they are made."""
        return sets_of(value.shape for values in (self.inputs, *(n.outputs for n in self.nodes)) for value in values)

    @cached_property
    def parameters(self) -> int:
        """Trainable weights; each shared module once. Buffers are not counted."""
        from netspec.analysis.counts import parameters

        return parameters(self)

    @cached_property
    def macs(self) -> Dimension:
        """Multiply-accumulates of one sample in eval mode: convolutions, linear layers, matrix products, attention."""
        from netspec.analysis.counts import macs

        return macs(self)

    @cached_property
    def requirements(self) -> tuple[str, ...]:
        """What the open sizes must satisfy, in words: `H must be a multiple of 32, at least 32`."""
        from netspec.shapes.requirements import describe

        return describe([fit.requirement for fit in self.fits]) if self.fits else ()

    def networkx(self) -> nx.MultiDiGraph[str]:
        """The graph as networkx sees it: nodes and inputs by name, an edge a tensor with its shape."""
        from netspec.graph.views import networkx_view

        return networkx_view(self)

    def json(self) -> str:
        """The graph as JSON text; `netspec.graph.json_form.SCHEMA` describes it."""
        from netspec.graph.json_form import dump

        return dump(self)

    def render(
        self,
        out: str | Path | None = None,
        *,
        format: str = "",  # noqa: A002
        style: str = "graph",
        depth: int | None = None,
        unfold: bool = False,
        focus: str = "",
        theme: str = "",
        timeout: float = 20,
        width: str = "",
        max_height: str = "",
        font_size: float | None = None,
        columns: int = 0,
        dpi: float | None = None,
        standalone: bool = False,
        legend: bool = True,
        direction: str = "down",
    ) -> str | bytes:
        """A picture of the net: `graph.render("resnet.svg")`, or `graph.render(format="svg")` for its text.

        `format` is svg, pdf, eps, png, html, dot, mmd, tex or json; where none is given, what the ending of `out` says.
        `style` is graph, table or volumes. Blocks deeper than `depth` are folded, and repeated ones into one unless
        `unfold`; `focus` draws the inside of one block. A layout that takes longer than `timeout` seconds is stopped,
        and a folded one drawn. With a `width` (`8.4cm`, `3.25in`, column, page, slide) the picture is made for that, no
        higher than `max_height`, with no letters below `font_size` points; `dpi` is of a png. A tex is to be input in
        a paper, or a document where it is `standalone`. `theme` is light, dark or a .toml of one's own; without
        `legend`, nothing below says what colours and lines mean. The flow of the graph style goes `down` or `right`.
        Raises NetspecError for what there is not, and where the file cannot be written.
        """
        from netspec.diagram.drawing.paper import paper_of
        from netspec.diagram.render import Request, form_of
        from netspec.diagram.render import render as draw

        form = format or (form_of(out) if out is not None else "svg")
        paper = paper_of(width, max_height, font_size, columns)
        request = Request(
            self, style, depth, unfold, focus, theme, timeout, paper, dpi, standalone, legend, direction=direction
        )
        picture = draw(request, form)
        if out is not None:
            from netspec.files import write_bytes

            write_bytes(out, picture.data)
        return picture.content

    def _repr_svg_(self) -> str:
        return str(self.render())

    def _repr_html_(self) -> str:
        from netspec.diagram.page.notebook import graph_html

        return graph_html(self)

    def emit(self) -> str:
        """PyTorch source of the net; needs only torch to run."""
        return self._source

    @cached_property
    def _source(self) -> str:
        from netspec.codegen import emit

        return emit(self)

    def compile(self, device: str | None = None) -> Any:
        """The net as a live `nn.Module` on `device`, built by running the source that `emit` writes."""
        from netspec.codegen import compile_graph

        return compile_graph(self, device=device)
