"""An ONNX file to the text of its spec, its weights, and what was proven."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from netspec.lifting.module import Entering, identifier, network_of, proven, shortest
from netspec.lifting.prove import Proof
from netspec.lifting.sources.onnx.anonymous import unnamed
from netspec.lifting.sources.onnx.file import read, wrong
from netspec.lifting.sources.onnx.graph import Entrance, Graph
from netspec.lifting.sources.onnx.module import LARGEST, OnnxModule
from netspec.lifting.sources.onnx.names import naming
from netspec.lifting.sources.onnx.patterns import simplified
from netspec.lifting.sources.onnx.runtime import distance
from netspec.lifting.spec import written

DTYPES = {"float": torch.float32, "int": torch.int64, "bool": torch.bool}
MOST_SAMPLES = 256
"""The batch that a file may have written into it."""
_GENERIC = re.compile(r"(x|inputs?|data|images?|onnx|args?)([_.:]*\d+)*(_name)?", re.ASCII | re.IGNORECASE)
"""Names that say nothing."""


@dataclass(frozen=True)
class Import:
    """A file that was lifted: the spec, weights under its keys, what the spec leaves out.

    `proof` compares the spec with the graph, node by node; `runtime` is how far its outputs with the file's weights are
    from those of another runtime, and which that was.
    """

    text: str
    weights: dict[str, Tensor]
    notes: tuple[str, ...]
    proof: Proof | None
    runtime: tuple[float, str] | None


def load(
    path: Path, sizes: Sequence[int] | None = None, name: str | None = None, *, plain: bool = False, prove: bool = True
) -> Import:
    """A file as a spec. `sizes` are those of one sample, for an input whose sizes the file leaves open.

    Raises NetspecError (E1006) for a file that cannot be read, (E1001) with the node that does not lift, (E1003) where
    the proof fails.
    """
    graph = simplified(read(path))
    inputs = _entering(graph, sizes)
    names = naming(graph)
    module = OnnxModule(graph, names)
    label = identifier(name or path.stem)
    network = network_of(module, inputs, label)
    proof: Proof | None = None
    if names.named:
        text = written(network, plain=plain)
        shorter = None if plain or not prove else shortest(module, network, text, inputs)
        text, proof = shorter or (text, None)
    else:
        text, keys = unnamed(network, plain=plain)
        module = module.renamed(keys)
    if prove and proof is None:
        proof = proven(module, text, inputs)
    notes = _notes(graph)
    runtime = distance(path, graph, module, inputs) if prove else None
    if isinstance(runtime, str):
        notes, runtime = [*notes, f"the runtime of ONNX does not run this file: {runtime}"], None
    return Import(text, dict(module.state_dict()), tuple(notes), proof, runtime)


def _entering(graph: Graph, sizes: Sequence[int] | None) -> Entering:
    return [
        (_named(entrance, len(graph.inputs)), _sample(graph, entrance, sizes), DTYPES[entrance.dtype])
        for entrance in graph.inputs
    ]


def _sample(graph: Graph, entrance: Entrance, sizes: Sequence[int] | None) -> tuple[int, ...]:
    """The sizes of one sample; raises NetspecError (E1006) where they are not known, or are more than memory holds."""
    shape = _known(graph, entrance, sizes)
    if math.prod(shape) > LARGEST or (entrance.sizes[0] or 1) > MOST_SAMPLES:
        raise wrong(graph.file, f"the input {entrance.name} is {_shape(entrance.sizes)}, more than a gigabyte")
    return shape


def _known(graph: Graph, entrance: Entrance, sizes: Sequence[int] | None) -> tuple[int, ...]:
    if sizes is not None and len(graph.inputs) == 1:
        known = entrance.sizes[1:]
        fits = len(known) == len(sizes) and all(size in (None, given) for size, given in zip(known, sizes, strict=True))
        if not fits:
            raise wrong(graph.file, f"its input {entrance.name} is {_shape(known)}, not {_shape(tuple(sizes))}")
        return tuple(sizes)
    given = tuple(size for size in entrance.sizes[1:] if size is not None)
    if len(given) < len(entrance.sizes) - 1:
        open_ = "its sizes have to be given" if len(graph.inputs) == 1 else "write its sizes into the file"
        message = f"the input {entrance.name} is {_shape(entrance.sizes[1:])}: {open_}"
        raise wrong(graph.file, message, help="--input " + ",".join(str(size or 224) for size in entrance.sizes[1:]))
    return given


def _shape(sizes: tuple[int | None, ...]) -> str:
    return "[" + ", ".join("?" if size is None else str(size) for size in sizes) + "]"


def _named(entrance: Entrance, count: int) -> str:
    if count == 1 and _GENERIC.fullmatch(entrance.name):
        return {4: "image", 5: "clip"}.get(len(entrance.sizes), "x")
    return identifier(entrance.name)


def _notes(graph: Graph) -> list[str]:
    """What the file has lost before, as far as it shows."""
    folded = sum(
        node.operator == "Conv" and bool(node.classes) and "BatchNorm" in node.classes[-1] for node in graph.nodes
    )
    notes = []
    if folded:
        notes.append(f"{folded} convolutions hold the batch normalisation behind them, which was folded into them")
    if any(stored.dtype.itemsize != 4 for stored in graph.weights()):
        notes.append("weights that are not of single precision are turned into it")
    return notes
