"""Waiting for specs to change on the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event

from watchfiles import Change, watch

SETTLED = 50
"""Milliseconds without a change after which a file is taken to be written."""


def changes(places: Iterable[Path], stop: Event | None = None) -> Iterator[set[Path]]:
    """The specs that have changed, each time that some have; in the folders of these files, or in these folders.

    An editor that writes a file anew beside the old one, and one that writes into it, are followed alike.
    """
    folders = {place if place.is_dir() else place.parent for place in places}
    for batch in watch(*folders, watch_filter=_is_spec, debounce=SETTLED * 4, step=SETTLED, stop_event=stop):
        yield {Path(path) for _, path in batch}


def _is_spec(change: Change, path: str) -> bool:
    return path.endswith((".net", "pyproject.toml"))
