"""Every layer of the language, one declaration each, and the registry that finds them by name.

The modules here do not import `annotations` from `__future__`: pydantic would evaluate every annotation from its text,
which takes longer than checking a net.
"""

from netspec.layers import (
    activation,
    arithmetic,
    attention,
    boxes,
    comparison,
    linear,
    normalization,
    parameter,
    recurrent,
    reduction,
    regularization,
    sources,
)
from netspec.layers.declaration.base import REGISTRY, Layer, layer
from netspec.layers.layout import cutting, joining, padding, rearrange, shape
from netspec.layers.spatial import convolution, local, pooling, resampling

__all__ = [
    "REGISTRY",
    "Layer",
    "activation",
    "arithmetic",
    "attention",
    "boxes",
    "comparison",
    "convolution",
    "cutting",
    "joining",
    "layer",
    "linear",
    "local",
    "normalization",
    "padding",
    "parameter",
    "pooling",
    "rearrange",
    "recurrent",
    "reduction",
    "regularization",
    "resampling",
    "shape",
    "sources",
]
