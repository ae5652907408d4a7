"""A contact sheet: samples as they are, and beside each what augmentation makes of it, exactly as in training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.train.data import IGNORED
from netspec.train.runs.curves import COLOURS, INK
from netspec.train.runs.run import replacing

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray
    from torch import Tensor

    from netspec.train.batch import Batch
    from netspec.train.plan.job import Prepared
    from netspec.train.plan.match import Match

CELL = 1.5
"""Inches that a sample takes, each way."""
VEIL = 0.4
"""How much of a mask's colour lies over its image."""


def preview(prepared: Prepared, out: Path, *, samples: int = 6, variants: int = 5) -> None:
    """Draws the sheet into the picture `out`: a row for each of some training samples, spread over the data.

    The first column is the sample; the others are what the steps 0, 1, ... of the first epoch would make of it.
    `normalize` is left out, so that brightness is that of the data; masks lie over their images. Raises NetspecError
    (E0610, E0622).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    matched = prepared.matched
    plain = _batch(matched, samples)
    if plain.x.ndim not in (3, 4) or matched.entry.dtype != "float" or matched.entry.levels is not None:
        here = prepared.settings.span("data")
        message = "only images and signals can be shown, and these samples are neither"
        raise NetspecError((Diagnostic("E0622", message, here),))
    columns = [plain, *_augmented(prepared, plain, variants)]
    flat = plain.x.ndim == 3
    size = (CELL * len(columns) * (1.4 if flat else 1), CELL * len(plain))
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    cells = figure.subplots(len(plain), len(columns), squeeze=False)
    low, high = (float(bound) for bound in (plain.x.min(), plain.x.max()))
    for column, batch in enumerate(columns):
        cells[0][column].set_title("original" if column == 0 else f"step {column - 1}", fontsize=9, color=INK)
        for row in range(len(plain)):
            axes: Axes = cells[row][column]
            axes.set_xticks([])
            axes.set_yticks([])
            if flat:
                _signal(axes, batch.x[row], low, high)
            else:
                _image(axes, batch, row, low, high)
            if label := _label(matched, batch, row):
                axes.set_xlabel(label, fontsize=7, color=INK)
    kind = out.suffix.removeprefix(".") or "png"
    replacing(out, lambda beside: figure.savefig(beside, format=kind))


def _batch(matched: Match, count: int) -> Batch:
    """Some samples, as they enter the net."""
    import numpy as np
    import torch

    from netspec.train.batch import Batch

    read = matched.data.train.some(count)
    x, y = (torch.from_numpy(np.stack([sample[part] for sample in read])) for part in range(2))
    return Batch(matched.entry(x), y)


def _augmented(prepared: Prepared, batch: Batch, variants: int) -> list[Batch]:
    """The batch as the first steps of training would meet it."""
    import torch

    from netspec.train.augment import Augmentation, Chain
    from netspec.train.randomness import AUGMENT, stream

    steps = tuple(step for step in prepared.matched.augment.steps if step.name != "normalize")
    work = Augmentation(Chain(steps))
    seed = prepared.settings.seed
    with torch.random.fork_rng(devices=[]):
        return [work.train(batch, stream(seed, AUGMENT, 0, step, 0)) for step in range(variants)]


def _image(axes: Axes, batch: Batch, row: int, low: float, high: float) -> None:
    """An image between black and white as the originals are, its mask over it."""
    import numpy as np

    shown: NDArray[Any] = ((batch.x[row].numpy() - low) / ((high - low) or 1)).clip(0, 1)
    colours = shown.transpose(1, 2, 0) if len(shown) == 3 else np.repeat(shown[:1].transpose(1, 2, 0), 3, 2)
    if batch.y.ndim == 3 and batch.y.shape[1:] == batch.x.shape[2:]:
        colours = veiled(colours, batch.y[row].numpy())
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


def _label(matched: Match, batch: Batch, row: int) -> str:
    """What is said about a sample: its class, and of a blend both with their shares."""
    if batch.y.ndim != 1 or matched.data.classes is None:
        return ""
    names = [
        (matched.data.names[int(part.y[row])] if matched.data.names else str(int(part.y[row])))
        for part in ((batch,) if batch.blend is None else (batch, batch.blend))
    ]
    if batch.blend is None:
        return names[0]
    return f"{batch.share:.0%} {names[0]} + {1 - batch.share:.0%} {names[1]}"
