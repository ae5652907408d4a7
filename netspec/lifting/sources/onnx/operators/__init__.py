"""ONNX's operators by what torch computes: a file for each kind of them, which fills the table."""

from __future__ import annotations

from netspec.lifting.sources.onnx.operators import along, axes, elements, sampling, weighted
from netspec.lifting.sources.onnx.operators.table import OPERATORS

__all__ = ["OPERATORS", "along", "axes", "elements", "sampling", "weighted"]
