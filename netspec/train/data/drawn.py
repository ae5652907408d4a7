"""Samples with numbers beside them that are drawn: for each sample the same ones, whenever and by whomever it is met.

In training a batch gets others every time, in their place (`Trainer`); to test with they stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.train.data.base import Dims, Drawing, Sample, Source, Split, Stream, kind_of
from netspec.train.data.files import DataError
from netspec.train.randomness import DRAW, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netspec.train.section.draws import Distribution


class Column(NamedTuple):
    """What is drawn for an input: numbers of a distribution, as many as its shape has."""

    distribution: Distribution
    shape: Dims

    def of(self, count: int, seed: int) -> NDArray[Any]:
        """The numbers of so many samples (count, *shape), as a function of the seed."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        return self.distribution.sample((count, *self.shape), generator).numpy()


def with_columns(split: Split, columns: Sequence[Column], seed: int, number: int) -> Split:
    """The part of that number of the data with the columns after its own inputs; raises DataError for pairs."""
    source = split.source
    if isinstance(source, Drawing):
        raise DataError("pairs are put together anew for every epoch, and nothing can be drawn beside them")
    if isinstance(source, Source):
        source = DrawnSource(source, len(split.inputs), columns, seed, number)
    elif isinstance(source, Stream):
        source = DrawnStream(source, len(split.inputs), columns, seed, number)
    held = len(split) if source is None else 0
    drawn = (
        column.of(held, stream(seed, DRAW, number, place)) if held else kind_of(column.shape, "float32")
        for place, column in enumerate(columns)
    )
    return replace(split, more=(*split.more, *drawn), source=source)


@dataclass(frozen=True, slots=True, eq=False)
class DrawnSource(Source):
    """The samples of another source, of so many `inputs`, with what is drawn beside them."""

    source: Source
    inputs: int
    columns: Sequence[Column]
    seed: int
    number: int

    def __len__(self) -> int:
        return len(self.source)

    def labels(self) -> NDArray[Any] | None:
        return self.source.labels()

    def __getitem__(self, index: int) -> Sample:
        return self._beside(self.source[index], index)

    def drawn(self, index: int, seed: int) -> Sample:
        return self._beside(self.source.drawn(index, seed), index)

    def _beside(self, sample: Sample, index: int) -> Sample:
        drawn = _row(self.columns, self.seed, self.number, index)
        return (*sample[: self.inputs], *drawn, *sample[self.inputs :])


@dataclass(frozen=True, slots=True, eq=False)
class DrawnStream(Stream):
    """The samples of another stream, of so many `inputs`, with what is drawn beside them as they come."""

    source: Stream
    inputs: int
    columns: Sequence[Column]
    seed: int
    number: int

    def __len__(self) -> int:
        return len(self.source)

    def samples(self, seed: int | None) -> Iterator[Sample]:
        for index, sample in enumerate(self.source.samples(seed)):
            drawn = _row(self.columns, self.seed, self.number, index)
            yield (*sample[: self.inputs], *drawn, *sample[self.inputs :])


def _row(columns: Sequence[Column], seed: int, number: int, index: int) -> Sample:
    """What is drawn for the sample of that index."""
    return tuple(column.of(1, stream(seed, DRAW, number, place, index))[0] for place, column in enumerate(columns))
