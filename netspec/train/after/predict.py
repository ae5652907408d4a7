"""What a trained net says about samples that it is given: classes with their probabilities, masks, or numbers."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError, printable
from netspec.marks import MARK
from netspec.syntax.source import place_outside
from netspec.train.after.inputs import Sample
from netspec.train.plan.signature import Signature

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image
    from torch import Tensor

    from netspec.train.after.restored import Restored

BATCH = 64
FORMULA = tuple("=+-@＝＋－＠")
"""What a cell begins with, blanks left out, that a spreadsheet takes for a formula, in wide letters, too."""
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?")
PALETTE = ("#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#ffffff")
"""Colours of the classes of a mask, the first for class 0; Wong, "Color blindness", Nature Methods 2011."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What the net says about a sample: the probability of each class (classes, ...) or label, or numbers as they are.

    `changed` says what had to be done to the sample that was not done to the training data.
    """

    name: str
    output: NDArray[Any]
    signature: Signature
    changed: str = ""

    @property
    def is_dense(self) -> bool:
        """Whether there is a class for each place."""
        return self.signature.task != "values" and self.output.ndim > 1

    @property
    def applying(self) -> tuple[str, ...]:
        """Of several labels those that apply: whose probability is at least a half."""
        return tuple(self.signature.name(index) for index, share in enumerate(self.output) if share >= 0.5)

    @property
    def classes(self) -> NDArray[Any]:
        """The class with the highest probability: one, or one for each place."""
        result: NDArray[Any] = self.output.argmax(0)
        return result

    @property
    def shares(self) -> list[float]:
        """For each class its probability, or the share of places that are of that class."""
        if not self.is_dense:
            return [float(value) for value in self.output]
        return [float((self.classes == index).mean()) for index in range(len(self.output))]

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """The classes by name with their shares, the largest first."""
        shares = self.shares
        order = sorted(range(len(shares)), key=lambda index: (-shares[index], index))
        return [(self.signature.name(index), shares[index]) for index in order]


def predict(run: Restored, samples: Iterable[Sample]) -> Iterator[Prediction]:
    """What the net says about each sample; raises NetspecError (E0654) where it cannot take one."""
    import torch

    coming = iter(samples)
    while part := list(islice(coming, BATCH)):
        try:
            output = run.outputs(*entered(run, part))
        except (RuntimeError, IndexError) as error:
            first = str(error).strip().partition("\n")[0]
            here = place_outside(part[0].name)
            message = f"{run.graph.name} cannot take these samples: {first}"
            raise NetspecError((Diagnostic("E0654", message, here),)) from None
        signature = run.signature
        if signature.labels:
            output = signature.applying(output)
        else:
            output = signature.values(output) if signature.task == "values" else signature.probabilities(output)
        for sample, row in zip(part, torch.as_tensor(output).cpu().numpy(), strict=True):
            yield Prediction(sample.name, row, run.signature, sample.changed)


def entered(run: Restored, samples: Sequence[Sample]) -> tuple[Tensor, ...]:
    """The samples as the net takes them, for each input (n, *shape): entered and augmented as test data are."""
    import torch

    from netspec.train.batch import Batch

    columns = zip(*(sample.tensors() for sample in samples), strict=True)
    x, *more = (
        torch.cat([encoding(tensor) for tensor in column]).to(run.device)
        for encoding, column in zip(run.signature.encodings, columns, strict=True)
    )
    nothing = torch.zeros(len(x), dtype=torch.long, device=x.device)
    return run.augmentation.test(Batch(x, nothing, more=tuple(more))).inputs


def text(predictions: Sequence[Prediction], top: int) -> str:
    """A line a sample: its name, and the `top` classes with their probabilities; or its numbers."""
    names = [printable(prediction.name) for prediction in predictions]
    width = max(map(len, names), default=0)
    return "\n".join(
        f"{name:<{width}}  {_prediction_text(one, top)}" for name, one in zip(names, predictions, strict=True)
    )


def json_text(predictions: Sequence[Prediction]) -> str:
    """One document: a list with what is known of each sample."""
    return json.dumps([_plain(prediction) for prediction in predictions], indent=1, ensure_ascii=False)


def csv_text(predictions: Sequence[Prediction]) -> str:
    """A line a sample: its name, its class, and a column for each class or number.

    Names are those of files and folders, from wherever: a spreadsheet takes none of them for a formula.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if predictions:
        first = predictions[0]
        counted = range(first.output.size if first.signature.task == "values" else len(first.output))
        classes = first.signature.task != "values"
        columns = [first.signature.name(index) if classes else f"value {index}" for index in counted]
        heads = ["labels" if first.signature.labels else "class"] if classes else []
        writer.writerow(["input", *heads, *map(_cell, columns)])
    for one in predictions:
        if one.signature.task == "values":
            writer.writerow([_cell(one.name), *(f"{value:.7g}" for value in one.output.flatten())])
        else:
            best = " ".join(one.applying) if one.signature.labels else one.ranked[0][0]
            writer.writerow([_cell(one.name), _cell(best), *(f"{share:.7g}" for share in one.shares)])
    return file.getvalue()


