"""Loss and metrics of a split, gathered batch by batch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from netspec.train.data import IGNORED

if TYPE_CHECKING:
    from netspec.train.plan.match import Match
    from netspec.train.section.metrics import Metric

MOST_BUFFERED = 2**22
"""So many numbers of outputs are kept until the metrics see them; metrics cost about as much for many as for one."""


class Scores:
    """The loss and the metrics of a split, gathered batch by batch."""

    def __init__(self, metrics: Sequence[Metric], matched: Match, device: torch.device) -> None:
        self.task, self.logits, self.device = matched.task, matched.logits, device
        classes, ignored = matched.data.classes or 0, IGNORED if matched.data.ignores else None
        self.metrics = {metric.name: metric.build(matched.task, classes, ignored).to(device) for metric in metrics}
        self.told = {metric.name: metric.figure for metric in metrics if not metric.table}
        self.outputs: list[Tensor] = []
        self.targets: list[Tensor] = []
        self.buffered = 0
        self.loss, self.count = 0.0, 0

    def add_loss(self, loss: float, count: int) -> None:
        """The mean loss of a batch of `count` samples."""
        self.loss, self.count = self.loss + loss * count, self.count + count

    def add(self, output: Tensor, target: Tensor) -> None:
        """What the net said about a batch, and what is so."""
        self.outputs.append(output)
        self.targets.append(target)
        self.buffered += output.numel()
        if self.buffered > MOST_BUFFERED:
            self._flush()

    def results(self) -> dict[str, float]:
        """The mean loss and the metrics, by name."""
        self._flush()
        loss = self.loss / self.count if self.count else math.nan
        figures = {name: told(float(self.metrics[name].compute())) for name, told in self.told.items()}
        return {"loss": loss, **{name: round(figure, 7) for name, figure in figures.items()}}

    def tables(self) -> dict[str, list[list[int]]]:
        """The metrics that are tables, by name."""
        self._flush()
        return {name: metric.compute().tolist() for name, metric in self.metrics.items() if name not in self.told}

    def reset(self) -> None:
        """Back to nothing."""
        self.loss, self.count = 0.0, 0
        self.outputs, self.targets, self.buffered = [], [], 0
        for metric in self.metrics.values():
            metric.reset()

    def state(self) -> dict[str, Any]:
        """What has been gathered so far: numbers, and tensors."""
        return {
            "loss": self.loss,
            "count": self.count,
            "outputs": torch.cat(self.outputs) if self.outputs else None,
            "targets": torch.cat(self.targets) if self.targets else None,
            "metrics": {name: metric.metric_state for name, metric in self.metrics.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state` gave."""
        self.reset()
        self.loss, self.count = state["loss"], state["count"]
        if state["outputs"] is not None:
            self.outputs, self.targets = [state["outputs"].to(self.device)], [state["targets"].to(self.device)]
            self.buffered = self.outputs[0].numel()
        for name, metric in self.metrics.items():
            for key, value in state["metrics"][name].items():
                setattr(metric, key, _on(value, self.device))
            metric._update_count = 1  # torchmetrics warns of figures of what was never updated

    def _flush(self) -> None:
        if not self.outputs:
            return
        output, target = torch.cat(self.outputs), torch.cat(self.targets)
        self.outputs, self.targets, self.buffered = [], [], 0
        if self.task != "multiclass":
            if self.task == "binary":
                output = output.sigmoid() if self.logits else output.clamp(0, 1)
            output, target = output.flatten(), target.flatten()
        for metric in self.metrics.values():
            metric.update(output, target)


def _on(value: Any, device: torch.device) -> Any:
    """The state of a metric, a tensor or a list of them, on the device."""
    return [_on(item, device) for item in value] if isinstance(value, list) else value.to(device)
