"""Shapes of pictures as PyTorch and Keras have them: with the batch, or with the channels last."""

from __future__ import annotations

from collections.abc import Sequence

CHANNELS = (1, 3)
ALPHA = 4
"""The channels of pictures; four with transparency, where they come last."""
SMALLEST_BATCHED, SMALLEST = 16, 8
"""The least size that is taken for one of a picture: beside a batch or of two that differ, and of a square."""
BATCHES = frozenset({"n", "b", "bs", "batch", "batch_size", "batchsize"})
"""What a size is called that is the batch."""


def has_channels_last(sizes: Sequence[float | str | None]) -> bool:
    """`[224, 224, 3]`. Sizes that stay open are texts, or None where they are not known."""
    if len(sizes) != 3 or sizes[-1] not in (*CHANNELS, ALPHA):
        return False
    height, width = sizes[:-1]
    if not isinstance(height, int | float) or not isinstance(width, int | float):
        return False
    return min(height, width) >= (SMALLEST if height == width else SMALLEST_BATCHED)


def has_batch(sizes: Sequence[float | str | None]) -> bool:
    """`[32, 3, 224, 224]`, `[N, 3, H, W]`."""
    if len(sizes) > 1 and str(sizes[0]).lower() in BATCHES:
        return True
    if len(sizes) != 4 or sizes[1] not in CHANNELS:
        return False
    return all(side is None or isinstance(side, str) or side >= SMALLEST_BATCHED for side in sizes[2:])
