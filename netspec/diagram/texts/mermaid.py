"""A view as a Mermaid flowchart, for Markdown on GitHub, GitLab and wikis: blocks as subgraphs, shapes on the edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netspec.diagram.drawing.text import visible
from netspec.diagram.drawing.theme import LIGHT, Theme
from netspec.diagram.layout import box_text
from netspec.diagram.styles.graph import fill_role
from netspec.diagram.view.boxes import Box, Role, View
from netspec.diagram.view.captions.words import shape_words
from netspec.marks import signed

_ARROWS: dict[Role, str] = {
    "flow": "-->",
    "skip": "==>",
    "dense": "==>",
    "carry": "==>",
    "gate": "-.->",
    "size": "-.->",
    "auxiliary": "-.->",
}
"""What goes around is thick; what does not always flow is dotted."""


def write(view: View, theme: Theme = LIGHT, *, right: bool = False) -> str:
    """The Mermaid text of a view, its flow down or to the `right`.

    All text is escaped; the same view gives the same bytes.
    """
    lines = [
        "---",
        "config:",
        "  theme: base",
        "---",
        f"flowchart {'LR' if right else 'TD'}",
        *(f"  {line}" for box in view.boxes for line in _box(box)),
        *(
            f'  {edge.source} {_ARROWS[edge.role]}|"{_escaped(shape_words(edge.shapes))}"| {edge.target}'
            for edge in view.edges
        ),
        *(f"  {line}" for line in _classes(view, theme)),
    ]
    return signed("\n".join(lines) + "\n", "%% {}")


def _box(box: Box) -> Iterator[str]:
    if box.children:
        title = "  ".join(box_text.words(box))
        yield f'subgraph {box.id}["{_escaped(title or " ")}"]'
        for child in box.children:
            yield from (f"  {line}" for line in _box(child))
        yield "end"
        return
    opening, closing = "[", "]"
    if box_text.is_round(box):
        opening, closing = "((", "))"
    elif box.kind in ("input", "output", "join"):
        opening, closing = "([", "])"
    label = "<br/>".join(map(_escaped, box_text.words(box)))
    yield f'{box.id}{opening}"{label}"{closing}'


def _classes(view: View, theme: Theme) -> Iterable[str]:
    """A class a colour, and the boxes that have it."""
    members: dict[str, list[str]] = {}
    for box in view.walk():
        members.setdefault("frame" if box.children else fill_role(box), []).append(box.id)
    for role, ids in members.items():
        line = theme.paint("rule" if role in ("frame", "paper") else f"{role}:line")
        letters = theme.paint(f"{role}:ink")
        yield f"classDef {role} fill:{theme.paint(role)},stroke:{line},color:{letters}"
        yield f"class {','.join(ids)} {role}"


def _escaped(text: str) -> str:
    """The text with all that Mermaid or HTML would read as markup as character codes.

    Mermaid's lexer takes `direction LR` for a statement, even between quotes.
    """
    coded = "".join(f"#{ord(character)};" if character in _MARKUP else character for character in visible(text))
    return coded.replace("direction", "#100;irection")


_MARKUP = frozenset('"#&<>`\\;|{}[]()*_~%')
