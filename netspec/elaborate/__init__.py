"""Tree to graph: names, expressions, blocks, loops and wiring, with every shape inferred on the way."""

from netspec.elaborate.files import Module, Project, project_root, source_in, source_of
from netspec.elaborate.nets import elaborate

__all__ = ["Module", "Project", "elaborate", "project_root", "source_in", "source_of"]
