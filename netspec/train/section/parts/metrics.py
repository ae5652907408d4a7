"""Metrics by name: those of torchmetrics that are one number a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import Field, PrivateAttr

from netspec.layers.declaration.base import NonNegative
from netspec.syntax.source import NOWHERE, Span
from netspec.train.parts import Part, Table, call_text

if TYPE_CHECKING:
    import torchmetrics
    from torch import Tensor

Task: TypeAlias = Literal["multiclass", "binary", "values"]
"""What is judged: scores of classes, one logit, or numbers."""


@dataclass(frozen=True, slots=True)
class MetricTerm:
    """A metric of one output: `accuracy(logits)`. `output` is None where the spec names none."""

    metric: Metric
    output: str | None = None
    span: Span = NOWHERE

    @property
    def name(self) -> str:
        """What its figure is called."""
        arguments = [*filter(None, (self.output,)), *self.metric.distinction()]
        return f"{self.metric.name}({', '.join(arguments)})" if arguments else self.metric.name

    def written(self) -> str:
        """The judgement as a spec would write it."""
        return call_text(self.metric, self.output)


class Metric(Part):
    """Base of all metrics: the fields are the arguments of the torchmetrics class that `torch_name` names.

    The class's name in torchmetrics has `Multiclass` or `Binary` before it where the metric judges classes.
    """

    torch_name: ClassVar[str]
    tasks: ClassVar[tuple[Task, ...]]
    table: ClassVar[bool] = False
    """Whether it is a table of numbers, instead of one."""
    falls: ClassVar[bool] = False
    """Whether it is better when it is less."""

    by_class: ClassVar[bool] = False
    """Whether it is a figure of each class, or of each of several labels, of which the mean is told.

    Classes of which the data hold nothing are left out of that mean, in every metric alike.
    """

    of_labels: ClassVar[bool] = False
    """Whether it is of several labels alone."""

    def distinction(self) -> list[str]:
        """What tells its figure from others of the same metric."""
        return []

    def each_class(self, names: Sequence[str]) -> Sequence[Metric]:
        """Itself, or the metrics that it stands for, of which each is of one of the classes of these names.

        Raises KeyError where it is of a class that there is not.
        """
        return (self,)

    def build(
        self, task: Task, classes: int, ignored: int | None = None, *, labels: int = 0, columns: int = 1
    ) -> torchmetrics.Metric:
        """The metric, at nothing yet; places of the class `ignored` do not count.

        `labels` are how many yes or no a sample has where these are told apart, `columns` how many numbers.
        """
        import torchmetrics
        from torchmetrics import classification

        if task == "values":
            regression: torchmetrics.Metric = getattr(torchmetrics, self.torch_name)(**self.columns(columns))
            return regression.double()
        arguments: dict[str, Any] = {"validate_args": False, "ignore_index": ignored}
        if task == "multiclass":
            arguments |= {"num_classes": classes, **self.multiclass(classes)}
        elif labels and self.by_class:
            arguments |= {"num_labels": labels, **self.multiclass(labels)}
        kind = "Multilabel" if labels and self.by_class else task.capitalize()
        judge: torchmetrics.Metric = getattr(classification, f"{kind}{self.torch_name}")(**arguments)
        return judge

    def columns(self, count: int) -> dict[str, Any]:
        """The arguments where so many numbers are judged, each by itself."""
        return {"num_outputs": count}

    def figure(self, computed: Tensor, support: Tensor) -> float:
        """What is told of what torchmetrics computes.

        `support` (classes + 1) says how often each class, or label, is there, and at its end how many places there are.
        """
        if computed.ndim and computed.shape == support[:-1].shape:
            computed = computed[self.present(support)]
        return float(computed.mean())

    def present(self, support: Tensor) -> Tensor:
        """Which classes a mean over classes is of: those of which the data hold anything."""
        return support[:-1] > 0

    def multiclass(self, classes: int) -> dict[str, Any]:
        """The arguments where there are several classes."""
        return self.model_dump()


METRICS: Table[Metric] = Table("metric")

Average: TypeAlias = Literal["macro", "micro", "weighted"]
AVERAGES = get_args(Average)


class OfClasses(Metric):
    """A metric of each class, or of each of several labels; with `class_` that of one, by its name or its number."""

    tasks = ("multiclass", "binary")
    by_class = True
    class_: NonNegative | str | None = Field(default=None, alias="class", description="a class by its name or number")
    _place: int | None = PrivateAttr(default=None)
    """The number of the class."""

    def distinction(self) -> list[str]:
        return [] if self.class_ is None else [f"class={self.class_}"]

    def each_class(self, names: Sequence[str]) -> Sequence[Metric]:
        if self.class_ is None:
            return (self,)
        places = {str(place): place for place in range(len(names))}
        places |= {name: place for place, name in enumerate(names)}
        return (self.of(self.class_, places[str(self.class_)]),)

    def of(self, name: int | str, place: int) -> Metric:
        """The metric of one class."""
        own = self.model_copy(update={"class_": name})
        own._place = place
        return own

    def multiclass(self, classes: int) -> dict[str, Any]:
        return {"average": "none"}

    def figure(self, computed: Tensor, support: Tensor) -> float:
        return super().figure(computed, support) if self._place is None else float(computed[self._place])


class Averaged(OfClasses):
    """A metric of each class, averaged: over classes (`macro`), samples (`micro`), or classes by size (`weighted`).

    With `none` it stands for that of each class.
    """

    average: Average | None = "macro"

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        return "average", "class"

    def each_class(self, names: Sequence[str]) -> Sequence[Metric]:
        if self.average is None and self.class_ is None:
            return tuple(self.of(name, place) for place, name in enumerate(names))
        return super().each_class(names)

    def multiclass(self, classes: int) -> dict[str, Any]:
        alone = self.average in ("macro", None) or self._place is not None
        return {"average": "none" if alone else self.average}


@METRICS("accuracy", "acc", "top1")
class Accuracy(Averaged):
    """The share that is right. With average=macro every class counts the same."""

    torch_name = "Accuracy"
    average: Average | None = "micro"


@METRICS("top5", "top5_accuracy")
class Top5(Metric):
    """The share where the true class is among the five highest scores."""

    torch_name = "Accuracy"
    tasks = ("multiclass",)

    def multiclass(self, classes: int) -> dict[str, Any]:
        return {"top_k": min(5, classes), "average": "micro"}


@METRICS("exact_match", "subset_accuracy")
class ExactMatch(Metric):
    """The share of the samples of which every label is right."""

    torch_name = "ExactMatch"
    tasks = ("binary",)
    by_class = True
    of_labels = True

    def multiclass(self, classes: int) -> dict[str, Any]:
        return {}


@METRICS("f1", "f1_score")
class F1(Averaged):
    """The harmonic mean of precision and recall."""

    torch_name = "F1Score"


@METRICS("precision")
class Precision(Averaged):
    """The share of what was called so that is so."""

    torch_name = "Precision"


@METRICS("recall")
class Recall(Averaged):
    """The share of what is so that was called so."""

    torch_name = "Recall"


@METRICS("iou", "jaccard", "miou", "mean_iou")
class IoU(Averaged):
    """Intersection over union: the Jaccard index."""

    torch_name = "JaccardIndex"


@METRICS("error")
class Error(Metric):
    """The share that is wrong."""

    torch_name = "Accuracy"
    tasks = ("multiclass", "binary")
    falls = True

    def multiclass(self, classes: int) -> dict[str, Any]:
        return {"average": "micro"}

    def figure(self, computed: Tensor, support: Tensor) -> float:
        return 1 - super().figure(computed, support)


@METRICS("pixel_error")
class PixelError(Error):
    """The share of the places of a mask that is wrong: 1 - accuracy, as the ISBI 2012 challenge counts it."""


@METRICS("confusion_matrix")
class ConfusionMatrix(Metric):
    """How often each class (a row) was called each class (a column). It is no figure of an epoch, but in the report."""

    torch_name = "ConfusionMatrix"
    tasks = ("multiclass", "binary")
    table = True


@METRICS("auroc", "auc", "roc_auc")
class AUROC(OfClasses):
    """The area under the receiver operating characteristic."""

    torch_name = "AUROC"

    def present(self, support: Tensor) -> Tensor:
        """Neither has a class an area that everything is of."""
        return super().present(support) & (support[:-1] < support[-1])


@METRICS("average_precision", "map")
class AveragePrecision(OfClasses):
    """The area under the curve of precision against recall."""

    torch_name = "AveragePrecision"

    def multiclass(self, classes: int) -> dict[str, Any]:
        return {"average": "none"}


@METRICS("specificity")
class Specificity(Averaged):
    """The share of what is not so that was not called so."""

    torch_name = "Specificity"


@METRICS("kappa")
class Kappa(Metric):
    """Agreement beyond chance (Cohen 1960)."""

    torch_name = "CohenKappa"
    tasks = ("multiclass", "binary")


@METRICS("mcc", "matthews")
class MCC(Metric):
    """The correlation of what was said with what is so (Matthews 1975)."""

    torch_name = "MatthewsCorrCoef"
    tasks = ("multiclass", "binary")


@METRICS("mse", "mean_squared_error")
class MeanSquaredError(Metric):
    """The mean squared error."""

    torch_name = "MeanSquaredError"
    tasks = ("values",)
    falls = True


@METRICS("rmse")
class RootMeanSquaredError(Metric):
    """The root of the mean squared error; of several numbers the mean of their roots."""

    torch_name = "MeanSquaredError"
    tasks = ("values",)
    falls = True

    def columns(self, count: int) -> dict[str, Any]:
        return {"squared": False, "num_outputs": count}


@METRICS("mae", "mean_absolute_error")
class MeanAbsoluteError(Metric):
    """The mean absolute error."""

    torch_name = "MeanAbsoluteError"
    tasks = ("values",)
    falls = True


@METRICS("r2")
class R2(Metric):
    """The share of the variance that is explained; of several numbers the mean of their shares."""

    torch_name = "R2Score"
    tasks = ("values",)

    def columns(self, count: int) -> dict[str, Any]:
        return {}
