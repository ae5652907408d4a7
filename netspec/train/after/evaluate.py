"""How good a trained net is: loss and metrics of a split, which class was taken for which, and sample by sample."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.train.batch import TARGET
from netspec.train.plan.signature import Returned, Signature

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from netspec.train.after.restored import Restored
    from netspec.train.batch import Batch
    from netspec.train.data import Split
    from netspec.train.plan.job import Job, Prepared

Part: TypeAlias = Literal["test", "val", "train", "all"]
"""Which samples: those that were set aside, those that were trained on, or both."""
MOST_CLASSES = 2000
"""Of more classes no table is made of which was taken for which."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What the net said about each sample (n): the class and its probability, and the class that it is.

    Where there is a class for each place, or several labels, `predicted` and `truth` are None and `share` is that of
    the places or labels that are right. Of real numbers, `predicted` and `truth` are the first of each sample, and
    `share` is None.
    """

    predicted: NDArray[Any] | None
    truth: NDArray[Any] | None
    share: NDArray[Any] | None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """`figures` are the loss and the metrics by name, over `count` samples of the `part` of `data`.

    `confusion` (classes, classes) counts how often what is of class i was called j, where there are classes.
    """

    data: str
    part: Part
    count: int
    figures: Mapping[str, float]
    confusion: NDArray[Any] | None
    samples: Samples
    signature: Signature
    absent: tuple[str, ...] = ()
    """Classes of which there is no sample: means over classes leave them out."""


class DataOptions(TypedDict, total=False):
    """Which data, and how they are met, as keyword arguments."""

    data: Any
    set: Mapping[str, Any] | None
    skip_bad: bool
    workers: int | None


class EvaluateOptions(DataOptions, total=False):
    """The keyword arguments of `evaluate`."""

    part: Part


def evaluate(run: Restored, *, part: Part = "test", **options: Unpack[DataOptions]) -> Evaluation:
    """Loss and metrics of a run's net over the samples that it was tested with, or over others.

    `data` is a folder that the paths of the data setting begin at; or another data set as a spec names it,
    `npz("new.npz")`, relative to the working directory; or a pair of torch's datasets, as `train` takes it. `set`
    replaces settings: `{"train.metrics": "[f1, iou]"}`. Sizes that the spec leaves open are those of these data.
    Raises NetspecError (E0601 to E0609, E0658).
    """
    prepared = prepared_for(run, **options)
    return assess(run.for_sizes(prepared.graph), prepared, part)


def assess(run: Restored, prepared: Prepared, part: Part = "test") -> Evaluation:
    """The evaluation over data that have been brought together with the net."""
    import torch

    from netspec.train.engine.scores import Scores

    prepared, places = _in_terms_of(run, prepared)
    plan, judged = prepared.plan, prepared.plan.judged
    scores = Scores(plan, run.device)
    tally = _Tally(Signature.of(prepared.plan))
    with torch.inference_mode():
        for batch, outputs in _met(run, prepared, part, places):
            scores.add_loss(scores.criterion.sums(outputs, batch), len(batch))
            scores.add(outputs, batch)
            tally.add(outputs[judged.output], judged.truth(batch, outputs[judged.output]))
    name = prepared.settings.data.written()
    figures, table = scores.results(), tally.confusion()
    absent = scores.absent(judged.output) if judged.output in scores.support else []
    names = tuple(tally.signature.name(index) for index in absent)
    return Evaluation(name, part, scores.count, figures, table, tally.samples(), tally.signature, names)


def _in_terms_of(run: Restored, prepared: Prepared) -> tuple[Prepared, list[int] | None]:
    """The data with the classes that the net knows, and which of these each of the data's own is, None for itself.

    Data that were split up by the names of what they hold number their classes by those that occur. Raises NetspecError
    (E0658) where they hold a class that the net does not know.
    """
    plan, names = prepared.plan, run.signature.names
    own = plan.data.names
    if plan.data.classes is None or plan.judged.reference != TARGET or run.signature.labels:
        return prepared, None
    if unknown := [name for name in own if names and name not in names]:
        here = prepared.settings.span("data")
        message = f"{prepared.settings.data.name} holds the class {unknown[0]}, which {run.graph.name} does not know"
        notes = (f"it knows {', '.join(names[:20])}",)
        raise NetspecError((Diagnostic("E0658", message, here, notes=notes),))
    classes = max(plan.data.classes, run.signature.classes or 0)
    data = replace(plan.data, classes=classes, names=names or own)
    places = [names.index(name) for name in own] if names and own != names else None
    return prepared._replace(plan=replace(plan, data=data)), places


def prepared_for(
    run: Restored,
    *,
    data: Any = None,
    set: Mapping[str, Any] | None = None,  # noqa: A002
    skip_bad: bool = False,
    workers: int | None = None,
) -> Prepared:
    """A run's net with data brought together, as it was trained where nothing else is said; raises NetspecError."""
    from netspec.train.plan.job import prepare
    from netspec.train.runs.resumption import job_in

    setup = {} if workers is None else {"workers": workers}
    recorded = {f"train.{key}": text for key, text in run.record.settings.items()}
    job = job_in(run.folder, {**recorded, **(set or {})}, setup)
    job = job.model_copy(update={"net": run.graph.name, "arguments": run.record.arguments, "skip_bad": skip_bad})
    return prepare(_with_data(job, data), run.spec, names=run.signature.names)


