"""Data sets by name. Each is one class: its arguments, what is known of it unloaded, and how it is loaded."""

from __future__ import annotations

from netspec.train.data import arrays, hub, mnist1d, pairs, published, python_data, tables, tokens
from netspec.train.data.base import DATA, IGNORED, Data, DataSet, Dims, Sample, Source, Split, Stream, outline
from netspec.train.data.objects import coco, shapes, voc, yolo
from netspec.train.data.vision import images

__all__ = [
    "DATA",
    "IGNORED",
    "Data",
    "DataSet",
    "Dims",
    "Sample",
    "Source",
    "Split",
    "Stream",
    "outline",
]

FAMILIES = (mnist1d, arrays, published, images, shapes, coco, voc, yolo, tables, tokens, hub, python_data, pairs)
"""The modules whose data sets are registered."""
