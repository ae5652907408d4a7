"""Functions of neighbours: pools, interpolation, padding, shuffles."""

from __future__ import annotations

from typing import Any

from netspec.lifting.capture.tape import Operation, Ref
from netspec.lifting.translation.calls import adaptive, on, put, upsampled
from netspec.lifting.translation.functions.table import function
from netspec.lifting.translation.translator import Held, Translator, Untranslatable, usual_axes


@function("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def _adaptive_avg(t: Translator, input: Any, output_size: Any) -> Held:
    return adaptive(t, input, "avgpool", output_size)


@function("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def _adaptive_max(t: Translator, input: Any, output_size: Any, return_indices: bool = False) -> Held:
    return adaptive(t, input, "maxpool", output_size)


def _pool(layer: str, **pairs: Any) -> Any:
    arguments: dict[str, Any] = {}
    for name, value in pairs.items():
        put(arguments, layer, name, value)
    return arguments


@function("max_pool1d", "max_pool2d", "max_pool3d")
def _max_pool(
    t: Translator,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Held:
    arguments = _pool(
        "maxpool", kernel=kernel_size, stride=stride or None, pad=padding, dilation=dilation, ceil=ceil_mode
    )
    if not isinstance(input, Ref) or input.value not in t.padded:
        return on(t, "maxpool", t.take(input), arguments)
    if "pad" in arguments:
        raise Untranslatable("it is padded twice")
    operand, padded = t.padded[input.value]
    return on(t, "maxpool", operand, arguments | {"pad": padded})


@function("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _avg_pool(
    t: Translator,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Held:
    if divisor_override is not None:
        raise Untranslatable("it has a divisor of its own")
    arguments = _pool(
        "avgpool",
        kernel=kernel_size,
        stride=stride or None,
        pad=padding,
        ceil=ceil_mode,
        count_include_pad=count_include_pad,
    )
    return on(t, "avgpool", t.take(input), arguments)


@function("interpolate")
def _interpolate(
    t: Translator,
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: Any = None,
    recompute_scale_factor: Any = None,
    antialias: bool = False,
) -> Held:
    if antialias:
        raise Untranslatable("it smooths what it makes smaller")
    return upsampled(t, input, size, scale_factor, mode, align_corners)


@function("pad")
def _pad(
    t: Translator, input: Any, pad: Any, mode: str = "constant", value: Any = None, *, operation: Operation
) -> Held:
    operand = t.take(input)
    if all(side == 0 for side in pad):
        return operand
    pairs = [(pad[place], pad[place + 1]) for place in range(0, len(pad), 2)][::-1]
    axes = [t.axis(operand, dim) for dim in range(-len(pairs), 0)]
    if value == float("-inf") and mode == "constant" and 2 * t.shape(operand).rank == len(pad) + 2:
        t.padded[operation.outputs[0]] = (operand, tuple(pairs))
        return operand
    arguments: dict[str, Any] = {}
    put(arguments, "pad", "value", value or 0)
    if mode != "constant" or arguments:
        arguments["mode"] = mode
    spatial = list(range(1, t.shape(operand).rank))
    if operand.axes == usual_axes(t.shape(operand).rank) and axes == spatial[-len(axes) :]:
        whole = [(0, 0)] * (len(spatial) - len(axes)) + pairs
        first = whole[0]
        amount: Any = first[0] if all(pair == (first[0], first[0]) for pair in whole) else tuple(whole)
        return Held(t.step("pad", [operand.value], {"amount": amount} | arguments), operand.axes)
    for axis, pair in zip(axes, pairs, strict=True):
        if pair != (0, 0):
            operand = Held(t.step("pad", [operand.value], {"amount": pair, "axis": axis} | arguments), operand.axes)
    return operand


@function("pixel_shuffle", "pixel_unshuffle", "channel_shuffle")
def _shuffled(t: Translator, input: Any, factor: int, *, operation: Operation) -> Held:
    name = "groups" if operation.name == "channel_shuffle" else "factor"
    return on(t, operation.name, t.take(input), {name: factor})
