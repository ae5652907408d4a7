"""A contact sheet: samples as they are, and beside each what augmentation makes of it, exactly as in training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.train.data import IGNORED
from netspec.train.detection.drawing import VEIL, outlined
from netspec.train.runs.figures import plots
from netspec.train.runs.figures.curves import COLOURS, INK

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray
    from torch import Tensor

    from netspec.train.batch import Batch
    from netspec.train.data import Data, Sample
    from netspec.train.plan.job import Samples

CELL = 1.5
"""Inches that a sample takes, each way."""


def preview(shown: Samples, out: Path, *, samples: int = 6, variants: int = 5) -> None:
    """Draws the sheet into the picture `out`: a row for each of some training samples, spread over the data.

    The first column is the sample; the others are what the steps 0, 1, ... of the first epoch would make of it.
    Of a net of several inputs every column is there for each of them. `normalize` is left out, so that brightness is
    that of the data; masks lie over their images, and boxes around objects. Raises NetspecError (E0610, E0622).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    plain = _batch(shown, samples)
    if any(
        x.ndim not in (3, 4) or encoding.dtype != "float" or encoding.levels is not None
        for x, encoding in zip(plain.inputs, shown.encodings, strict=True)
    ):
        here = shown.settings.span("data")
        message = "only images and signals can be shown, and these samples are neither"
        raise NetspecError((Diagnostic("E0622", message, here),))
    titles = ["original", *(f"step {step}" for step in range(variants))]
    batches = [plain, *_augmented(shown, plain, variants)]
    names = [f" {value.name}" for value in shown.graph.inputs] if plain.more else [""]
    columns = [
        (title + name, replace(batch, x=x), _bounds(original))
        for title, batch in zip(titles, batches, strict=True)
        for name, x, original in zip(names, batch.inputs, plain.inputs, strict=True)
    ]
    width = CELL * (1.4 if plain.x.ndim == 3 else 1)
    size = (width * len(columns), CELL * len(plain))
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    cells = figure.subplots(len(plain), len(columns), squeeze=False)
    for column, (title, batch, bounds) in enumerate(columns):
        cells[0][column].set_title(clipped(title, 9, width), fontsize=9, color=INK, parse_math=False)
        for row in range(len(plain)):
            axes: Axes = cells[row][column]
            axes.set_xticks([])
            axes.set_yticks([])
            if batch.x.ndim == 3:
                _signal(axes, batch.x[row], *bounds)
            else:
                _image(axes, batch, row, *bounds)
            if lines := _label(shown.data, batch, row):
                label = "\n".join(clipped(line, 7, width) for line in lines)
                axes.set_xlabel(label, fontsize=7, color=INK, parse_math=False)
    plots.write(figure, out)


def _batch(shown: Samples, count: int) -> Batch:
    """Some samples, as they enter the net."""
    import numpy as np
    import torch

    from netspec.train.batch import Batch
    from netspec.train.engine.batches.loader import BatchLoader

    train = shown.data.train
    if shown.data.objects is not None:
        return BatchLoader(train, shown.encodings, torch.device("cpu")).batch(torch.tensor(train.spread(count)))
    *inputs, y = (torch.from_numpy(np.stack(parts)) for parts in _columns(train.some(count), len(shown.encodings) + 1))
    x, *more = (encoding(each) for encoding, each in zip(shown.encodings, inputs, strict=True))
    return Batch(x, y, more=tuple(more))


def _columns(samples: Sequence[Sample], count: int) -> list[list[NDArray[Any]]]:
    """The first so many parts of samples, part by part."""
    return [[sample[part] for sample in samples] for part in range(count)]


def _bounds(x: Tensor) -> tuple[float, float]:
    """The least and the largest value."""
    return float(x.min()), float(x.max())


def _augmented(shown: Samples, batch: Batch, variants: int) -> list[Batch]:
    """The batch as the first steps of training would meet it."""
    import torch

    from netspec.train.augment import Augmentation, Chain
    from netspec.train.randomness import AUGMENT, stream

    steps = tuple(step for step in shown.augment.steps if step.name != "normalize")
    work = Augmentation(Chain(steps))
    seed = shown.settings.seed
    with torch.random.fork_rng(devices=[]):
        return [work.train(batch, stream(seed, AUGMENT, 0, step, 0)) for step in range(variants)]


def _image(axes: Axes, batch: Batch, row: int, low: float, high: float) -> None:
    """An image between black and white as the originals are, its mask over it, and its objects."""
    import numpy as np

    x = batch.x[row].numpy()
    if batch.objects:
        height, width = batch.sizes[row]
        x = x[:, :height, :width]
    grey: NDArray[Any] = ((x - low) / ((high - low) or 1)).clip(0, 1)
    colours = grey.transpose(1, 2, 0) if len(grey) == 3 else np.repeat(grey[:1].transpose(1, 2, 0), 3, 2)
    if batch.y.ndim == 3 and batch.y.shape[1:] == batch.x.shape[2:]:
        colours = veiled(colours, batch.y[row].numpy())
    if batch.objects:
        objects = batch.objects[row].each(lambda tensor: tensor.numpy())
        outlined(axes, colours, objects.boxes, objects.labels.tolist(), objects.masks)
    else:
        axes.imshow(colours, interpolation="nearest")


def veiled(image: NDArray[Any], mask: NDArray[Any]) -> NDArray[np.float64]:
    """An image (height, width, 3) from 0 to 1 under the colours of its mask; class 0 has none, what is ignored grey."""
    import numpy as np
    from matplotlib.colors import to_rgb

    result = np.array(image, np.float64)
    for value in np.unique(mask):
        if value != 0:
            colour = np.array(to_rgb("#808080" if value == IGNORED else COLOURS[(int(value) - 1) % len(COLOURS)]))
            there = mask == value
            result[there] = (1 - VEIL) * result[there] + VEIL * colour
    return result


def _signal(axes: Axes, x: Tensor, low: float, high: float) -> None:
    """A signal on the scale of the originals."""
    margin = 0.1 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    for number, channel in enumerate(x.numpy()[: len(COLOURS)]):
        axes.plot(channel, color=COLOURS[number], linewidth=0.8)


def clipped(text: str, size: float, width: float) -> str:
    """As much of a text in one line, in points of that size, as fits into so many inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font, limit = FontProperties(size=size), 0.9 * 72 * width
    whole = line = " ".join(text.split())
    while whole and text_to_path.get_text_width_height_descent(line, font, ismath=False)[0] > limit:
        whole = whole[:-1]
        line = f"{whole}…"
    return line


def _label(data: Data, batch: Batch, row: int) -> list[str]:
    """What is said about a sample: its class, and of a blend both with their shares, a line each.

    Of a picture with objects how many of each class it holds.
    """
    if batch.objects:
        count = Counter(data.names[label] for label in batch.objects[row].labels.tolist())
        return [", ".join(f"{number} {name}" for name, number in count.items()) or "nothing"]
    if batch.y.ndim != 1 or data.classes is None:
        return []
    names = [
        (data.names[int(part.y[row])] if data.names else str(int(part.y[row])))
        for part in ((batch,) if batch.blend is None else (batch, batch.blend))
    ]
    if batch.blend is None:
        return names
    return [f"{share:.0%} {name}" for share, name in zip((batch.share, 1 - batch.share), names, strict=True)]
