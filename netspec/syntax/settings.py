"""The words that a line of a train section begins with: part of the language, as its keywords are.

How the value of each is read stands with training, in `netspec.train.section.settings`.
"""

from __future__ import annotations

SETTINGS = (
    "data",
    "augment",
    "loss",
    "optimizer",
    "schedule",
    "epochs",
    "batch",
    "metrics",
    "seed",
    "init",
    "freeze",
    "groups",
    "clip",
    "accumulate",
    "ema",
    "stop",
    "keep",
    "callbacks",
    "sweep",
)
