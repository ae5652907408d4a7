"""The loop. Order and randomness are a function of (seed, epoch, step), never of what ran before.

So a run can be taken up at any step: with the weights and the optimizer's state of that step, what follows is the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph
from netspec.train.data import Split
from netspec.train.losses import prepared
from netspec.train.match import Match
from netspec.train.metrics import Metric
from netspec.train.randomness import STEP, order, reseed, stream
from netspec.train.settings import Settings

if TYPE_CHECKING:
    from accelerate import Accelerator

ON_DEVICE = 2**31
"""Data of at most this many bytes live on the device as a whole; larger ones are brought there batch by batch."""
LOOK_EVERY = 25
"""On other devices than the CPU the loss is looked at every so many steps, since each look waits for the device."""
MOST_BUFFERED = 2**22
"""So many numbers of outputs are kept until the metrics see them; metrics cost about as much for many as for one."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is known after an epoch: `epoch` and `step` count those that are done; `train` and `test` are by metric.

    The training figures are of the epoch's batches as they were met, with the weights of that moment.
    """

    epoch: int
    step: int
    lr: float
    train: Mapping[str, float]
    test: Mapping[str, float]
    seconds: float


class Samples:
    """A split as tensors, given out in batches on the device."""

    def __init__(self, split: Split, device: torch.device) -> None:
        self.device = device
        x, y = torch.from_numpy(split.x), torch.from_numpy(split.y)
        home = device if x.nbytes + y.nbytes <= ON_DEVICE else torch.device("cpu")
        self.x, self.y = x.to(home), y.to(home)

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The samples of these indices, in their order."""
        x, y = self.x.index_select(0, indices), self.y.index_select(0, indices)
        return x.to(self.device), y.to(self.device)

    def slice(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """The samples from `start` to before `stop`."""
        return self.x[start:stop].to(self.device), self.y[start:stop].to(self.device)


class Scores:
    """The loss and the metrics of a split, gathered batch by batch."""

    def __init__(self, metrics: Sequence[Metric], matched: Match, device: torch.device) -> None:
        self.task = matched.task
        classes = matched.data.classes or 0
        self.metrics = {metric.name: metric.build(matched.task, classes).to(device) for metric in metrics}
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
        return {"loss": loss, **{name: round(float(metric.compute()), 7) for name, metric in self.metrics.items()}}

    def reset(self) -> None:
        """Back to nothing."""
        self.loss, self.count = 0.0, 0
        self.outputs, self.targets, self.buffered = [], [], 0
        for metric in self.metrics.values():
            metric.reset()

    def _flush(self) -> None:
        if not self.outputs:
            return
        output, target = torch.cat(self.outputs), torch.cat(self.targets)
        self.outputs, self.targets, self.buffered = [], [], 0
        if self.task != "multiclass":
            output = output.sigmoid() if self.task == "binary" else output
            output, target = output.flatten(), target.flatten()
        for metric in self.metrics.values():
            metric.update(output, target)


class Trainer:
    """A net in training: model, optimizer, and the data on the device."""

    def __init__(
        self, model: nn.Module, graph: Graph, matched: Match, settings: Settings, accelerator: Accelerator
    ) -> None:
        self.graph, self.matched, self.settings, self.accelerator = graph, matched, settings, accelerator
        device: torch.device = accelerator.device
        self.device = device
        self.model: nn.Module = accelerator.prepare(model)
        self.optimizer = self._optimizer()
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.train, self.test = (Samples(split, device) for split in (matched.data.train, matched.data.test))
        self.losses = [(term.loss.build(device), term.weight, index, form) for term, index, form in matched.terms]
        training = [output.when_training for output in graph.outputs]
        self.returned = sorted(range(len(training)), key=training.__getitem__)
        self.train_scores, self.test_scores = (Scores(matched.metrics, matched, device) for _ in range(2))
        self.bounds = batches(len(self.train), settings.batch)

    def _optimizer(self) -> torch.optim.Optimizer:
        """The optimizer as it is, without accelerate's wrapper, whose step takes longer than that of a small net.

        The wrapper is needed where gradients are scaled, which is in half precision only.
        """
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        try:
            made = self.settings.optimizer.build(parameters)
        except (ValueError, AttributeError, RuntimeError) as error:
            place = self.settings.span("optimizer")
            message = f"{self.settings.optimizer.name} cannot train {self.graph.name}: {error}"
            raise NetspecError((Diagnostic("E0608", message, place),)) from error
        if self.accelerator.scaler is None:
            return made
        wrapped: torch.optim.Optimizer = self.accelerator.prepare(made)
        return wrapped

    @property
    def bare(self) -> nn.Module:
        """The net without what accelerate has put around it."""
        bare: nn.Module = self.accelerator.unwrap_model(self.model)
        return bare

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return len(self.bounds)

    def epochs(self, first: int = 0, pause: Callable[[int, int], bool] | None = None) -> Iterator[Row]:
        """Trains from epoch `first` on, a row an epoch. After each step `pause(epoch, step)` may end it."""
        for epoch in range(first, self.settings.epochs):
            begun = perf_counter()
            if not self._epoch(epoch, pause):
                return
            train, test = self.train_scores.results(), self.evaluate()
            lr = float(self.optimizer.param_groups[0]["lr"])
            yield Row(epoch + 1, (epoch + 1) * self.steps, lr, train, test, perf_counter() - begun)

    def _epoch(self, epoch: int, pause: Callable[[int, int], bool] | None) -> bool:
        """One epoch; false where it was ended before its last step."""
        self.model.train()
        self.train_scores.reset()
        places = order(self.settings.seed, epoch, len(self.train)).to(self.train.x.device)
        unseen: list[tuple[int, Tensor, int]] = []
        look_every = 1 if self.device.type == "cpu" else LOOK_EVERY
        for step, (start, stop) in enumerate(self.bounds):
            x, y = self.train.batch(places[start:stop])
            unseen.append((step, self.step(epoch, step, x, y), stop - start))
            if len(unseen) == look_every or step == self.steps - 1:
                self._look(epoch, unseen)
                unseen = []
            if pause is not None and pause(epoch, step):
                return False
        return True

    def step(self, epoch: int, step: int, x: Tensor, y: Tensor) -> Tensor:
        """One step on one batch; the loss before it."""
        at, length = epoch + step / self.steps, 1 / self.steps
        factor = self.settings.schedule.factor(at, self.settings.epochs, length)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        seed = stream(self.settings.seed, STEP, epoch, step)
        judged: list[Tensor] = []

        def loss() -> Tensor:
            reseed(seed, self.device)
            self.optimizer.zero_grad()
            outputs = self._outputs(self.model(x))
            total = self._loss(outputs, y)
            self.accelerator.backward(total)
            judged[:] = [outputs[self.matched.judged].detach()]
            return total.detach()

        if self.settings.optimizer.closure:
            total = torch.as_tensor(self.optimizer.step(lambda: float(loss())))
        else:
            total = loss()
            self.optimizer.step()
        self.train_scores.add(judged[0], y)
        return total

    def evaluate(self) -> dict[str, float]:
        """Loss and metrics of the test data, in evaluation mode."""
        self.model.eval()
        self.test_scores.reset()
        with torch.no_grad():
            for start in range(0, len(self.test), self.settings.batch):
                x, y = self.test.slice(start, start + self.settings.batch)
                outputs = self._outputs(self.model(x))
                self.test_scores.add_loss(float(self._loss(outputs, y)), len(x))
                self.test_scores.add(outputs[self.matched.judged], y)
        return self.test_scores.results()

    def _outputs(self, result: Any) -> dict[int, Tensor]:
        """What the net returned, by the index of the output. Those of training alone come last, or not at all."""
        values = (result,) if isinstance(result, Tensor) else result
        return {index: value for index, value in zip(self.returned, values, strict=False) if value is not None}

    def _loss(self, outputs: Mapping[int, Tensor], y: Tensor) -> Tensor:
        """The weighted sum of the terms whose outputs are there."""
        total: Tensor | None = None
        for loss, weight, index, form in self.losses:
            if index in outputs:
                value = loss(outputs[index], prepared(form, y, outputs[index]))
                value = value if weight == 1 else weight * value
                total = value if total is None else total + value
        assert total is not None
        return total

    def _look(self, epoch: int, unseen: Sequence[tuple[int, Tensor, int]]) -> None:
        """Takes note of the losses of the last steps; raises NetspecError where one is not finite."""
        values = (
            [float(loss) for _, loss, _ in unseen]
            if len(unseen) == 1
            else torch.stack([loss for _, loss, _ in unseen]).tolist()
        )
        for (step, _, count), value in zip(unseen, values, strict=True):
            if not math.isfinite(value):
                raise self._diverged(epoch, step, value)
            self.train_scores.add_loss(value, count)

    def _diverged(self, epoch: int, step: int, value: float) -> NetspecError:
        lr = self.optimizer.param_groups[0]["lr"]
        said = "not a number" if math.isnan(value) else "infinite"
        return NetspecError(
            (
                Diagnostic(
                    "E0611",
                    f"the loss is {said} at step {step + 1} of epoch {epoch + 1}, so training stopped",
                    self.settings.span("optimizer"),
                    f"the learning rate is {lr:g} there",
                    help="a smaller lr, a warm-up (cosine(warmup=1)) or another init can keep it finite",
                ),
            )
        )


def batches(count: int, size: int) -> list[tuple[int, int]]:
    """Where the batches of an epoch begin and end. A last batch of one sample joins the one before it.

    One sample has no variance, so batch normalisation could not train on it.
    """
    starts = list(range(0, count, size))
    if len(starts) > 1 and count - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], count], strict=True))
