"""Losses by name, and sums of them over the outputs of a net."""

from __future__ import annotations

from netspec.train.losses import distances, masks, plain
from netspec.train.losses.base import (
    LOSSES,
    Form,
    Itself,
    Loss,
    PlannedTerm,
    SetLoss,
    Sums,
    Target,
    Term,
    Weighing,
    prepared,
)
from netspec.train.losses.plain import CrossEntropy

__all__ = [
    "LOSSES",
    "CrossEntropy",
    "Form",
    "Itself",
    "Loss",
    "PlannedTerm",
    "SetLoss",
    "Sums",
    "Target",
    "Term",
    "Weighing",
    "prepared",
]

FAMILIES = (plain, masks, distances)
"""The modules whose losses are registered."""
