"""Loss and metrics of a split, gathered batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from netspec.train.data import IGNORED
from netspec.train.engine.criterion import Criterion, LossTotal, TermSums
from netspec.train.plan.outputs import OutputHead, OutputMetric, positive_share

if TYPE_CHECKING:
    import torchmetrics

    from netspec.train.plan.training_plan import TrainingPlan

MOST_BUFFERED = 2**22
"""So many numbers of outputs are kept until the metrics see them; metrics cost about as much for many as for one."""


class Scores:
    """The loss and the metrics of a split, gathered batch by batch: of each output that a metric judges."""

    def __init__(self, plan: TrainingPlan, device: torch.device) -> None:
        self.device = device
        ignored = IGNORED if plan.data.ignores else None
        self.output_metrics = {each.name: each for each in plan.metrics}
        self.metrics = {name: _built(each, ignored).to(device) for name, each in self.output_metrics.items()}
        self.figures = {name: each.metric.figure for name, each in self.output_metrics.items() if not each.metric.table}
        self.heads = {each.head.output: each.head for each in plan.metrics}
        self.outputs: dict[int, list[Tensor]] = {index: [] for index in self.heads}
        self.targets: list[Tensor] = []
        self.buffered = 0
        self.criterion = Criterion(plan.terms, device)
        self.loss, self.count = LossTotal(self.criterion), 0

    def add_loss(self, sums: TermSums, count: int) -> None:
        """The sums of the loss of `count` samples."""
        self.loss.add(sums)
        self.count += count

    def take_together(self, sums: Sequence[Any]) -> None:
        """The loss becomes that of all processes, each of which has such sums."""
        self.loss = LossTotal(self.criterion)
        for own in sums:
            other = LossTotal(self.criterion)
            other.restore(own)
            self.loss.add(other.sums)

    def judged(self, outputs: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Those of a net's outputs, by their index among the graph's, that a metric judges."""
        return {index: outputs[index].detach() for index in self.outputs}

    def add(self, outputs: Mapping[int, Tensor], target: Tensor) -> None:
        """What the net said about a batch, and what is so."""
        for index, gathered in self.outputs.items():
            gathered.append(outputs[index])
            self.buffered += outputs[index].numel()
        self.targets.append(target)
        if self.buffered > MOST_BUFFERED:
            self._flush()

    def results(self) -> dict[str, float]:
        """The mean loss and the metrics, by name."""
        self._flush()
        loss = self.loss.value()
        figures = {name: figure(float(self.metrics[name].compute())) for name, figure in self.figures.items()}
        return {"loss": loss, **{name: round(value, 7) for name, value in figures.items()}}

    def tables(self) -> dict[str, list[list[int]]]:
        """The metrics that are tables, by name."""
        self._flush()
        return {name: metric.compute().tolist() for name, metric in self.metrics.items() if name not in self.figures}

    def reset(self) -> None:
        """Back to nothing."""
        self.loss, self.count = LossTotal(self.criterion), 0
        self._forget()
        for metric in self.metrics.values():
            metric.reset()

    def state(self) -> dict[str, Any]:
        """What has been gathered so far: numbers, and tensors."""
        return {
            "loss": self.loss.state(),
            "count": self.count,
            "outputs": {str(index): torch.cat(gathered) for index, gathered in self.outputs.items() if gathered},
            "targets": torch.cat(self.targets) if self.targets else None,
            "metrics": {name: metric.metric_state for name, metric in self.metrics.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state` gave."""
        self.reset()
        self.loss.restore(state["loss"])
        self.count = state["count"]
        if state["targets"] is not None:
            outputs = {int(index): gathered.to(self.device) for index, gathered in state["outputs"].items()}
            self.add(outputs, state["targets"].to(self.device))
        for name, metric in self.metrics.items():
            for key, value in state["metrics"][name].items():
                setattr(metric, key, _on(value, self.device))
            metric._update_count = 1  # torchmetrics warns of figures of what was never updated

    def _flush(self) -> None:
        if not self.targets:
            return
        target = torch.cat(self.targets)
        read = {index: _read(torch.cat(self.outputs[index]), target, self.heads[index]) for index in self.outputs}
        self._forget()
        for name, metric in self.metrics.items():
            metric.update(*read[self.output_metrics[name].head.output])

    def _forget(self) -> None:
        self.outputs, self.targets, self.buffered = {index: [] for index in self.heads}, [], 0


def _built(each: OutputMetric, ignored: int | None) -> torchmetrics.Metric:
    """The metric of a judge, at nothing yet."""
    return each.metric.build(each.head.task, each.head.classes, ignored)


def _read(output: Tensor, target: Tensor, head: OutputHead) -> tuple[Tensor, Tensor]:
    """What a metric is given of an output and of what is so."""
    if head.task == "multiclass":
        return output, target
    if head.task == "binary":
        output = positive_share(output, logits=head.logits, margin=head.margin)
    return output.flatten(), target.flatten()


def _on(value: Any, device: torch.device) -> Any:
    """The state of a metric, a tensor or a list of them, on the device."""
    return [_on(item, device) for item in value] if isinstance(value, list) else value.to(device)
