"""Graph to PyTorch source, and source to a live module."""

from netspec.codegen.emit import emit
from netspec.codegen.loader import compile_graph

__all__ = ["compile_graph", "emit"]
