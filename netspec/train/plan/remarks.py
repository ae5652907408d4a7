"""What is odd about data that can be trained on all the same: said at the start of a run, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from netspec.train.data import Data, Split
from netspec.train.data.base import Source

if TYPE_CHECKING:
    import numpy as np

LOOKED_AT = 64
"""So many targets are looked at, spread evenly, where these are read from files."""
MOST_NAMED = 8


def remarks(data: Data) -> Iterator[str]:
    """That the targets are of one class only, or that some class is not among those that figures are of."""
    import numpy as np

    if data.classes is None or data.classes < 2:
        return
    counts = {name: _counts(split, data.classes) for name, split in data.splits.items()}
    train = counts["train"]
    if train is not None and (train > 0).sum() == 1:
        only = _name(data, int(train.argmax()))
        yield f"note: all that is said of the training samples is class {only}, so that there is nothing to tell apart"
        return
    for name, own in counts.items():
        if own is None or name == "train" or data.splits[name].source is not None or not own.sum():
            continue
        missing = [_name(data, int(index)) for index in np.flatnonzero(own == 0)]
        if missing:
            more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
            listed = ", ".join(missing[:MOST_NAMED]) + more
            yield f"note: the {name} samples hold nothing of class {listed}; means over classes leave that out"


def _counts(split: Split, classes: int) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
    """How often each class is there, of samples in files among some of them; None where that is not to be had."""
    import numpy as np

    if split.source is None:
        y = split.y
    elif isinstance(split.source, Source):
        y = np.concatenate([np.ravel(sample[len(split.inputs)]) for sample in split.some(LOOKED_AT)])
    else:
        return None
    return np.bincount(y[y >= 0].ravel(), minlength=classes)


def _name(data: Data, index: int) -> str:
    return data.names[index] if index < len(data.names) else str(index)
