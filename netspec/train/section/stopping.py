"""Early stopping: when a training that has more epochs to go ends all the same."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING

from pydantic import Field

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.layers.base import Positive
from netspec.syntax.source import Span
from netspec.train.parts import AtLeastZero, Part, Table

if TYPE_CHECKING:
    from netspec.train.engine.rows import Row

FALLING = frozenset({"loss", "mse", "mae"})
"""The figures that are better when they are less."""


class Stopping(Part):
    """Base of the rules by which a training ends early. Each is a function of the epochs so far."""

    def best(self, rows: Sequence[Row]) -> int:
        """The index of the best epoch, -1 where there is none yet: its weights are those that are kept."""
        raise NotImplementedError

    def over(self, rows: Sequence[Row]) -> bool:
        """Whether training ends after these epochs."""
        raise NotImplementedError

    def check(self, span: Span, metrics: Sequence[str]) -> None:
        """Raises NetspecError (E0608) where the rule looks at a figure that a run does not have."""
        raise NotImplementedError


STOPPINGS: Table[Stopping] = Table("rule of stopping")


@STOPPINGS("patience")
class Patience(Stopping):
    """Training ends after so many epochs without a better figure on the test data, better by more than `delta`."""

    epochs: Positive
    metric: str = Field(default="loss", description="loss, or a metric of the run")
    delta: AtLeastZero = 0.0

    def check(self, span: Span, metrics: Sequence[str]) -> None:
        figures = ["loss", *metrics]
        if self.metric not in figures:
            message = f"patience looks at {self.metric}, which this run does not measure"
            raise NetspecError((Diagnostic("E0608", message, span, notes=(f"it measures {', '.join(figures)}",)),))

    def best(self, rows: Sequence[Row]) -> int:
        best = -1
        for index, row in enumerate(rows):
            if best < 0 or isnan(rows[best].test[self.metric]) or self._better(row, rows[best]):
                best = index
        return best

    def over(self, rows: Sequence[Row]) -> bool:
        return bool(rows) and len(rows) - 1 - self.best(rows) >= self.epochs

    def _better(self, row: Row, other: Row) -> bool:
        figure, than = row.test[self.metric], other.test[self.metric]
        return than - figure > self.delta if self.metric in FALLING else figure - than > self.delta
