"""What was found in pictures as files: a table, COCO's results, pictures with boxes, a mask for each object."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import printable
from netspec.marks import MARK
from netspec.train.detection.drawing import drawn, name_of
from netspec.train.detection.precision import packed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netspec.train.detection.detections import Detections
    from netspec.train.detection.precision import Precision

RESULTS, MASKS = "detections.json", "masks"


def results(image: int, found: Detections, ids: Sequence[int]) -> list[dict[str, Any]]:
    """What was found in a picture of that number, as COCO's results have it; `ids` are the categories of labels from 1.

    A box is x, y, width, height; a mask packed runs.
    """
    rows: list[dict[str, Any]] = []
    for place in range(len(found)):
        x1, y1, x2, y2 = (float(edge) for edge in found.boxes[place])
        label = int(found.labels[place])
        row = {
            "image_id": image,
            "category_id": ids[label - 1] if 0 < label <= len(ids) else label,
            "bbox": [round(value, 3) for value in (x1, y1, x2 - x1, y2 - y1)],
            "score": float(f"{float(found.scores[place]):.6g}"),
        }
        mask = {} if found.masks is None else {"segmentation": packed(found.masks[place])}
        rows.append(row | mask)
    return rows


def text(found: Detections, names: Sequence[str]) -> str:
    """A line an object: its name, its score, and the edges of its box; the surest first."""
    lines = []
    for place in range(len(found)):
        edges = " ".join(f"{float(edge):.0f}" for edge in found.boxes[place])
        lines.append(f"{printable(name_of(int(found.labels[place]), names))} {found.scores[place]:.1%}  {edges}")
    return "\n".join(lines) or "nothing"


def save(
    pictures: Mapping[str, tuple[NDArray[np.uint8], Detections]], names: Sequence[str], ids: Sequence[int], folder: Path
) -> list[Path]:
    """Writes into a folder, for pictures [3, H, W] by their files' names: each with what was found in it, in `masks` a
    picture an object, where there are masks, and COCO's results of all, whose `image_id` counts the pictures from 1.

    Pictures of one name are told apart by a number. Raises NetspecError (E0610).
    """
    from netspec.train.runs.folder import make_folder, replacing

    make_folder(folder)
    writers: dict[Path, Callable[[Path], object]] = {}
    rows: list[dict[str, Any]] = []
    for number, (name, (picture, found)) in enumerate(pictures.items(), 1):
        stem = _free(folder, Path(name).stem, writers)
        writers[folder / f"{stem}.png"] = _png(drawn(picture, found, names))
        for place, row in enumerate(results(number, found, ids), 1):
            rows.append({**row, "file_name": name})
            if found.masks is not None:
                writers[folder / MASKS / f"{stem}-{place}.png"] = _png(_white(found.masks[place - 1]))
    writers[folder / RESULTS] = partial(_write, json.dumps(rows, indent=1, ensure_ascii=False).encode())
    for path, write in writers.items():
        make_folder(path.parent)
        replacing(path, write)
    return list(writers)


def table(scores: Mapping[str, Precision], names: Sequence[str]) -> str:
    """What an evaluation says, of `boxes` and of `masks`: COCO's figures, and AP, AP50 and AP75 of each class."""
    kinds = list(scores)
    figures = {kind: score.figures() for kind, score in scores.items()}
    rows = [["", *kinds]]
    rows += [[name, *(_percent(figures[kind][name]) for kind in kinds)] for name in figures[kinds[0]]]
    classes = {kind: score.by_class() for kind, score in scores.items()}
    columns = [(kind, name) for kind in kinds for name in ("AP", "AP50", "AP75")]
    head = ["class", *(f"{name} {kind}" if len(kinds) > 1 else name for kind, name in columns)]
    each = [
        [printable(name_of(label, names)), *(_percent(classes[kind][label][name]) for kind, name in columns)]
        for label in classes[kinds[0]]
    ]
    return f"{_aligned(rows)}\n\n{_aligned([head, *each])}"


def _percent(value: float) -> str:
    return "-" if isnan(value) else f"{100 * value:.1f}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as columns: the first to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))])
        for first, *rest in rows
    )


def _free(folder: Path, stem: str, taken: Mapping[Path, object]) -> str:
    names = (f"{stem}{f'-{number}' if number else ''}" for number in range(len(taken) + 1))
    return next(name for name in names if folder / f"{name}.png" not in taken)


def _white(mask: NDArray[np.bool_]) -> Any:
    """A mask as a picture, white where the object is."""
    from PIL import Image

    return Image.fromarray(mask.astype("uint8") * 255)


def _png(image: Any) -> Callable[[Path], object]:
    from PIL.PngImagePlugin import PngInfo

    made_by = PngInfo()
    made_by.add_text("Software", MARK)
    return partial(image.save, format="png", pnginfo=made_by)


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)
