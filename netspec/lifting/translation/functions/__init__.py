"""Functions of torch to calls of layers: a table, and a file for each kind of them, which fills it."""

from __future__ import annotations

from netspec.lifting.translation.functions import along, axes, elements, products, sampling, weighted
from netspec.lifting.translation.functions.table import FUNCTIONS

__all__ = ["FUNCTIONS", "along", "axes", "elements", "products", "sampling", "weighted"]
