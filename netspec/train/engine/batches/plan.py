"""How an epoch is divided into batches, and a batch into parts."""

from __future__ import annotations

from itertools import pairwise


def batches(count: int, size: int, parts: int = 1) -> list[tuple[int, int]]:
    """Where the batches of an epoch begin and end. A last batch of fewer than two samples a part joins the one before.

    One sample has no variance, so batch normalisation could not train on it.
    """
    starts = list(range(0, count, size))
    if len(starts) > 1 and count - starts[-1] < 2 * parts:
        starts.pop()
    return list(zip(starts, [*starts[1:], count], strict=True))


def shares(start: int, stop: int, parts: int) -> list[tuple[int, int]]:
    """Where the parts of a batch begin and end, whose sizes differ by one at most."""
    edges = [start + (stop - start) * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))
