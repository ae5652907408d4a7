"""The values of masks: the class that each stands for, by what the files hold, and those that do not count."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.train.data.base import IGNORED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VOIDS = (255, 65535)
"""The values of pixels that do not count: the largest of 8 bits, or of 16."""
OUTSIDE = -(2**31)
"""What stands in a mask where its picture has been given a border."""


@dataclass(frozen=True, slots=True)
class MaskValues:
    """`codes` are the values of the classes in their order, `voids` those of pixels that do not count."""

    codes: tuple[int, ...]
    voids: tuple[int, ...] = ()

    @classmethod
    def counted(cls, classes: int) -> MaskValues:
        """Values that are classes from 0, so many of them; 255 and 65535 are void where they are no class."""
        return cls(tuple(range(classes)), tuple(void for void in VOIDS if void >= classes))

    @classmethod
    def of(cls, values: AbstractSet[int], classes: int | None = None) -> MaskValues:
        """What the values of some masks stand for: all that occur, of `classes` classes where that is said.

        Masks of 0 and of white (255, or 65535) alone hold classes 0 and 1, and so do other masks of two values where
        nothing is said. Beside other values white is void.
        """
        white = next((void for void in VOIDS if void in values and values <= {0, void}), None)
        if white is not None and classes in (None, 1, 2):
            return cls((0, white))
        if classes is not None:
            return cls.counted(classes)
        most = max(values - {VOIDS[1]}, default=0)
        plain = values - {VOIDS[1]} - ({VOIDS[0]} if most <= VOIDS[0] else set())
        if len(plain) <= 2 and plain == values:
            return cls(tuple(sorted(plain | {0} if len(plain) == 1 else plain)))
        return cls.counted(max(plain, default=0) + 1)

    def __len__(self) -> int:
        """How many classes there are."""
        return len(self.codes)

    def classes(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """The class of each value; IGNORED where it does not count, and -1 where it stands for nothing."""
        import numpy as np

        codes = np.array(self.codes, np.int64)
        place = np.searchsorted(codes, values).clip(max=len(codes) - 1)
        y: NDArray[np.int64] = np.where(codes[place] == values, place, -1).astype(np.int64)
        y[np.isin(values, (*self.voids, OUTSIDE))] = IGNORED
        return y
