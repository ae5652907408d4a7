"""Writes the gallery: docs/gallery.md and a picture of every network of examples/ in docs/gallery/.

Run by `make gallery`; a test checks that what lies there is current.
"""

from __future__ import annotations

import re
from pathlib import Path

import netspec
from netspec.diagram.view.captions.words import count_words
from netspec.graph.graph import Graph

DOCS = Path(__file__).resolve().parent
EXAMPLES = DOCS.parent / "examples"
PATIENCE = 120
"""Seconds for a layout: a busy machine is to draw what a fast one does."""

HEAD = """# Gallery

The networks of [examples](../examples), each as `netspec render FILE -o OUT.svg` draws it: folded to fit a page,
with the inside of its blocks beside it. Made by `make gallery`; [diagrams](diagrams.md) says what the pictures mean.
"""


def names() -> list[str]:
    """The examples, in the order of the page."""
    return sorted(path.stem for path in EXAMPLES.glob("*.net"))


def picture(name: str) -> str:
    """The SVG of an example."""
    return str(graph_of(name).render(format="svg", timeout=PATIENCE))


def page() -> str:
    """The gallery as Markdown."""
    return "\n".join([HEAD, *map(entry, names())])


def entry(name: str) -> str:
    """An example's part of the page: what it is, how large, and the picture."""
    graph = graph_of(name)
    figures = f"{count_words(graph.parameters)} parameters, {count_words(graph.macs)} MACs"
    return (
        f"## {name}\n\n{about(name)}\n\n{graph.name}: {figures}. [Spec](../examples/{name}.net)\n\n"
        f"![The layers of {graph.name}](gallery/{name}.svg)\n"
    )


def about(name: str) -> str:
    """The first paragraph of an example's comment, without the command that may end it."""
    first = (EXAMPLES / f"{name}.net").read_text(encoding="utf-8").split("\n#\n")[0]
    text = " ".join(line.lstrip("#").strip() for line in first.splitlines() if line.startswith("#"))
    return f"{re.split(r'[:.;]? netspec [a-z]+ ', text)[0].rstrip('.:')}."


def graph_of(name: str) -> Graph:
    return netspec.load(EXAMPLES / f"{name}.net").graph()


def main() -> None:
    """Writes the page and the pictures, and removes those of examples that are gone."""
    folder = DOCS / "gallery"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.svg"):
        if old.stem not in names():
            old.unlink()
    for name in names():
        (folder / f"{name}.svg").write_text(picture(name), encoding="utf-8", newline="\n")
    (DOCS / "gallery.md").write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
