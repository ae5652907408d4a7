"""Operators with weights: convolutions, linear layers, norms."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from netspec.lifting.sources.onnx.call import Call, Unsupported, Value
from netspec.lifting.sources.onnx.operators.elements import short
from netspec.lifting.sources.onnx.operators.sampling import evenly, flat_pads, pads_of
from netspec.lifting.sources.onnx.operators.table import axis_of, operator, tensor


def _optional(value: Value | None) -> Tensor | None:
    return None if value is None else tensor(value)


@operator("Conv")
def _conv(call: Call, x: Value, weight: Value, bias: Value | None = None) -> Tensor:
    known, kernel = tensor(x), tensor(weight)
    sizes = tuple(kernel.shape[2:])
    count = len(sizes)
    stride, dilation = call.ints("strides", (1,) * count), call.ints("dilations", (1,) * count)
    pairs = pads_of(call, known.shape[2:], sizes, stride, dilation)
    even = evenly(pairs)
    if even is None:
        known, even = F.pad(known, flat_pads(pairs)), [0] * count
    function = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}.get(count)
    if function is None:
        raise Unsupported(f"it has {count} axes")
    return function(known, kernel, _optional(bias), stride, even, dilation, int(call.get("group", 1)))


@operator("ConvTranspose")
def _upconv(call: Call, x: Value, weight: Value, bias: Value | None = None) -> Tensor:
    known, kernel = tensor(x), tensor(weight)
    sizes = tuple(kernel.shape[2:])
    count = len(sizes)
    stride, dilation = call.ints("strides", (1,) * count), call.ints("dilations", (1,) * count)
    more = call.ints("output_padding", (0,) * count)
    wanted = call.get("output_shape")
    auto = call.get("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER")
    if wanted or auto:
        goal = tuple(wanted)[-count:] if wanted else tuple(n * s for n, s in zip(known.shape[2:], stride, strict=True))
        axes = zip(known.shape[2:], sizes, stride, dilation, more, goal, strict=True)
        whole = [(n - 1) * s + extra + (k - 1) * d + 1 - out for n, k, s, d, extra, out in axes]
        pairs = [(part // 2, part - part // 2) for part in whole]
    else:
        pairs = pads_of(call, known.shape[2:], sizes, stride, dilation)
    even = evenly(pairs)
    if even is None or any(pad < 0 for pad in even):
        raise Unsupported("it cuts more at one end")
    function = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}.get(count)
    if function is None:
        raise Unsupported(f"it has {count} axes")
    return function(known, kernel, _optional(bias), stride, even, more, int(call.get("group", 1)), dilation)


@operator("Linear")
def _linear(call: Call, x: Value, weight: Value, bias: Value | None = None) -> Tensor:
    return F.linear(tensor(x), tensor(weight), _optional(bias))


@operator("BatchNormalization")
def _batchnorm(call: Call, x: Value, weight: Value, bias: Value, mean: Value, variance: Value) -> Tensor:
    return F.batch_norm(
        tensor(x),
        tensor(mean),
        tensor(variance),
        tensor(weight),
        tensor(bias),
        training=call.training,
        momentum=short(1 - short(call.get("momentum", 0.9))),
        eps=short(call.get("epsilon", 1e-5)),
    )


@operator("InstanceNormalization")
def _instancenorm(call: Call, x: Value, weight: Value, bias: Value) -> Tensor:
    eps = short(call.get("epsilon", 1e-5))
    return F.instance_norm(tensor(x), weight=tensor(weight), bias=tensor(bias), eps=eps)


@operator("LayerNormalization")
def _layernorm(call: Call, x: Value, weight: Value, bias: Value | None = None) -> Tensor:
    known = tensor(x)
    axis = axis_of(call.get("axis", -1), known.dim())
    eps = short(call.get("epsilon", 1e-5))
    return F.layer_norm(known, tuple(known.shape[axis:]), tensor(weight), _optional(bias), eps)


@operator("RMSNormalization")
def _rmsnorm(call: Call, x: Value, weight: Value) -> Tensor:
    known = tensor(x)
    axis = axis_of(call.get("axis", -1), known.dim())
    return F.rms_norm(known, tuple(known.shape[axis:]), tensor(weight), short(call.get("epsilon", 1e-5)))


@operator("GroupNormalization")
def _groupnorm(call: Call, x: Value, weight: Value, bias: Value) -> Tensor:
    scale = tensor(weight)
    if scale.shape[0] != tensor(x).shape[1]:
        raise Unsupported("it scales groups, not channels")
    eps = short(call.get("epsilon", 1e-5))
    return F.group_norm(tensor(x), int(call.get("num_groups", 1)), scale, tensor(bias), eps)


@operator("PRelu")
def _prelu(call: Call, x: Value, slope: Value) -> Tensor:
    known = tensor(slope)
    if known.dim() != 1:
        known = known.reshape(-1)
    return F.prelu(tensor(x), known)
