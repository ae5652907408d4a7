"""Early stopping: when a training that has more epochs to go ends all the same."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from math import isnan
from typing import TYPE_CHECKING

from pydantic import Field

from netspec.layers.declaration.base import Positive
from netspec.syntax.source import Span
from netspec.train.parts import AtLeastZero, Part, Table
from netspec.train.section.parts.keeping import require_figure

if TYPE_CHECKING:
    from netspec.train.engine.rows import Row


class Stopping(Part):
    """Base of the rules by which a training ends early. Each is a function of the epochs so far.

    `falling` are the figures of the run that are better when they are less.
    """

    def best(self, rows: Sequence[Row], falling: AbstractSet[str]) -> int:
        """The index of the best epoch, -1 where there is none yet: its weights are those that are kept."""
        raise NotImplementedError

    def over(self, rows: Sequence[Row], falling: AbstractSet[str]) -> bool:
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
        require_figure("patience", self.metric, metrics, span)

    def best(self, rows: Sequence[Row], falling: AbstractSet[str]) -> int:
        sign, best = -1 if self.metric in falling else 1, -1
        for index, row in enumerate(rows):
            gain = sign * (row.test[self.metric] - rows[best].test[self.metric])
            if best < 0 or isnan(rows[best].test[self.metric]) or gain > self.delta:
                best = index
        return best

    def over(self, rows: Sequence[Row], falling: AbstractSet[str]) -> bool:
        return bool(rows) and len(rows) - 1 - self.best(rows, falling) >= self.epochs
