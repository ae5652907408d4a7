"""Loss and metrics of a split, gathered batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from netspec.train.batch import Batch
from netspec.train.data import IGNORED
from netspec.train.engine import states
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
        self.support = {index: _support(head, device) for index, head in self.heads.items()}
        """How many places of the data are of each class, or of each label, and at the end how many there are."""
        self.outputs: dict[int, list[Tensor]] = {index: [] for index in self.heads}
        self.targets: dict[int, list[Tensor]] = {index: [] for index in self.heads}
        self.buffered = 0
        self.criterion, self.losses = Criterion(plan.terms, device), plan.losses
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

    def add(self, outputs: Mapping[int, Tensor], batch: Batch) -> None:
        """What the net said about a batch, and what is so."""
        for index, head in self.heads.items():
            self.outputs[index].append(outputs[index])
            self.targets[index].append(head.truth(batch, outputs[index]))
            self.buffered += outputs[index].numel()
        if self.buffered > MOST_BUFFERED:
            self._flush()

    def results(self) -> dict[str, float]:
        """The mean loss and the metrics, by name."""
        self._flush()
        self._meet()
        support = {index: _summed(own) for index, own in self.support.items()}
        figures = {
            name: figure(self.metrics[name].compute(), support[self.output_metrics[name].head.output])
            for name, figure in self.figures.items()
        }
        losses = {"loss": self.loss.value()} | {name: self.loss.value(own) for name, own in self.losses.items()}
        return {**losses, **{name: float(f"{value:.8g}") for name, value in figures.items()}}

    def absent(self, index: int) -> list[int]:
        """The classes of an output, or its labels, of which the data hold nothing."""
        self._flush()
        return (_summed(self.support[index])[:-1] == 0).nonzero().flatten().tolist()

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
        for support in self.support.values():
            support.zero_()

    def state(self) -> dict[str, Any]:
        """What has been gathered so far: numbers, and tensors."""
        return {
            "loss": self.loss.state(),
            "count": self.count,
            "outputs": {str(index): torch.cat(gathered) for index, gathered in self.outputs.items() if gathered},
            "targets": {str(index): torch.cat(gathered) for index, gathered in self.targets.items() if gathered},
            "metrics": {name: metric.metric_state for name, metric in self.metrics.items()},
            "support": {str(index): support for index, support in self.support.items()},
        }

    def difference(self, state: Mapping[str, Any]) -> str:
        """Where a state is of another kind than those that `state` gives; empty where nowhere."""
        own = self.state()
        if state.keys() != own.keys() or type(state["count"]) is not int:
            return "scores"
        for name in ("metrics", "support"):
            if where := states.difference(state[name], own[name], f"scores.{name}"):
                return where
        outputs, targets = state["outputs"], state["targets"]
        if not isinstance(outputs, Mapping) or not isinstance(targets, Mapping):
            return "scores.outputs"
        if outputs.keys() != targets.keys() or not outputs.keys() <= set(map(str, self.heads)):
            return "scores.outputs"
        for index, gathered in outputs.items():
            both = (gathered, targets[index])
            if not all(isinstance(each, Tensor) and each.ndim and len(each) == len(gathered) for each in both):
                return "scores.outputs"
        return "" if self.loss.fits(state["loss"]) else "scores.loss"

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state` gave."""
        self.reset()
        self.loss.restore(state["loss"])
        self.count = state["count"]
        for index, gathered in state["outputs"].items():
            self.outputs[int(index)].append(gathered.to(self.device))
            self.targets[int(index)].append(state["targets"][index].to(self.device))
            self.buffered += gathered.numel()
        for name, metric in self.metrics.items():
            for key, value in state["metrics"][name].items():
                setattr(metric, key, _on(value, self.device))
            metric._update_count = 1  # torchmetrics warns of figures of what was never updated
        for index, support in self.support.items():
            support.copy_(state["support"][str(index)])

    def _flush(self) -> None:
        if not any(self.targets.values()):
            return
        targets = {index: torch.cat(gathered) for index, gathered in self.targets.items()}
        outputs = {index: torch.cat(gathered) for index, gathered in self.outputs.items()}
        self._forget()
        self._update(outputs, targets)

    def _update(self, outputs: Mapping[int, Tensor], targets: Mapping[int, Tensor]) -> None:
        """Shows the metrics what the net said about samples, and what is so."""
        for index, head in self.heads.items():
            _count(self.support[index], head, targets[index])
        for name, metric in self.metrics.items():
            each, index = self.output_metrics[name], self.output_metrics[name].head.output
            metric.update(*_read(outputs[index], targets[index], each.head, by_label=each.metric.by_class))

    def _meet(self) -> None:
        """Among several processes, one without samples takes part in the exchange: with no samples.

        Counts begin at 0 and are exchanged as they are; only lists of samples have to hold something of the right kind.
        """
        if _alone() or any(metric.update_called for metric in self.metrics.values()):
            return
        for name, metric in self.metrics.items():
            each = self.output_metrics[name]
            labels = (each.head.labels,) * bool(each.head.labels)
            shape = (each.head.classes,) if each.head.task == "multiclass" else labels
            nothing = torch.zeros(0, *shape, device=self.device)
            target = torch.zeros(0, *labels, dtype=torch.int64, device=self.device)
            if any(isinstance(state, list) for state in metric.metric_state.values()):
                metric.update(*_read(nothing, target, each.head, by_label=each.metric.by_class))
            metric._update_count = 1

    def _forget(self) -> None:
        self.outputs, self.targets = {index: [] for index in self.heads}, {index: [] for index in self.heads}
        self.buffered = 0


