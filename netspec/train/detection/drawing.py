"""Objects drawn into their pictures: boxes as frames, masks as veils, a label in a corner of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netspec.train.runs.figures.curves import COLOURS

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray
    from PIL import Image

    from netspec.train.detection.detections import Detections

VEIL = 0.4
"""How much of a mask's colour lies over its picture."""
READABLE = 11
"""The least size of a label's letters, in pixels."""


def colour(label: int) -> str:
    """The colour of a label from 1, as #rrggbb."""
    return COLOURS[(label - 1) % len(COLOURS)]


def shaded(picture: NDArray[Any], masks: NDArray[Any] | None, labels: Sequence[int]) -> NDArray[np.float64]:
    """A picture (H, W, 3) from 0 to 1 under its objects' masks (n, H, W), each in the colour of its label."""
    import numpy as np
    from matplotlib.colors import to_rgb

    result = np.array(picture, np.float64)
    for mask, label in zip(() if masks is None else masks, labels, strict=masks is not None):
        there = mask.astype(bool)
        result[there] = (1 - VEIL) * result[there] + VEIL * np.array(to_rgb(colour(label)))
    return result


def outlined(
    axes: Axes, picture: NDArray[Any], boxes: NDArray[Any], labels: Sequence[int], masks: NDArray[Any] | None
) -> None:
    """Shows a picture (H, W, 3) from 0 to 1 with its objects; pixel edges are whole numbers, as boxes have them."""
    from matplotlib.patches import Rectangle

    height, width = picture.shape[:2]
    axes.imshow(shaded(picture, masks, labels), interpolation="nearest", extent=(0, width, height, 0))
    for (left, top, right, bottom), label in zip(boxes, labels, strict=True):
        frame = Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour(label), linewidth=0.9)
        axes.add_patch(frame)


def drawn(picture: NDArray[np.uint8], found: Detections, names: Sequence[str]) -> Image.Image:
    """A picture [3, H, W] with what was found in it: frames, veils, and names with scores; the surest on top.

    `names` are those of the labels from 0.
    """
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    height, width = picture.shape[1:]
    labels = found.labels.tolist()
    colours = shaded(picture.transpose(1, 2, 0) / 255, found.masks, labels)
    image = Image.fromarray((colours * 255).round().astype(np.uint8))
    pen, line = ImageDraw.Draw(image), max(1, round(min(height, width) / 300))
    font = ImageFont.load_default(max(READABLE, round(min(height, width) / 40)))
    for place in np.argsort(found.scores, kind="stable").tolist():
        box = [round(float(edge)) for edge in found.boxes[place]]
        box[2:] = [max(low, high - 1) for low, high in zip(box[:2], box[2:], strict=True)]
        pen.rectangle(box, outline=colour(labels[place]), width=line)
        _tag(pen, f"{name_of(labels[place], names)} {found.scores[place]:.0%}", box, colour(labels[place]), font)
    return image


def name_of(label: int, names: Sequence[str]) -> str:
    """What a label is called; its number where it has no name."""
    return names[label] if 0 <= label < len(names) else str(label)


def _tag(pen: Any, text: str, box: Sequence[int], tint: str, font: Any) -> None:
    """A label above a box, or inside where there is no room; as much of it as is in the picture."""
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    wide, high = right - left + 4, bottom - top + 4
    x = max(0, min(box[0], pen.im.size[0] - wide))
    y = box[1] - high if box[1] >= high else box[1]
    pen.rectangle([x, y, x + wide, y + high], fill=tint)
    pen.text((x + 2 - left, y + 2 - top), text, fill="white", font=font)
