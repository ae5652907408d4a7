"""Sets: so many values for a picture as there happen to be, regions or detections, with a bound on their number."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.shapes.sizes import Dimension


@dataclass(eq=False, slots=True)
class Set:
    """A set of each picture. Values that were made of one another are of one set, which is the same object.

    `most` is how many a picture can have at most. The name is that of the first value in it that has one, which is
    known only after the value is: it is the one thing that may change.
    """

    most: Dimension
    name: str = ""

    def __str__(self) -> str:
        return f"each {self.name or 'of a set'} (<= {self._most})"

    @property
    def limit(self) -> str:
        """`rois <= 1,000`."""
        return f"{self.name} <= {self._most}"

    @property
    def _most(self) -> str:
        return f"{self.most:,}" if isinstance(self.most, int) else str(self.most)
