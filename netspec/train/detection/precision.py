"""Average precision and recall of boxes or masks, as COCO counts: its own evaluation, by faster-coco-eval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netspec.train.data.objects.objects import Objects
    from netspec.train.detection.detections import Detections

Kind: TypeAlias = Literal["boxes", "masks"]
Area: TypeAlias = Literal["all", "small", "medium", "large"]
Most: TypeAlias = Literal[1, 10, 100]
"""So many detections of a class count in a picture."""

AREAS: tuple[Area, ...] = get_args(Area)
MOSTS: tuple[Most, ...] = get_args(Most)
UNCOUNTED = 1e12
"""The area of an object that a score passes over though it is no crowd: larger than all that COCO counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Precision:
    """Average precision and recall over a data set; nan where there is no object to find.

    `precision` (10, 101, K, 4, 3) is that at each IoU from 0.5 to 0.95, recall from 0 to 1, label, area and most
    detections; `recall` (10, K, 4, 3) what is reached. Areas are all, to 32 x 32, to 96 x 96 and above, in pixels.
    Source: Lin et al., "Microsoft COCO", 2014; `COCOeval` of pycocotools.
    """

    labels: tuple[int, ...]
    precision: NDArray[Any]
    recall: NDArray[Any]

    def ap(self, iou: float | None = None, area: Area = "all", label: int | None = None) -> float:
        """Mean precision over recall, at one IoU (0.5, 0.55, ...) or all, of one label or all."""
        chosen = self.precision[self._ious(iou)]
        return _mean(chosen[:, :, self._places(label), AREAS.index(area), -1])

    def ar(self, most: Most = 100, area: Area = "all", label: int | None = None) -> float:
        """The share of the objects that so many detections of a class reach, mean over IoU."""
        return _mean(self.recall[:, self._places(label), AREAS.index(area), MOSTS.index(most)])

    def figures(self) -> dict[str, float]:
        """COCO's twelve figures, by their names there."""
        return {
            "AP": self.ap(),
            "AP50": self.ap(0.5),
            "AP75": self.ap(0.75),
            **{f"AP {area}": self.ap(area=area) for area in AREAS[1:]},
            **{f"AR{most}": self.ar(most) for most in MOSTS},
            **{f"AR {area}": self.ar(area=area) for area in AREAS[1:]},
        }

    def by_class(self) -> dict[int, dict[str, float]]:
        """AP, AP50 and AP75 of each label."""
        ious = {"AP": None, "AP50": 0.5, "AP75": 0.75}
        return {label: {name: self.ap(iou, label=label) for name, iou in ious.items()} for label in self.labels}

    def _ious(self, iou: float | None) -> slice:
        place = None if iou is None else round((iou - 0.5) / 0.05)
        return slice(None) if place is None else slice(place, place + 1)

    def _places(self, label: int | None) -> slice:
        place = None if label is None else self.labels.index(label)
        return slice(None) if place is None else slice(place, place + 1)


