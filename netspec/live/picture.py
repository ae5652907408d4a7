"""What a spec looks like now: its page, or what is wrong with it; and which stage stands on which line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netspec.diagnostics import NetspecError, render
from netspec.graph.graph import Graph, Node, Scope
from netspec.spec import Spec


@dataclass(frozen=True, slots=True)
class Picture:
    """One moment of a file. `page` is the interactive page, "" where the net does not fit; `wrong` says why."""

    page: str
    wrong: str
    graph: Graph | None = None

    def stage_at(self, line: int) -> str | None:
        """The name of the innermost stage on a line, from 1; None where none stands there."""
        if self.graph is None:
            return None
        source = self.graph.scopes[0].span.source
        stages: list[Node | Scope] = [*self.graph.nodes, *(s for s in self.graph.scopes[1:] if s.is_module)]
        around = [
            stage
            for stage in stages
            if stage.span.source is source and stage.span.line <= line <= source.position(stage.span.end)[0]
        ]
        return min(around, key=lambda stage: stage.span.end - stage.span.start).name if around else None

    def line_of(self, name: str) -> int | None:
        """The line of the stage of that name; None where it stands in another file, or there is none."""
        if self.graph is None or name not in self.graph:
            return None
        span = self.graph[name].span
        return span.line if span.source is self.graph.scopes[0].span.source else None


def picture(
    read: Callable[[], Spec],
    net: str | None = None,
    inputs: Mapping[str, Sequence[int | str]] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Picture:
    """The picture of a net of the spec that `read` gives; what is wrong with either is in it."""
    from netspec.diagram.render import Request
    from netspec.diagram.render import render as draw

    try:
        graph = read().graph(net, inputs=inputs, **(arguments or {}))
        return Picture(str(draw(Request(graph), "html").content), "", graph)
    except NetspecError as error:
        return Picture("", "\n\n".join(map(render, error.diagnostics)))
