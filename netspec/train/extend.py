"""Parts of a train section written in Python: a function or class under a decorator has a name in specs from then on.

    from netspec.train.extend import loss

    @loss("tversky", takes="values")
    def tversky(output, target, alpha: float = 0.7):
        ...

    loss tversky(alpha=0.8)

The parameters after the tensors are the arguments in specs, with their types, defaults and bounds (those of pydantic).
The command line finds such modules by `plugins = ["mylab.parts"]`: see `netspec.plugins`. Layers have a decorator of
their own, `netspec.layers.declaration.base.layer`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, get_type_hints

from pydantic import create_model

from netspec.train.augment.base import AUGMENTS, Augment, Step
from netspec.train.batch import Batch
from netspec.train.data.base import DATA, IGNORED, Data, DataSet
from netspec.train.data.files import Place
from netspec.train.data.python_data import PythonData
from netspec.train.losses.base import LOSSES, Loss, SetLoss, Sums, Target, ratio
from netspec.train.parts import Part, Table
from netspec.train.section.callbacks import CALLBACKS, Callback, Moment, Progress
from netspec.train.section.parts.metrics import METRICS, Metric, Task
from netspec.train.section.parts.optimizers import OPTIMIZERS, Optimizer
from netspec.train.section.parts.schedules import SCHEDULES, Schedule

if TYPE_CHECKING:
    import torch
    import torchmetrics
    from torch import Tensor
    from torch.optim import Optimizer as TorchOptimizer

F = TypeVar("F", bound=Callable[..., Any])
Register = Callable[[F], F]

__all__ = ["Progress", "augmentation", "callback", "data", "loss", "metric", "optimizer", "schedule"]


def loss(name: str, *, takes: Literal["classes", "values"], squashes: bool = False) -> Register[F]:
    """Registers `f(output, target, ...)`, the losses of samples or places, of which the mean is minimised.

    A loss that `takes` classes is given scores (n, classes, *S) and classes (n, *S); one of values a target of the
    output's shape. `squashes` says that it makes probabilities of its scores itself.
    """

    class Own(_OwnLoss):
        pass

    Own.takes, Own.makes_probabilities = takes, squashes
    return _registered(LOSSES, name, Own, skipped=2)


class _OwnLoss(Loss):
    function: ClassVar[Callable[..., Tensor]]
    makes_probabilities: ClassVar[bool]

    def squashes(self) -> bool:
        return self.makes_probabilities

    def build(self, device: torch.device) -> SetLoss:
        arguments = self.model_dump()

        def sums(output: Tensor, target: Target) -> Sums:
            each = type(self).function(output, target.values, **arguments)
            counted = target.counted
            if self.takes == "classes" and each.shape == target.values.shape:
                counted = target.values != IGNORED
            if counted is None or counted.shape != each.shape:
                return each.sum(), each.numel()
            return each.masked_fill(~counted, 0).sum(), counted.sum()

        return SetLoss(sums, ratio)


def metric(name: str, *, tasks: Sequence[Task], falls: bool = False) -> Register[F]:
    """Registers `f(outputs, targets, ...)`, a figure of all samples of a split at once.

    Of classes the outputs are scores (n, classes), of a single yes or no its probability (n), of numbers the numbers.
    `falls` says that less of it is better.
    """

    class Own(_OwnMetric):
        pass

    Own.tasks, Own.falls = tuple(tasks), falls
    return _registered(METRICS, name, Own, skipped=2)


class _OwnMetric(Metric):
    function: ClassVar[Callable[..., Any]]

    def build(
        self, task: Task, classes: int, ignored: int | None = None, *, labels: int = 0, columns: int = 1
    ) -> torchmetrics.Metric:
        from netspec.train.engine.whole_metric import WholeMetric

        return WholeMetric(type(self).function, self.model_dump(), ignored)


def optimizer(name: str, *, copies: int = 2) -> Register[F]:
    """Registers a `torch.optim.Optimizer`; it remembers so many tensors of each parameter's shape."""

    class Own(_OwnOptimizer):
        pass

    Own.own_copies = copies
    return _registered(OPTIMIZERS, name, Own, skipped=1)


