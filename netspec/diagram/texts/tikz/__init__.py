"""TikZ of the graph style, to be edited: nodes that stand below and beside each other, edges from node to node."""

from netspec.diagram.texts.tikz.picture import write

__all__ = ["write"]