class Scoring:
    """Gathers what a net has found in pictures and what is in them, and scores it.

    `labels` are those that are scored. What is gathered is plain data, masks as packed runs.
    """

    def __init__(self, labels: Sequence[int], kind: Kind = "boxes") -> None:
        self.labels, self.kind = tuple(labels), kind
        self.pictures: list[dict[str, Any]] = []
        self.truth: list[dict[str, Any]] = []
        self.found: list[dict[str, Any]] = []

    def add(self, truth: Objects[NDArray[Any]], detections: Detections) -> None:
        """Takes in a picture: the objects in it and those that were found, both in its own pixels.

        Raises ValueError where masks are scored and there are none.
        """
        number = len(self.pictures) + 1
        height, width = truth.size
        self.pictures.append({"id": number, "height": height, "width": width})
        shapes = self._shapes(truth.masks, len(truth), truth.size)
        for place, shape in enumerate(shapes):
            uncounted = bool(truth.difficult[place]) and not truth.crowd[place]
            self.truth.append(
                {
                    "id": len(self.truth) + 1,
                    "image_id": number,
                    "category_id": int(truth.labels[place]),
                    "bbox": _corner_and_sides(truth.boxes[place]),
                    "area": UNCOUNTED if uncounted else float(truth.area[place]),
                    "iscrowd": int(truth.crowd[place]),
                    **shape,
                }
            )
        for place, shape in enumerate(self._shapes(detections.masks, len(detections), truth.size)):
            box = {"bbox": _corner_and_sides(detections.boxes[place])} if self.kind == "boxes" else {}
            label, score = int(detections.labels[place]), float(detections.scores[place])
            self.found.append({"image_id": number, "category_id": label, "score": score, **box, **shape})

    def _shapes(self, masks: NDArray[Any] | None, count: int, size: tuple[int, int]) -> Iterable[dict[str, Any]]:
        """The packed masks of so many objects, where masks are scored."""
        if self.kind == "boxes":
            return [{} for _ in range(count)]
        if masks is None:
            raise ValueError("there are no masks to score")
        if masks.shape[1:] != size:
            raise ValueError(f"masks are {masks.shape[1:]}, and their picture is {size}")
        return [{"segmentation": packed(mask)} for mask in masks]

    def meet(self, others: Iterable[Mapping[str, Any]]) -> None:
        """Takes in what other processes have gathered, each as `state` gives it."""
        for other in others:
            pictures, objects = len(self.pictures), len(self.truth)
            self.pictures += [row | {"id": row["id"] + pictures} for row in other["pictures"]]
            self.truth += [
                row | {"id": row["id"] + objects, "image_id": row["image_id"] + pictures} for row in other["truth"]
            ]
            self.found += [row | {"image_id": row["image_id"] + pictures} for row in other["found"]]

    def state(self) -> dict[str, Any]:
        """What has been gathered."""
        return {"pictures": self.pictures, "truth": self.truth, "found": self.found}

    def result(self) -> Precision:
        """The score of all pictures."""
        import numpy as np
        from faster_coco_eval.core.coco import COCO
        from faster_coco_eval.core.faster_eval_api import COCOeval_faster

        classes = [{"id": label, "name": str(label)} for label in self.labels]
        coco = COCO({"images": self.pictures, "annotations": self.truth, "categories": classes}, use_deepcopy=True)
        results = [dict(row) for row in self.found if row["category_id"] in self.labels]
        kind = "bbox" if self.kind == "boxes" else "segm"
        evaluation = COCOeval_faster(coco, coco.loadRes(results), kind, rle_iou_max_workers=1)
        if not self.pictures:
            nothing = np.full((10, 101, len(self.labels), len(AREAS), len(MOSTS)), -1.0)
            return Precision(self.labels, nothing, nothing[:, 0])
        evaluation.evaluate()
        evaluation.accumulate()
        shape = (10, 101, len(self.labels), len(AREAS), len(MOSTS))
        precision = np.asarray(evaluation.eval["precision"]).reshape(shape)
        recall = np.asarray(evaluation.eval["recall"]).reshape(shape[:1] + shape[2:])
        return Precision(self.labels, precision, recall)


def packed(mask: NDArray[Any]) -> dict[str, Any]:
    """A mask (H, W) as COCO's packed runs: its size, and the counts as a text."""
    import numpy as np
    from faster_coco_eval.core import mask as runs

    encoding: dict[str, Any] = runs.encode(np.asfortranarray(mask, np.uint8))
    counts = encoding["counts"]
    text = counts.decode() if isinstance(counts, bytes) else counts
    return {"size": [int(side) for side in mask.shape], "counts": text}


def _corner_and_sides(box: NDArray[Any]) -> list[float]:
    """A box x1, y1, x2, y2 as COCO has it: x, y, width, height."""
    x1, y1, x2, y2 = (float(value) for value in box)
    return [x1, y1, x2 - x1, y2 - y1]


def _mean(values: NDArray[Any]) -> float:
    """The mean of what there is; COCO's -1 stands for nothing."""
    there = values[values > -1]
    return float(there.mean()) if there.size else float("nan")
