"""The learning-rate range test: a short training whose rate grows from step to step, and what its loss says.

Source: Smith, "Cyclical learning rates for training neural networks", WACV 2017 (arXiv:1506.01186, 2015), section 3.3;
with a rate that grows by the same factor each step, as is usual since Howard & Gugger, "fastai", 2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.train.runs.figures.curves import INK, save

if TYPE_CHECKING:
    from netspec.spec import Spec
    from netspec.train.engine.loop import Trainer
    from netspec.train.plan.job import Prepared
    from netspec.train.section.parts.optimizers import Optimizer
    from netspec.train.setup import Setup

LOW, HIGH, STEPS = 1e-6, 10.0, 150
MEMORY = 0.9
"""While the test goes on, the loss is a moving average, of which this share is what it was before."""
REACH = 8
"""Afterwards it is averaged over so many steps to both sides, the nearest weighing most, which moves nothing."""
FALLEN = 0.95
"""The bottom of the curve begins where so much of its fall is done; beyond, noise says where it is lowest."""
TOO_HIGH = 4.0
"""The test ends where the smoothed loss is so many times the lowest one."""
FEWEST = 10
"""It does not end before so many steps, and says nothing of fewer."""
COLOUR, MARK = "#0072b2", "#d55e00"


@dataclass(frozen=True, slots=True)
class RangeTest:
    """Rates and the loss at each; `smooth` is the loss averaged over its neighbours, of which the findings are.

    `steepest` is where the loss falls fastest, `bottom` where nearly all of its fall is done, `diverges` where it was
    so high that the test ended, None where it came to its last rate.
    """

    net: str
    optimizer: Optimizer
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smooth: tuple[float, ...]
    steepest: float
    bottom: float
    diverges: float | None

    @property
    def suggestion(self) -> float:
        """The rate to train with, in two digits: a tenth of the one at the bottom, which is soon too high for good."""
        return float(f"{self.bottom / 10:.1e}")


def find(
    spec: Spec,
    *,
    net: str | None = None,
    set: Mapping[str, Any] | None = None,  # noqa: A002
    input: Mapping[str, Sequence[int | str]] | None = None,
    data: str | Path | None = None,
    low: float = LOW,
    high: float = HIGH,
    steps: int = STEPS,
    setup: Setup | None = None,
) -> RangeTest:
    """Trains a net of a spec for `steps` steps with rates from `low` to `high`; nothing of that training is kept.

    The other arguments are those of `netspec.train.train`. Raises NetspecError: what that raises, and E0657 where the
    loss is not finite before anything could be learned of it.
    """
    from netspec.train.data.files import DataError
    from netspec.train.engine.devices import environment
    from netspec.train.plan.job import job_of, prepare
    from netspec.train.start import trainer_of

    job = job_of(spec, net=net, set=set, input=input, data=data, setup=setup)
    prepared = _plain(prepare(job, spec))
    if prepared.settings.steps:
        message = "this training has several steps, each with a rate of its own, and one rate is looked for"
        raise NetspecError((Diagnostic("E0608", message, prepared.settings.steps[0].span),))
    with environment(prepared.graph, prepared.settings.batch, job.setup) as accelerator:
        trainer = trainer_of(prepared, accelerator, [])
        rates = [low * (high / low) ** (step / (steps - 1)) for step in range(steps)]
        try:
            return read(rates, _losses(trainer, rates), prepared)
        except DataError as error:
            raise error.at(prepared.settings.span("data")) from None


def read(rates: Sequence[float], losses: Iterator[float], prepared: Prepared) -> RangeTest:
    """What the losses at growing rates say; takes no more of them than it needs. Raises NetspecError (E0657)."""
    met: list[float] = []
    mean, least, diverges = 0.0, inf, None
    for rate, loss in zip(rates, losses, strict=False):
        mean = MEMORY * mean + (1 - MEMORY) * loss
        corrected = mean / (1 - MEMORY ** (len(met) + 1))
        if not isfinite(loss) or (len(met) > FEWEST and corrected > TOO_HIGH * least):
            diverges = rate
            break
        met.append(loss)
        least = min(least, corrected)
    if len(met) < FEWEST:
        message = f"the loss is not finite at a learning rate of {rates[len(met)]:.2g}, after {len(met)} steps"
        where = prepared.settings.span("optimizer")
        raise NetspecError((Diagnostic("E0657", message, where, help="begin lower: --from 1e-9"),))
    smooth = smoothed(met)
    end = bottom(smooth)
    return RangeTest(
        prepared.graph.name,
        prepared.settings.optimizer,
        tuple(rates[: len(met)]),
        tuple(met),
        tuple(smooth),
        rates[steepest(smooth[: end + 1])],
        rates[end],
        diverges,
    )


def smoothed(values: Sequence[float]) -> list[float]:
    """Each value averaged over its neighbours, REACH to both sides, with weights that fall to both sides."""
    weights = {step: REACH + 1 - abs(step) for step in range(-REACH, REACH + 1)}

    def around(place: int) -> float:
        inside = [(values[place + step], weight) for step, weight in weights.items() if 0 <= place + step < len(values)]
        return sum(value * weight for value, weight in inside) / sum(weight for _, weight in inside)

    return [around(place) for place in range(len(values))]


def bottom(values: Sequence[float]) -> int:
    """The first place where values have come down by FALLEN of their fall from the start to the lowest."""
    start, lowest = values[0], min(values)
    return next(place for place, value in enumerate(values) if value <= start - FALLEN * (start - lowest))


def steepest(values: Sequence[float]) -> int:
    """Where values fall fastest: the middle of the window of a tenth of them with the most negative slope."""
    width = max(2, len(values) // 10)
    falls = [values[place + width] - values[place] for place in range(len(values) - width)]
    if not falls:
        return len(values) - 1
    return min(range(len(falls)), key=falls.__getitem__) + width // 2


def text(test: RangeTest) -> str:
    """What was found, in three lines."""
    end = f"it diverges from {test.diverges:.2g} on" if test.diverges else f"it was tried up to {test.rates[-1]:.2g}"
    suggested = test.optimizer.model_copy(update={"lr": test.suggestion})
    return (
        f"the loss of {test.net} falls fastest at a learning rate of {test.steepest:.2g} "
        f"and is at its bottom from {test.bottom:.2g} on; {end}\n"
        f"suggestion: optimizer {suggested.written()}"
    )


def draw(test: RangeTest, out: Path) -> None:
    """Draws loss against learning rate into the picture `out`; raises NetspecError (E0610)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(test.rates, test.losses, color=COLOUR, alpha=0.3, linewidth=1)
    axes.plot(test.rates, test.smooth, color=COLOUR, linewidth=2)
    axes.set_xscale("log")
    low, high = min(test.smooth), max(test.smooth[: len(test.smooth) // 2 + 1])
    axes.set_ylim(max(0.0, low - 0.15 * (high - low)), high + 0.6 * (high - low))
    place = min(range(len(test.rates)), key=lambda index: abs(test.rates[index] - test.suggestion))
    at = (test.rates[place], test.smooth[place])
    axes.plot(*at, "o", color=MARK, markersize=7)
    axes.annotate(f"lr={test.suggestion:g}", at, xytext=(9, 5), textcoords="offset points", color=MARK)
    axes.set_xlabel("learning rate", color=INK)
    axes.set_ylabel("loss", color=INK)
    axes.set_title(f"{test.net}, {test.optimizer.name}", fontsize=11, loc="left", color=INK)
    save(figure, out)


def _plain(prepared: Prepared) -> Prepared:
    """The training with nothing in it that would hide what the rate does: no schedule, no average of the weights."""
    from netspec.train.section.parts.schedules import Constant

    changes = {"schedule": Constant(), "accumulate": 1, "ema": None, "stop": None, "keep": ()}
    return prepared._replace(settings=prepared.settings.model_copy(update=changes))


def _losses(trainer: Trainer, rates: Sequence[float]) -> Iterator[float]:
    """The loss before each step, of steps with these rates; groups of parameters keep theirs in proportion."""
    update = trainer.updates[0]
    base = update.rates[-1] or 1.0
    shares = [rate / base for rate in update.rates]
    trainer.model.train()
    for module in trainer.resting:
        module.eval()
    epochs = -(-len(rates) // trainer.steps)
    places = ((epoch, step) for epoch in range(epochs) for step in range(trainer.steps))
    batches = (batch for epoch in range(epochs) for batch in _epoch(trainer, epoch))
    for rate, (epoch, step), batch in zip(rates, places, batches, strict=False):
        update.rates[:] = [rate * share for share in shares]
        yield float(trainer.criterion.value(trainer.step(epoch, step, [batch])))


def _epoch(trainer: Trainer, epoch: int) -> Iterator[Any]:
    seed = trainer.settings.seed
    order = trainer.train.order(seed, epoch)
    return trainer.train.batches([order[start:stop] for start, stop in trainer.bounds], seed=seed, epoch=epoch)
