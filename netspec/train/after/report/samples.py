"""Samples with what the net said about them: some as they come, and those that it was most wrong about."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.train.after.evaluate import Evaluation, splits_of
from netspec.train.after.predict import mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netspec.train.after.restored import Restored
    from netspec.train.plan.job import Prepared

SOME = 12
LARGEST = 160
"""Pictures have at most so many pixels a side in a report."""
SIGNAL = (150, 56)
"""Width and height of a signal that is drawn."""
MOST_CHANNELS = 4
MOST_CHARACTERS = 120
"""A text is shown as far as that."""


@dataclass(frozen=True, slots=True)
class GallerySample:
    """One sample: pictures as data URIs, a text, or the lines of a signal; the class that it is, the one it was called,
    and how sure the net was. Where there is a class for each place, `share` is that of the places that are right.
    """

    index: int
    pictures: tuple[tuple[str, str], ...]
    text: str
    lines: tuple[str, ...]
    truth: str
    answer: str
    share: float | None
    right: bool


@dataclass(frozen=True, slots=True)
class Gallery:
    """Samples under a heading."""

    title: str
    samples: tuple[GallerySample, ...]


def galleries(run: Restored, prepared: Prepared, evaluation: Evaluation) -> list[Gallery]:
    """Some of the test samples, and those that the net was most wrong about; none of a stream, which has no places."""
    from netspec.train.data import Stream

    (split,) = splits_of(prepared, "test")
    if isinstance(split.source, Stream) or not len(split):
        return []
    spread = _spread(evaluation.count)
    worst = [index for index in _worst(evaluation) if index not in spread]
    titles = {"A look at the test data": spread, _worst_title(evaluation): worst}
    return [
        Gallery(title, tuple(_gallery_samples(run, prepared, evaluation, some)))
        for title, some in titles.items()
        if some
    ]


def _spread(count: int) -> list[int]:
    """Places spread evenly over so many samples."""
    return sorted({round(index * (count - 1) / max(SOME - 1, 1)) for index in range(SOME)})


def _worst(evaluation: Evaluation) -> list[int]:
    """The samples that were called something else with most certainty; or those with the fewest right places."""
    predictions, truth, share = evaluation.samples.predicted, evaluation.samples.truth, evaluation.samples.share
    if share is None:
        return []
    if predictions is None or truth is None:
        return [int(index) for index in share.argsort(kind="stable")[: SOME // 2]]
    wrong = (predictions != truth).nonzero()[0]
    order = wrong[(-share[wrong]).argsort(kind="stable")]
    return [int(index) for index in order[:SOME]]


def _worst_title(evaluation: Evaluation) -> str:
    return "Most confident mistakes" if evaluation.samples.predicted is not None else "Worst test samples"


def _gallery_samples(
    run: Restored, prepared: Prepared, evaluation: Evaluation, indices: Sequence[int]
) -> list[GallerySample]:
    """The samples of these places, with what was said about them."""
    import torch

    from netspec.train.augment import Augmentation
    from netspec.train.engine.batches.loader import BatchLoader

    plan, samples = prepared.plan, evaluation.samples
    feed = BatchLoader(plan.data.test, plan.encodings, run.device)
    batch = feed.batch(torch.tensor(indices, device=feed.home))
    names = [value.name for value in run.graph.inputs] if batch.more else ["input"]
    dense = evaluation.samples.predicted is None and not evaluation.signature.labels
    if dense:
        met = Augmentation(plan.augment).test(batch)
        said_here = run.outputs(*met.inputs)
        masks = evaluation.signature.probabilities(said_here).argmax(1).cpu().numpy()
        truths = plan.judged.truth(met, said_here).cpu().reshape(masks.shape).numpy()
    cards = []
    for place, index in enumerate(indices):
        inputs = [x[place].float().cpu().numpy() for x in batch.inputs]
        text = _text(inputs[0], prepared)
        entered = [] if text else zip(names, inputs, strict=True)
        pictures = [(name, picture) for name, x in entered if (picture := _image(x))]
        if dense and masks.ndim == 3:
            pictures += [("truth", _png(mask(truths[place].clip(0)))), ("net", _png(mask(masks[place])))]
        cards.append(
            GallerySample(
                index,
                tuple(pictures),
                text,
                () if pictures or text else _signal(inputs[0]),
                _word(samples.truth, index, evaluation),
                _word(samples.predicted, index, evaluation),
                None if samples.share is None else float(samples.share[index]),
                samples.predicted is None
                or samples.truth is None
                or bool(samples.predicted[index] == samples.truth[index]),
            )
        )
    return cards


def _word(values: NDArray[Any] | None, index: int, evaluation: Evaluation) -> str:
    if values is None:
        return ""
    if evaluation.signature.task == "values":
        return f"{values[index]:.4g}"
    return evaluation.signature.name(int(values[index]))


def _image(x: NDArray[Any]) -> str:
    """A sample [1 or 3, height, width] or [height, width] as a data URI; empty where it is none."""
    import numpy as np
    from PIL import Image

    if x.ndim == 3 and len(x) in (1, 3):
        pixels = x[0] if len(x) == 1 else x.transpose(1, 2, 0)
    elif x.ndim == 2 and min(x.shape) > MOST_CHANNELS and max(x.shape) < 4 * min(x.shape):
        pixels = x
    else:
        return ""
    low, high = min(0.0, float(pixels.min())), max(1.0, float(pixels.max()))
    image = Image.fromarray(np.uint8(255 * (pixels - low) / (high - low)))
    return _png(image)


def _png(image: Any) -> str:
    """A picture as a data URI, no larger than a report needs it."""
    image.thumbnail((LARGEST, LARGEST))
    file = io.BytesIO()
    image.save(file, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _text(x: NDArray[Any], prepared: Prepared) -> str:
    """A sample of characters as a text; empty where it is none."""
    from netspec.train.data.tables import text_of

    data = prepared.settings.data
    alphabet: str = getattr(data, "alphabet", "")
    if not alphabet or prepared.plan.data.levels != len(alphabet) + 1:
        return ""
    text = text_of(x, alphabet, getattr(data, "backward", False))
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def _signal(x: NDArray[Any]) -> tuple[str, ...]:
    """The channels of a sample [channels, length] or [length] as lines on a plane of the size SIGNAL."""
    rows = x[None] if x.ndim == 1 else x
    if rows.ndim != 2 or rows.shape[1] < 2:
        return ()
    width, height = SIGNAL
    low, high = float(rows.min()), float(rows.max())
    step = max(1, rows.shape[1] // (2 * width))
    lines = []
    for row in rows[:MOST_CHANNELS, ::step]:
        heights = (height - 4) * (1 - (row - low) / ((high - low) or 1.0)) + 2
        places = (index * width / (len(row) - 1) for index in range(len(row)))
        lines.append(" ".join(f"{x:.1f},{y:.1f}" for x, y in zip(places, heights, strict=True)))
    return tuple(lines)
