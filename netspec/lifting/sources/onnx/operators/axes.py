"""Operators that move, join, split and pick out axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from netspec.lifting.sources.onnx.call import Call, Unsupported, Value
from netspec.lifting.sources.onnx.operators.table import axis_of, operator, tensor


@operator("Reshape")
def _reshape(call: Call, x: Value, shape: Value | None = None) -> Tensor:
    known = tensor(x)
    wanted = list(call.numbers(shape, "shape") if shape is not None else call.ints("shape"))
    if not call.get("allowzero", 0):
        if len(wanted) > len(known.shape) and 0 in wanted[len(known.shape) :]:
            raise Unsupported("its shape keeps an axis that is not there")
        if 0 in wanted:
            return known.reshape([known.shape[place] if size == 0 else size for place, size in enumerate(wanted)])
    return known.reshape(_of_batch(call, known, wanted))


def _of_batch(call: Call, known: Tensor, wanted: list[int]) -> list[int]:
    """A shape with the batch of this run, where that of the file is written into it.

    Which axis has it is decided in the first run, whose batch divides nothing else.
    """
    written = call.samples
    if written is None:
        return wanted
    if -1 in wanted:
        rest = abs(math.prod(wanted)) * call.batch
        if wanted.count(-1) > 1 or rest == 0 or known.numel() * written % rest:
            return wanted
        wanted = [known.numel() * written // rest if size == -1 else size for size in wanted]
    name = call.node.outputs[0]
    if name not in call.places:
        call.places[name] = _place_of_batch(call, known, wanted, written)
    place = call.places[name]
    if place is None:
        return wanted
    return [*wanted[:place], wanted[place] * call.batch // written, *wanted[place + 1 :]]


def _place_of_batch(call: Call, known: Tensor, wanted: list[int], written: int) -> int | None:
    """The axis of a shape of the file that the samples are on; None where none are.

    They are on an axis whose size is a multiple of the batch, and go to one that begins within it, which has the batch
    of the file as its size, if there is one. The last axis is features, which samples are not joined with.
    """
    if math.prod(wanted) * call.batch != known.numel() * written:
        return None
    begins: list[int] = []
    for axis, size in enumerate(known.shape):
        if size % call.batch == 0:
            before = math.prod(known.shape[:axis])
            span = range(before, before * (size // call.batch * written) + 1)
            begins += [place for place in range(len(wanted)) if math.prod(wanted[:place]) in span]
    begins.sort(key=lambda place: wanted[place] != written)
    if not begins:
        return None
    place = begins[0] - (0 < begins[0] == len(wanted) - 1 and wanted[begins[0]] != written)
    return None if wanted[place] % written else place


@operator("Flatten")
def _flatten(call: Call, x: Value) -> Tensor:
    known = tensor(x)
    axis = call.get("axis", 1)
    if axis_of(axis, known.dim() + 1) != 1:
        raise Unsupported(f"its axis is {axis}: it joins samples")
    return known.flatten(1)


@operator("Transpose")
def _transpose(call: Call, x: Value) -> Tensor:
    known = tensor(x)
    return known.permute(call.ints("perm", tuple(range(known.dim()))[::-1]))


def _axes(call: Call, given: Value | None) -> tuple[int, ...] | None:
    if given is not None:
        return call.numbers(given, "axes")
    return call.ints("axes") if call.get("axes") is not None else None


@operator("Squeeze")
def _squeeze(call: Call, x: Value, axes: Value | None = None) -> Tensor:
    known = tensor(x)
    wanted = _axes(call, axes)
    if wanted is None:
        wanted = tuple(place for place, size in enumerate(known.shape) if size == 1)
    for axis in sorted((axis_of(axis, known.dim()) for axis in wanted), reverse=True):
        if known.shape[axis] != 1:
            raise Unsupported(f"its axis {axis} has a size of {known.shape[axis]}")
        known = known.squeeze(axis)
    return known


@operator("Unsqueeze")
def _unsqueeze(call: Call, x: Value, axes: Value | None = None) -> Tensor:
    known = tensor(x)
    wanted = _axes(call, axes) or ()
    rank = known.dim() + len(wanted)
    for axis in sorted(axis_of(axis, rank) for axis in wanted):
        known = known.unsqueeze(axis)
    return known


@operator("Concat")
def _concat(call: Call, *values: Value) -> Tensor:
    known = [tensor(value) for value in values]
    axis = axis_of(call.get("axis", 0), known[0].dim())
    return torch.cat([_for_all(call, x, axis, known) for x in known], axis)


def _for_all(call: Call, x: Tensor, axis: int, others: Sequence[Tensor]) -> Tensor:
    """What has the batch that is written into the file, for as many samples as the others have."""
    most = max(other.shape[0] for other in others)
    if axis and call.samples == x.shape[0] == 1 < most:
        return x.expand(most, *x.shape[1:])
    return x


@operator("Split")
def _split(call: Call, x: Value, split: Value | None = None) -> tuple[Tensor, ...]:
    known = tensor(x)
    axis = axis_of(call.get("axis", 0), known.dim())
    parts = call.numbers(split, "split") if split is not None else call.ints("split")
    if not parts:
        count = len(call.node.outputs)
        part = -(-known.shape[axis] // count)
        parts = tuple(min(part, known.shape[axis] - part * place) for place in range(count))
    return torch.split(known, list(parts), axis)


@operator("Slice")
def _slice(
    call: Call,
    x: Value,
    starts: Value | None = None,
    ends: Value | None = None,
    axes: Value | None = None,
    steps: Value | None = None,
) -> Tensor:
    known = tensor(x)
    first = call.numbers(starts, "starts") if starts is not None else call.ints("starts")
    last = call.numbers(ends, "ends") if ends is not None else call.ints("ends")
    where = _axes(call, axes)
    by = call.numbers(steps, "steps") if steps is not None else (1,) * len(first)
    for axis, start, stop, step in zip(where or range(len(first)), first, last, by, strict=True):
        place = axis_of(axis, known.dim())
        if step < 0:
            if (start, step) != (-1, -1) or stop > -known.shape[place]:
                raise Unsupported("it goes backwards over a part of an axis")
            known = torch.flip(known, (place,))
            continue
        part = slice(start, min(stop, known.shape[place]), step)
        if part.indices(known.shape[place]) != (0, known.shape[place], 1):
            known = known[(*[slice(None)] * place, part)]
    return known


@operator("Gather")
def _gather(call: Call, x: Value, indices: Value) -> Tensor:
    known = tensor(x)
    axis = axis_of(call.get("axis", 0), known.dim())
    if isinstance(indices, np.ndarray):
        whole = np.where(indices < 0, indices + known.shape[axis], indices)
        if indices.ndim == 0:
            return known.select(axis, int(whole))
        if indices.ndim == 1:
            return torch.index_select(known, axis, torch.from_numpy(whole.astype(np.int64)))
        flat = torch.index_select(known, axis, torch.from_numpy(whole.astype(np.int64).reshape(-1)))
        return flat.reshape(*known.shape[:axis], *indices.shape, *known.shape[axis + 1 :])
    if axis or known.dim() != 2:
        raise Unsupported("it picks by an index of each sample what is no table of rows")
    return torch.nn.functional.embedding(indices, known)


@operator("Expand")
def _expand(call: Call, x: Value, shape: Value) -> Tensor:
    known = tensor(x)
    wanted = list(call.numbers(shape, "shape"))
    rank = max(len(wanted), known.dim())
    wanted = [1] * (rank - len(wanted)) + wanted
    own = [1] * (rank - known.dim()) + list(known.shape)
    if call.samples is not None and wanted[0] == call.samples and own[0] == call.batch:
        wanted[0] = own[0]
    return known.expand([max(size, mine) if size != 0 else 0 for size, mine in zip(wanted, own, strict=True)])


@operator("Tile")
def _tile(call: Call, x: Value, repeats: Value) -> Tensor:
    return tensor(x).repeat(call.numbers(repeats, "repeats"))


@operator("Pad")
def _pad(
    call: Call, x: Value, pads: Value | None = None, value: Value | None = None, axes: Value | None = None
) -> Tensor:
    known = tensor(x)
    amounts = call.numbers(pads, "pads") if pads is not None else call.ints("pads", call.get("paddings", ()))
    number = call.number(value, "value") if value is not None else float(call.get("value", 0.0))
    where = _axes(call, axes) or tuple(range(known.dim()))
    if len(amounts) != 2 * len(where):
        raise Unsupported("its pads are not two for each axis")
    pairs = [(0, 0)] * known.dim()
    for place, axis in enumerate(where):
        pairs[axis_of(axis, known.dim())] = (amounts[place], amounts[place + len(where)])
    first = next((place for place, pair in enumerate(pairs) if pair != (0, 0)), known.dim())
    if first == known.dim():
        return known
    modes = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    mode = modes.get(call.get("mode", "constant"))
    if mode is None:
        raise Unsupported(f"its mode is {call.get('mode')}")
    first = first if mode == "constant" else min(first, 2)
    flat = [side for pair in reversed(pairs[first:]) for side in pair]
    if any(side < 0 for side in flat):
        raise Unsupported("it cuts")
    if mode == "constant":
        return torch.nn.functional.pad(known, flat, "constant", number)
    return torch.nn.functional.pad(known, flat, mode)


@operator("DepthToSpace")
def _depth_to_space(call: Call, x: Value) -> Tensor:
    known, block = tensor(x), int(call.get("blocksize", 1))
    if call.get("mode", "DCR") == "CRD":
        return torch.nn.functional.pixel_shuffle(known, block)
    batch, channels, high, wide = known.shape
    apart = known.reshape(batch, block, block, channels // block**2, high, wide)
    return apart.permute(0, 3, 4, 1, 5, 2).reshape(batch, channels // block**2, high * block, wide * block)


@operator("SpaceToDepth")
def _space_to_depth(call: Call, x: Value) -> Tensor:
    known, block = tensor(x), int(call.get("blocksize", 1))
    batch, channels, high, wide = known.shape
    apart = known.reshape(batch, channels, high // block, block, wide // block, block)
    return apart.permute(0, 3, 5, 1, 2, 4).reshape(batch, channels * block**2, high // block, wide // block)
