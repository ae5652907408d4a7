"""The weights of one net for another: what fits is taken over under its new name, and written as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netspec import __version__
from netspec.analysis.keys import keys
from netspec.compare.differences import difference
from netspec.compare.weights import Loose, Move, Plan
from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph
from netspec.marks import MARK
from netspec.syntax.source import place_outside
from netspec.train.after.restored import graph_of_run, weights_of_run
from netspec.train.runs.folder import replacing, save_tensors
from netspec.train.runs.weights import files as weights

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Migration:
    """Weights that were written: where from, by which plan, and how many numbers were taken over."""

    source: Path
    target: Path
    plan: Plan
    numbers: int


def migrate(source: Path, new: Graph, target: Path, old: Graph | None = None) -> Migration:
    """Writes the weights of a run, or of a safetensors file, as far as `new` takes them over.

    `old` is the net that a file's weights are of; without it they are taken by their names alone. The new file holds
    what was taken and no more: the setting `init` starts from it, and the rest begins as it does without.
    Raises NetspecError: E0650 to E0652 where the weights cannot be read, E0641 where nothing fits.
    """
    if source.is_dir():
        tensors, path = weights_of_run(source)
        old = graph_of_run(source)
    else:
        tensors, path = weights.read(source), source
    plan = difference(old, new).plan if old is not None else by_name(tensors, new)
    moves = [move for move in plan.moves if move.old in tensors]
    if not moves:
        message = f"none of the weights in {source} are those of {new.name}"
        here = place_outside(path)
        raise NetspecError((Diagnostic("E0641", message, here, help="netspec diff shows what becomes of each key"),))
    state = {move.new: tensors[move.old].contiguous() for move in moves}
    replacing(target, lambda beside: save_tensors(state, beside, {"format": "pt", MARK: __version__}))
    return Migration(path, target, plan, sum(tensor.numel() for tensor in state.values()))


def by_name(tensors: Mapping[str, Tensor], new: Graph) -> Plan:
    """The plan where nothing is known of the old net but its keys and their shapes."""
    new_shapes = {key.name: key.shape for key in keys(new)}
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    moves = tuple(Move(name, name) for name, shape in new_shapes.items() if shapes.get(name) == shape)
    matches = {move.new for move in moves}
    return Plan(
        moves,
        (),
        tuple(Loose(name, shape, shapes.get(name)) for name, shape in new_shapes.items() if name not in matches),
        tuple(Loose(name, shape, new_shapes.get(name)) for name, shape in shapes.items() if name not in matches),
    )
