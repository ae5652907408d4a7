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
    data = tensor(x)
    target = list(call.numbers(shape, "shape") if shape is not None else call.ints("shape"))
    if not call.get("allowzero", 0):
        if len(target) > len(data.shape) and 0 in target[len(data.shape) :]:
            raise Unsupported("its shape keeps an axis that is not there")
        if 0 in target:
            return data.reshape([data.shape[place] if size == 0 else size for place, size in enumerate(target)])
    return data.reshape(_of_batch(call, data, target))


def _of_batch(call: Call, data: Tensor, target: list[int]) -> list[int]:
    """A shape with the batch of this run, where that of the file is written into it.

    Which axis has it is decided in the first run, whose batch divides nothing else.
    """
    samples = call.samples
    if samples is None:
        return target
    if -1 in target:
        rest = abs(math.prod(target)) * call.batch
        if target.count(-1) > 1 or rest == 0 or data.numel() * samples % rest:
            return target
        target = [data.numel() * samples // rest if size == -1 else size for size in target]
    name = call.node.outputs[0]
    if name not in call.places:
        call.places[name] = _place_of_batch(call, data, target, samples)
    place = call.places[name]
    if place is None:
        return target
    return [*target[:place], target[place] * call.batch // samples, *target[place + 1 :]]


def _place_of_batch(call: Call, data: Tensor, target: list[int], samples: int) -> int | None:
    """The axis of a shape of the file that the samples are on; None where none are.

    They are on an axis whose size is a multiple of the batch, and go to one that begins within it, which has the batch
    of the file as its size, if there is one. The last axis is features, which samples are not joined with.
    """
    if math.prod(target) * call.batch != data.numel() * samples:
        return None
    begins: list[int] = []
    for axis, size in enumerate(data.shape):
        if size % call.batch == 0:
            before = math.prod(data.shape[:axis])
            span = range(before, before * (size // call.batch * samples) + 1)
            begins += [place for place in range(len(target)) if math.prod(target[:place]) in span]
    begins.sort(key=lambda place: target[place] != samples)
    if not begins:
        return None
    place = begins[0] - (0 < begins[0] == len(target) - 1 and target[begins[0]] != samples)
    return None if target[place] % samples else place


@operator("Flatten")
def _flatten(call: Call, x: Value) -> Tensor:
    data = tensor(x)
    axis = call.get("axis", 1)
    if axis_of(axis, data.dim() + 1) != 1:
        raise Unsupported(f"its axis is {axis}: it joins samples")
    return data.flatten(1)


@operator("Transpose")
def _transpose(call: Call, x: Value) -> Tensor:
    data = tensor(x)
    return data.permute(call.ints("perm", tuple(range(data.dim()))[::-1]))


def _axes(call: Call, value: Value | None) -> tuple[int, ...] | None:
    if value is not None:
        return call.numbers(value, "axes")
    return call.ints("axes") if call.get("axes") is not None else None


@operator("Squeeze")
def _squeeze(call: Call, x: Value, axes: Value | None = None) -> Tensor:
    data = tensor(x)
    positions = _axes(call, axes)
    if positions is None:
        positions = tuple(place for place, size in enumerate(data.shape) if size == 1)
    for axis in sorted((axis_of(axis, data.dim()) for axis in positions), reverse=True):
        if data.shape[axis] != 1:
            raise Unsupported(f"its axis {axis} has a size of {data.shape[axis]}")
        data = data.squeeze(axis)
    return data


@operator("Unsqueeze")
def _unsqueeze(call: Call, x: Value, axes: Value | None = None) -> Tensor:
    data = tensor(x)
    positions = _axes(call, axes) or ()
    rank = data.dim() + len(positions)
    for axis in sorted(axis_of(axis, rank) for axis in positions):
        data = data.unsqueeze(axis)
    return data


@operator("Concat")
def _concat(call: Call, *values: Value) -> Tensor:
    data = [tensor(value) for value in values]
    axis = axis_of(call.get("axis", 0), data[0].dim())
    return torch.cat([_for_all(call, x, axis, data) for x in data], axis)


def _for_all(call: Call, x: Tensor, axis: int, others: Sequence[Tensor]) -> Tensor:
    """What has the batch that is written into the file, for as many samples as the others have."""
    most = max(other.shape[0] for other in others)
    if axis and call.samples == x.shape[0] == 1 < most:
        return x.expand(most, *x.shape[1:])
    return x


@operator("Split")
def _split(call: Call, x: Value, split: Value | None = None) -> tuple[Tensor, ...]:
    data = tensor(x)
    axis = axis_of(call.get("axis", 0), data.dim())
    parts = call.numbers(split, "split") if split is not None else call.ints("split")
    if not parts:
        count = len(call.node.outputs)
        part = -(-data.shape[axis] // count)
        parts = tuple(min(part, data.shape[axis] - part * place) for place in range(count))
    return torch.split(data, list(parts), axis)


@operator("Slice")
def _slice(
    call: Call,
    x: Value,
    starts: Value | None = None,
    ends: Value | None = None,
    axes: Value | None = None,
    steps: Value | None = None,
) -> Tensor:
    data = tensor(x)
    first = call.numbers(starts, "starts") if starts is not None else call.ints("starts")
    last = call.numbers(ends, "ends") if ends is not None else call.ints("ends")
    where = _axes(call, axes)
    by = call.numbers(steps, "steps") if steps is not None else (1,) * len(first)
    for axis, start, stop, step in zip(where or range(len(first)), first, last, by, strict=True):
        place = axis_of(axis, data.dim())
        if step < 0:
            if (start, step) != (-1, -1) or stop > -data.shape[place]:
                raise Unsupported("it goes backwards over a part of an axis")
            data = torch.flip(data, (place,))
            continue
        part = slice(start, min(stop, data.shape[place]), step)
        if part.indices(data.shape[place]) != (0, data.shape[place], 1):
            data = data[(*[slice(None)] * place, part)]
    return data


@operator("Gather")
def _gather(call: Call, x: Value, indices: Value) -> Tensor:
    data = tensor(x)
    axis = axis_of(call.get("axis", 0), data.dim())
    if isinstance(indices, np.ndarray):
        whole = np.where(indices < 0, indices + data.shape[axis], indices)
        if indices.ndim == 0:
            return data.select(axis, int(whole))
        if indices.ndim == 1:
            return torch.index_select(data, axis, torch.from_numpy(whole.astype(np.int64)))
        flat = torch.index_select(data, axis, torch.from_numpy(whole.astype(np.int64).reshape(-1)))
        return flat.reshape(*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :])
    if axis or data.dim() != 2:
        raise Unsupported("it picks by an index of each sample what is no table of rows")
    return torch.nn.functional.embedding(indices, data)


@operator("Expand")
def _expand(call: Call, x: Value, shape: Value) -> Tensor:
    data = tensor(x)
    target = list(call.numbers(shape, "shape"))
    rank = max(len(target), data.dim())
    target = [1] * (rank - len(target)) + target
    own = [1] * (rank - data.dim()) + list(data.shape)
    if call.samples is not None and target[0] == call.samples and own[0] == call.batch:
        target[0] = own[0]
    return data.expand([max(size, mine) if size != 0 else 0 for size, mine in zip(target, own, strict=True)])


@operator("Tile")
def _tile(call: Call, x: Value, repeats: Value) -> Tensor:
    return tensor(x).repeat(call.numbers(repeats, "repeats"))


@operator("Pad")
def _pad(
    call: Call, x: Value, pads: Value | None = None, value: Value | None = None, axes: Value | None = None
) -> Tensor:
    data = tensor(x)
    amounts = call.numbers(pads, "pads") if pads is not None else call.ints("pads", call.get("paddings", ()))
    number = call.number(value, "value") if value is not None else float(call.get("value", 0.0))
    where = _axes(call, axes) or tuple(range(data.dim()))
    if len(amounts) != 2 * len(where):
        raise Unsupported("its pads are not two for each axis")
    pairs = [(0, 0)] * data.dim()
    for place, axis in enumerate(where):
        pairs[axis_of(axis, data.dim())] = (amounts[place], amounts[place + len(where)])
    first = next((place for place, pair in enumerate(pairs) if pair != (0, 0)), data.dim())
    if first == data.dim():
        return data
    modes = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    mode = modes.get(call.get("mode", "constant"))
    if mode is None:
        raise Unsupported(f"its mode is {call.get('mode')}")
    first = first if mode == "constant" else min(first, 2)
    flat = [side for pair in reversed(pairs[first:]) for side in pair]
    if any(side < 0 for side in flat):
        raise Unsupported("it cuts")
    if mode == "constant":
        return torch.nn.functional.pad(data, flat, "constant", number)
    return torch.nn.functional.pad(data, flat, mode)


@operator("DepthToSpace")
def _depth_to_space(call: Call, x: Value) -> Tensor:
    data, block = tensor(x), int(call.get("blocksize", 1))
    if call.get("mode", "DCR") == "CRD":
        return torch.nn.functional.pixel_shuffle(data, block)
    batch, channels, high, wide = data.shape
    apart = data.reshape(batch, block, block, channels // block**2, high, wide)
    return apart.permute(0, 3, 4, 1, 5, 2).reshape(batch, channels // block**2, high * block, wide * block)


@operator("SpaceToDepth")
def _space_to_depth(call: Call, x: Value) -> Tensor:
    data, block = tensor(x), int(call.get("blocksize", 1))
    batch, channels, high, wide = data.shape
    apart = data.reshape(batch, channels, high // block, block, wide // block, block)
    return apart.permute(0, 3, 5, 1, 2, 4).reshape(batch, channels * block**2, high // block, wide // block)
