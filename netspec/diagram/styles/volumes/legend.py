"""What the colours and the sizes of a picture of feature maps mean."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagram.drawing.items import Item
from netspec.diagram.styles.graph import Look
from netspec.diagram.styles.legend import COLOURS, Entry, rows, stroke, swatch
from netspec.diagram.styles.volumes.labels import LEADING, SMALL
from netspec.diagram.styles.volumes.row import columns_of
from netspec.diagram.styles.volumes.solids import role_of
from netspec.diagram.view.feature_maps import FeatureMaps


def legend(maps: FeatureMaps, wide: float) -> list[Item]:
    """What the colours and the sizes mean."""
    return rows(_entries(maps), wide, SMALL, LEADING + 3)


def _entries(maps: FeatureMaps) -> Iterator[Entry]:
    families = dict.fromkeys(role_of(one.family) for one in maps.maps)
    copied = any(part.family == "skip" for one in maps.maps for part in one.slices)
    for role, name in COLOURS.items():
        if role in families:
            yield swatch(role), "input, or copied" if copied and role == "input" else name
    if _skips(maps):
        yield stroke(Look("accent", 0.8)), "skip connection"
    for words in _scales(maps):
        yield None, words


def _scales(maps: FeatureMaps) -> Iterator[str]:
    """What the sizes of the solids say, for each kind of solid that is drawn."""
    sequences = [one.shape.rank == 2 and one.family in _SEQUENTIAL for one in maps.maps]
    ranks = {one.shape.rank for one, is_sequence in zip(maps.maps, sequences, strict=True) if not is_sequence}
    if max(ranks, default=0) > 3:
        yield "sides: √resolution; channels are written"
    elif ranks & {2, 3}:
        yield "thickness: √channels, sides: √resolution"
    if any(sequences):
        yield "thickness: √length, height: √features"
    if 1 in ranks:
        yield "strips: √features"


def _skips(maps: FeatureMaps) -> bool:
    columns = columns_of(maps)
    return any(
        columns[link.target] > columns[link.source] + 1 for link in maps.links if not maps.maps[link.source].is_source
    )


_SEQUENTIAL = frozenset({"recurrent", "attention", "linear"})
"""Families whose layers take the length of a sequence before its features."""
