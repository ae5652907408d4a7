"""An activation map as a picture: the sample beside itself with the map laid over it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.syntax.source import place_outside
from netspec.train.after.activation_maps import ActivationMap
from netspec.train.after.inputs import Sample
from netspec.train.plan.signature import Signature
from netspec.train.runs.figures import plots
from netspec.train.runs.folder import replacing

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from netspec.train.after.restored import Restored

INK, MUTED = "#1f2328", "#6e7781"
AGAINST, FOR = "#0072b2", "#e66100"
"""The colours of what speaks against a class and for it: blue and orange, which everyone tells apart."""
MOST = 0.85
"""How much of the sample the map hides where it is strongest; nothing where it says nothing."""
FINE = 256
"""A map is drawn over at least so many dots a side, since it is smooth."""
SIDE = 3.2
"""Inches that a picture is high."""


def draw(activation: ActivationMap, view: NDArray[Any], signature: Signature, out: Path) -> None:
    """Draws the map over the sample `view` [channels, *S] as the net met it, without normalisation, into `out`.

    A name that ends in .npy gets the map itself. Raises NetspecError (E0610, E0655).
    """
    import numpy as np

    if out.suffix == ".npy":

        def write(beside: Path) -> None:
            with beside.open("wb") as file:
                np.save(file, activation.values)

        replacing(out, write)
        return
    if view.ndim not in (2, 3):
        here = place_outside(out)
        message = f"a map over a sample of {view.ndim - 1} axes cannot be drawn"
        raise NetspecError((Diagnostic("E0655", message, here, help="-o map.npy keeps its numbers"),))
    figure = _picture(activation, view, signature) if view.ndim == 3 else _signal(activation, view, signature)
    plots.write(figure, out, dpi=200)


def net_view(run: Restored, sample: Sample) -> NDArray[Any]:
    """The sample as the net met it, but for `normalize`, which leaves nothing to look at."""
    import torch

    from netspec.train.augment import Augmentation, Chain
    from netspec.train.batch import Batch

    chain = run.settings.augment.tested()
    chain = replace(chain, steps=tuple(step for step in chain.steps if step.name != "normalize"), spans=())
    x = run.signature.encodings[0](*sample.tensors())
    array: NDArray[Any] = Augmentation(Chain(chain.steps)).test(Batch(x, torch.zeros(1, dtype=torch.long))).x[0].numpy()
    return array


def enlarged(values: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
    """A map in the size of its sample, by (bi)linear interpolation."""
    import torch
    from torch.nn import functional

    mode = "bilinear" if values.ndim == 2 else "linear"
    large = functional.interpolate(torch.from_numpy(values)[None, None].float(), size, mode=mode, align_corners=False)
    array: NDArray[Any] = large[0, 0].numpy()
    return array


def title(activation: ActivationMap, signature: Signature) -> str:
    """What the map is of: the class, and how sure the net is of it."""
    from netspec.diagnostics import printable

    name = printable(signature.name(activation.target))[:40].replace("$", r"\$")
    if activation.probability is None:
        return f"output {activation.target}: {activation.score:.4g}"
    return f"{name if signature.names else f'class {name}'}, {100 * activation.probability:.1f} %"


def _picture(activation: ActivationMap, view: NDArray[Any], signature: Signature) -> Figure:
    """The image, and the image in grey under the map."""
    coloured = len(view) == 3
    grey = view.mean(0)
    ratio = grey.shape[1] / grey.shape[0]
    figure = _figure(2 * min(max(SIDE * ratio, 1.6), 8) + 1.1, SIDE + 0.4)
    left, right = figure.subplots(1, 2)
    left.imshow(view.transpose(1, 2, 0).clip(0, 1) if coloured else grey, cmap="gray", interpolation="nearest")
    right.imshow(grey, cmap="gray", interpolation="nearest")
    times = max(1, -(-FINE // max(grey.shape)))
    values = enlarged(activation.values, (grey.shape[0] * times, grey.shape[1] * times))
    colours = _colours(activation)
    extent = (-0.5, grey.shape[1] - 0.5, grey.shape[0] - 0.5, -0.5)
    right.imshow(_veil(values, colours), extent=extent)
    for axes in (left, right):
        axes.set_axis_off()
    left.set_title("input", loc="left", fontsize=10, color=MUTED)
    right.set_title(title(activation, signature), loc="left", fontsize=10, color=INK)
    _bar(figure, colours, right, activation)
    return figure


def _signal(activation: ActivationMap, view: NDArray[Any], signature: Signature) -> Figure:
    """Each channel as a line, the map behind it."""
    import numpy as np

    colours = _colours(activation)
    values = enlarged(activation.values, (max(FINE, view.shape[1]),))
    channels = view[:MOST_CHANNELS]
    figure = _figure(7.6, 0.9 + 1.6 * len(channels))
    rows = figure.subplots(len(channels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, channel in zip(rows, channels, strict=True):
        low, high = float(channel.min()), float(channel.max())
        margin = 0.08 * ((high - low) or 1.0)
        extent = (-0.5, view.shape[1] - 0.5, low - margin, high + margin)
        axes.imshow(_veil(values[None], colours), extent=extent, aspect="auto", interpolation="bilinear")
        axes.plot(np.arange(view.shape[1]), channel, color=INK, linewidth=1.5)
        axes.set_ylim(low - margin, high + margin)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color("#d0d7de")
        axes.tick_params(colors=MUTED, labelsize=8)
    rows[0].set_title(title(activation, signature), loc="left", fontsize=10, color=INK)
    rows[-1].set_xlabel("position", color=MUTED, fontsize=9)
    _bar(figure, colours, rows.tolist(), activation)
    return figure


MOST_CHANNELS = 6
"""So many channels of a signal are drawn."""


def _colours(activation: ActivationMap) -> ScalarMappable:
    """Colours by value: white at 0, both sides as strong as the strongest; Grad-CAM has one side."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    most = float(abs(activation.values).max()) or 1.0
    if activation.method == "grad-cam":
        return ScalarMappable(Normalize(0, most), LinearSegmentedColormap.from_list("for", ["#ffffff", FOR]))
    sides = LinearSegmentedColormap.from_list("sides", [AGAINST, "#ffffff", FOR])
    return ScalarMappable(Normalize(-most, most), sides)


def _veil(values: NDArray[Any], colours: ScalarMappable) -> NDArray[Any]:
    """The map (rows, columns) as red, green, blue and opacity: its side's colour, as dense as it is strong."""
    import numpy as np
    from matplotlib.colors import to_rgb

    most = colours.get_clim()[1]
    veil = np.where(values[..., None] < 0, to_rgb(AGAINST), to_rgb(FOR))
    density = MOST * (abs(values) / most).clip(0, 1)
    return np.concatenate([veil, density[..., None]], -1)


def _bar(figure: Figure, colours: ScalarMappable, axes: Any, activation: ActivationMap) -> None:
    """The scale: what speaks for the class above, what speaks against it below."""
    bar = figure.colorbar(colours, ax=axes, fraction=0.046, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=MUTED, labelsize=8, length=2)
    bar.ax.set_ylabel(f"{_unit(activation)} of {activation.layer}".replace("$", r"\$"), color=MUTED, fontsize=8)


def _unit(activation: ActivationMap) -> str:
    return "CAM" if activation.method == "cam" else "Grad-CAM"


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