def _built(each: OutputMetric, ignored: int | None) -> torchmetrics.Metric:
    """The metric of an output, at nothing yet."""
    head = each.head
    return each.metric.build(head.task, head.classes, ignored, labels=head.labels, columns=head.columns)


def _read(output: Tensor, target: Tensor, head: OutputHead, *, by_label: bool) -> tuple[Tensor, Tensor]:
    """What a metric is given of an output and of what is so: of numbers a row a place, in 64 bits."""
    if head.task == "multiclass":
        return output, target
    if head.task == "values":
        output = output.sigmoid() if head.logits else output
        return _rows(output, head.columns), _rows(target.view(output.shape), head.columns)
    share = positive_share(output, logits=head.logits, margin=head.margin)
    if head.labels and by_label:
        return share, target.view(share.shape)
    return share.flatten(), target.flatten()


def _rows(values: Tensor, columns: int) -> Tensor:
    """Numbers (n, columns, *S), or (n), as (places, columns), or (places) where there is one."""
    wide = values if values.device.type == "mps" else values.double()
    return wide.flatten() if columns == 1 else wide.movedim(1, -1).reshape(-1, columns)


def _support(head: OutputHead, device: torch.device) -> Tensor:
    """Room for how often each class of an output is there, and how many places there are."""
    count = head.classes if head.task == "multiclass" else head.labels
    return torch.zeros(count + 1, dtype=torch.int64, device=device)


def _count(support: Tensor, head: OutputHead, target: Tensor) -> None:
    """Takes in what is so about samples."""
    if head.task == "multiclass":
        labels = target[target >= 0]
        support[:-1] += torch.bincount(labels, minlength=len(support) - 1)
        support[-1] += len(labels)
    elif head.labels:
        support[:-1] += target.sum(0)
        support[-1] += len(target)


def _alone() -> bool:
    distributed = torch.distributed
    return not (distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1)


def _summed(support: Tensor) -> Tensor:
    """The sum of a tensor over the processes."""
    if _alone():
        return support
    total = support.clone()
    torch.distributed.all_reduce(total)
    return total


def _on(value: Any, device: torch.device) -> Any:
    """The state of a metric, a tensor or a list of them, on the device."""
    return [_on(item, device) for item in value] if isinstance(value, list) else value.to(device)
