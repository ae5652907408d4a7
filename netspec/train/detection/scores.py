"""The scores of a split whose samples are pictures with objects, gathered batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.train.detection.detections import Detections
from netspec.train.detection.precision import Kind, Precision, Scoring

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.train.batch import Batch

Figure = Callable[[Precision], float]

FIGURES: dict[str, Figure] = {
    "map": lambda score: score.ap(),
    "map50": lambda score: score.ap(0.5),
    "map75": lambda score: score.ap(0.75),
    "map_small": lambda score: score.ap(area="small"),
    "map_medium": lambda score: score.ap(area="medium"),
    "map_large": lambda score: score.ap(area="large"),
    "mar": lambda score: score.ar(),
}
"""The figures of a split by name; those of masks have `mask_` before it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a net says about a batch outside training, for each picture a tensor with a row for each object.

    `boxes` are (n, 4) in the pixels that the net has met, `labels` and `scores` (n), `masks` (n, H, W) the share of
    each pixel, where the net says them.
    """

    boxes: Sequence[Tensor]
    labels: Sequence[Tensor]
    scores: Sequence[Tensor]
    masks: Sequence[Tensor] | None = None

    def detections(self, batch: Batch) -> list[Detections]:
        """The same in the pixels of each picture as the data have it."""
        masks: Sequence[Tensor | None] = self.masks if self.masks is not None else (None,) * len(self.boxes)
        rows = zip(self.boxes, self.labels, self.scores, masks, batch.sizes, batch.objects, strict=True)
        return [
            Detections.of(boxes, labels, scores, mask, met, objects.size)
            for boxes, labels, scores, mask, met, objects in rows
        ]


class ObjectScores:
    """Average precision of a split, in the pixels of its pictures as the data have them.

    `labels` are those that are scored. The objects that a picture has there are kept by whoever knows the data: a batch
    that was brought to another size says them in that size.
    """

    def __init__(self, labels: Sequence[int], *, masks: bool) -> None:
        kinds: tuple[Kind, ...] = ("boxes", "masks") if masks else ("boxes",)
        self.scorings = {kind: Scoring(labels, kind) for kind in kinds}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its figures."""
        return tuple(_named(kind, name) for kind in self.scorings for name in FIGURES)

    def add(self, found: Found, met: Batch, own: Batch) -> None:
        """What the net said about a batch as it has met it, and the same batch as the data have it."""
        for objects, detections in zip(own.objects, found.detections(met), strict=True):
            truth = objects.each(lambda tensor: tensor.cpu().numpy())
            for scoring in self.scorings.values():
                scoring.add(truth, detections)

    def take_together(self, states: Sequence[Mapping[str, Any]]) -> None:
        """The scores become those of all processes, each of which has such a state."""
        for kind, scoring in self.scorings.items():
            own = Scoring(scoring.labels, kind)
            own.meet(state[kind] for state in states)
            self.scorings[kind] = own

    def state(self) -> dict[str, Any]:
        """What has been gathered, as plain data."""
        return {kind: scoring.state() for kind, scoring in self.scorings.items()}

    def results(self) -> dict[str, float]:
        """The figures by name; nan where there is no object to find."""
        return {
            _named(kind, name): float(f"{figure(score):.8g}")
            for kind, score in self.precisions().items()
            for name, figure in FIGURES.items()
        }

    def precisions(self) -> dict[Kind, Precision]:
        """The whole scores, of boxes and of masks."""
        return {kind: scoring.result() for kind, scoring in self.scorings.items()}

    def reset(self) -> None:
        """Back to nothing."""
        self.scorings = {kind: Scoring(scoring.labels, kind) for kind, scoring in self.scorings.items()}


def _named(kind: Kind, name: str) -> str:
    return name if kind == "boxes" else f"mask_{name}"
