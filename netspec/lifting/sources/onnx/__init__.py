"""ONNX: a file to a checked graph, to a live module, which lifts as any other, and the proof against a runtime."""

from __future__ import annotations

from netspec.lifting.sources.onnx.load import Import, load

__all__ = ["Import", "load"]
