"""What goes into a trained net and what comes out of it, in the terms of the data that it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from netspec.layers.declaration.base import NonNegative, Positive
from netspec.train.data import Dims
from netspec.train.data.encoding import Encoding
from netspec.train.plan.outputs import positive_share
from netspec.train.section.parts.metrics import Task

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.graph.graph import Graph
    from netspec.train.plan.training_plan import TrainingPlan


class Signature(BaseModel):
    """For each input of the net, `sent` is the shape in which samples are sent, and `encodings` how they enter.

    `output` is the index of the judged output among the graph's, `task` what is judged of it, `logits` whether that is
    before sigmoid or softmax; with a `margin` it is a distance. `names` are those of the classes, where the data have
    any.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    sent: tuple[Dims, ...] = ()
    encodings: tuple[Encoding, ...] = ()
    output: NonNegative = 0
    task: Task = "values"
    logits: bool = True
    margin: float | None = None
    classes: Positive | None = None
    names: tuple[str, ...] = ()
    labels: NonNegative = 0
    """How many yes or no a sample has, where it has several; then `names` are theirs."""

    @classmethod
    def of(cls, plan: TrainingPlan) -> Signature:
        """That of a net and its data."""
        data, judged = plan.data, plan.judged.reference
        target = data.of_target(judged.index) if judged.kind == "target" else None
        return cls(
            sent=data.shapes,
            encodings=plan.encodings,
            output=plan.judged.output,
            task=plan.judged.task,
            logits=plan.judged.logits,
            margin=plan.judged.margin,
            classes=None if target is None else target.classes,
            names=() if target is None else target.label_names if plan.judged.labels else target.names,
            labels=plan.judged.labels,
        )

    def name(self, index: int) -> str:
        """What a class is called; its number where it has no name."""
        return self.names[index] if index < len(self.names) else str(index)

    def judged(self, result: Any, graph: Graph) -> Tensor:
        """The judged output among what the net returned outside training."""
        return Returned(graph)(result)[self.output]

    def values(self, output: Tensor) -> Tensor:
        """The numbers that an output says; where it is given before sigmoid, after it."""
        return output.sigmoid() if self.logits else output

    def applying(self, output: Tensor) -> Tensor:
        """The probability of each label, (n, labels)."""
        return positive_share(output, logits=self.logits, margin=self.margin).flatten(1)

    def probabilities(self, output: Tensor) -> Tensor:
        """The probability of each class, (n, classes, ...): softmax of scores, or both sides of one logit or share."""
        import torch

        if self.task == "multiclass":
            return output.softmax(1)
        yes = positive_share(output, logits=self.logits, margin=self.margin)
        yes = yes if yes.ndim > 1 and yes.shape[1] == 1 else yes.unsqueeze(1)
        return torch.cat([1 - yes, yes], 1)


@dataclass(frozen=True, slots=True)
class Returned:
    """The outputs in what a net returns: one tensor, or a named tuple with those of training alone at its end."""

    graph: Graph

    def __call__(self, result: Any) -> dict[int, Tensor]:
        """The outputs by their index among the graph's; those of training alone only where they were computed."""
        from torch import Tensor

        training = [output.when_training for output in self.graph.outputs]
        places = sorted(range(len(training)), key=training.__getitem__)
        values = (result,) if isinstance(result, Tensor) else result
        return {index: value for index, value in zip(places, values, strict=False) if value is not None}
