"""The interactive page: one HTML file that holds a net's diagram, its figures and its spec, and needs nothing else.

The text of a spec is a stranger's. All of it goes into the page as JSON in a block that is no script, with every `<`
escaped; the script makes text of it and never markup; and the page's policy lets nothing run, load or be styled but
the one script and the one style whose hashes it names.
"""

from __future__ import annotations

import json
import re
import sys
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, Literal

from netspec.diagnostics import printable
from netspec.diagram.drawing.theme import DARK, LIGHT, Theme
from netspec.diagram.layout.dot_layout import Graphviz
from netspec.diagram.page.facts import facts
from netspec.diagram.page.pictures import is_openable, pictures
from netspec.diagram.view.boxes import Box, View
from netspec.diagram.view.captions.words import count_words
from netspec.diagram.view.view import view
from netspec.graph.graph import Graph
from netspec.marks import signed

_ASSETS = Path(__file__).with_name("assets")
_SCRIPTS = (
    *("canvas/model", "canvas/arrangement", "canvas/picture", "canvas/camera"),
    *("panels/details", "panels/source", "panels/search"),
    *("canvas/stage", "canvas/opening", "canvas/selection", "canvas/tracing", "canvas/saving"),
    *("panels/panels", "panels/heat", "panels/controls", "panels/start"),
)
"""The parts of the page's script, in the order in which they build on each other."""

_OVERVIEW = range(7, 45)
"""How many boxes the page begins with, where some depth has as many: enough to see a structure, and no more."""

_CHROME: Mapping[str, Mapping[str, str]] = {
    "light": {
        "chosen": "#1f6feb",
        "from": "#1f6feb",
        "into": "#c2410c",
        "keyword": "#7a3fc4",
        "call": "#0a53b0",
        "string": "#116329",
        "number": "#953800",
    },
    "dark": {
        "chosen": "#6cb0ff",
        "from": "#6cb0ff",
        "into": "#ffa657",
        "keyword": "#cfa9ff",
        "call": "#82c2ff",
        "string": "#7ee787",
        "number": "#ffb77c",
    },
}
"""The colours of the page around the diagram, beyond those of the theme."""


def page(
    graph: Graph,
    depth: int | None = None,
    *,
    unfold: bool = False,
    focus: str = "",
    theme: Literal["auto", "light", "dark"] = "auto",
    own: Theme | None = None,
    graphviz: Graphviz | None = None,
) -> str:
    """The page of a graph, or with `focus` of one of its blocks. The same graph gives the same bytes.

    Blocks are open down to `depth` when it is opened, the overview if None. The theme is the reader's if `auto`;
    an `own` one stands for the one that it is made from.
    Raises NetspecError (E0801) where there is no block of the name `focus`, LayoutTimeoutError where the time of
    `graphviz` is over.
    """
    if graphviz is None:
        with Graphviz() as started:
            return page(graph, depth, unfold=unfold, focus=focus, theme=theme, own=own, graphviz=started)
    graphviz.start()
    whole = view(graph, sys.maxsize, unfold=unfold, focus=focus)
    told = facts(whole)
    data = {**told, "pictures": pictures(whole, graphviz), "open": _open(whole, depth)}
    return _filled(whole, _visible(data), theme, own)


def _open(whole: View, depth: int | None) -> list[int]:
    """The boxes that are open when the page is."""
    levels = _levels(whole)
    depth = _overview(whole, levels) if depth is None else depth
    return [place for place, box in enumerate(whole.walk()) if is_openable(box) and levels[box.id] < depth]


def _overview(whole: View, levels: Mapping[str, int]) -> int:
    """The least depth that shows something of the net's structure; 1 where the next one would show too much."""
    for depth in range(1, whole.deepest + 1):
        shown = sum(levels[box.id] <= depth and (levels[box.id] == depth or box.is_leaf) for box in whole.walk())
        if shown in _OVERVIEW:
            return depth
        if shown >= _OVERVIEW.stop:
            return max(1, depth - 1)
    return whole.deepest


def _levels(whole: View) -> dict[str, int]:
    """How deep each box is, from 1 for the outermost; rounds are no level."""
    levels: dict[str, int] = {}

    def descend(boxes: tuple[Box, ...], level: int) -> None:
        for box in boxes:
            levels[box.id] = level
            descend(box.children, level if box.kind == "rounds" else level + 1)

    descend(whole.boxes, 1)
    return levels


def _filled(whole: View, data: Any, theme: str, own: Theme | None) -> str:
    graph = whole.graph
    script, style = _script(), _style(own)
    name = printable(graph.name)
    values = {
        "theme": "" if theme == "auto" else f' data-theme="{theme}"',
        "policy": _policy(script, style),
        "title": escape(f"{whole.title} · netspec"),
        "name": escape(whole.title),
        "label": escape(f"{name}, {len(graph.nodes)} layers, {count_words(graph.parameters)} parameters"),
        "style": style,
        "script": script,
        "data": _embedded(data),
    }
    return signed(re.sub(r"\{(\w+)\}", lambda found: values[found[1]], _asset("page.html")), "<!-- {} -->")


def _policy(script: str, style: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _embedded(data: Any) -> str:
    """JSON that can stand in a `script` element: nothing in it can end the element or open a comment."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _visible(value: Any) -> Any:
    """The data with its texts made printable, line by line."""
    match value:
        case str():
            return value if value.isprintable() else "\n".join(map(printable, value.split("\n")))
        case dict():
            return {key: _visible(each) for key, each in value.items()}
        case list() | tuple():
            return [_visible(each) for each in value]
        case _:
            return value


@cache
def _script() -> str:
    parts = "\n".join(_asset(f"{part}.js") for part in _SCRIPTS)
    return f'\n(() => {{\n"use strict";\n{parts}}})();\n'


def _style(own: Theme | None) -> str:
    light, dark = (_variables(own if own is not None and own.name == theme.name else theme) for theme in (LIGHT, DARK))
    return (
        f"\n:root {{ {light} }}\n"
        f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {dark} }} }}\n'
        f':root[data-theme="dark"] {{ {dark} }}\n' + _asset("page.css")
    )


def _variables(theme: Theme) -> str:
    """The theme's paints and the page's own as CSS variables."""
    paints = {role.replace(":", "-"): theme.paint(role) for role in theme.roles}
    named = "; ".join(f"--{name}: {colour}" for name, colour in {**paints, **_CHROME[theme.name]}.items())
    return f"color-scheme: {theme.name}; {named}"


@cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
