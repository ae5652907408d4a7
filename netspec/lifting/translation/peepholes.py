"""Several steps that are one layer by another name: what PyTorch writes out for want of that layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from netspec.lifting.steps import Network, Step

Rewrite = Callable[[Network, Sequence[Step]], Step | None]


def tidied(network: Network) -> Network:
    """The network with three steps in a row as one, wherever they are a layer of the language."""
    uses = Counter(value for step in network.steps for value in step.inputs)
    uses.update(value for _, value in network.outputs)
    makers = {value: place for place, step in enumerate(network.steps) for value in step.outputs}
    steps: list[Step | None] = list(network.steps)
    for place, last in enumerate(network.steps):
        row = _row(network.steps, place, makers, uses)
        if row is None or any(steps[index] is None for index in row):
            continue
        for rewrite in _REWRITES:
            step = rewrite(network, [network.steps[index] for index in row])
            if step is not None:
                for index in row[:-1]:
                    steps[index] = None
                steps[place] = replace(step, place=last.place)
                break
    return replace(network, steps=tuple(step for step in steps if step is not None))


def _row(steps: Sequence[Step], place: int, makers: dict[int, int], uses: Counter[int]) -> list[int] | None:
    """The places of three steps, each of which takes what only it takes of the one before; the last is at `place`."""
    row = [place]
    while len(row) < 3:
        step = steps[row[0]]
        if len(step.inputs) != 1 or uses[step.inputs[0]] != 1 or step.inputs[0] not in makers:
            return None
        row.insert(0, makers[step.inputs[0]])
    return row if len(steps[row[0]].inputs) == 1 else None


def _channel_norm(network: Network, row: Sequence[Step]) -> Step | None:
    """Channels last, a norm over the last axis, channels first again."""
    first, norm, last = row
    rank = network.shapes[first.inputs[0]].rank
    if norm.layer not in ("layernorm", "rmsnorm") or "over" in norm.arguments:
        return None
    there, back = (*range(1, rank), 0), (rank - 1, *range(rank - 1))
    if _order(first, rank) != there or _order(last, rank) != back:
        return None
    return replace(norm, arguments=norm.arguments | {"over": "channels"}, inputs=first.inputs, outputs=last.outputs)


def _shuffle(network: Network, row: Sequence[Step]) -> Step | None:
    """Channels in groups, groups and channels exchanged, and one row of channels again."""
    first, turn, last = row
    before, after = network.shapes[first.inputs[0]], network.shapes[last.outputs[0]]
    if first.layer != "reshape" or last.layer not in ("reshape", "flatten") or before != after:
        return None
    (groups, *rest) = network.shapes[first.outputs[0]].dims
    if tuple(rest[1:]) != before.dims[1:] or _order(turn, len(rest) + 1) != (1, 0, *range(2, len(rest) + 1)):
        return None
    return replace(last, layer="channel_shuffle", arguments={"groups": groups}, inputs=first.inputs)


def _order(step: Step, rank: int) -> tuple[int, ...] | None:
    """The order that a step brings axes into; None where it does something else."""
    if step.layer == "permute":
        return tuple(step.arguments["axes"])
    if step.layer != "transpose":
        return None
    order = list(range(rank))
    a, b = step.arguments["a"], step.arguments["b"]
    order[a], order[b] = order[b], order[a]
    return tuple(order)


_REWRITES: tuple[Rewrite, ...] = (_channel_norm, _shuffle)
