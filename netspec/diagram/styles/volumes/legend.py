"""What the colours and the sizes of a picture of feature maps mean."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagram.drawing.items import Item, Path, Rect, Text, line, moved
from netspec.diagram.drawing.text import width
from netspec.diagram.styles.volumes.labels import LEADING, SMALL
from netspec.diagram.styles.volumes.row import columns_of
from netspec.diagram.styles.volumes.solids import role_of
from netspec.diagram.view.feature_maps import FeatureMaps


def legend(shown: FeatureMaps, wide: float) -> list[Item]:
    """What the colours and the sizes mean."""
    families = dict.fromkeys(role_of(one.family) for one in shown.maps)
    names = dict(_NAMES)
    if any(part.family == "skip" for one in shown.maps for part in one.slices):
        names["input"] = "input, or copied"
    items: list[Item] = []
    x, y = 0.0, SMALL

    def entry(mark: Item | None, text: str) -> None:
        nonlocal x, y
        long = (10 if mark else 0) + width(text, SMALL)
        if x and x + long > wide:
            x, y = 0.0, y + LEADING + 3
        items.extend([moved(mark, x, y)] if mark else [])
        items.append(Text(x + long - width(text, SMALL), y, text, SMALL, fill="muted"))
        x += long + 10

    for role, name in names.items():
        if role in families:
            entry(Rect(0, -5.5, 7, 6.5, fill=role, stroke=f"{role}:line", stroke_width=0.5), name)
    if _skips(shown):
        entry(Path(line((0, -2.2), (8, -2.2)), "accent", 0.8), "skip connection")
    for words in _scales(shown):
        entry(None, words)
    return items


def _scales(shown: FeatureMaps) -> Iterator[str]:
    """What the sizes of the solids say, for each kind of solid that is drawn."""
    sequences = [one.shape.rank == 2 and one.family in _SEQUENTIAL for one in shown.maps]
    ranks = {one.shape.rank for one, is_sequence in zip(shown.maps, sequences, strict=True) if not is_sequence}
    if max(ranks, default=0) > 3:
        yield "sides: √resolution; channels are written"
    elif ranks & {2, 3}:
        yield "thickness: √channels, sides: √resolution"
    if any(sequences):
        yield "thickness: √length, height: √features"
    if 1 in ranks:
        yield "strips: √features"


def _skips(shown: FeatureMaps) -> bool:
    columns = columns_of(shown)
    return any(
        columns[link.target] > columns[link.source] + 1 for link in shown.links if not shown.maps[link.source].is_source
    )


_SEQUENTIAL = frozenset({"recurrent", "attention", "linear"})
"""Families whose layers take the length of a sequence before its features."""
_NAMES = {
    "input": "input",
    "convolution": "convolution",
    "pooling": "pooling",
    "resampling": "resampling",
    "normalization": "normalization",
    "activation": "activation",
    "linear": "linear",
    "recurrent": "recurrent",
    "attention": "attention",
    "neutral": "other",
}
