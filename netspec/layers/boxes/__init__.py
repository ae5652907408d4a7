"""Boxes: where detectors put them, how they are read off a head's numbers, and how they become those numbers."""

from netspec.layers.boxes import anchors, cells, coding, masks, regions, suppression

__all__ = ["anchors", "cells", "coding", "masks", "regions", "suppression"]
