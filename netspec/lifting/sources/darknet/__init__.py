"""Darknet: a cfg to sections, to items, to a spec; and a weights file to a state dict. Nothing here needs torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netspec.elaborate import source_of
from netspec.lifting.items import Item, leaves
from netspec.lifting.sources.darknet.network import Reading, read
from netspec.lifting.sources.darknet.sections import sections_of
from netspec.lifting.spec import leaving, text_of
from netspec.lifting.structure.wirings import wired
from netspec.spec import parse
from netspec.syntax.source import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Configuration", "load"]


@dataclass(frozen=True)
class Configuration:
    """A cfg that was read: the text of its spec, and what the spec leaves out."""

    text: str
    notes: tuple[str, ...]
    reading: Reading

    def weights(self, path: Path) -> dict[str, NDArray[np.float32]]:
        """A weights file under the spec's keys. Raises NetspecError (E1005) where it is not this network's."""
        from netspec.lifting.sources.darknet.weights import weights_of

        graph = parse(self.text, "<lifted>").graph()
        nodes = [node for node in graph.nodes if node.layer.parameters(*node.shapes)]
        steps = [leaf.step for leaf in leaves(_items(self.reading)) if leaf.step.outputs[0] in self.reading.weighted]
        keys = {step.outputs[0]: node.key for step, node in zip(steps, nodes, strict=True)}
        return weights_of(path, self.reading, keys)


def load(path: Path, *, plain: bool = False) -> Configuration:
    """A cfg file as a spec. Raises NetspecError (E1004) with the line of what cannot be read."""
    return configuration(source_of(path, str(path)), path.stem, plain=plain)


def configuration(source: Source, name: str, *, plain: bool = False) -> Configuration:
    """The same for a text."""
    reading = read(sections_of(source), name)
    return Configuration(text_of(reading.network, _items(reading), plain=plain), reading.notes, reading)


def _items(reading: Reading) -> tuple[Item, ...]:
    return wired(reading.items, leaving(reading.network))