class _OwnOptimizer(Optimizer):
    function: ClassVar[Callable[..., TorchOptimizer]]
    own_copies: ClassVar[int]

    def remembered(self, shape: tuple[int, ...]) -> int:
        return self.own_copies * prod(shape)

    def build(self, parameters: Iterable[Tensor] | Iterable[dict[str, Any]], *, fused: bool = True) -> TorchOptimizer:
        return type(self).function(parameters, **self.model_dump())


def schedule(name: str) -> Register[F]:
    """Registers `f(t, epochs, ...)`, the factor on the learning rate at time `t` in epochs."""
    return _registered(SCHEDULES, name, _OwnSchedule, skipped=2)


class _OwnSchedule(Schedule):
    function: ClassVar[Callable[..., float]]

    def shape(self, t: float, epochs: float) -> float:
        return float(type(self).function(t, epochs, **self.model_dump(exclude={"warmup"})))


def augmentation(name: str, *, ranks: Sequence[int] = (1, 2, 3)) -> Register[F]:
    """Registers `f(x, ...)`, which changes the values of a batch (n, channels, *S) of so many axes S, not their places.

    Its random numbers come from torch's generators, so that they are a function of seed, epoch and step.
    """

    class Own(_OwnAugment):
        pass

    Own.ranks = tuple(ranks)
    return _registered(AUGMENTS, name, Own, skipped=1)


class _OwnAugment(Augment):
    function: ClassVar[Callable[..., Tensor]]

    def build(self) -> Step:
        arguments = self.model_dump()

        def change(batch: Batch) -> Batch:
            return batch.with_x(type(self).function(batch.x, **arguments))

        return change


def data(name: str) -> Register[F]:
    """Registers `f(folder, ...)`, which gives a data set, or a pair or triple of them, as `train(data=...)` takes it.

    `folder` is where the paths of the data begin.
    """
    return _registered(DATA, name, _OwnData, skipped=1)


class _OwnData(DataSet):
    function: ClassVar[Callable[..., Any]]

    def load(self, place: Place) -> Data:
        return self.load_for(place, ["x"])

    def load_for(self, place: Place, inputs: Sequence[str], targets: Sequence[str] = ("y",)) -> Data:
        folder: Path = place.folder
        return PythonData.of(type(self).function(folder, **self.model_dump())).load_for(place, inputs, targets)


def callback(name: str, *, after: Moment = "epoch") -> Register[F]:
    """Registers `f(progress, ...)`, called after each epoch, or each step that is looked at, on the first process."""

    class Own(Callback):
        pass

    Own.after = after
    return _registered(CALLBACKS, name, Own, skipped=1)


def _registered(table: Table[Any], name: str, base: type[Part], *, skipped: int) -> Register[F]:
    """The decorator that makes a part of a function: its parameters after the first ones are the part's arguments."""

    def register(function: F) -> F:
        fields = _fields(function, skipped)
        own = base.__class_vars__ | set(dir(base))
        reserved = [field for field in fields if field in own and field not in base.model_fields]
        if reserved:
            raise ValueError(f"{name} has a parameter {reserved[0]}, which every {table.kind} has for itself")
        part = create_model(f"{table.kind}_{name}", __base__=base, __module__=function.__module__, **fields)
        part.__doc__ = function.__doc__
        part.function = staticmethod(function)  # type: ignore[attr-defined]
        part.__qualname__ = f"{function.__module__}.{function.__qualname__}"
        table(name)(part)
        return function

    return register


def _fields(function: Callable[..., Any], skipped: int) -> dict[str, Any]:
    """The arguments of a part, of a function's parameters: their types, and their defaults where they have any."""
    hints = get_type_hints(function.__init__ if inspect.isclass(function) else function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[skipped:]:
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        kind = hints.get(parameter.name, type(default) if default not in (..., None) else Any)
        fields[parameter.name] = (kind, default)
    return fields