def _with_data(job: Job, data: Any) -> Job:
    """The job with data from a folder or from Python, or a data set whose paths begin at the working directory."""
    from netspec.train.plan.job import folder_or_dataset

    if data is None:
        return job
    if isinstance(data, str) and _names_data_set(data):
        here = Path.cwd()
        return job.model_copy(update={"settings": {**job.settings, "data": data}, "data": here})
    folder, dataset = folder_or_dataset(data)
    own = {} if dataset is None else {"settings": {**job.settings, "data": dataset.name}}
    return job.model_copy(update={"data": folder or job.data, "dataset": dataset, **own})


def _names_data_set(text: str) -> bool:
    from netspec.train.data import DATA

    word = re.match(r"\s*(\w+)\s*(\(|$)", text)
    return word is not None and (word[2] == "(" or (word[1] in DATA and not Path(text).exists()))


def splits_of(prepared: Prepared, part: Part) -> list[Split]:
    """The samples of a part of the data."""
    splits = prepared.plan.data.splits
    if part == "all":
        return list(splits.values())
    if part not in splits:
        message = f"{prepared.settings.data.name} sets no samples aside to choose by"
        here = prepared.settings.span("data")
        raise NetspecError((Diagnostic("E0609", message, here, help="a share of them is: val=0.1"),))
    return [splits[part]]


def _met(
    run: Restored, prepared: Prepared, part: Part, places: list[int] | None
) -> Iterator[tuple[Batch, dict[int, Tensor]]]:
    """Each batch as the net meets it, and what the net says, output by output.

    Class i of the data is class `places[i]` of the net. Raises NetspecError (E0609).
    """
    import torch

    from netspec.train.augment import Augmentation
    from netspec.train.data.files import DataError
    from netspec.train.engine.batches.loader import BatchLoader

    plan, returned = prepared.plan, Returned(run.graph)
    augment = Augmentation(plan.augment)
    try:
        for split in splits_of(prepared, part):
            feed = BatchLoader(split, plan.encodings, run.device, prepared.job.setup.readers)
            for batch in feed.in_turn(prepared.settings.batch):
                if places is not None:
                    batch = replace(batch, y=torch.tensor(places, device=run.device)[batch.y])
                batch = augment.test(batch)
                outputs = returned(run.model(*batch.inputs))
                yield batch, outputs
    except DataError as error:
        raise error.at(prepared.settings.span("data")) from None


