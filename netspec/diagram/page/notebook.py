"""What a notebook shows: a graph as its diagram, a spec as its text in colour."""

from __future__ import annotations

from html import escape

from netspec.diagnostics import printable
from netspec.diagram.page.highlight import highlighted
from netspec.graph.graph import Graph
from netspec.syntax.source import Source

_COLOURS = {
    "keyword": "#7a3fc4",
    "call": "#0a53b0",
    "label": "#16191d; font-weight: 600",
    "number": "#953800",
    "string": "#116329",
    "comment": "#5f6b76; font-style: italic",
    "operator": "#5f6b76",
}


def graph_html(graph: Graph) -> str:
    """The diagram, no wider than the notebook."""
    svg = str(graph.render(format="svg"))
    picture = svg[svg.index("<svg ") :].replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)
    return f"<div>{picture}</div>"


def spec_html(source: Source) -> str:
    """The text of a spec in colour; none of it is markup."""
    lines = ("".join(_piece(kind, text) for kind, text in line) for line in highlighted(source))
    body = "\n".join(lines)
    return (
        '<pre style="color: #16191d; background: #f6f8fa; padding: 0.8em 1em; border-radius: 6px; overflow: auto">'
        f"{body}</pre>"
    )


def _piece(kind: str, text: str) -> str:
    text_html = escape(printable(text))
    return f'<span style="color: {_COLOURS[kind]}">{text_html}</span>' if kind in _COLOURS else text_html
