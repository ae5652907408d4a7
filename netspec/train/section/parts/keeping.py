"""Whose weights are kept: of the best epochs, or of every so many, beside those that a run ends with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from math import isnan
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.layers.declaration.base import Positive
from netspec.syntax.source import Span
from netspec.train.parts import Part, Table

if TYPE_CHECKING:
    from netspec.train.engine.rows import Row


class Keeping(Part):
    """Base of the rules by which weights are kept. Each is a function of the epochs so far.

    `falling` are the figures of the run that are better when they are less. Epochs are told by their index.
    """

    chooses: ClassVar[bool] = False
    """Whether the run ends with the weights of the first of its epochs, in place of the last."""

    def kept(self, rows: Sequence[Row], falling: AbstractSet[str]) -> list[int]:
        """The epochs whose weights are kept after these, the best first."""
        raise NotImplementedError

    def copies(self, rows: Sequence[Row], falling: AbstractSet[str]) -> list[int]:
        """Those of which a file of their own is kept."""
        return self.kept(rows, falling)

    def check(self, span: Span, metrics: Sequence[str]) -> None:
        """Raises NetspecError (E0608) where the rule looks at a figure that a run does not have."""


KEEPINGS: Table[Keeping] = Table("rule of keeping weights")


@KEEPINGS("best", "save_best", "save_best_only", "save_top_k")
class Best(Keeping):
    """The run ends with the weights of its best epoch; with a `count`, those of so many are kept in files as well."""

    chooses: ClassVar[bool] = True

    count: Positive = 1
    metric: str = Field(default="loss", description="loss, or a metric of the run")

    def kept(self, rows: Sequence[Row], falling: AbstractSet[str]) -> list[int]:
        sign = 1 if self.metric in falling else -1
        figures = [row.test[self.metric] for row in rows]
        ranks = sorted(range(len(rows)), key=lambda index: (isnan(figures[index]), sign * figures[index], index))
        return ranks[: self.count]

    def copies(self, rows: Sequence[Row], falling: AbstractSet[str]) -> list[int]:
        return self.kept(rows, falling) if self.count > 1 else []

    def check(self, span: Span, metrics: Sequence[str]) -> None:
        require_figure("keep", self.metric, metrics, span)


@KEEPINGS("every", "save_every")
class Every(Keeping):
    """The weights of every so many epochs are kept in files."""

    epochs: Positive

    def kept(self, rows: Sequence[Row], falling: AbstractSet[str]) -> list[int]:
        return [index for index, row in enumerate(rows) if row.epoch % self.epochs == 0]


def require_figure(rule: str, metric: str, metrics: Iterable[str], span: Span) -> None:
    """Raises NetspecError (E0608) where a rule looks at a figure that a run does not measure."""
    figures = ["loss", *metrics]
    if metric not in figures:
        message = f"{rule} looks at {metric}, which this run does not measure"
        raise NetspecError((Diagnostic("E0608", message, span, notes=(f"it measures {', '.join(figures)}",)),))
