"""Operators of neighbours: pools and interpolation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from netspec.lifting.sources.onnx.call import Call, Unsupported, Value
from netspec.lifting.sources.onnx.operators.table import operator, tensor

Pairs = list[tuple[int, int]]


def pads_of(
    call: Call, sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Pairs:
    """What is put before and behind each axis; `SAME` is worked out from the sizes that enter."""
    how = call.get("auto_pad", "NOTSET")
    count = len(kernel)
    if how in ("NOTSET", ""):
        flat = call.ints("pads", (0,) * 2 * count)
        if len(flat) != 2 * count:
            raise Unsupported("its pads are not two for each axis")
        return [(flat[place], flat[place + count]) for place in range(count)]
    if how == "VALID":
        return [(0, 0)] * count
    pairs: Pairs = []
    for size, window, step, apart in zip(sizes, kernel, stride, dilation, strict=True):
        whole = max(0, (-(-size // step) - 1) * step + (window - 1) * apart + 1 - size)
        small, large = whole // 2, whole - whole // 2
        pairs.append((small, large) if how == "SAME_UPPER" else (large, small))
    return pairs


def evenly(pairs: Pairs) -> list[int] | None:
    """The pads where they are the same before and behind; None where they are not."""
    return [before for before, _ in pairs] if all(before == after for before, after in pairs) else None


def flat_pads(pairs: Pairs) -> list[int]:
    """As `F.pad` takes them: the last axis first."""
    return [side for pair in reversed(pairs) for side in pair]


@operator("MaxPool")
def _maxpool(call: Call, x: Value) -> Tensor:
    known = tensor(x)
    if len([name for name in call.node.outputs if name]) > 1:
        raise Unsupported("it gives the places of the largest, too")
    kernel = call.ints("kernel_shape")
    count = len(kernel)
    stride, dilation = call.ints("strides", (1,) * count), call.ints("dilations", (1,) * count)
    pairs = pads_of(call, known.shape[2:], kernel, stride, dilation)
    even = evenly(pairs)
    function = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[count]
    ceil = bool(call.get("ceil_mode", 0))
    if even is not None and all(2 * pad <= window for pad, window in zip(even, kernel, strict=True)):
        return function(known, kernel, stride, even, dilation, ceil)
    return function(F.pad(known, flat_pads(pairs), value=float("-inf")), kernel, stride, 0, dilation, ceil)


@operator("AveragePool")
def _avgpool(call: Call, x: Value) -> Tensor:
    known = tensor(x)
    kernel = call.ints("kernel_shape")
    count = len(kernel)
    stride = call.ints("strides", (1,) * count)
    if any(apart != 1 for apart in call.ints("dilations", (1,) * count)):
        raise Unsupported("it is dilated")
    pairs = pads_of(call, known.shape[2:], kernel, stride, (1,) * count)
    even, include = evenly(pairs), bool(call.get("count_include_pad", 0))
    function = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[count]
    ceil = bool(call.get("ceil_mode", 0))
    if even is not None:
        if not any(even):
            return function(known, kernel, stride, 0, ceil)
        return function(known, kernel, stride, even, ceil, include)
    if not include:
        raise Unsupported("it pads more at one end, and does not count that")
    return function(F.pad(known, flat_pads(pairs)), kernel, stride, 0, ceil)


@operator("GlobalAveragePool")
def _global_average(call: Call, x: Value) -> Tensor:
    known = tensor(x)
    function = {3: F.adaptive_avg_pool1d, 4: F.adaptive_avg_pool2d, 5: F.adaptive_avg_pool3d}[known.dim()]
    return function(known, 1)


@operator("GlobalMaxPool")
def _global_max(call: Call, x: Value) -> Tensor:
    known = tensor(x)
    function = {3: F.adaptive_max_pool1d, 4: F.adaptive_max_pool2d, 5: F.adaptive_max_pool3d}[known.dim()]
    result = function(known, 1)
    assert isinstance(result, Tensor)
    return result


@operator("Resize", "Upsample")
def _resize(
    call: Call, x: Value, roi: Value | None = None, scales: Value | None = None, sizes: Value | None = None
) -> Tensor:
    known = tensor(x)
    if len(call.node.inputs) == 2:  # Upsample, and Resize of opset 10, have no region
        scales = roi
    rank = known.dim()
    factors = _factors(call, known, scales, sizes)
    if any(not math.isclose(factor, 1) for factor in factors[:2]):
        raise Unsupported("it stretches samples or channels")
    wanted = [round_down(size * factor) for size, factor in zip(known.shape[2:], factors[2:], strict=True)]
    whole = all(factor == int(factor) for factor in factors[2:])
    scale = [int(factor) for factor in factors[2:]] if whole else None
    mode = call.get("mode", "nearest")
    how = call.get("coordinate_transformation_mode", "asymmetric" if call.opset < 11 else "half_pixel")
    if call.get("antialias", 0) or call.get("exclude_outside", 0):
        raise Unsupported("it smooths, or leaves out what is outside")
    if mode == "nearest":
        return _nearest(call, known, wanted, scale, how)
    names = {("linear", 3): "linear", ("linear", 4): "bilinear", ("linear", 5): "trilinear", ("cubic", 4): "bicubic"}
    known_mode = names.get((mode, rank))
    if known_mode is None or how not in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        raise Unsupported(f"it interpolates by {mode} with {how}")
    if known_mode == "bicubic" and not math.isclose(call.get("cubic_coeff_a", -0.75), -0.75):
        raise Unsupported("its cubic has another coefficient than -0.75")
    corners = how == "align_corners"
    if scale is not None and not corners:
        return F.interpolate(known, scale_factor=scale, mode=known_mode, align_corners=False)
    return F.interpolate(known, size=wanted, mode=known_mode, align_corners=corners)


def _nearest(call: Call, known: Tensor, wanted: list[int], scale: list[int] | None, how: str) -> Tensor:
    """The nearest element: by a whole factor all rules of rounding are one, but for those that round up."""
    rule = call.get("nearest_mode", "floor" if call.opset < 11 else "round_prefer_floor")
    agree = (how == "asymmetric" and rule == "floor") or (
        how in ("half_pixel", "pytorch_half_pixel") and rule in ("round_prefer_floor", "round_prefer_ceil")
    )
    if scale is not None and agree:
        return F.interpolate(known, scale_factor=scale, mode="nearest")
    if (how, rule) == ("asymmetric", "floor"):
        return F.interpolate(known, size=wanted, mode="nearest")
    raise Unsupported(f"it takes the nearest by {how} and {rule}")


def _factors(call: Call, known: Tensor, scales: Value | None, sizes: Value | None) -> list[float]:
    given = call.get("scales")
    if isinstance(scales, np.ndarray) and scales.size:
        given = tuple(float(factor) for factor in scales.reshape(-1).tolist())
    if given:
        if len(given) != known.dim():
            raise Unsupported("its scales are not one for each axis")
        return [float(factor) for factor in given]
    wanted = call.numbers(sizes, "sizes")
    if len(wanted) != known.dim():
        raise Unsupported("its sizes are not one for each axis")
    first = 1.0 if wanted[0] in (known.shape[0], call.samples) else wanted[0] / known.shape[0]
    return [first, *(size / own for size, own in zip(wanted[1:], known.shape[1:], strict=True))]


def round_down(size: float) -> int:
    """The size that a factor makes; what is a whole number but for rounding is that."""
    near = round(size)
    return near if math.isclose(size, near, rel_tol=1e-6) else int(size)
