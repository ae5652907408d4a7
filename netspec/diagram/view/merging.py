"""Which layers of a chain a figure puts into one box, and what the box is called."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.diagram.view.captions.words import clipped
from netspec.graph.graph import Node, Scope
from netspec.layers.declaration.base import FigureWeight


def _weight(node: Node) -> FigureWeight:
    """What the layer is to a figure: by itself, unless it is heavy, where it has several inputs or outputs."""
    weight = node.layer.figure_weight
    return weight if weight == "heavy" or len(node.inputs) == len(node.outputs) == 1 else "own"


def portions(chain: Sequence[Node]) -> list[list[Node]]:
    """A chain of layers as boxes: each a heavier layer with the lighter ones that go with it.

    Lighter layers go with the heavier one before them; where the chain begins with them and ends with a heavier one, as
    in pre-activation, with the one after.
    """
    weights = [_weight(node) for node in chain]
    main = ("heavy", "medium")
    first = weights[0]
    ahead = first == "light" and any(weight in main for weight in weights) and weights[-1] in main
    portions: list[list[Node]] = []
    open_ = False  # whether the last portion takes more
    for node, weight in zip(chain, weights, strict=True):
        waits = open_ and _weight(portions[-1][-1]) in ("light", "wrap") and not _has_main(portions[-1])
        if weight in main:
            if waits and (ahead or _weight(portions[-1][0]) == "wrap"):
                portions[-1].append(node)
            else:
                portions.append([node])
            open_ = True
        elif weight in ("slight", "own"):
            portions.append([node])
            open_ = False
        elif open_ and not (ahead and _has_main(portions[-1]) and _more(weights, node.index - chain[0].index)):
            portions[-1].append(node)
        else:
            portions.append([node])
            open_ = True
    return portions


def _has_main(nodes: Sequence[Node]) -> bool:
    return any(_weight(node) in ("heavy", "medium") for node in nodes)


def _more(weights: Sequence[str], place: int) -> bool:
    """Whether a heavier layer comes after this place of a chain."""
    return any(weight in ("heavy", "medium") for weight in weights[place + 1 :])


def main_place(nodes: Sequence[Node]) -> int:
    """The place of the layer that names a merged box."""
    weights = [_weight(node) for node in nodes]
    return next((weights.index(weight) for weight in ("heavy", "medium") if weight in weights), 0)


def axes(node: Node) -> int:
    return node.inputs[0].shape.rank - 1 if node.inputs else 0


def is_named(node: Node) -> bool:
    """Whether the label says something that the layer does not: it is in the state dict, or the spec gave it."""
    if node.label.isdigit():
        return False
    stem = node.label.rstrip("0123456789")
    return stem != node.layer.name or bool(node.layer.parameters(*node.shapes))


def joined(words: Sequence[str], longest: int = 24) -> tuple[str, ...]:
    """The words of lighter layers in lines, broken where they grow long."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) + 2 <= longest:
            lines[-1] += f", {word}"
        else:
            lines.append(word)
    return tuple(lines)


def scope_label(scope: Scope) -> str:
    """The label of a module; of one that is only numbered, with the label around it: `layer1.0`."""
    around, _, label = scope.key.rpartition(".")
    return f"{around.rpartition('.')[2]}.{label}" if around and label.isdigit() else label


def joined_labels(labels: Sequence[str]) -> str:
    """`conv1`; of several different ones `layer0–49`, or the first and the last."""
    labels = list(dict.fromkeys(labels))
    first, last = labels[0], labels[-1]
    if len(labels) == 1 or first == last:
        return clipped(first)
    stem = first.rstrip("0123456789")
    start, end = first[len(stem) :], last[len(stem) :]
    if last.startswith(stem) and start and end.isdecimal() and int(end) - int(start) == len(labels) - 1:
        return clipped(f"{stem}{start}–{end}")
    return clipped(f"{first} … {last}")
