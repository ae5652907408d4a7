"""What an output of a net says: classes, a single yes or no, numbers; and which metrics judge it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netspec.train.batch import TARGET, Batch, Reference
from netspec.train.section.parts.metrics import Metric, Task

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class OutputHead:
    """How an output is read: `output` is its index among the graph's, `task` what is judged of it.

    `classes` is how many it tells apart, 0 where it gives numbers. With `logits` it is given before sigmoid or softmax
    (numbers, too: shares such as brightness), with a `margin` it is a distance. `labels` are how many yes or no a
    sample has, where it has several; `columns` how many numbers, those of a map's channels. `reference` is what is so
    about it.
    """

    output: int
    task: Task
    classes: int = 0
    logits: bool = True
    margin: float | None = None
    labels: int = 0
    columns: int = 1
    reference: Reference = TARGET

    def truth(self, batch: Batch, output: Tensor) -> Tensor:
        """What is so about a batch, of which the net says this."""
        return batch.reference(self.reference, output, classes=self.task == "multiclass")


@dataclass(frozen=True, slots=True)
class OutputMetric:
    """A metric at work on an output; `name` is what its figure is called."""

    name: str
    metric: Metric
    head: OutputHead


def positive_share(output: Tensor, *, logits: bool, margin: float | None) -> Tensor:
    """How far an output stands for class 1, from 0 to 1: of a logit the sigmoid, of a share itself.

    Of a distance d it is 2 ** (-2 d / margin): 1 where there is none, and 1/2 at half the margin. That is no learned
    probability; it keeps the order of the distances.
    """
    if margin is not None:
        return (-2 * output / margin).exp2()
    return output.sigmoid() if logits else output.clamp(0, 1)
