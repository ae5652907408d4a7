"""Tree to graph: names, expressions, blocks, loops and wiring, with every shape inferred on the way."""

from netspec.elaborate.graphs import elaborate
from netspec.elaborate.project.files import Module, Project, project_root, source_in, source_of

__all__ = ["Module", "Project", "elaborate", "project_root", "source_in", "source_of"]
