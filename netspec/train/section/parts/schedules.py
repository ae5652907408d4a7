"""Schedules by name: the learning rate as a function of how far training is, and of the figures on the way.

A schedule gives the factor on the optimizer's `lr` at time `t`, in epochs (2.5 is the middle of the third). At whole
epochs the factors are those of torch's schedulers stepped once an epoch; a test compares them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from math import cos, floor, inf, pi
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from netspec.layers.declaration.base import NonNegative, Positive
from netspec.syntax.source import Span
from netspec.train.parts import AboveZero, AtLeastZero, Fraction, Part, Table
from netspec.train.section.parts.keeping import require_figure

if TYPE_CHECKING:
    from netspec.train.engine.rows import Row


class Schedule(Part):
    """Base of all schedules. `warmup` epochs of linear rise come first; what follows has the epochs that are left."""

    warmup: AtLeastZero = Field(default=0.0, description="epochs of linear rise from 0 before the schedule proper")

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        """The schedule's own arguments first."""
        return (*(name for name in cls.model_fields if name != "warmup"), "warmup")

    def factor(self, t: float, epochs: float, step: float = 0.0) -> float:
        """The factor on the learning rate from time `t` to `t + step`, of a training of `epochs` epochs."""
        if t < self.warmup:
            return min(1.0, (t + step) / self.warmup)
        return self.shape(t - self.warmup, max(epochs - self.warmup, step))

    def shape(self, t: float, epochs: float) -> float:
        """The factor at time `t` after the warm-up, of `epochs` that follow it."""
        raise NotImplementedError

    def reduction(self, rows: Sequence[Row], falling: AbstractSet[str]) -> float:
        """The factor that comes of the epochs so far; `falling` are the figures that are better when they are less."""
        return 1.0

    def check(self, span: Span, metrics: Sequence[str]) -> None:
        """Raises NetspecError (E0608) where the schedule looks at a figure that a run does not have."""


SCHEDULES: Table[Schedule] = Table("schedule")


@SCHEDULES("constant")
class Constant(Schedule):
    """The optimizer's learning rate throughout."""

    def shape(self, t: float, epochs: float) -> float:
        return 1.0


@SCHEDULES("linear")
class Linear(Schedule):
    """A straight line from `start_factor` to `end_factor`."""

    start_factor: AtLeastZero = 1.0
    end_factor: AtLeastZero = 0.0

    def shape(self, t: float, epochs: float) -> float:
        return self.start_factor + (self.end_factor - self.start_factor) * min(1.0, t / epochs)


@SCHEDULES("cosine")
class Cosine(Schedule):
    """Half a cosine from 1 to `end_factor` (Loshchilov & Hutter, SGDR, 2017, without restarts)."""

    end_factor: AtLeastZero = 0.0

    def shape(self, t: float, epochs: float) -> float:
        return _cosine(min(1.0, t / epochs), self.end_factor)


@SCHEDULES("cosine_restarts")
class CosineRestarts(Schedule):
    """A cosine that starts anew every `period` epochs, each period `growth` times the one before (SGDR, 2017)."""

    period: Positive = 10
    growth: Positive = 1
    end_factor: AtLeastZero = 0.0

    def shape(self, t: float, epochs: float) -> float:
        period = float(self.period)
        t = t % period if self.growth == 1 else t
        while t >= period:
            t -= period
            period *= self.growth
        return _cosine(t / period, self.end_factor)


@SCHEDULES("step")
class Step(Schedule):
    """`gamma` times less every `size` epochs."""

    size: Positive
    gamma: AboveZero = 0.1

    def shape(self, t: float, epochs: float) -> float:
        return self.gamma ** floor(t / self.size)


@SCHEDULES("multistep")
class MultiStep(Schedule):
    """`gamma` times less at each of the epochs `milestones`."""

    milestones: tuple[AtLeastZero, ...]
    gamma: AboveZero = 0.1

    def shape(self, t: float, epochs: float) -> float:
        return self.gamma ** bisect_right(sorted(self.milestones), t)


@SCHEDULES("exponential")
class Exponential(Schedule):
    """`gamma` times less each epoch."""

    gamma: AboveZero = 0.95

    def shape(self, t: float, epochs: float) -> float:
        return self.gamma ** floor(t)


@SCHEDULES("polynomial")
class Polynomial(Schedule):
    """(1 - t / epochs) ** power."""

    power: AboveZero = 1.0

    def shape(self, t: float, epochs: float) -> float:
        return float(max(0.0, 1.0 - t / epochs) ** self.power)


@SCHEDULES("one_cycle")
class OneCycle(Schedule):
    """Half a cosine up from 1 / `div_factor`, over the share `pct_start`, then one down to that / `final_div_factor`.

    Smith & Topin, "Super-convergence", 2018; the optimizer's `lr` is the peak. Momentum stays as it is.
    """

    pct_start: Fraction = 0.3
    div_factor: AboveZero = 25.0
    final_div_factor: AboveZero = 10000.0

    def shape(self, t: float, epochs: float) -> float:
        start, share = 1 / self.div_factor, min(1.0, t / epochs)
        if share < self.pct_start:
            return start + (1 - start) * (1 - cos(pi * share / self.pct_start)) / 2
        return _cosine((share - self.pct_start) / (1 - self.pct_start), start / self.final_div_factor)


@SCHEDULES("cyclic")
class Cyclic(Schedule):
    """Up from `low` to 1 and down again, a triangle every `period` epochs (Smith 2017)."""

    low: AtLeastZero = 0.1
    period: AboveZero = 10.0

    @model_validator(mode="after")
    def _low_is_low(self) -> Cyclic:
        if self.low > 1:
            raise ValueError("low is a factor on the optimizer's lr and at most 1")
        return self

    def shape(self, t: float, epochs: float) -> float:
        return self.low + (1 - self.low) * (1 - abs(1 - 2 * (t / self.period % 1)))


@SCHEDULES("plateau", "reduce_on_plateau", "reducelronplateau")
class Plateau(Schedule):
    """`gamma` times less after more than `patience` epochs without a better figure, better by a share of `threshold`.

    What torch's ReduceLROnPlateau does with mode and threshold_mode "rel". The figure is of the data that epochs are
    looked at with; after a reduction `cooldown` epochs do not count.
    """

    gamma: AboveZero = 0.1
    patience: NonNegative = 10
    metric: str = Field(default="loss", description="loss, or a metric of the run")
    threshold: AtLeastZero = 1e-4
    cooldown: NonNegative = 0

    def shape(self, t: float, epochs: float) -> float:
        return 1.0

    def reduction(self, rows: Sequence[Row], falling: AbstractSet[str]) -> float:
        sign = 1 if self.metric in falling else -1
        best, bad, cooling, factor = inf, 0, 0, 1.0
        for row in rows:
            figure = sign * row.test[self.metric]
            if best == inf or figure < best - self.threshold * abs(best):
                best, bad = figure, 0
            else:
                bad += 1
            cooling, bad = (cooling - 1, 0) if cooling else (0, bad)
            if bad > self.patience:
                factor, cooling, bad = factor * self.gamma, self.cooldown, 0
        return factor

    def check(self, span: Span, metrics: Sequence[str]) -> None:
        require_figure("plateau", self.metric, metrics, span)


def _cosine(share: float, end: float) -> float:
    """From 1 at share 0 to `end` at share 1."""
    return end + (1 - end) * (1 + cos(pi * share)) / 2
