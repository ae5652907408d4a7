"""Pairs: two samples of another data set, and whether they are of one class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import InstanceOf

from netspec.layers.declaration.base import Probability
from netspec.train.data.base import DATA, Data, DataSet, Dims, Drawing, Split
from netspec.train.data.files import DataError, Place

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = {"train": "training", "val": "validation", "test": "test"}
NAMES = ("different", "same")
"""What is said about a pair: class 1 is for two samples of one class."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairing(Drawing):
    """As many pairs as there are samples, each of which is the first of one. `labels` (n) are their classes.

    The share `same` of the pairs is of one class, rounded to a pair. The second sample is any other one of that class,
    or any one of the other classes, each as likely.
    """

    labels: NDArray[Any]
    same: float

    def __len__(self) -> int:
        return len(self.labels)

    def drawn(self, seed: int) -> tuple[Sequence[NDArray[Any]], NDArray[Any]]:
        """The indices of the first and of the second samples (n), and 1 where they are of one class (n), else 0.

        The samples stand in the order of their classes, so that each class is a stretch of `size` from `start` on: what
        is drawn is a place in that order, with a gap where the sample itself or its class stands.
        """
        import numpy as np
        import torch

        count = len(self)
        generator = torch.Generator().manual_seed(seed)
        shuffled = torch.randperm(count, generator=generator).numpy()
        chance = torch.rand(count, generator=generator, dtype=torch.float64).numpy()
        sizes = np.bincount(self.labels)
        size, start = sizes[self.labels], (np.cumsum(sizes) - sizes)[self.labels]
        in_order = np.argsort(self.labels, kind="stable")
        own = np.argsort(in_order)
        y = np.zeros(count, np.int64)
        y[shuffled[size[shuffled] > 1][: self.alike]] = 1
        same = start + (chance * (size - 1)).astype(np.int64)
        same += same >= own
        other = (chance * (count - size)).astype(np.int64)
        other += np.where(other >= start, size, 0)
        return (np.arange(count), in_order[np.where(y == 1, same, other)]), y

    @property
    def alike(self) -> int:
        """How many pairs are of one class."""
        return round(self.same * len(self.labels))

    def check(self, what: str) -> None:
        """Raises DataError where there are no such pairs."""
        import numpy as np

        sizes = np.bincount(self.labels)
        if self.alike < len(self) and (sizes > 0).sum() < 2:
            raise DataError(f"the {what} samples are all of one class, so no two of them differ")
        if (several := int(sizes[sizes > 1].sum())) < self.alike:
            raise DataError(
                f"{self.alike:,} of the {what} pairs are to be of one class, "
                f"and {several:,} samples have another one of their class",
                help="a smaller share: same=0.2",
            )


@DATA("pairs")
class Pairs(DataSet):
    """Pairs of the samples of another data set, and whether both are of one class: 1 where they are, else 0.

    Shape: twice that of its samples, for two inputs. Every sample is the first of one pair an epoch; of the share
    `same` of the pairs the second is another sample of its class, of the others one of another class. Pairs are a
    function of the seed and the epoch; those to test with are always the same ones, made of test samples.
    """

    of: InstanceOf[DataSet]
    same: Probability = 0.5

    def paths(self) -> list[str]:
        return self.of.paths()

    def load(self, place: Place) -> Data:
        return self._paired(self.of.load(place))

    def outline(self) -> Data | None:
        data = self.of.outline()
        return self._paired(data) if data is not None and _are_classified(data) else None

    def adapt(self, x: NDArray[Any], wanted: Dims) -> NDArray[Any] | None:
        return self.of.adapt(x, wanted)

    def mend(self, wanted: Dims | None) -> str:
        mended = self.of.mend(wanted).removeprefix("data ")
        return f"data {self.written().replace(self.of.written(), mended, 1)}" if mended else ""

    def _paired(self, data: Data) -> Data:
        if not _are_classified(data):
            message = f"pairs are made of single samples that have a class, and those of {self.of.name} are others"
            raise DataError(message)
        words = {id(split): WORDS[name] for name, split in data.splits.items()}
        paired = data.with_splits(lambda split: self._split(split, words[id(split)]))
        return replace(paired, classes=2, exact=True, names=NAMES)

    def _split(self, split: Split, what: str) -> Split:
        if split.source is not None:
            raise DataError(
                f"pairs are made of samples in memory, and those of {self.of.name} are read in the course of training",
                help="smaller pictures, size=64 say, or fewer of them are held in memory",
            )
        pairing = Pairing(split.y, self.same)
        if len(split):
            pairing.check(what)
        return Split(split.x, split.y[:0], source=pairing, more=(split.x,))


def _are_classified(data: Data) -> bool:
    """Whether the data are single samples with a class each."""
    return data.classes is not None and not data.target and len(data.shapes) == 1
