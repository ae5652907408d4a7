"""By what data are known again when a run is taken up."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from netspec.train.data import Source, Split, Stream
from netspec.train.data.base import AdaptedSource
from netspec.train.data.objects.objects import Objects
from netspec.train.data.python_data import PythonSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_HASHED = 2**28
"""Data of at most this many bytes are looked at as a whole to know them again, which takes a quarter of a second."""
SOME_HASHED = 32
"""So many samples of larger ones are."""


def fingerprint(split: Split) -> str:
    """Sixteen digits that are others where samples are: of all that are held, of some that are read from files.

    Of what comes in a stream or from Python nothing is known before it is read: the text is empty.
    """
    source = split.source.source if isinstance(split.source, AdaptedSource) else split.source
    if isinstance(source, Stream | PythonSource):
        return ""
    digest = hashlib.sha256()
    arrays = [array for array in (*split.inputs, *split.targets) if len(array)]
    if sum(array.nbytes for array in arrays) > MOST_HASHED or isinstance(split.source, Source):
        arrays = [array for sample in split.some(SOME_HASHED) for part in sample for array in _arrays(part)]
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def _arrays(part: NDArray[Any] | Objects[NDArray[Any]]) -> list[NDArray[Any]]:
    """The arrays of a part of a sample: one, or those that say which objects a picture holds."""
    if not isinstance(part, Objects):
        return [part]
    arrays = (part.boxes, part.labels, part.masks, part.area, part.crowd, part.difficult)
    return [array for array in arrays if array is not None]
