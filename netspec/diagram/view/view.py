"""The way into the room: a graph as boxes and edges, folded to a depth or to what fits a page."""

from __future__ import annotations

from difflib import get_close_matches

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.diagram.view.boxes import View
from netspec.diagram.view.folding import Builder
from netspec.diagram.view.remarks import annotated
from netspec.graph.graph import Graph, Node, Scope
from netspec.syntax.source import Source, Span

PAGE = 44
"""The boxes that a readable page has at most."""


def view(graph: Graph, depth: int | None = None, *, unfold: bool = False, focus: str = "") -> View:
    """The picture of a graph, or with `focus` of the inside of one of its blocks, blocks deeper than `depth` folded.

    Without a depth, the greatest that fits a page; with `unfold`, nothing is folded and the depth is all there is
    unless given. Raises NetspecError (E0801) where there is no block of the name `focus`.
    """
    scope = _focused(graph, focus) if focus else graph.scopes[0]
    builder = Builder(graph, scope, unfold=unfold)
    if depth is None:
        depth = builder.deepest if unfold else _fitting(builder)
    return builder.build(depth)


def figure(graph: Graph, depth: int | None = None, *, unfold: bool = False, focus: str = "") -> View:
    """The same view with what the spec's comments say of pictures: captions, what is hidden, groups.

    Raises NetspecError (E0806) for a comment that says nothing that is known.
    """
    return annotated(view(graph, depth, unfold=unfold, focus=focus))


def _fitting(builder: Builder) -> int:
    """The greatest depth with no more boxes than fit a page; 1 where none has."""
    for depth in range(builder.deepest, 1, -1):
        if sum(box.kind != "join" for box in builder.build(depth).leaves()) <= PAGE:
            return depth
    return min(1, builder.deepest)


def _focused(graph: Graph, focus: str) -> Scope:
    target: Node | Scope | None = None
    if focus in graph:
        target = graph[focus]
    if isinstance(target, Scope):
        return target
    here = Span(Source("--focus", focus), 0, len(focus))
    blocks = [scope.name for scope in graph.scopes if scope.is_module and scope.name]
    if isinstance(target, Node):
        message = f"{focus} is a single layer: there is no inside to draw"
        around = graph.scopes[target.scope].name
        help = f"--focus {around} draws the block around it" if around else ""
    else:
        message = f"{graph.name} has no block {focus}"
        near = get_close_matches(focus, blocks, n=1, cutoff=0.4)
        listed = ", ".join(blocks[:6]) + (", ..." if len(blocks) > 6 else "")
        help = f"did you mean {near[0]}?" if near else f"its blocks are {listed}" if blocks else "it has no blocks"
    raise NetspecError((Diagnostic("E0801", message, here, help=help),))
