"""A view as DOT text, for Graphviz and what reads its language: blocks as clusters, shapes on the edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.diagram.drawing.text import visible
from netspec.diagram.drawing.theme import LIGHT, Theme
from netspec.diagram.layout import box_text
from netspec.diagram.styles.graph import edge_look, fill_role
from netspec.diagram.view.boxes import Box, Edge, View
from netspec.diagram.view.captions.words import shape_words
from netspec.marks import signed

if TYPE_CHECKING:
    from graphviz import Digraph


def write(view: View, theme: Theme = LIGHT, *, right: bool = False) -> str:
    """The DOT text of a view, its flow down or to the `right`.

    All text is escaped; the same view gives the same bytes.
    """
    from graphviz import Digraph

    font = {"fontname": "Helvetica", "fontsize": "9", "fontcolor": theme.paint("ink")}
    graph = Digraph(
        name=_quoted(view.title),
        graph_attr={
            **font,
            "label": "",
            "bgcolor": theme.paint("paper"),
            "nodesep": "0.2",
            "ranksep": "0.3",
            **({"rankdir": "LR"} if right else {}),
        },
        node_attr={**font, "shape": "box", "style": "filled,rounded", "margin": "0.1,0.05", "height": "0.2"},
        edge_attr={**font, "fontsize": "7", "arrowsize": "0.6"},
    )
    for box in view.boxes:
        _add(graph, box, theme)
    for edge in view.edges:
        _connect(graph, edge, theme)
    return signed(str(graph.source), "// {}")


def _add(graph: Digraph, box: Box, theme: Theme) -> None:
    if not box.children:
        role = fill_role(box)
        shape = "circle" if box_text.is_round(box) else "box"
        label = _lines(box_text.words(box))
        size = {"width": "0.25", "fixedsize": "true", "style": "filled"} if shape == "circle" else {}
        graph.node(
            box.id,
            label=label,
            tooltip=_lines([box.name, box.signature]),
            shape=shape,
            fillcolor=theme.paint(role),
            color=theme.paint(f"{role}:line" if role != "paper" else "ink"),
            **({} if (letters := theme.paint(f"{role}:ink")) == theme.paint("ink") else {"fontcolor": letters}),
            **size,
        )
        return
    with graph.subgraph(name=f"cluster_{box.id}") as frame:
        title = "  ".join(box_text.words(box))
        frame.attr(
            label=_lines([title]),
            tooltip=_lines([box.name, box.signature]),
            labeljust="l",
            style="filled,rounded",
            color=theme.paint("rule"),
            fillcolor=theme.paint("frame"),
        )
        for child in box.children:
            _add(frame, child, theme)


def _connect(graph: Digraph, edge: Edge, theme: Theme) -> None:
    look = edge_look(edge.role)
    graph.edge(
        edge.source,
        edge.target,
        label=_lines([shape_words(edge.shapes)]),
        tooltip=_lines([edge.value]),
        color=theme.paint(look.colour),
        style="dashed" if look.dash else "solid",
        weight="8" if edge.role == "flow" else "1",
    )


def _lines(lines: list[str]) -> str:
    """Lines as a DOT label, in which nothing is markup or an escape."""
    from graphviz import nohtml

    return str(nohtml(r"\n".join(visible(line).replace("\\", r"\\") for line in lines if line)))


def _quoted(text: str) -> str:
    return visible(text).replace("\\", "/")