class _Tally:
    """Which class was taken for which, and what was said about each sample, gathered batch by batch."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.counts: Tensor | None = None
        self.rows: list[tuple[Tensor | None, Tensor | None, Tensor | None]] = []

    def add(self, output: Tensor, y: Tensor) -> None:
        """Takes in what the net said about a batch, and what is so."""
        if self.signature.task == "values":
            output = self.signature.values(output)
            self.rows.append((output.flatten(1)[:, 0].cpu() if output.ndim > 1 else output.cpu(), _first(y), None))
            return
        if self.signature.labels:
            right = (self.signature.applying(output) >= 0.5) == (y.flatten(1) == 1)
            self.rows.append((None, None, right.float().mean(1).cpu()))
            return
        chances = self.signature.probabilities(output)
        share, predicted = chances.max(1)
        truth = y.long().reshape(predicted.shape)
        self._count(predicted, truth, chances.shape[1])
        if predicted.ndim == 1:
            self.rows.append((predicted.cpu(), truth.cpu(), share.cpu()))
        else:
            counted = (truth >= 0).flatten(1)
            right = ((predicted == truth).flatten(1) & counted).sum(1) / counted.sum(1).clamp(min=1)
            self.rows.append((None, None, right.cpu()))

    def _count(self, predicted: Tensor, truth: Tensor, classes: int) -> None:
        if classes > MOST_CLASSES:
            return
        counted = truth >= 0
        pairs = truth[counted] * classes + predicted[counted]
        counted = pairs.bincount(minlength=classes * classes).cpu()
        self.counts = counted if self.counts is None else self.counts + counted

    def confusion(self) -> NDArray[Any] | None:
        """How often what is of class i was called j."""
        if self.counts is None:
            return None
        side = round(len(self.counts) ** 0.5)
        table: NDArray[Any] = self.counts.view(side, side).numpy()
        return table

    def samples(self) -> Samples:
        """What was said about each sample."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * 3
        return Samples(*(_joined([part for part in column if part is not None]) for column in columns))


def _first(y: Tensor) -> Tensor:
    return y.flatten(1)[:, 0].cpu() if y.ndim > 1 else y.cpu()


def _joined(parts: list[torch.Tensor]) -> NDArray[Any] | None:
    import torch

    if not parts:
        return None
    array: NDArray[Any] = torch.cat(parts).numpy()
    return array


def text(evaluation: Evaluation) -> str:
    """The figures a line each, and where there are up to ten classes, how often which was taken for which."""
    width = max(map(len, evaluation.figures))
    samples = f"{evaluation.count:,} samples of {evaluation.data} ({evaluation.part})"
    lines = [samples, *(f"{name:<{width}}  {_figure_text(name, value)}" for name, value in evaluation.figures.items())]
    if evaluation.absent:
        lines.append(f"no sample is of {_listed(evaluation.absent)}; means over classes leave that out")
    if evaluation.confusion is not None and len(evaluation.confusion) <= 10:
        lines += ["", *confusion_lines(evaluation)]
    return "\n".join(lines)


def _listed(names: Sequence[str], most: int = 8) -> str:
    from netspec.diagnostics import printable

    more = [f"{len(names) - most} more"] if len(names) > most else []
    *others, last = [*(printable(name) for name in names[:most]), *more]
    return f"{', '.join(others)} and {last}" if others else last


def confusion_lines(evaluation: Evaluation) -> Iterator[str]:
    """The confusion matrix as a table: a row for what is so, a column for what it was called."""
    from netspec.diagnostics import printable

    assert evaluation.confusion is not None
    names = [printable(evaluation.signature.name(index))[:12] for index in range(len(evaluation.confusion))]
    cells = [[f"{count:,}" for count in row] for row in evaluation.confusion.tolist()]
    widths = [max(len(name), *(len(row[place]) for row in cells)) for place, name in enumerate(names)]
    corner = "is \\ called"
    side = max(len(corner), *map(len, names))
    yield "  ".join([f"{corner:<{side}}", *(f"{name:>{w}}" for name, w in zip(names, widths, strict=True))])
    for name, row in zip(names, cells, strict=True):
        yield "  ".join([f"{name:<{side}}", *(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True))])


def _figure_text(name: str, value: float) -> str:
    return f"{value:.4f}" + (f"  (error {100 * (1 - value):.2f} %)" if name == "accuracy" else "")


def json_text(evaluation: Evaluation) -> str:
    """The evaluation as a JSON document."""
    return json.dumps(plain(evaluation), indent=1, ensure_ascii=False)


def plain(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as plain data."""
    confusion = evaluation.confusion
    classes = [] if confusion is None else [evaluation.signature.name(index) for index in range(len(confusion))]
    return {
        "data": evaluation.data,
        "part": evaluation.part,
        "samples": evaluation.count,
        **{name: float(value) for name, value in evaluation.figures.items()},
        **({"classes": classes, "confusion": confusion.tolist()} if confusion is not None else {}),
        **({"absent": list(evaluation.absent)} if evaluation.absent else {}),
    }