def _cell(name: str) -> str:
    """A name as a cell: what a spreadsheet would reckon with begins with an apostrophe, unless it is a number."""
    cell_text = printable(name).replace("\t", "\\u0009")
    return f"'{cell_text}" if name.strip().startswith(FORMULA) and not NUMBER.fullmatch(cell_text) else cell_text


def save_masks(predictions: Sequence[Prediction], folder: Path) -> list[Path]:
    """Writes the class of each pixel as a picture a sample, whose pixels are the classes' numbers.

    Two pictures of one name are told apart by a number. Raises NetspecError (E0610, E0655).
    """
    from PIL.PngImagePlugin import PngInfo

    from netspec.train.runs.folder import make_folder, replacing

    paths, made_by = mask_paths(predictions, folder), PngInfo()
    made_by.add_text("Software", MARK)
    make_folder(folder)
    for one, path in zip(predictions, paths, strict=True):
        replacing(path, partial(mask(one.classes).save, format="png", pnginfo=made_by))
    return paths


def mask_paths(predictions: Sequence[Prediction], folder: Path) -> list[Path]:
    """Where the masks of samples go; raises NetspecError (E0655) where one has no class for each pixel."""
    paths: list[Path] = []
    for one in predictions:
        if not one.is_dense or one.classes.ndim != 2:
            message = f"{one.name} has no class for each pixel, so there is no mask of it"
            raise NetspecError((Diagnostic("E0655", message, place_outside("--masks")),))
        paths.append(_free(folder, Path(one.name).stem, paths))
    return paths


def _free(folder: Path, stem: str, paths: Sequence[Path]) -> Path:
    names = (f"{stem}{f'-{number}' if number else ''}.png" for number in range(len(paths) + 1))
    return next(folder / name for name in names if folder / name not in paths)


def mask(classes: NDArray[Any]) -> Image.Image:
    """The classes as a picture with a palette."""
    from PIL import Image as Picture

    image = Picture.fromarray(classes.astype("uint8"))
    colours = [PALETTE[index % len(PALETTE)] for index in range(256)]
    image.putpalette([int(colour[place : place + 2], 16) for colour in colours for place in (1, 3, 5)])
    return image


def _prediction_text(one: Prediction, top: int) -> str:
    if one.signature.task == "values":
        numbers = [f"{value:.6g}" for value in one.output.flatten()[:top]]
        return " ".join(numbers) + (" ..." if one.output.size > top else "")
    if one.signature.labels:
        likely = [(name, share) for name, share in one.ranked if name in one.applying]
        shares = "  ".join(f"{printable(name)} {100 * share:.1f} %" for name, share in likely)
        return shares or f"none; likeliest {printable(one.ranked[0][0])} {100 * one.ranked[0][1]:.1f} %"
    return "  ".join(f"{printable(name)} {100 * share:.1f} %" for name, share in one.ranked[:top])


def _plain(one: Prediction) -> dict[str, Any]:
    if one.signature.task == "values":
        return {"input": one.name, "values": one.output.astype(float).tolist()}
    shares = {one.signature.name(index): round(share, 7) for index, share in enumerate(one.shares)}
    if one.signature.labels:
        return {"input": one.name, "labels": list(one.applying), "probabilities": shares}
    if one.is_dense:
        return {"input": one.name, "shares": shares}
    best = int(one.classes)
    return {"input": one.name, "class": one.signature.name(best), "index": best, "probabilities": shares}
